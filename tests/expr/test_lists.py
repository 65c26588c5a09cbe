"""Lists as a whole do what Python does with them, typed or not; what they cannot do has a code."""

from __future__ import annotations

import math
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dagflow
from dagflow.errors import EvaluationError, ExpressionInvalid
from dagflow.lang.expressions import check_expression, evaluate_expression
from dagflow.model.values import Duration, Timestamp, UInt

INTS = st.integers(-(2**63), 2**63 - 1)
ORDERED = {
    "int": INTS,
    "uint": st.integers(0, 2**64 - 1).map(UInt),
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=4),
    "timestamp": st.integers(-(10**18), 10**18).map(Timestamp),
    "duration": st.integers(-(10**18), 10**18).map(Duration),
}


def outcome(text: str, items: object, type_: str | None = None) -> object:
    """What comes out, the same with a type and without one."""
    try:
        found = evaluate_expression(text, {"l": items}, types={"l": type_} if type_ else None)
    except EvaluationError as error:
        found = error.code
    return found


def rank(value: object) -> object:
    return value.nanos if isinstance(value, Timestamp | Duration) else value


def bounded(value: int, low: int, high: int) -> object:
    return value if low <= value <= high else "overflow"


@given(st.lists(INTS, max_size=5))
def test_ints_add_up_within_64_bits(items: list[int]) -> None:
    assert outcome("l.sum()", items, "list(int)") == outcome("l.sum()", items) == bounded(sum(items), -(2**63), 2**63 - 1)


@given(st.lists(ORDERED["uint"], max_size=5))
def test_uints_add_up_within_64_bits(items: list[UInt]) -> None:
    found = outcome("l.sum()", items, "list(uint)")
    assert found == outcome("l.sum()", items) == bounded(sum(items), 0, 2**64 - 1)


@given(st.lists(st.floats(-1e300, 1e300), max_size=6))
def test_doubles_are_rounded_once(items: list[float]) -> None:
    assert outcome("l.sum()", items, "list(double)") == math.fsum(items)
    if items:
        assert outcome("l.avg()", items, "list(double)") == outcome("l.avg()", items) == math.fsum(items) / len(items)


@pytest.mark.parametrize(
    ("items", "sum_"),
    [([0.1] * 10, 1.0), ([1e308, 1e308], math.inf), ([1e308, 1e308, -1e308], math.inf), ([math.inf, 1.0], math.inf)],
)
def test_sums_of_doubles(items: list[float], sum_: float) -> None:
    assert outcome("l.sum()", items, "list(double)") == outcome("l.sum()", items) == sum_


def test_infinities_of_both_signs_are_nan() -> None:
    assert math.isnan(evaluate_expression("l.sum()", {"l": [math.inf, -math.inf]}, types={"l": "list(double)"}))  # type: ignore[arg-type]


def test_json_mixes_ints_and_doubles() -> None:
    assert outcome("l.sum()", [1, 2.5], "dyn") == outcome("l.sum()", [1, 2.5], "list(dyn)") == 3.5
    assert outcome("l.max()", [1, 2.5, 2], "dyn") == 2.5
    assert outcome("l.sort()", [3, 2.5, 1], "dyn") == [1, 2.5, 3]


@given(st.data())
def test_the_order_is_that_of_the_values(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(ORDERED)))
    items = data.draw(st.lists(ORDERED[kind], max_size=6))
    type_ = f"list({kind})"
    wanted = sorted(items, key=rank)  # type: ignore[arg-type]
    assert outcome("l.sort()", items, type_) == outcome("l.sort()", items) == wanted
    assert outcome("l.sortBy(x, x)", items, type_) == outcome("l.sortBy(x, x)", items) == wanted
    for name, place in (("min", 0), ("max", -1)):
        found = outcome(f"l.{name}()", items, type_)
        assert found == outcome(f"l.{name}()", items) == (wanted[place] if items else "bad_argument")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=8))
def test_equal_keys_keep_their_order(pairs: list[tuple[int, int]]) -> None:
    items = [{"k": k, "v": v} for k, v in pairs]
    wanted = sorted(items, key=lambda item: item["k"])
    assert outcome("l.sortBy(x, x.k)", items, "list(map(string, int))") == outcome("l.sortBy(x, x.k)", items) == wanted


