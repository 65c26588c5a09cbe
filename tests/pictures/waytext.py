"""Flows whose every decision has a parameter of its own, so that a test chooses each way through them."""

from __future__ import annotations

import attrs
from hypothesis import strategies as st

#: Waits take no longer, and there are at most so many of them.
WAIT_SECONDS = 5
HEAD = 'action act(n: int) -> int pure\nevent "asked" { n: int }\n'


@attrs.frozen
class Text:
    """A text, and for each of its parameters how many outcomes the decision has that it stands for."""

    text: str
    outcomes: tuple[int, ...]
    waits: tuple[int, ...]


@st.composite
def way_texts(draw: st.DrawFn, most: int = 10) -> Text:
    """A file with a flow `f`."""
    writer = _Writer(draw, most)
    writer.block(1, 0, may_end=True)
    handler = ""
    if draw(st.integers(0, 3)) == 0:
        body, writer.lines = writer.lines, []
        writer.budget += 2
        writer.block(1, 0, may_end=False)
        handler, writer.lines = " on error {\n" + "\n".join(writer.lines) + "\n}", body
    params = ", ".join(f"d{number}: int" for number in range(len(writer.outcomes)))
    text = f"{HEAD}flow f({params}) -> int? {{\n  timeout 20d\n" + "\n".join(writer.lines) + f"\n}}{handler}\n"
    return Text(text, tuple(writer.outcomes), tuple(writer.waits))


class _Writer:
    def __init__(self, draw: st.DrawFn, budget: int) -> None:
        self.draw = draw
        self.budget = budget
        self.lines: list[str] = []
        self.outcomes: list[int] = []
        self.waits: list[int] = []
        self.n_names = 0

    def name(self) -> str:
        self.n_names += 1
        return f"s{self.n_names}"

    def decision(self, n_outcomes: int = 2) -> str:
        self.outcomes.append(n_outcomes)
        return f"d{len(self.outcomes) - 1}"

    def line(self, depth: int, text: str) -> None:
        self.lines.append("  " * depth + text)

    def block(self, depth: int, least: int, *, may_end: bool) -> None:
        """Statements in sequence; a block may be empty, and may end the flow with its last."""
        for _ in range(self.draw(st.integers(least, 3))):
            if self.budget <= 0:
                break
            self.budget -= 1
            kinds = ["act", "act", "guard", "when", "filter", "wait"]
            kinds += ["if", "if", "switch", "do", "do", "parallel"] * (depth < 4)
            getattr(self, "_" + self.draw(st.sampled_from(kinds)))(depth)
        if may_end and depth > 1 and self.draw(st.integers(0, 3)) == 0:
            self.line(depth, self.draw(st.sampled_from(['stop "done"', "return 1", 'fail "enough"'])))

    def arm(self, depth: int, head: str) -> None:
        self.line(depth, head + " {")
        self.block(depth + 1, 0, may_end=True)
        self.line(depth, "}")

    def _act(self, depth: int) -> None:
        number = self.decision() if self.draw(st.integers(0, 3)) == 0 else "0"
        self.line(depth, f"{self.name()} = act(n: {number})")

    def _when(self, depth: int) -> None:
        self.line(depth, f"{self.name()} = act(n: 0) when {self.decision()} == 1")

    def _guard(self, depth: int) -> None:
        end = self.draw(st.sampled_from(['stop "done"', "return 1", 'fail "enough"']))
        self.line(depth, f"if {self.decision()} == 1 {{ {end} }}")

    def _filter(self, depth: int) -> None:
        head = f"filter {self.name()}: {self.decision()} == 1"
        if self.draw(st.booleans()):
            self.arm(depth, head + " else")
        else:
            self.line(depth, head)

    def _wait(self, depth: int) -> None:
        decision = self.decision()
        self.waits.append(int(decision[1:]))
        self.arm(depth, f'{self.name()} = wait event "asked" as e when e.n == {decision[1:]} within {WAIT_SECONDS}s else')

    def _if(self, depth: int) -> None:
        self.arm(depth, f"if {self.decision()} == 1")
        while self.draw(st.integers(0, 2)) == 0:
            self.arm(depth, f"else if {self.decision()} == 1")
        if self.draw(st.booleans()):
            self.arm(depth, "else")
        # `else` stands behind the brace.
        self._join_else()

    def _join_else(self) -> None:
        joined: list[str] = []
        for line in self.lines:
            if line.lstrip().startswith("else") and joined and joined[-1].strip() == "}" and "case" not in line:
                joined[-1] += " " + line.lstrip()
            else:
                joined.append(line)
        self.lines = joined

    def _switch(self, depth: int) -> None:
        n_cases = self.draw(st.integers(1, 2))
        at = len(self.lines)
        decision = self.decision(n_cases + 1)
        before, self.lines = self.lines[:at], []
        for case in range(n_cases):
            self.arm(depth + 1, f"case {case}")
        if self.draw(st.booleans()):
            self.arm(depth + 1, "else")
        inner, self.lines = self.lines, before
        self.line(depth, f"switch {decision} {{")
        self.lines += inner
        self.line(depth, "}")

    def _do(self, depth: int) -> None:
        name = self.draw(st.sampled_from(["", f" g{self.name()}"]))
        self.line(depth, f"do{name} {{")
        self.block(depth + 1, 1, may_end=True)
        self.line(depth, "}")
        if self.draw(st.booleans()):
            self.lines[-1] += " on error {"
            self.block(depth + 1, 0, may_end=True)
            self.line(depth, "}")

    def _parallel(self, depth: int) -> None:
        self.line(depth, "parallel {")
        for _ in range(self.draw(st.integers(2, 3))):
            getattr(self, self.draw(st.sampled_from(["_act", "_do", "_if", "_when"])))(depth + 1)
        self.line(depth, "}")
