"""Decimal numbers are exact, whoever computes with them, and whoever stores or sends them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dagflow
from dagflow.errors import EvaluationError, ExpressionInvalid
from dagflow.lang.expressions import check_expression, evaluate_expression
from dagflow.model.decimals import ROUNDINGS
from dagflow.model.types import DECIMAL, JSON
from dagflow.model.wire.codec import WireError, decode, dumps, encode, loads

MONEY = st.decimals(-(10**12), 10**12, places=3)
TYPES = {"a": "decimal", "b": "decimal", "n": "int", "l": "list(decimal)"}


def outcome(text: str, **values: object) -> object:
    """What comes out, the same with types and without them."""
    found: list[object] = []
    for types in ({name: TYPES[name] for name in values}, None):
        try:
            found.append(evaluate_expression(text, values, types=types))
        except EvaluationError as error:
            found.append(error.code)
    assert found[0] == found[1]
    assert type(found[0]) is type(found[1])
    return found[0]


@given(MONEY, MONEY, st.integers(-1000, 1000))
def test_sums_and_products_are_those_of_fractions(a: Decimal, b: Decimal, n: int) -> None:
    x, y = Fraction(a), Fraction(b)
    assert Fraction(outcome("a + b", a=a, b=b)) == x + y  # type: ignore[arg-type]
    assert Fraction(outcome("a - b", a=a, b=b)) == x - y  # type: ignore[arg-type]
    assert Fraction(outcome("a * b", a=a, b=b)) == x * y  # type: ignore[arg-type]
    assert Fraction(outcome("n * a + n", a=a, n=n)) == n * x + n  # type: ignore[arg-type]
    assert outcome("a < b", a=a, b=b) == (x < y)
    assert outcome("a == b", a=a, b=b) == (x == y)
    assert outcome("a >= n", a=a, n=n) == (x >= n)


@given(MONEY, st.decimals(-1000, 1000, places=2), st.integers(0, 6), st.sampled_from(ROUNDINGS))
def test_a_quotient_is_rounded_once(a: Decimal, b: Decimal, digits: int, rounding: str) -> None:
    found = outcome(f"a.divide(b, {digits}, '{rounding}')", a=a, b=b)
    if b == 0:
        assert found == "divide_by_zero"
        return
    assert isinstance(found, Decimal)
    exact, unit = Fraction(a) / Fraction(b), Fraction(1, 10**digits)
    error = Fraction(found) - exact
    assert found.as_tuple().exponent == -digits
    assert abs(error) < unit
    match rounding:
        case "floor":
            assert error <= 0
        case "ceiling":
            assert error >= 0
        case "down":
            assert abs(Fraction(found)) <= abs(exact)
        case "up":
            assert abs(Fraction(found)) >= abs(exact)
        case _:
            assert abs(error) <= unit / 2


@given(st.lists(MONEY, max_size=6))
def test_lists_of_them(items: list[Decimal]) -> None:
    if items:
        assert outcome("l.sum()", l=items) == sum(items, Decimal(0))
    assert outcome("l.sort()", l=items) == sorted(items)
    assert outcome("l.max()", l=items) == (max(items) if items else "bad_argument")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("string(a)", "12.50"),
        ("'${a} %.1f %s'.format([a, a])", "12.50 12.5 12.50"),
        ("'%.0f %.0f'.format([a, a + 1])", "12 14"),
        ("a.round(0, 'half_up')", Decimal(13)),
        ("a.round(0, 'half_even')", Decimal(12)),
        ("(-a).round(0, 'half_down')", Decimal(-12)),
        ("string(a.round(4, 'up'))", "12.5000"),
        ("int(a)", 12),
        ("double(a)", 12.5),
        ("math.abs(-a)", Decimal("12.50")),
        ("type(a) == decimal", True),
        ("[a, decimal('12.5'), 12.5].distinct().size()", 1),
        ("decimal(0.1) + decimal('.2') + decimal(1u)", Decimal("1.3")),
        ("string(decimal('1e3') * -0)", "0"),
        ("decimal('ten')", "bad_conversion"),
        ("decimal(1e40)", "bad_conversion"),
        ("a.round(40, 'up')", "bad_argument"),
        ("a.round(2, 'side' + 'ways')", "bad_argument"),
        ("decimal('9999999999999999999999999999999999') + 1", "overflow"),
        ("decimal('0.0000000000000000000000000000000001') * a", "overflow"),
        ("int(decimal('1e20'))", "overflow"),
        ("dyn(a) * 1.5", "no_such_overload"),
    ],
)
def test_functions(text: str, wanted: object) -> None:
    assert outcome(text, a=Decimal("12.50")) == wanted


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("a / b", "a quotient is rounded, so say how"),
        ("a * x", "decimal times double needs a conversion"),
        ("a < x", "cannot compare decimal with double"),
        ("a.round(2, 'half')", "there is no such rounding"),
        ("a.divide(b, 2)", "`divide` does not take (decimal, decimal, int)"),
        ("l.avg()", "`avg` does not take (list<decimal>)"),
    ],
)
def test_what_has_no_exact_result_is_found_before_anything_runs(text: str, title: str) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        check_expression(text, types={"a": "decimal", "b": "decimal", "x": "double", "l": "list(decimal)"})
    assert title in str(caught.value)


# ---- JSON


@given(st.decimals(-(10**16), 10**16, places=17))
def test_json_has_every_digit(value: Decimal) -> None:
    assert str(loads(dumps(value, DECIMAL), DECIMAL)) == str(value)
    assert encode(value, JSON) == encode(value, DECIMAL)


@pytest.mark.parametrize(("given_", "wanted"), [(7, "7"), (0.1, "0.1"), (1e3, "1000.0"), ("1e3", "1000"), ("-.50", "-0.50")])
def test_numbers_and_texts_are_read(given_: object, wanted: str) -> None:
    assert encode(decode(given_, DECIMAL), DECIMAL) == wanted


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ("ten", 'expected a decimal number such as "12.50"'),
        (True, 'expected a decimal number as text, such as "12.50", found true'),
        (0.1 + 0.2, 'a decimal number of more than 15 digits must be sent as text, such as "12.50"'),
        ("1" * 35, "a decimal number must be finite and have at most 34 digits"),
        (10**40, "a decimal number must be finite and have at most 34 digits"),
    ],
)
def test_what_is_no_exact_number_is_refused(given_: object, message: str) -> None:
    with pytest.raises(WireError) as caught:
        decode(given_, DECIMAL)
    assert str(caught.value) == message


# ---- flows

SOURCE = """
type Line { article: string, price: decimal, count: int }

