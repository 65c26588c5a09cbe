"""Flows with loops, calls, starts and undo, made by Hypothesis: what one run does through others."""

from __future__ import annotations

from hypothesis import strategies as st

DECLARATIONS = """
action act(n: int) -> int effectful
action back(v: int) -> int idempotent
action look(n: int) -> int pure
event "asked" { n: int }
"""


@st.composite
def family_texts(draw: st.DrawFn, *, is_forked: bool = True, waits: bool = False) -> str:
    """A file whose flow `f(a: int, xs: list<int>) -> int?` calls `g`, which calls `h`. Without `is_forked` nothing is at once."""
    texts = []
    for name, callees, budget in (("h", (), 3), ("g", ("h",), 4), ("f", ("g", "h"), 7)):
        writer = _Writer(draw, callees, budget, is_forked=is_forked, waits=waits)
        writer.block(1, ["a"], 0)
        handler = ""
        if draw(st.integers(0, 3)) == 0:
            handler = f" on error as e {{\n  {name}_told = look(n: e.attempt)\n}}"
        body = "\n".join(writer.lines)
        params = "a: int, xs: list<int>"
        texts.append(f"flow {name}({params}) -> int? {{\n  timeout 20d\n{body}\n  return {writer.last}\n}}{handler}\n")
    return DECLARATIONS + "\n".join(texts).replace("@", "")


class _Writer:
    def __init__(self, draw: st.DrawFn, callees: tuple[str, ...], budget: int, *, is_forked: bool, waits: bool) -> None:
        self.draw = draw
        self.callees = callees
        self.budget = budget
        self.is_forked = is_forked
        self.waits = waits
        self.lines: list[str] = []
        self.n_names = 0
        self.last = "a"

    def name(self) -> str:
        self.n_names += 1
        return f"s{self.n_names}"

    def line(self, depth: int, text: str) -> None:
        self.lines.append("  " * depth + text)

    def block(self, depth: int, readable: list[str], loops: int) -> None:
        """Statements in sequence; `readable` grows by what those after them may read."""
        for _ in range(self.draw(st.integers(1, 4))):
            if self.budget <= 0:
                break
            self.budget -= 1
            kinds = ["act"] * 4 + ["if", "fail"] + ["call", "start"] * bool(self.callees)
            kinds += ["loop", "loop"] * (loops < 2 and depth < 5) + ["parallel"] * self.is_forked + ["do"] * (depth < 4)
            kinds += ["wait"] * self.waits
            getattr(self, "_" + self.draw(st.sampled_from(kinds)))(depth, readable, loops)
        if not self.lines or self.lines[-1].rstrip().endswith("{"):
            self._act(depth, readable, loops)
        if not loops:
            self.last = readable[-1]

    def value(self, readable: list[str]) -> str:
        return self.draw(st.sampled_from([*readable, "1"]))

    def _act(self, depth: int, readable: list[str], _loops: int) -> None:
        name = self.name()
        undo = f" undo back(v: {name})" if self.draw(st.integers(0, 2)) else ""
        self.line(depth, f"{name} = act(n: {self.value(readable)}){undo}")
        readable.append(name)

    def _if(self, depth: int, readable: list[str], loops: int) -> None:
        self.line(depth, f"if {self.value(readable)} > {self.draw(st.integers(0, 60))} {{")
        self.block(depth + 1, list(readable), loops or 1)
        self.line(depth, "}")

    def _fail(self, depth: int, readable: list[str], _loops: int) -> None:
        self.line(depth, f'if {self.value(readable)} % 5 == {self.draw(st.integers(0, 4))} {{ fail "enough" }}')

    def _call(self, depth: int, readable: list[str], _loops: int) -> None:
        name = self.name()
        more = self.draw(st.sampled_from(["", "", " retry 1 every 1s", " default 5", ""]))
        self.line(depth, f"{name} = {self.draw(st.sampled_from(self.callees))}(a: {self.value(readable)}, xs: [1, 2]){more}")
        whole = self.name()
        self.line(depth, f"let {whole} = {name} ?? 3")
        readable.append(whole)

    def _start(self, depth: int, readable: list[str], _loops: int) -> None:
        self.line(depth, f"{self.name()} = start {self.draw(st.sampled_from(self.callees))}(a: {self.value(readable)}, xs: [])")

    def _loop(self, depth: int, readable: list[str], loops: int) -> None:
        name, item = self.name(), self.name()
        collects = self.draw(st.booleans())
        width = self.draw(st.integers(1, 3)) if self.is_forked else 1
        items = self.draw(st.sampled_from(["xs", "[4, 5]", f"[{self.value(readable)}, 100, 101]", "[7].filter(x, x > 8)"]))
        key = self.draw(st.sampled_from(["", f" key {item}"]))
        self.line(depth, f"{name} = for {item} in {items} max 9 parallel {width}{key}{' collect errors' * collects} {{")
        mine = [*readable, item]
        self.block(depth + 1, mine, loops + 1)
        self.line(depth + 1, f"yield {mine[-1]}")
        self.line(depth, "}")
        size = self.name()
        self.line(depth, f"let {size} = size({name}{'.ok' * collects})")
        readable.append(size)

    def _parallel(self, depth: int, readable: list[str], loops: int) -> None:
        self.line(depth, "parallel {")
        grown: list[str] = []
        for _ in range(self.draw(st.integers(2, 3))):
            mine = list(readable)
            getattr(self, self.draw(st.sampled_from(["_act", "_act", "_loop" if loops < 2 else "_act"])))(
                depth + 1, mine, loops
            )
            grown += mine[len(readable) :]
        self.line(depth, "}")
        readable += [name for name in grown if name != "@"]

    def _do(self, depth: int, readable: list[str], loops: int) -> None:
        self.line(depth, "do {")
        self.block(depth + 1, list(readable), loops or 1)
        self.line(depth, f"}} on error as e{self.name()} {{")
        self._act(depth + 1, list(readable), loops)
        self.line(depth, "}")

    def _wait(self, depth: int, readable: list[str], _loops: int) -> None:
        name = self.name()
        self.line(depth, f'{name} = wait event "asked" as e when e.n > {self.draw(st.integers(0, 3))} within {self.n_names}s')
        came = self.name()
        self.line(depth, f"let {came} = {name}.?n ?? 0")
        readable.append(came)
