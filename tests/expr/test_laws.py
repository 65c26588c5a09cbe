"""Laws: arithmetic is Python's with bounds, logic absorbs errors, typed and untyped evaluation agree."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dagflow.errors import EvaluationError
from dagflow.lang.expressions import evaluate_expression
from dagflow.model.values import Duration, Timestamp, UInt

ints = st.integers(-(2**63), 2**63 - 1)
uints = st.integers(0, 2**64 - 1).map(UInt)
doubles = st.floats()
scalars = st.one_of(
    st.none(), st.booleans(), ints, uints, doubles, st.text(max_size=5), st.binary(max_size=5),
    st.integers(-(10**18), 10**18).map(Timestamp), st.integers(-(10**18), 10**18).map(Duration),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
NAMES = {bool: "bool", int: "int", UInt: "uint", float: "double", str: "string", bytes: "bytes", type(None): "null_type",
         Timestamp: "timestamp", Duration: "duration"}  # fmt: skip


def outcome(text: str, **bindings: object) -> object:
    try:
        return evaluate_expression(text, bindings)
    except EvaluationError as error:
        return error.code


def typed_outcome(text: str, types: dict[str, str], **bindings: object) -> object:
    try:
        return evaluate_expression(text, bindings, types=types)
    except EvaluationError as error:
        return error.code


def has_nan(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(has_nan, value.values()))
    return any(map(has_nan, value)) if isinstance(value, list) else value != value


def bounded(value: int, low: int, high: int) -> object:
    return value if low <= value <= high else "overflow"


@given(ints, ints)
@example(-(2**63), -1)
def test_int_arithmetic(a: int, b: int) -> None:
    low, high = -(2**63), 2**63 - 1
    types = {"a": "int", "b": "int"}
    for sign, value in (("+", a + b), ("-", a - b), ("*", a * b)):
        assert typed_outcome(f"a {sign} b", types, a=a, b=b) == outcome(f"a {sign} b", a=a, b=b) == bounded(value, low, high)
    if b == 0:
        assert outcome("a / b", a=a, b=b) == outcome("a % b", a=a, b=b) == "divide_by_zero"
        return
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    assert typed_outcome("a / b", types, a=a, b=b) == bounded(quotient, low, high)
    assert typed_outcome("a % b", types, a=a, b=b) == ("overflow" if quotient > high else a - quotient * b)


@given(uints, uints)
def test_uint_arithmetic(a: UInt, b: UInt) -> None:
    types = {"a": "uint", "b": "uint"}
    for sign, value in (("+", a + b), ("-", a - b), ("*", a * b)):
        found = typed_outcome(f"a {sign} b", types, a=a, b=b)
        assert found == outcome(f"a {sign} b", a=a, b=b) == bounded(value, 0, 2**64 - 1)
        assert found == "overflow" or type(found) is UInt


@given(doubles, doubles)
def test_double_division_is_ieee(a: float, b: float) -> None:
    found = outcome("a / b", a=a, b=b)
    if b != 0:
        assert found == a / b or math.isnan(a / b)
    else:
        assert math.isnan(found) or math.isinf(found)


@given(values, values)
def test_typed_and_untyped_agree(a: object, b: object) -> None:
    if type(a) not in NAMES or type(b) not in NAMES:
        return
    types = {"a": NAMES[type(a)], "b": NAMES[type(b)]}
    for sign in ("==", "!=", "<", "<=", "+", "-"):
        try:
            found = evaluate_expression(f"a {sign} b", {"a": a, "b": b}, types=types)
        except EvaluationError as error:
            found = error.code
        except Exception:  # noqa: BLE001 - does not type-check
            continue
        expected = outcome(f"a {sign} b", a=a, b=b)
        assert found == expected or (found != found and expected != expected)


@given(values)
def test_equality_is_reflexive_but_for_nan(a: object) -> None:
    assert evaluate_expression("a == a", {"a": a}) == (not has_nan(a))
    assert evaluate_expression("a in [a]", {"a": a}) == (not has_nan(a))


@given(values, values)
def test_equality_is_symmetric(a: object, b: object) -> None:
    assert evaluate_expression("a == b", {"a": a, "b": b}) == evaluate_expression("b == a", {"a": a, "b": b})


@given(values)
def test_values_pass_unchanged(a: object) -> None:
    assert repr(evaluate_expression("a", {"a": a})) == repr(a)
    assert repr(evaluate_expression('[a, {"k": a}]', {"a": a})) == repr([a, {"k": a}])


TERMS = {"true": True, "false": False, "1/0 == 1": None}


@pytest.mark.parametrize("left", TERMS)
@pytest.mark.parametrize("middle", TERMS)
@pytest.mark.parametrize("right", TERMS)
def test_logic_absorbs_errors(left: str, middle: str, right: str) -> None:
    found = [TERMS[left], TERMS[middle], TERMS[right]]
    for sign, decisive in (("&&", False), ("||", True)):
        expected = decisive if decisive in found else "divide_by_zero" if None in found else not decisive
        for text in (f"{left} {sign} {middle} {sign} {right}", f"({left}) {sign} ({middle} {sign} ({right}))"):
            assert typed_outcome(text, {}) == outcome(text) == expected
        macro = "all" if sign == "&&" else "exists"
        numbers = [{True: 1, False: 2, None: 0}[each] for each in found]
        assert outcome(f"l.{macro}(x, 2 / x == 2)", l=numbers) == expected


@given(st.lists(ints, max_size=8))
def test_macros_are_comprehensions(items: list[int]) -> None:
    for types in (None, {"l": "list(int)"}):

        def ask(text: str, types: dict[str, str] | None = types) -> object:
            return evaluate_expression(text, {"l": items}, types=types)

        assert ask("l.map(x, [x])") == [[x] for x in items]
        assert ask("l.map(x, x > 0, [x])") == [[x] for x in items if x > 0]
        assert ask("l.filter(x, x > 0)") == [x for x in items if x > 0]
        assert ask("l.all(x, x > 0)") == all(x > 0 for x in items)
        assert ask("l.exists(x, x > 0)") == any(x > 0 for x in items)
        assert ask("l.exists_one(x, x > 0)") == (sum(x > 0 for x in items) == 1)
        assert ask("l.transformList(i, x, [i, x])") == [[i, x] for i, x in enumerate(items)]
        assert ask("l.transformMap(i, x, x)") == dict(enumerate(items))
        assert ask("l.exists(i, x, i == x)") == any(i == x for i, x in enumerate(items))
        assert ask("l.map(x, l.map(y, x < y))") == [[x < y for y in items] for x in items]
