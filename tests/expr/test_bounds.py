"""No expression takes long or much memory, whatever it is and whatever it is given."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dagflow.diagnostic import Span
from dagflow.errors import EvaluationError, ExpressionError
from dagflow.expr.checker.checker import Environment, check
from dagflow.expr.checker.cost import LIMIT, cost_of
from dagflow.expr.codegen.emit import compile_cores
from dagflow.expr.codegen.width import width_of
from dagflow.expr.tree import Unary
from dagflow.expr.typenames import parse_type
from dagflow.lang.syntax.parser import parse_expression
from tests.expr.support import checked

BIG = "x" * (1 << 20)
LONG = list(range(10_000))
NESTED: list[object] = []
for _ in range(3000):
    NESTED = [NESTED]
WORLD: dict[str, object] = {
    "s": BIG,
    "l": LONG,
    "words": ["w" * 200] * 3_000,
    "bigs": [BIG] * 1_000,
    "lists": [LONG] * 30,
    "deep": NESTED,
    "deep2": [NESTED],
    "digits": "9" * (1 << 20),
    "clauses": "%s" * 100_000,
    "wide": {str(index): index for index in range(10_000)},
}
TYPES = {
    "s": "string", "l": "list(int)", "words": "list(string)", "bigs": "list(string)", "lists": "list(list(int))", "deep": "dyn",
    "deep2": "dyn", "digits": "string", "clauses": "string", "wide": "map(string, int)",
}  # fmt: skip

BOMBS = {
    "l.all(x, l.all(y, x + y >= 0))": "out_of_gas",
    "l.map(x, l)": "ok",
    "l.map(x, l.map(y, l))": "out_of_gas",
    "lists.all(a, a == l)": "out_of_gas",
    "lists == lists": "out_of_gas",
    "l.filter(x, x in l)": "out_of_gas",
    "s + s": "too_large",
    "cel.bind(a, words[0] + words[0], cel.bind(b, a+a+a+a+a+a+a+a, cel.bind(c, b+b+b+b+b+b+b+b, cel.bind(d, c+c+c+c+c+c+c+c, d+d+d+d+d+d+d+d))))": "too_large",
    "words.map(w, w + w)": "too_large",
    "words.map(w, s.reverse())": "too_large",
    "bigs.all(b, b == s + '')": "too_large",
    "bigs.all(b, b.contains('y') || true)": "out_of_gas",
    "bigs.all(b, b.indexOf('y') < 0)": "out_of_gas",
    "bigs.map(b, b.substring(1))": "too_large",
    "bigs.map(b, b.trim())": "too_large",
    "bigs.all(b, b.endsWith(s))": "out_of_gas",
    "bigs.all(b, b <= s)": "out_of_gas",
    "bigs.exists(b, b.matches('(a|aa)+$'))": "out_of_gas",
    "s.matches('(x+x+)+y')": "ok",
    "s.matches('((x{1,100}){1,100}){1,100}')": "bad_argument",
    "s.replace('', 'yyyyyyyyyy')": "too_large",
    "s.replace('x', 'yy')": "too_large",
    "s.split('')": "too_large",
    "words.join(s)": "too_large",
    "strings.quote(s)": "too_large",
    "base64.encode(bytes(s))": "too_large",
    "clauses.format(l)": "out_of_gas",
    "'%s'.format([lists])": "out_of_gas",
    "'%x'.format([s])": "too_large",
    "deep == deep2[0]": "too_deep",
    "int(digits)": "bad_conversion",
    "double(digits)": "bad_conversion",
    "timestamp(digits)": "bad_conversion",
    "duration(digits)": "bad_conversion",
    "l.map(x, timestamp(x).getHours('Europe/Paris'))": "out_of_gas",
    "wide.transformMap(k, v, wide)": "out_of_gas",
    "wide.exists(k, wide[k] < 0)": "out_of_gas",
    "math.greatest(l)": "ok",
    "9223372036854775807 * 9223372036854775807": "overflow",
}


@pytest.mark.parametrize("text", BOMBS)
@pytest.mark.parametrize("is_typed", [True, False], ids=["typed", "untyped"])
def test_bomb(text: str, is_typed: bool) -> None:
    tree, diagnostics = parse_expression(text, interpolate=False)
    assert diagnostics == []
    variables = {name: parse_type(each if is_typed else "dyn") for name, each in TYPES.items()}
    found = check(tree, Environment(variables=variables, is_flow=False, is_checked=is_typed))
    assert found.diagnostics == []
    (run,) = compile_cores([found.core])
    tracemalloc.start()
    try:
        started = time.process_time()
        try:
            run(WORLD)
            outcome = "ok"
        except EvaluationError as error:
            outcome = error.code
        took = time.process_time() - started
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert outcome == BOMBS[text]
    assert took < 0.5  # tenfold: other work shares the machine, and memory is traced
    assert peak < 64 << 20


@pytest.mark.parametrize(
    "text",
    [
        "(" * 60 + "1" + ")" * 60,
        "+".join(["1"] * 80),
        "!" * 50 + "true",
        "&&".join(["1/1 == 1"] * 60),
        "[" * 50 + "]" * 50,
        "true ? 1 : " * 40 + "0",
        ".map(x, x)".join(["[1]"] + [""] * 30),
        "[1].map(a, [2].map(b, [3].map(c, [4].map(d, [5].map(e, a + b + c + d + e)))))",
        "cel.bind(a, 1 + 1, " * 20 + "a" + ")" * 20,
        "{'a': " * 40 + "1" + "}" * 40,
        "optional.of(1).optMap(x, " * 15 + "1" + ")" * 15,
    ],
)
def test_deep_code_compiles(text: str) -> None:
    tree, diagnostics = parse_expression(text, interpolate=False)
    assert diagnostics == []
    found = check(tree, Environment(variables={}, is_flow=False))
    assert found.diagnostics == []
    compile_cores([found.core])[0]({})


def test_what_is_certainly_too_much_is_refused() -> None:
    ten = str(list(range(10)))
    text = ten
    for name in "abcde":
        text = f"{ten}.map({name}, {text})"
    found = checked(text)
    assert [d.code for d in found.diagnostics] == ["E501"]
    assert "the limit is 10000" in found.diagnostics[0].label


def doubling(depth: int, inner: str = "[1, 1]") -> str:
    """A list that has 2 ** depth elements where it is written out, in a text that grows by the depth only."""
    names = [f"a{index}" for index in range(depth)]
    binds = [
        f"cel.bind({name}, [{', '.join(names[max(0, index - 1) : index] * 2) or inner}], " for index, name in enumerate(names)
    ]
    return "".join(binds) + names[-1] + ")" * depth


@pytest.mark.parametrize("depth", [22, 30, 60])
def test_a_value_that_is_certainly_too_large_is_refused(depth: int) -> None:
    started = time.process_time()
    found = checked(doubling(depth))
    assert time.process_time() - started < 0.5
    assert [d.code for d in found.diagnostics] == ["E501"]
    assert "the limit is 4 MiB" in found.diagnostics[0].label
    assert "named before" in found.diagnostics[0].help


@pytest.mark.parametrize(
    "text",
    [
        doubling(18),
        f"{doubling(30)}.size()",
        doubling(30).replace("a29)", "xs == [] ? [] : [a29[0]])"),
        "cel.bind(x, [xs, xs], cel.bind(y, [x, x], [y, y, y]))",
    ],
)
def test_a_value_that_may_be_small_enough_is_not_refused(text: str) -> None:
    assert checked(text).diagnostics == []


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("[1, 2]", 5),
        ("['ab', s]", 8),
        ("{'a': 'b', 'c': null}", 9),
        ("cel.bind(x, ['ab', 'cd'], {'a': x, 'b': x})", 32),
        ("cel.bind(x, [1, 2, 3], x.map(e, x.map(f, 'ab')))", 52),
        ("cel.bind(x, [1, 2, 3], (x + x).map(e, [e]))", 25),
        ("true ? ['abcd'] : ['ab']", 6),
        ("[1, 2].filter(e, e > 0)", 2),
        ("xs.map(e, 'ab')", 2),
        ("'ab' + 'cd'", 6),
        ("s", 0),
        ("null", 0),
        ("['abc', 'ab'].map(e, [e])", 15),
        ("[['abc']].transformList(i, e, [e])", 11),
    ],
)
def test_widths(text: str, width: int) -> None:
    assert width_of(checked(text).core) == width


VALUES = st.recursive(
    st.sampled_from(["1", "-20", "true", "null", "'ab'", "'é'", "2.5", "1s", "s", "n", "xs", "v"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(f'dyn({item})' for item in items)}]"),
        st.lists(inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"'k{index}': dyn({item})" for index, item in enumerate(items)) + "}"
        ),
        st.tuples(inner, inner).map(lambda pair: f"cel.bind(v, {pair[0]}, {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"(n > 0 ? dyn({pair[0]}) : dyn({pair[1]}))"),
        st.tuples(inner, inner).map(lambda pair: f"[{pair[0]}].map(v, {pair[1]})"),
        inner.map(lambda value: f"xs.map(v, {value})"),
        inner.map(lambda value: f"([dyn({value})] + [dyn({value})])"),
        inner.map(lambda value: f"[1, 2].filter(v, v > n).map(w, {value})"),
    ),
    max_leaves=12,
)


@given(VALUES)
def test_no_value_is_smaller_than_its_width(text: str) -> None:
    tree, diagnostics = parse_expression(f"cel.bind(v, [s, s], {text})", interpolate=False)
    assert diagnostics == []
    world = {"s": "", "n": 1, "xs": [7, 8]}
    variables = {name: parse_type(each) for name, each in {"s": "string", "n": "int", "xs": "list(int)"}.items()}
    found = check(tree, Environment(variables=variables, is_flow=False))
    assume(found.diagnostics == [])
    (run,) = compile_cores([found.core])
    try:
        value = run(world)
    except EvaluationError:
        return
    assert width_of(found.core) <= len(json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str))


def test_costs() -> None:
    assert checked("lead.n > 1").cost == 4
    assert checked("[1, 2, 3].all(x, x > 0)").cost == 4 + 3 * 4
    assert checked("xs.all(x, x > 0)").cost == LIMIT
    assert checked('{"a": 1}.all(k, k != "")').cost == 2 + 4
    assert checked("[1, 2].map(x, x).all(x, x > 0)").cost == 3 + 2 * 2 + 2 * 4
    assert cost_of(("call", "no such row")).at_least == 1


def test_a_tree_too_deep_to_walk_is_refused() -> None:
    tree, _ = parse_expression("x")

    for _ in range(5_000):
        tree = Unary(Span(0, 1), "!", tree)
    found = check(tree, Environment(variables={"x": parse_type("bool")}))
    assert [d.code for d in found.diagnostics] == ["E501"]


def test_exhaustion_is_not_absorbed() -> None:
    for text in ("s + s == s || true", "true && (s + s == s || true)", "[1].exists(x, s + s == s) || true"):
        tree, _ = parse_expression(text, interpolate=False)
        found = check(tree, Environment(variables={"s": parse_type("dyn")}, is_flow=False))
        with pytest.raises(EvaluationError, match="more than 1048576"):
            compile_cores([found.core])[0](WORLD)


def test_errors_are_expression_errors() -> None:
    assert issubclass(EvaluationError, ExpressionError)