@given(
    st.lists(
        st.integers(0, 3) | st.text("ab", max_size=1) | st.booleans() | st.lists(st.integers(0, 1), max_size=1), max_size=8
    )
)
def test_the_first_of_equal_elements_stays(items: list[object]) -> None:
    wanted: list[object] = []
    for item in items:
        if not any(type(item) is type(other) and item == other for other in wanted):
            wanted.append(item)
    assert outcome("l.distinct()", items) == outcome("l.distinct()", items, "list(dyn)") == wanted


def test_numbers_of_several_types_are_equal_and_nan_is_not() -> None:
    assert outcome("[1, 1u, 1.0, true].distinct()", []) == [1, True]
    assert evaluate_expression("l.distinct().size()", {"l": [math.nan, math.nan, {"a": 1}, {"a": 1.0}]}) == 3


@given(st.lists(st.lists(st.integers(), max_size=3), max_size=4))
def test_one_level_is_flattened(items: list[list[int]]) -> None:
    items = [[n % 9 for n in inner] for inner in items]
    wanted = list(chain.from_iterable(items))
    assert outcome("l.flatten()", items, "list(list(int))") == outcome("l.flatten()", items) == wanted


@given(st.lists(st.integers(0, 9), max_size=4), st.integers(-2, 6), st.integers(-2, 6))
def test_a_slice_lies_inside_of_its_list(items: list[int], start: int, end: int) -> None:
    wanted: object = items[start:end] if 0 <= start <= end <= len(items) else "index_out_of_range"
    assert outcome(f"l.slice({start}, {end})", items, "list(int)") == outcome(f"l.slice({start}, {end})", items) == wanted


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("lists.range(-1)", "bad_argument"),
        ("lists.range(10000000)", "too_large"),
        ("lists.range(20000).sum()", "out_of_gas"),
        ("[].avg()", "bad_argument"),
        ("dyn(['a']).sum()", "type_mismatch"),
        ("dyn([true, 1]).sort()", "type_mismatch"),
        ("dyn([null]).max()", "type_mismatch"),
        ("dyn(['1']).avg()", "type_mismatch"),
        ("dyn([[1]]).sortBy(x, x)", "type_mismatch"),
    ],
)
def test_what_cannot_be_done_has_a_code(text: str, code: str) -> None:
    assert outcome(text, []) == code


def test_ranges_count_from_zero() -> None:
    assert outcome("lists.range(3).map(i, i * i)", []) == [0, 1, 4]


def test_nan_comes_last_and_is_the_extreme() -> None:
    found = evaluate_expression("l.sort()", {"l": [math.nan, 2.0, 1.0]}, types={"l": "list(double)"})
    assert found[:2] == [1.0, 2.0]  # type: ignore[index]
    assert math.isnan(found[2])  # type: ignore[index]
    for name in ("min", "max"):
        assert math.isnan(evaluate_expression(f"l.{name}()", {"l": [1.0, math.nan]}, types={"l": "list(double)"}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("l.sum()", "`sum` does not take (list<string>)"),
        ("[l].sort()", "`sort` does not take (list<list<string>>)"),
        ("[l].sortBy(x, x)", "`sortBy` requires a key that has an order; got list<string>"),
        ("{'a': 1}.sortBy(x, x)", "`sortBy` requires a list; got map<string, int>"),
        ("l.sortBy(1, 2)", "`sortBy` needs a variable"),
    ],
)
def test_wrong_types_are_found_before_anything_runs(text: str, title: str) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        check_expression(text, types={"l": "list(string)"})
    assert title in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "l.sort()", "l.distinct()", "l.slice(0, 1)", "l.reverse()", "l + l", "l.sortBy(x, x.size())", "[l.min(), l.max(), l[0]]",
        "l.first().hasValue() ? [l.first().value()] : l", "[l, l].flatten()",
    ],
)  # fmt: skip
def test_elements_keep_their_type(text: str) -> None:
    source = f"flow f(l: list<Email>) -> list<Email> {{\n  on manual\n  return {text}\n}}\n"
    assert [each.title for each in dagflow.compile(source).diagnostics] == []


def test_a_misspelt_macro_is_one_mistake() -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        check_expression("l.sortby(x, x)", types={"l": "list(int)"})
    assert "did you mean `sortBy`?" in str(caught.value)
    assert "unknown name" not in str(caught.value)