action pay(amount: decimal) -> decimal pure

flow f(lines: list<Line>, rate: decimal = 0.19, tip: decimal?) -> {total: decimal, tax: decimal, paid: decimal} {
  on manual
  let total = lines.map(l, l.price * l.count).sum() + (tip ?? 0.00)
  wait 1h
  let tax: decimal = total > 1000 || total in [1, 2.50] ? 0 : (total * rate).round(2, "half_up")
  paid = pay(amount: total + tax)
  return {"total": total, "tax": tax, "paid": paid}
}
"""
LINES = [{"article": "pen", "price": "0.10", "count": 3}, {"article": "ink", "price": 12.5, "count": 1}]


def test_a_flow_computes_an_amount_and_its_host_gets_a_decimal() -> None:
    catalog = dagflow.Catalog()
    got: list[Decimal] = []

    @catalog.action("pay", effect="pure")
    def pay(amount: Decimal) -> Decimal:
        got.append(amount)
        return amount.quantize(Decimal("0.1"), ROUND_HALF_UP)

    flow = dagflow.compile(SOURCE.replace("  wait 1h\n", ""), catalog=catalog).unwrap()
    output = {"total": Decimal("12.80"), "tax": Decimal("2.43"), "paid": Decimal("15.2")}
    assert dagflow.run(flow, {"lines": LINES}, catalog=catalog).output == output
    assert list(map(str, got)) == ["15.23"]


async def test_a_resumed_run_has_the_same_digits(tmp_path: Path) -> None:
    catalog = dagflow.Catalog()

    @catalog.action("pay", effect="pure")
    def pay(amount: Decimal) -> Decimal:
        return amount

    flow = dagflow.compile(SOURCE, catalog=catalog).unwrap()
    store, begin = tmp_path / "runs.db", 1_767_225_600_000_000_000

    class Frozen:
        def now(self) -> int:
            return begin

    async with dagflow.Interpreter.open(store, catalog=catalog, clock=Frozen()) as interpreter:
        run = await interpreter.start(flow, {"lines": LINES, "tip": "0.20"})
        await interpreter.rest()
    async with dagflow.Interpreter.open(store, catalog=catalog, clock=dagflow.VirtualClock(begin)) as interpreter:
        result = await (await interpreter.get_run(run.id)).wait()
    assert str(result.output) == str({"total": Decimal("13.00"), "tax": Decimal("2.47"), "paid": Decimal("15.47")})


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("let x: decimal = n", "`x` takes decimal, got int"),
        ("let x: decimal = 1.5 * y", "decimal times double needs a conversion"),
        ("let x: decimal = 0.12345678901234567890123456789012345", "this literal has no value"),
        ('let x = decimal("ten")', "this is no decimal"),
    ],
)
def test_only_what_is_written_out_becomes_one_unasked(line: str, title: str) -> None:
    source = f"flow f(n: int, y: double) {{\n  on manual\n  {line}\n}}\n"
    assert title in [each.title for each in dagflow.compile(source).diagnostics]


def test_each_digit_of_a_literal_counts() -> None:
    source = 'flow f() -> string {\n  on manual\n  let x: decimal = -12345678901234567.10\n  return "${x}"\n}\n'
    assert dagflow.run(dagflow.compile(source).unwrap()).output == "-12345678901234567.10"


def test_a_literal_beside_an_int_is_one_where_a_decimal_is_wanted() -> None:
    source = "flow f(n: int) -> decimal {\n  on manual\n  return (1.10 * n + 2) * 0.5 - n\n}\n"
    assert dagflow.run(dagflow.compile(source).unwrap(), {"n": 3}).output == Decimal("-0.35")
