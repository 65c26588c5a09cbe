"""What is said to be always so is so, whatever the values are."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.errors import EvaluationError
from dagflow.expr.codegen.emit import compile_cores
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.flow import Expression, Flow, NodeKind
from dagflow.model.values import Duration, UInt

HEAD = (
    'flow f(i: int, u: uint, d: double, s: string, e: "a" | "b" | "c", b: bool, t: duration, xs: list<int>, '
    "o: int?, r: {n: int, s: string?}) -> int? "
)
FEW = st.integers(-2, 3)
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
EQUALITIES = st.sampled_from(["==", "!="])
TEXTS = st.sampled_from(["a", "b", "c"])


def compared(left: str, right: st.SearchStrategy[str], operators: st.SearchStrategy[str] = OPERATORS) -> st.SearchStrategy[str]:
    straight = st.builds(lambda operator, value: f"{left} {operator} {value}", operators, right)
    return straight | st.builds(lambda operator, value: f"{value} {operator} {left}", operators, right)


def listed(left: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda found: f"{left} in [{', '.join(found)}]")


NUMBERS = FEW.map(str) | st.sampled_from(["0.5", "-1.5", "2.5", "1.0"])
LETTERS = TEXTS.map(lambda text: f'"{text}"')
ATOMS = st.one_of(
    compared("i", NUMBERS), compared("u", NUMBERS | st.sampled_from(["0u", "1u", "2u"])), compared("d", NUMBERS), compared("r.n", FEW.map(str)),
    compared("xs.size()", FEW.map(str)), compared("size(s)", FEW.map(str)), compared("t", st.sampled_from(["0s", "1s", "500ms", "-1s"])),
    compared("s", LETTERS, EQUALITIES), compared("e", LETTERS, EQUALITIES), listed("i", FEW.map(str)), listed("s", LETTERS), listed("e", LETTERS),
    st.sampled_from([
        "b", "true", "false", "b == true", "false != b", "s.startsWith('a')", 's.contains("b")', "o == null", "null != o", "o.hasValue()",
        "r.s == null", "xs.exists(i, i > 1)", "xs.all(s, s == 1)", "1 / i == 1", "xs[0] == 1", "i == r.n", "r.n == i", "i < r.n", "d == d", "s < 'b'",
    ]),
)  # fmt: skip
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(lambda a, b, sign: f"({a} {sign} {b})", inner, inner, st.sampled_from(["&&", "||"])),
        inner.map(lambda a: f"!({a})"),
        st.builds(lambda a, b, c: f"({a} ? {b} : {c})", inner, inner, inner),
    ),
    max_leaves=6,
)
VALUES = st.fixed_dictionaries(
    {
        "i": FEW, "u": st.integers(0, 3).map(UInt), "d": st.sampled_from([-1.5, -1.0, 0.0, 0.5, 1.0, 2.5, math.inf, -math.inf, math.nan]),
        "s": st.sampled_from(["", "a", "b", "c", "ab"]), "e": TEXTS, "b": st.booleans(),
        "t": st.sampled_from([-(10**9), 0, 5 * 10**8, 10**9, 2 * 10**9]).map(Duration), "xs": st.lists(FEW, max_size=3), "o": st.none() | FEW,
        "r": st.fixed_dictionaries({"n": FEW, "s": st.none() | TEXTS}),
    }
)  # fmt: skip


def outcome(expression: Expression, values: Mapping[str, object]) -> object:
    try:
        return compile_cores([expression.core])[0](dict(values))
    except EvaluationError as error:
        return error


def verdicts(text: str) -> tuple[Flow | None, dict[int, bool]]:
    """The flow, and what is said about the conditions that begin at each place."""
    compilation = compile_text(text, Interface())
    found = {
        diagnostic.span.start: diagnostic.title.endswith("true")
        for diagnostic in compilation.diagnostics
        if diagnostic.title.startswith("this condition is always")
    }
    return (None if compilation.has_errors else next(iter(compilation.flows.values()))), found


SHAPES = st.sampled_from(
    [
        "if {0} {{ if {1} {{ return 1 }} else {{ if {2} {{ return 2 }} }} }}",
        "filter {0}\nfilter {1}\nif {2} {{ return 1 }}",
        "if {0} {{ return 0 }}\nif {1} {{ stop }} else if {2} {{ return 1 }}",
        "filter {0} else {{ if {1} {{ return 1 }} }}\nif {2} {{ return 2 }}",
        "let q = {0}\nif q {{ if {1} {{ return 1 }} }}\nfilter w: {2}\nif w && q {{ return 1 }}",
        "if a1: {0} {{ if a1 && {1} {{ return 1 }} }} else {{ if a1 || {2} {{ return 2 }} }}",
        "do {{ if {0} {{ stop }}\nfilter {1} }}\nif {2} {{ return 1 }}",
    ]
)


@settings(max_examples=120, deadline=None)
@given(SHAPES, st.tuples(CONDITIONS, CONDITIONS, CONDITIONS), st.lists(VALUES, min_size=6, max_size=6))
def test_what_is_always_so_is_so_in_every_run(
    shape: str, conditions: tuple[str, str, str], all_values: list[dict[str, object]]
) -> None:
    flow, said = verdicts(HEAD + "{\n" + shape.format(*conditions) + "\n}")
    if flow is None or not said:
        return
    for values in all_values:
        reached: dict[str, object] = {}
        bindings = dict(values)
        for node in flow.nodes:
            is_reached = node.gate is None or reached.get(node.gate.gate) is bool(node.gate.outcome)
            if not is_reached or node.expression is None or _has_ended(flow, reached):
                continue
            value = outcome(node.expression, bindings)
            if isinstance(value, EvaluationError):
                break  # the run ends here
            reached[node.id] = value
            bindings[node.id] = value
            if node.kind is NodeKind.GATE and node.expression.span.start in said:
                assert value is said[node.expression.span.start], (node.expression.text, values)


def _has_ended(flow: Flow, reached: dict[str, object]) -> bool:
    return any(
        node.kind in {NodeKind.RETURN, NodeKind.STOP}
        and node.gate is not None
        and all(_holds(flow, gate, reached) for gate in _gates(flow, node.gate.gate, node.gate.outcome))
        for node in flow.nodes
    )


def _gates(flow: Flow, gate: str, at: int) -> list[tuple[str, int]]:
    found = [(gate, at)]
    node = flow.node(gate)
    while node.gate is not None:
        found.append((node.gate.gate, node.gate.outcome))
        node = flow.node(node.gate.gate)
    return found


def _holds(flow: Flow, literal: tuple[str, int], reached: dict[str, object]) -> bool:
    return reached.get(literal[0]) is bool(literal[1])


@pytest.mark.parametrize(
    ("around", "condition", "verdict"),
    [
        ("i > 5", "i > 3", True),
        ("i > 5", "i < 3", False),
        ("i > 5", "i >= 6", True),
        ("d > 5.0", "d >= 6.0", None),
        ("!(d > 5.0)", "d <= 5.0", None),  # NaN is neither
        ("d > 5.0", "!(d <= 5.0)", True),
        ("i != 0 && i >= 0", "i > 0", True),
        ("true || b", "u >= 0u", True),
        ('e != "a"', 'e == "b" || e == "c"', True),
        ('e != "a"', 'e in ["a"]', False),
        ('s in ["x", "y"]', 's == "z"', False),
        ('s == "x" || s == "y"', 's in ["y", "x", "z"]', True),
        ("xs.size() > 0", "size(xs) == 0", False),
        ("t > 1h", "t > 30m", True),
        ("b", "!b", False),
        ("o == null", "o != null", False),
        ("1 / i == 1", "1 / i == 1", True),
        ("i == 1", "1 / i == 1 || true", True),
        ("b", "xs[0] == 1 || xs[0] != 1", None),  # it may fail, as far as is known
        ("xs[0] == 1 && i > 3", "i > 2 || xs[0] == 2", True),
        ("xs.exists(x, x > 1)", "xs.exists(x, x > 1)", None),  # macros are not looked into
        ("b ? i > 3 : i > 4", "i > 2", True),
        ("now > timestamp('2026-01-01T00:00:00Z')", "now > timestamp('2026-01-01T00:00:00Z')", None),  # time goes on
    ],
)
def test_conditions_are_seen_together(around: str, condition: str, verdict: bool | None) -> None:
    _, said = verdicts(HEAD + f"{{\nfilter {around}\nif {condition} {{ return 1 }}\n}}")
    assert next(iter(said.values()), None) is verdict


def test_names_that_are_bound_twice_are_two() -> None:
    text = """action a(n: int) pure
flow f(n: int, rows: list<int>) {
  do one { a(n: n) } on error as e {
    filter e.code == "x"
    do two { b = a(n: n) } on error as e {
      if e.code == "x" { c = a(n: 1) }
    }
  }
  for row in rows max 3 { if row > 3 { d = a(n: row) } }
  for row in rows max 3 { if row < 2 { g = a(n: row) } }
}"""
    compilation = compile_text(text, Interface())
    assert not compilation.diagnostics, compilation.render()


def test_work_is_linear_in_the_text() -> None:
    nested = "i > 1"
    for n in range(40):
        nested = f"({nested} || i < {n}) && i != {n}"
    text = HEAD + "{\n" + "\n".join(f"filter {nested}" for _ in range(20)) + "\nreturn 1\n}"
    compilation = compile_text(text, Interface())
    assert not compilation.has_errors
