"""Flows that read whatever they like, until the compiler agrees: where it says a value may be missing, a milder form is tried.

What compiles in the end is what the compiler holds for certain; a run then shows whether it was right.
"""

from __future__ import annotations

import attrs
from hypothesis import assume
from hypothesis import strategies as st

from dagflow.lang.compiler import Compilation, compile_text
from dagflow.model.action import Interface

HEAD = """
type Tier = "gold" | "silver" | "none"
type Two = { n: int, m: int? }
action work(n: int) -> int idempotent
action pair(n: int) -> {n: int, m: int?} effectful
event "made" { n: int }
flow half(n: int) -> int? {
  filter n > 1 && n != 4
  part = work(n: n) undo work(n: part)
  return part
}
flow f(a: int, b: bool, tier: Tier, given: Two?) -> int? {
  on manual
"""


@attrs.define(eq=False)
class Hole:
    """A place for a value: forms from the boldest to one that always fits."""

    forms: list[str]

    @property
    def text(self) -> str:
        return self.forms[0]


@attrs.define(eq=False)
class Bold:
    """Writes one flow."""

    draw: st.DrawFn
    budget: int
    parts: list[str | Hole] = attrs.field(factory=list)
    numbers: list[str] = attrs.field(factory=list)
    pairs: list[str] = attrs.field(factory=list)
    bools: list[str] = attrs.field(factory=list)
    steps: list[str] = attrs.field(factory=list)
    lists: list[str] = attrs.field(factory=list)
    #: Choices between steps of which one may be certain to have run.
    eithers: list[str] = attrs.field(factory=list)
    n_names: int = 0
    #: How many loops are around what is being written, and whether it is the flow's own `on error`.
    n_loops: int = 0
    is_last: bool = False

    def name(self) -> str:
        self.n_names += 1
        return f"s{self.n_names}"

    def write(self, *parts: str | Hole) -> None:
        self.parts += parts

    def pick(self, options: list[str]) -> str:
        return self.draw(st.sampled_from(options))

    def number(self) -> Hole:
        """An int: read from anything that is called before, by any of the ways there are."""
        if self.lists and self.draw(st.integers(0, 3)) == 0:
            rows = self.pick(self.lists)
            return Hole([f"(size({rows}) > 0 ? {rows}[0] : 6)", f"size({rows})", f"size({rows}.orValue([]))", "6"])
        if self.eithers and self.draw(st.integers(0, 2)) == 0:
            either = self.pick(self.eithers)
            return Hole([f"({either}) + 1", f"({either}) ?? 4", "5"])
        names = self.numbers + [f"{pair}.n" for pair in self.pairs]
        if not names or self.draw(st.integers(0, 3)) == 0:
            return Hole([self.pick(["a", "1", "given.?n ?? 2", "a + 1"])])
        x, y = self.pick(names), self.pick(names)
        root = x.split(".")[0]
        optional = x.replace(".", ".?")
        return Hole(
            [
                self.pick(
                    [
                        x,
                        f"{x} + {y}",
                        f"{optional} ?? {y}",
                        f"({root}.hasValue() ? {x} : {y})",
                        f"({root}.hasValue() && {x} > 1 ? 1 : {y})",
                        f"(!{root}.hasValue() || {x} > 1 ? 1 : {y})",
                        f"[{x}, 1][0]",
                        f"[1, 2].map(v, v + {x})[0]",
                    ]
                ),
                f"{optional} ?? {y.replace('.', '.?')} ?? 3",
                f"{optional} ?? 4",
                f"{x} ?? 4",
                "5",
            ]
        )

    def condition(self) -> Hole:
        number = self.number()
        if self.bools and self.draw(st.booleans()):
            q = self.pick(self.bools)
            return Hole([q, f"{q} ?? b", "b"])
        names = [*self.numbers, *self.pairs]
        if names and self.draw(st.integers(0, 2)) == 0:
            x = self.pick(names)
            bold = self.pick([f"{x}.hasValue()", f"!{x}.hasValue()", f"{x}.hasValue() && b", f"b || !{x}.hasValue()"])
            return Hole([bold, "b"])
        word = self.pick([" > 1", " < 3", " == 2"])
        plain = Hole([f"({form}){word}" for form in number.forms] + ["b"])
        return self.draw(st.sampled_from([plain, Hole(["b"]), Hole(["!b"])]))

    def block(self, depth: int) -> None:
        for _ in range(self.draw(st.integers(1, 4))):
            self.budget -= 1
            if self.budget < 0:
                break
            kinds = ["step"] * 5 + ["pair", "let", "filter", "filter", "wait", "emit"]
            kinds += ["if", "if", "either", "either", "switch", "parallel", "do", "do", "race", "end", "call"] * (depth < 4)
            kinds += ["loop", "loop"] * (depth < 4 and self.n_loops < 2)
            getattr(self, "_" + self.pick(kinds))(depth)

    def nested(self, depth: int, *, may_end: bool = True) -> None:
        self.write("{\n")
        self.block(depth + 1)
        if may_end and self.draw(st.integers(0, 3)) == 0:
            self.write(self.pick(self.ends("1")))
            self.write("\n")
        self.write("}")

    def ends(self, value: str) -> list[str]:
        """What ends the run, or in a loop the item."""
        return ['fail "ended"'] if self.n_loops else [f"return {value}", "stop", 'fail "ended"']

    def _loop(self, depth: int) -> None:
        """Nothing that is named inside is known outside, and no step inside waits for one outside."""
        name, item = self.name(), self.name()
        self.write(f"{name} = for {item} in {self.pick(['[1, 2, 3]', '[a]', '[1, 2].filter(v, v > a)'])} max 3")
        self.write(self.pick(["", " parallel 2", f" key {item}"]), " {\n")
        kept = {
            attribute: list(getattr(self, attribute))
            for attribute in ("numbers", "pairs", "bools", "steps", "lists", "eithers")
        }
        self.numbers.append(item)
        self.steps.clear()
        self.n_loops += 1
        self.block(depth + 1)
        self.n_loops -= 1
        self.write("yield ", self.number(), "\n}")
        for attribute, before in kept.items():
            setattr(self, attribute, before)
        self.handler(depth)
        self.lists.append(name)
        self.steps.append(name)

    def _call(self, depth: int) -> None:
        self.call(depth, "half", self.numbers)

    def _step(self, depth: int) -> None:
        self.call(depth, "work", self.numbers)

    def _pair(self, depth: int) -> None:
        self.call(depth, "pair", self.pairs)

    def call(self, depth: int, action: str, names: list[str]) -> None:
        name = self.name()
        join = ""
        earlier = self.draw(st.lists(st.sampled_from(self.steps), max_size=3, unique=True)) if self.steps else []
        if earlier and self.draw(st.booleans()):
            some = ", ".join(earlier)
            count = self.draw(st.integers(1, len(earlier)))
            join = self.pick(
                [f" after {some}", f" after any({some})", f" after {count} of ({some})", f" after settled({some})"]
            )
        self.write(f"{name} = {action}(n: ", self.number(), f"){join}")
        if self.draw(st.integers(0, 4)) == 0:
            self.write(" when ", self.condition())
        if self.draw(st.integers(0, 4)) == 0:
            self.write(" retry 2 every 1s")
        if self.draw(st.integers(0, 5)) == 0:
            self.write(" default ", '{"n": 1}' if action == "pair" else self.number())
        if self.draw(st.integers(0, 3)) == 0 and not self.is_last:
            # Itself it may read as well, where it has a value.
            own = Hole([{"work": name, "pair": f"{name}.n", "half": f"{name} ?? 3"}[action], "3"])
            self.write(" undo work(n: ", self.draw(st.sampled_from([own, self.number()])), ")")
        if self.draw(st.integers(0, 4)) == 0 and depth < 4:
            self.write(" on error ")
            self.nested(depth)
        self.write("\n")
        names.append(name)
        self.steps.append(name)

    def _let(self, depth: int) -> None:
        name = self.name()
        self.write(f"let {name} = ", self.number(), "\n")
        self.numbers.append(name)
        self.steps.append(name)

    def _filter(self, depth: int) -> None:
        label = self.name() if self.draw(st.booleans()) else ""
        self.write("filter ", f"{label}: " if label else "", self.condition())
        if label:
            self.bools.append(label)
        if self.draw(st.integers(0, 2)) == 0:
            self.write(" else ")
            self.nested(depth)
        self.write("\n")

    def _wait(self, depth: int) -> None:
        name = self.name()
        self.write(f"{name} = wait {self.draw(st.integers(1, 9))}s\n")
        self.steps.append(name)

    def _emit(self, depth: int) -> None:
        self.write('emit "made" (n: ', self.number(), ")\n")

    def _if(self, depth: int) -> None:
        label = self.name() if self.draw(st.integers(0, 3)) == 0 else ""
        self.write("if ", f"{label}: " if label else "", self.condition(), " ")
        if label:
            self.bools.append(label)
        self.nested(depth)
        if self.draw(st.booleans()):
            self.write(" else ")
            if self.draw(st.integers(0, 2)) == 0:
                self.write("if ", self.condition(), " ")
                self.nested(depth)
                self.write(" else ")
            self.nested(depth)
        self.write("\n")

    def _either(self, depth: int) -> None:
        """Steps of one name each in the arms of a choice, in which the last arm or handler may end the run."""
        names = [self.name() for _ in range(self.draw(st.integers(2, 3)))]
        kind = self.pick(["if", "on error", "switch", "do"])
        *arms, last = [f"{name} = work(n: {self.pick(['a', '1', 'b ? 2 : 3'])})" for name in names]
        if kind == "if":
            for arm in arms:
                self.write("if ", self.condition(), " {\n", arm, "\n} else ")
            self.write("{\n")
        elif kind == "on error":
            for arm in arms:
                self.write(arm, " on error {\n")
        elif kind == "switch":
            self.write("switch tier {\n")
            for value, arm in zip(['"gold"', '"silver"'], arms, strict=False):
                self.write(f"case {value} {{\n", arm, "\n}\n")
            self.write("else {\n")
        else:
            self.write("do {\nfilter ", self.condition(), "\n", *(f"{arm}\n" for arm in arms), "} on error {\n")
        self.write(self.pick([last, *self.ends("8")]), "\n}")
        self.write("\n}" if kind == "switch" else "}" * (len(arms) - 1) if kind == "on error" else "", "\n")
        self.eithers.append(" ?? ".join(names))
        self.steps += names

    def _switch(self, depth: int) -> None:
        kind = self.pick(["tier", "number", "bool"])
        if kind == "tier":
            self.write("switch tier {\n")
            arms = self.pick(['"gold"|"silver", "none"', '"gold"|"silver"|"none"', '"silver"|']).split("|")
        elif kind == "bool":
            self.write("switch (b) {\n")
            arms = self.pick(["true|false", "true|"]).split("|")
        else:
            self.write("switch ", self.number(), " {\n")
            arms = self.pick(["1, 2|3|", "1|"]).split("|")
        for arm in arms:
            self.write(f"case {arm} " if arm else "else ")
            self.nested(depth)
            self.write("\n")
        self.write("}\n")

    def _parallel(self, depth: int) -> None:
        self.write("parallel {\n")
        for _ in range(self.draw(st.integers(1, 3))):
            self.pick_branch(depth)
        self.write("}")
        self.handler(depth)

    def _race(self, depth: int) -> None:
        self.write("parallel first 1 {\n")
        for _ in range(self.draw(st.integers(2, 3))):
            self.pick_branch(depth)
        self.write("}")
        self.handler(depth)

    def pick_branch(self, depth: int) -> None:
        getattr(self, self.pick(["_step", "_step", "_do", "_if", "_let", *["_loop"] * (self.n_loops < 2)]))(depth + 1)

    def _do(self, depth: int) -> None:
        name = self.name() if self.draw(st.booleans()) else ""
        self.write(f"do {name} ")
        self.nested(depth)
        self.handler(depth)
        if name:
            self.steps.append(name)

    def _end(self, depth: int) -> None:
        self.write("if ", self.condition(), " { ", self.pick(self.ends("7")), " }\n")

    def handler(self, depth: int) -> None:
        if self.draw(st.booleans()):
            self.write(" on error as " + self.name() + " ")
            self.nested(depth)
        self.write("\n")

    def compile(self) -> Compilation:
        """Make every hole milder at which the compiler complains, until it has nothing to say."""
        for _ in range(60):
            text, places = self.render()
            compilation = compile_text(text, Interface())
            errors = [d for d in compilation.diagnostics if d.severity == "error"]
            if not errors:
                return compilation
            milder = False
            for error in errors:
                for start, end, hole in places:
                    if start <= error.span.start < end and len(hole.forms) > 1:
                        hole.forms.pop(0)
                        milder = True
                        break
            assume(milder)
        raise AssertionError(compilation.render())

    def render(self) -> tuple[str, list[tuple[int, int, Hole]]]:
        text, places = "", []
        for part in [HEAD, *self.parts, "}\n"]:
            piece = part if isinstance(part, str) else part.text
            if isinstance(part, Hole):
                places.append((len(text), len(text) + len(piece), part))
            text += piece
        return text, places


@st.composite
def bold_flows(draw: st.DrawFn, budget: int = 14) -> Compilation:
    writer = Bold(draw, draw(st.integers(2, budget)))
    while writer.budget > 0:
        writer.block(1)
    if draw(st.booleans()):
        writer.write("} on error as err {\n")
        writer.budget, writer.is_last = 4, True
        writer.block(2)
    return writer.compile()
