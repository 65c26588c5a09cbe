"""Flows as their authors write them, made by Hypothesis: every block, gate, join and modifier, with types that fit."""

from __future__ import annotations

from hypothesis import strategies as st

DECLARATIONS = """
action work(n: int, note: string = "") -> int idempotent
action pay(n: int) -> int effectful
action look(n: int) -> int pure
event "made" { n: int }
event "asked" { n: int }
"""


@st.composite
def flow_texts(draw: st.DrawFn, max_steps: int = 14, *, is_timed: bool = True) -> str:
    """A file with one flow `f(a: int, b: bool) -> int?`. Without `is_timed` nothing in it depends on how long things take."""
    writer = _Writer(draw, draw(st.integers(2, max_steps)), is_timed)
    writer.block(1, set(), set())
    body = "\n".join(writer.lines)
    handler = ""
    if draw(st.booleans()):
        writer.lines = []
        writer.budget += 2
        writer.block(1, set(), set())
        handler = (
            " on error as failure {\n" + "\n".join(writer.lines) + "\n  told = work(n: 1, note: failure.code + failure.step)\n}"
        )
    return f"{DECLARATIONS}\nflow f(a: int, b: bool) -> int? {{\n  on manual\n  timeout 20d\n{body}\n}}{handler}\n"