@given(st.lists(st.integers(0, 9), max_size=8))
def test_groups_keep_the_order_of_the_elements(items: list[int]) -> None:
    wanted: dict[int, list[int]] = {}
    for item in items:
        wanted.setdefault(item % 3, []).append(item)
    assert outcome("l.groupBy(x, x % 3)", items, "list(int)") == outcome("l.groupBy(x, x % 3)", items) == wanted
    found = outcome("l.groupBy(x, x > 4)", items)
    assert found == {key: [i for i in items if (i > 4) == key] for key in {i > 4 for i in items}}


@given(st.lists(st.integers(0, 5), max_size=5))
def test_a_map_of_a_list_has_an_entry_for_each_element(items: list[int]) -> None:
    is_unique = len(set(items)) == len(items)
    wanted = {str(i): i for i in items} if is_unique else "duplicate_key"
    assert outcome("l.toMap(x, string(x))", items, "list(int)") == outcome("l.toMap(x, string(x))", items) == wanted
    doubled = {str(i): 2 * i for i in items} if is_unique else "duplicate_key"
    assert outcome("l.toMap(x, string(x), x * 2)", items, "list(int)") == doubled


@given(st.lists(st.integers(0, 9), max_size=4), st.integers(0, 4))
def test_pairs_have_one_place(items: list[int], count: int) -> None:
    text = f"l.zip(x, i, lists.range({count}), x * 10 + i)"
    wanted: object = [x * 10 + i for i, x in enumerate(items)] if len(items) == count else "bad_argument"
    assert outcome(text, items, "list(int)") == outcome(text, items) == wanted


@given(st.lists(st.integers(-9, 9), max_size=6))
def test_reduce_carries_a_value(items: list[int]) -> None:
    text = "l.reduce(high, x, 0, high > x ? high : x)"
    assert outcome(text, items, "list(int)") == outcome(text, items) == max([0, *items])
    assert outcome("l.reduce(all, x, [], [x] + all)", items, "list(int)") == items[::-1]
    nested = "l.reduce(a, x, 0, a + l.reduce(b, y, 0, b + x * y))"
    assert outcome(nested, items, "list(int)") == outcome(nested, items) == sum(items) ** 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("dyn({'a': 1}).groupBy(x, x)", "type_mismatch"),
        ("dyn([1.5]).groupBy(x, x)", "type_mismatch"),
        ("dyn(1).zip(x, y, [1], x)", "type_mismatch"),
        ("dyn(1).reduce(a, x, 0, a)", "type_mismatch"),
        ("dyn([9223372036854775807, 1]).reduce(a, x, 0, a + x)", "overflow"),
        ("lists.range(100).reduce(a, x, 'ab', a + a)", "too_large"),
        ("lists.range(9000).reduce(a, x, 0, a + x)", "out_of_gas"),
        ("lists.range(3000).reduce(a, x, dyn([]), [a, a])", "too_deep"),
    ],
)
def test_macros_that_cannot_go_on_have_a_code(text: str, code: str) -> None:
    assert outcome(text, []) == code


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("l.groupBy(x, [x])", "`groupBy` requires a key that is a bool, int, uint or string; got list<string>"),
        ("{'a': 1}.toMap(x, x)", "`toMap` requires a list; got map<string, int>"),
        ("l.zip(x, y, 1, x)", "`zip` requires a list; got int"),
        ("l.zip(x, x, l, x)", "`x` is declared twice"),
        ("l.reduce(x, x, 0, x)", "`x` is declared twice"),
        ("l.reduce(a, x, 0, x)", "`reduce` must go on with int, as it begins; got string"),
        ("l.reduce(a, x, 0, dyn(x))", "`reduce` must go on with int, as it begins; got json"),
        ("l.reduce(1, x, 0, x)", "`reduce` needs a variable"),
        ("l.group(x, x)", "did you mean `groupBy`?"),
    ],
)
def test_a_wrong_macro_is_found_before_anything_runs(text: str, title: str) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        check_expression(text, types={"l": "list(string)"})
    assert title in str(caught.value)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("l.groupBy(x, x.size())", "map(int, list(string))"),
        ("l.toMap(x, x)", "map(string, string)"),
        ("l.toMap(x, x, x.size())", "map(string, int)"),
        ("l.zip(x, y, [1], y)", "list(int)"),
        ("l.reduce(a, x, [], a + [x])", "list(string)"),
    ],
)
def test_the_types_of_macros(text: str, type_: str) -> None:
    assert str(check_expression(text, types={"l": "list(string)"})) == type_
