"""Prices: what an expression is charged covers what it costs, so that all there is to spend is 50 ms.

The milliseconds were measured once, on a slow machine that had other work; `python -m tests.expr.test_gas` measures them again. The test
itself looks at no clock: it holds that the price of each is still at least what it was measured to cost.
"""

from __future__ import annotations

import time

import pytest

from dagflow.errors import EvaluationError
from dagflow.expr.checker.checker import Environment, check
from dagflow.expr.codegen.emit import Evaluator, compile_cores
from dagflow.expr.library import namespace
from dagflow.expr.runtime import texts
from dagflow.expr.runtime.gas import SIZE_LIMIT, STEP_LIMIT, Gas
from dagflow.expr.typenames import parse_type
from dagflow.lang.syntax.parser import parse_expression
from dagflow.model.values import Timestamp

MS_A_STEP = 50 / STEP_LIMIT
MS_A_SIZE = 50 / SIZE_LIMIT
#: Before anything is charged for: an evaluation itself, errors, the stack of a comparison too deep.
MS_FREE = 1.5

NESTED: list[object] = []
for _ in range(3_000):
    NESTED = [NESTED]
NEEDLE = "x" * 49 + "y" + "x" * 49
WORLD: dict[str, object] = {
    "s": "x" * (1 << 20),
    "accents": "é" * (1 << 20),
    "needle": NEEDLE,
    "l": list(range(10_000)),
    "k": list(range(1_000)),
    "h": list(range(100)),
    "many": ["a"] * 10_000,
    "doubles": [0.123456789 * i for i in range(2_000)],
    "stamps": ["2024-01-01T00:00:00.123456789Z"] * 800,
    "lengths": ["1h2m3s4ms5us6ns"] * 1_000,
    "maps": [{"a": 1, "b": "x"}] * 3_000,
    "wide": {str(i): i for i in range(10_000)},
    "deep": NESTED,
    "t": Timestamp(10**18),
}
TYPES = {
    "s": "string", "accents": "string", "needle": "string", "l": "list(int)", "k": "list(int)", "h": "list(int)", "many": "list(string)", "doubles": "list(double)",
    "stamps": "list(string)", "lengths": "list(string)", "maps": "list(map(string, dyn))", "wide": "map(string, int)", "deep": "dyn", "t": "timestamp",
}  # fmt: skip
#: The dearest found, and the milliseconds each took, typed or not, whichever was more.
WORST = {
    "k.map(x, s.substring(0, 100).matches('[a-z]{1,1000}'))": 0.2,
    "k.map(x, 'ab'.matches('ab' + string(x)))": 29.8,
    "h.exists(x, 'x'.matches('\\\\pL{1,' + string(40 + x % 20) + '}'))": 11.9,
    "s.substring(0, 2000).matches('[a-z]{1,1000}q')": 30.2,
    "s.matches('x*y')": 1.9,
    "k.all(x, s.matches('x*y') || true)": 14.1,
    "s.contains('xxxxxxxy')": 3.4,
    "s.substring(0, 500000).lastIndexOf(needle)": 9.3,
    "k.map(x, s.substring(0, 500).contains(needle))": 14.9,
    "k.map(x, s.substring(0, 2000).split(needle))": 14.4,
    "k.map(x, s.substring(0, 29999).indexOf(needle))": 17.5,
    "accents.lowerAscii()": 8.0,
    "wide == wide": 9.5,
    "maps == maps": 7.6,
    "maps.distinct()": 10.5,
    "k.sortBy(x, -x)": 1.0,
    "k.groupBy(x, x)": 0.4,
    "k.toMap(x, x, -x)": 1.7,
    "k.zip(x, y, k, x + y)": 2.2,
    "k.reduce(all, x, [], all + [x])": 1.0,
    "h.reduce(all, x, dyn([]), [all, all]) == h.reduce(all, x, dyn([]), [all, all])": 27.0,
    "deep == deep": 0.6,
    "h.map(x, timestamp(x).getHours('Europe/Paris'))": 0.4,
    "lengths.map(x, duration(x))": 6.6,
    "stamps.map(x, string(timestamp(x)))": 9.5,
    "doubles.map(x, string(x))": 2.8,
    "h.map(x, string(t))": 0.6,
    "k.map(x, '%d %s %x %o %b %e %f'.format([x, x, x, x, x, 1.5, 1.5]))": 6.2,
    "'%s'.format([maps])": 10.5,
    "wide.transformMapEntry(k, v, {k + 'x': v})": 1.2,
    "many.map(x, l)": 0.2,
    "h.map(x, optional.of(x).optMap(y, y + 1).orValue(2))": 0.2,
}


def function_of(text: str, *, is_typed: bool) -> Evaluator:
    tree, diagnostics = parse_expression(text, interpolate=False)
    assert not diagnostics
    variables = {name: parse_type(each if is_typed else "dyn") for name, each in TYPES.items()}
    checked = check(tree, Environment(variables=variables, is_flow=False, is_checked=is_typed))
    assert not checked.diagnostics
    return compile_cores([checked.core])[0]


def outcome(run: Evaluator) -> str:
    try:
        run(WORLD)
    except EvaluationError as error:
        return error.code
    return "ok"


@pytest.mark.parametrize("is_typed", [True, False], ids=["typed", "untyped"])
@pytest.mark.parametrize("text", WORST)
def test_the_price_covers_the_cost(text: str, is_typed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    spent: list[Gas] = []

    def kept() -> Gas:
        spent.append(Gas())
        return spent[-1]

    monkeypatch.setattr(namespace, "Gas", kept)
    outcome(function_of(text, is_typed=is_typed))
    (gas,) = spent
    price = min(STEP_LIMIT, STEP_LIMIT - gas.steps) * MS_A_STEP + min(SIZE_LIMIT, SIZE_LIMIT - gas.size) * MS_A_SIZE
    assert price + MS_FREE >= WORST[text]


def test_a_pattern_is_paid_for_once() -> None:
    gas = Gas()
    assert [gas.is_new("a"), gas.is_new("a"), gas.is_new("b")] == [True, False, True]


def test_a_small_pattern_reads_a_megabyte_and_a_large_one_does_not() -> None:
    assert outcome(function_of("s.matches('(x+x+)+y')", is_typed=True)) == "ok"
    assert outcome(function_of("s.matches('[a-z]{1,1000}q')", is_typed=True)) == "out_of_gas"
    assert outcome(function_of("s.substring(0, 200).matches('[a-z]{1,1000}q')", is_typed=True)) == "ok"


def main() -> None:
    for text, known in WORST.items():
        for is_typed in (True, False):
            run = function_of(text, is_typed=is_typed)
            best = 1e9
            for _ in range(7):
                texts._compile.cache_clear()  # or patterns would cost nothing from the second time on
                begun = time.thread_time()
                found = outcome(run)
                best = min(best, (time.thread_time() - begun) * 1_000)
            print(f"{best:6.1f} ms, in the table {known:5.1f}  {found:14} {'typed' if is_typed else 'untyped':8} {text}")  # noqa: T201


if __name__ == "__main__":
    main()
