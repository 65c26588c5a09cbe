"""A set of values holds at least what it should."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.diagnostic import Span
from dagflow.expr import tree
from dagflow.lang.lint.facts import Facts
from dagflow.lang.lint.value_sets import ANYTHING, Constant, Values, constant_of, described, shown_constant, values_of_type
from dagflow.model.lengths import as_written
from dagflow.model.types import BOOL, DOUBLE, DURATION, INT, STRING, UINT, EnumType
from dagflow.model.values import Duration, UInt

TYPES = st.sampled_from([INT, UINT, DOUBLE, DURATION, STRING, BOOL, EnumType("", ("a", "b", "c"))])
NUMBERS = st.integers(-4, 4) | st.sampled_from([-2.5, -0.5, 0.5, 1.5, 3.0, float("inf"), float("-inf")])
LENGTHS = st.integers(-3, 3)
CONSTANTS = st.one_of(
    NUMBERS.map(lambda value: ("number", value)), LENGTHS.map(lambda value: ("duration", value)),
    st.sampled_from([("string", "a"), ("string", "b"), ("bool", True), ("bool", False), ("null", None), ("bytes", b"a")]),
)  # fmt: skip
ON_LINES = NUMBERS.map(lambda value: ("number", value)) | LENGTHS.map(lambda value: ("duration", value))
OPERATORS: dict[str, Callable[[object, object], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
Step = tuple[str, bool, object]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("among"), st.booleans(), st.frozensets(CONSTANTS, max_size=3)),
    st.tuples(st.sampled_from(list(OPERATORS)), st.booleans(), ON_LINES),
)


def is_of(type_: object, constant: Constant) -> bool:
    kind, value = constant
    if type_ in {INT, UINT}:
        return kind == "number" and isinstance(value, int) and (type_ is INT or value >= 0)
    kinds: dict[object, str] = {DOUBLE: "number", DURATION: "duration", STRING: "string", BOOL: "bool"}
    return kind == kinds.get(type_, "string")


def holds(step: Step, constant: Constant) -> bool:
    """Whether a value passes a step, as the language has it: values of different lines compare as false."""
    word, truth, given_ = step
    if word == "among":
        assert isinstance(given_, frozenset)
        return (constant in given_) is truth
    assert isinstance(given_, tuple)
    return (constant[0] == given_[0] and OPERATORS[word](constant[1], given_[1])) is truth


def taken(values: Values, step: Step) -> Values:
    word, truth, given_ = step
    if word == "among":
        assert isinstance(given_, frozenset)
        return values.among(given_, truth=truth)
    assert isinstance(given_, tuple)
    return values.compared(word, (given_[0], given_[1]), truth=truth)


@given(TYPES, st.lists(STEPS, max_size=5), st.lists(STEPS, max_size=5), CONSTANTS)
def test_no_value_is_lost(type_: object, first: list[Step], second: list[Step], constant: Constant) -> None:
    ways = []
    for steps in (first, second):
        values = values_of_type(type_)  # type: ignore[arg-type]
        for step in steps:
            values = taken(values, step)
        is_in = is_of(type_, constant) and all(holds(step, constant) for step in steps)
        assert values.holds(constant) or not is_in
        assert not (values.is_empty and is_in)
        ways.append((values, is_in))
    joined = ways[0][0].joined(ways[1][0])
    if any(is_in for _, is_in in ways):
        assert joined.holds(constant)
        assert not joined.is_empty
    described(joined)


@given(st.lists(STEPS, max_size=6), CONSTANTS)
def test_no_value_of_an_unknown_type_is_lost(steps: list[Step], constant: Constant) -> None:
    values = ANYTHING
    for step in steps:
        values = taken(values, step)
    assert values.holds(constant) or not all(holds(step, constant) for step in steps)


def literal(value: tree.LiteralValue) -> tree.Expr:
    return tree.Literal(Span(0, 0), value)


def minus(value: tree.LiteralValue) -> tree.Expr:
    return tree.Unary(Span(0, 0), "-", literal(value))


@pytest.mark.parametrize(
    ("expr", "constant"),
    [
        (literal(None), ("null", None)), (literal(True), ("bool", True)), (literal(3), ("number", 3)), (literal(UInt(3)), ("number", 3)),
        (literal(0.5), ("number", 0.5)), (literal("a"), ("string", "a")), (literal(b"a"), ("bytes", b"a")), (literal(Duration(5)), ("duration", 5)),
        (minus(3), ("number", -3)), (minus(Duration(5)), ("duration", -5)), (minus("a"), None), (minus(True), None), (literal(float("nan")), None),
        (tree.Unary(Span(0, 0), "!", literal(True)), None),
    ],
)  # fmt: skip
def test_literals(expr: tree.Expr, constant: Constant | None) -> None:
    assert constant_of(expr) == constant


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (values_of_type(INT), ""),
        (values_of_type(UINT), "0 or more"),
        (values_of_type(INT).compared(">", ("number", 3), truth=True), "4 or more"),
        (values_of_type(DOUBLE).compared(">", ("number", 3), truth=True).compared("<", ("number", 5), truth=True), "above 3 and below 5"),
        (values_of_type(DOUBLE).compared("<=", ("number", 5), truth=True), "5 or less"),
        (values_of_type(INT).compared(">=", ("number", 3), truth=True).compared("<", ("number", 4), truth=True), "3"),
        (values_of_type(DURATION).compared("<", ("duration", 5_400_000_000_000), truth=True), "below 1h30m"),
        (values_of_type(STRING).among(frozenset({("string", "a" * 40)}), truth=False), 'not "' + "a" * 23 + '…"'),
        (values_of_type(EnumType("", ("a", "b"))), '"a" or "b"'),
        (values_of_type(EnumType("", tuple("abcde"))), ""),
        (values_of_type(BOOL), "false or true"),
        (Values(members=frozenset({("null", None)})), "null"),
    ],
)  # fmt: skip
def test_in_words(values: Values, words: str) -> None:
    assert described(values) == words


@pytest.mark.parametrize(
    ("nanos", "text"),
    [(0, "0s"), (90 * 10**9, "1m30s"), (-(10**9), "-1s"), (5, "5e-09s"), (15 * 10**8, "1s500ms"), (93_600 * 10**9, "1d2h")],
)
def test_lengths(nanos: int, text: str) -> None:
    assert as_written(nanos) == text
    assert shown_constant(("duration", nanos)) == text


def test_old_facts_are_forgotten_first() -> None:
    facts = Facts()
    for number in range(200):
        facts = facts.having(("x", number), Values(members=frozenset({("number", number)})), 1)
    assert len(facts.known) == 128
    assert ("x", 199) in facts.known
    assert ("x", 0) not in facts.known


def test_many_excluded_constants_are_forgotten() -> None:
    values = ANYTHING
    for number in range(100):
        values = values.among(frozenset({("string", str(number))}), truth=False)
    assert not values.holds(("string", "3"))
    assert values.holds(("string", "99"))