class _Writer:
    def __init__(self, draw: st.DrawFn, budget: int, is_timed: bool) -> None:
        self.draw = draw
        self.budget = budget
        self.is_timed = is_timed
        self.lines: list[str] = []
        self.n_names = 0
        self.earlier: list[str] = []

    def name(self) -> str:
        self.n_names += 1
        return f"s{self.n_names}"

    def line(self, depth: int, text: str) -> None:
        self.lines.append("  " * depth + text)

    def block(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        """Write statements; `sure` and `maybe` grow by the steps after them may read. Returns whether all of it always runs."""
        is_whole = True
        for _ in range(self.draw(st.integers(1, 4))):
            if self.budget <= 0:
                break
            self.budget -= 1
            kinds = ["step"] * 6 + ["filter", "let", "wait", "emit", "named"]
            kinds += ["if", "parallel", "do", "switch"] * (depth < 4)
            kinds += ["wait_event"] * (self.is_timed and depth < 4)
            kinds += ["race"] * (self.is_timed and depth < 4)
            kind = self.draw(st.sampled_from(kinds))
            is_whole = getattr(self, "_" + kind)(depth, sure, maybe) and is_whole
        if not self.lines or self.lines[-1].rstrip().endswith("{"):
            self._step(depth, sure, maybe)
        return is_whole

    def number(self, sure: set[str], maybe: set[str]) -> str:
        choices = ["a", "1", "a + 2", *(f"{name} + 1" for name in sorted(sure)), *(f"({name} ?? 7)" for name in sorted(maybe))]
        return self.draw(st.sampled_from(choices))

    def condition(self, sure: set[str], maybe: set[str]) -> str:
        number = self.number(sure, maybe)
        return self.draw(st.sampled_from(["b", "!b", f"{number} > 0", f"{number} < 5", f"10 / ({number}) > 0"]))

    def _step(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        name = self.name()
        action = self.draw(st.sampled_from(["work", "pay", "look"]))
        text = f"{name} = {action}(n: {self.number(sure, maybe)})"
        is_sure = True
        named = self.draw(st.lists(st.sampled_from(self.earlier), max_size=3, unique=True)) if self.earlier else []
        if named and self.draw(st.integers(0, 2)) == 0:
            some = ", ".join(named)
            late = [f"after settled({some})", f"after {some}"]
            early = [f"after any({some})"] * (len(named) > 1) + [f"after 2 of ({some})"] * (len(named) > 2)
            join = self.draw(st.sampled_from(late + (early if self.is_timed else [])))
            is_sure = "settled" in join
            text += " " + join
        if self.draw(st.integers(0, 5)) == 0:
            text += f" when {self.condition(sure, maybe)}"
            is_sure = False
        if self.draw(st.integers(0, 2)) == 0 and action != "pay":
            text += " " + self.draw(
                st.sampled_from(["retry 3 from 1s to 10s", "retry 2 every 2s", 'retry 3 every 1s only "oops"'])
            )
        if self.is_timed and self.draw(st.integers(0, 5)) == 0:
            text += self.draw(st.sampled_from([" timeout 2s", " within 4s"]))
        if self.draw(st.integers(0, 4)) == 0:
            text += f" default {self.draw(st.integers(0, 9))}"
        self.line(depth, text)
        (sure if is_sure else maybe).add(name)
        self.earlier.append(name)
        return is_sure

    def _filter(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        condition = self.condition(sure, maybe)
        if self.draw(st.integers(0, 3)) == 0:
            self.line(depth, f"filter {condition} else {{")
            self.block(depth + 1, set(sure), set(maybe))
            self.line(depth, "}")
        else:
            self.line(depth, f"filter {condition}")
        return False

    def _let(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        name = self.name()
        self.line(depth, f"let {name} = {self.number(sure, maybe)}")
        sure.add(name)
        return True

    def _wait(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        # A length no other wait has: what ends at one instant ends in any order.
        self.name()
        self.line(depth, f"wait {self.draw(st.integers(1, 5)) * 1000 + self.n_names}ms")
        return True

    def _wait_event(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        name = self.name()
        when = self.draw(st.sampled_from(["", f" when e.n > {self.number(sure, maybe)}", " when 10 / e.n > 3"]))
        within = self.draw(st.integers(1, 6)) * 1000 + self.n_names
        text = f'{name} = wait event "asked" as e{when} within {within}ms'
        if self.draw(st.booleans()):
            self.line(depth, text + " else {")
            self._arm(depth, sure, maybe)
            self.line(depth, "}")
        else:
            self.line(depth, text)
        came = self.name()
        self.line(depth, f"let {came} = {name}.?n ?? 0")
        sure.add(came)
        self.earlier.append(name)
        return True

    def _emit(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        self.line(depth, f'emit "made" (n: {self.number(sure, maybe)})')
        return True

    def _named(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        """An end; under a condition of its own, so that what follows may still run."""
        ends = ['fail "enough"'] + [f"return {self.number(sure, maybe)}", 'stop "done"'] * self.is_timed
        self.line(depth, f"if {self.condition(sure, maybe)} {{ {self.draw(st.sampled_from(ends))} }}")
        return True

    def _if(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        self.line(depth, f"if {self.condition(sure, maybe)} {{")
        self._arm(depth, sure, maybe)
        if self.draw(st.booleans()):
            self.line(depth, "} else {")
            self._arm(depth, sure, maybe)
        self.line(depth, "}")
        return True

    def _switch(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        self.line(depth, f"switch {self.number(sure, maybe)} {{")
        for case in ("1, 2", "3"):
            self.line(depth, f"  case {case} {{")
            self._arm(depth + 1, sure, maybe)
            self.line(depth, "  }")
        self.line(depth, "  else {")
        self._arm(depth + 1, sure, maybe)
        self.line(depth, "  }")
        self.line(depth, "}")
        return True

    def _arm(self, depth: int, sure: set[str], maybe: set[str]) -> None:
        mine, might = set(sure), set(maybe)
        self.block(depth + 1, mine, might)
        maybe |= might | (mine - sure)

    def _do(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        self.line(depth, f"do g{self.name()} {{")
        mine, might = set(sure), set(maybe)
        is_whole = self.block(depth + 1, mine, might)
        maybe |= might
        if self.draw(st.booleans()):
            binding = f"e{self.name()}"
            self.line(depth, f"}} on error as {binding} {{")
            handled = set(sure)
            self.block(depth + 1, handled, set(maybe))
            self.line(depth + 1, f"{self.name()} = work(n: {binding}.attempt, note: {binding}.step + {binding}.code)")
            maybe |= (mine - sure) | (handled - sure)
        elif is_whole:
            sure |= mine
        else:
            maybe |= mine - sure
        self.line(depth, "}")
        return True

    def _race(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        n_branches = self.draw(st.integers(1, 3))
        self.line(depth, f"parallel first {self.draw(st.integers(1, n_branches))} r{self.name()} {{")
        might = set(maybe)
        for _ in range(n_branches):
            mine, own = set(sure), set(maybe)
            getattr(self, self.draw(st.sampled_from(["_step", "_do", "_if", "_switch", "_wait", *["_race"] * (depth < 3)])))(
                depth + 1, mine, own
            )
            might |= own | (mine - sure)
        self.line(depth, "}")
        maybe |= might
        return True

    def _parallel(self, depth: int, sure: set[str], maybe: set[str]) -> bool:
        self.line(depth, "parallel {")
        grown, might = set(sure), set(maybe)
        for _ in range(self.draw(st.integers(1, 3))):
            mine, own = set(sure), set(maybe)
            if self.draw(st.booleans()):
                self._step(depth + 1, mine, own)
            else:
                self._do(depth + 1, mine, own)
            grown |= mine
            might |= own
        self.line(depth, "}")
        sure |= grown
        maybe |= might
        return True
