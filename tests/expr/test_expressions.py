"""CEL on its own: what goes in, what comes out, what is refused."""

from __future__ import annotations

import datetime as dt

import pytest

from dagflow.errors import EvaluationError, ExpressionError, FlowInvalid, UsageError
from dagflow.expr.typenames import parse_type, type_text
from dagflow.lang.expressions import check_expression, evaluate_expression
from dagflow.model.types import DOUBLE, EnumType, Field, OptionalType, RecordType, ScalarType, SecretType
from dagflow.model.values import NONE, Duration, Optional, Timestamp, TypeValue, UInt


def test_plain_values_go_in_and_come_out() -> None:
    instant = dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC)
    assert evaluate_expression("t", {"t": instant}) == Timestamp.from_datetime(instant)
    assert evaluate_expression("t + d", {"t": instant, "d": dt.timedelta(hours=1)}) == Timestamp.parse("2026-01-31T11:00:00Z")
    assert evaluate_expression("d", {"d": dt.timedelta(seconds=1)}) == Duration(1_000_000_000)
    assert evaluate_expression("xs", {"xs": (1, 2)}) == [1, 2]
    assert evaluate_expression("lead.score > 50", {"lead": {"score": 51}}) is True
    assert type(evaluate_expression("u", {"u": UInt(3)})) is UInt
    assert type(evaluate_expression("u", {"u": 3}, types={"u": "uint"})) is UInt
    assert type(evaluate_expression("d", {"d": 3}, types={"d": "double"})) is float
    assert (
        evaluate_expression("d.orValue(1.0)", {"d": Optional(3.0, is_present=True)}, types={"d": "optional_type(double)"})
        == 3.0
    )
    assert (
        evaluate_expression(
            "m['a'] + xs[0]", {"m": {"a": 1}, "xs": [2]}, types={"m": "map(string, double)", "xs": "list(double)"}
        )
        == 3.0
    )
    assert str(evaluate_expression("type(1)", {})) == "int"
    assert evaluate_expression("t == int", {"t": TypeValue("int")}) is True
    assert evaluate_expression("{true: 1}", {}) == {True: 1}
    assert evaluate_expression("[optional.of(1), optional.none()]", {}) == [1, None]
    assert evaluate_expression("o.hasValue()", {"o": NONE}) is False


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, 2**64, -(2**63) - 1, dt.datetime(2020, 1, 1), dt.timedelta.max, {"a": [object()]}],  # noqa: DTZ001
)
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(UsageError):
        evaluate_expression("1", {"x": value})


def test_values_nested_too_deeply_are_refused() -> None:
    deep: list[object] = []
    for _ in range(2_000):
        deep = [deep]
    with pytest.raises(UsageError, match="too deeply"):
        evaluate_expression("1", {"x": deep})


def test_mistakes_come_with_places() -> None:
    with pytest.raises(ExpressionError) as found:
        evaluate_expression("x.size() + 'a'", {"x": "a"}, types={"x": "string"})
    assert isinstance(found.value, FlowInvalid)
    assert [d.code for d in found.value.diagnostics] == ["E309"]
    assert "x.size() + 'a'" in found.value.rendered
    with pytest.raises(ExpressionError) as found:
        evaluate_expression("1 +", {})
    assert found.value.diagnostics
    with pytest.raises(ExpressionError):
        check_expression("nope", {})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1 / 0", "divide_by_zero"), ("1 % 0", "divide_by_zero"), ("9223372036854775807 + 1", "overflow"), ("{'a': 1}.b", "no_such_key"),
        ("{'a': 1}['b']", "no_such_key"), ("[1][1]", "index_out_of_range"), ("[1][-1]", "index_out_of_range"), ("dyn(1).x", "no_such_field"),
        ("dyn(1).?x", "no_such_field"), ("int('x')", "bad_conversion"), ("dyn(1) + dyn('a')", "no_such_overload"), ("dyn(1) && true", "type_mismatch"),
        ("nope", "unknown_name"), ("nope()", "no_such_overload"), ("1.nope()", "no_such_overload"), ("optional.none().value()", "absent"),
        ("{'a': 1, 'a': 2}", "duplicate_key"), ("{1: 1, true: 2}", "duplicate_key"), ("'a'.matches('(')", "bad_argument"),
        ("dyn([1])['x']", "type_mismatch"), ("dyn(1)[0]", "type_mismatch"), ("dyn(1).all(x, x)", "type_mismatch"), ("size(1)", "no_such_overload"),
        ("1.exists(x, y, x)", "type_mismatch"), ("{dyn(1.5): 1}", "type_mismatch"), ("[?dyn(1)]", "type_mismatch"), ("{?'a': dyn(1)}", "type_mismatch"),
        ("timestamp('x')", "bad_conversion"), ("timestamp(0).getHours('X/Y')", "bad_argument"), ("timestamp(0).getHours('+1')", "bad_argument"),
        ("math.greatest(1, dyn('a'))", "type_mismatch"), ("['a', dyn(1)].join('')", "type_mismatch"), ("size(1, 2, 3)", "no_such_overload"),
        ("[1].transformMapEntry(i, x, dyn(1))", "type_mismatch"), ("string(b'\\xff')", "bad_conversion"), ("'%d'.format([[]])", "bad_argument"),
        ("'%f'.format(['a'])", "bad_argument"), ("'%.200f'.format([1.0])", "bad_argument"), ("base64.decode('!')", "bad_conversion"),
        ("'abc'.indexOf('a', 9)", "index_out_of_range"), ("-9223372036854775808 % -1", "overflow"), ("int(1e300)", "overflow"), ("uint(-1.5)", "overflow"),
        ("duration('100000h') * 2.0", "no_such_overload"), ("duration('2000000h') * 2", "overflow"), ("duration('2000000h') + duration('2000000h')", "overflow"), ("[1].map(1, 2)", "bad_argument"),
        ("'a'.matches('" + "a" * 1001 + "')", "bad_argument"), ("math.bitShiftLeft(1, -1)", "bad_argument"), ("dyn(1).optMap(x, x)", "type_mismatch"),
    ],
)  # fmt: skip
def test_failures(text: str, code: str) -> None:
    with pytest.raises(EvaluationError) as found:
        evaluate_expression(text, {})
    assert found.value.code == code
    assert found.value.message


def test_a_declared_variable_without_a_value() -> None:
    with pytest.raises(EvaluationError, match="'x' has no value"):
        evaluate_expression("x + 1", {}, types={"x": "int"})


def test_names_are_looked_up_in_the_container() -> None:
    types = {"com.example.y": "int", "y": "string"}
    bindings = {"com.example.y": 1, "y": "s"}
    assert evaluate_expression("y", bindings, types=types, container="com.example.deeper") == 1
    assert evaluate_expression(".y", bindings, types=types, container="com.example") == "s"
    assert evaluate_expression("[{'y': 2}].map(com, com.y)", bindings, types=types) == [2]
    assert evaluate_expression("example.y", bindings, types=types, container="com") == 1


@pytest.mark.parametrize(
    ("text", "types", "found"),
    [
        ("[1, 2].map(x, string(x))", {}, "list(string)"),
        ("{'a': [1]}", {}, "map(string, list(int))"),
        ("[1, 'a']", {}, "list(dyn)"),
        ("x.?y", {"x": "map(string, int)"}, "optional_type(int)"),
        ("type(1)", {}, "type(int)"),
        ("x.transformMap(k, v, k)", {"x": "map(string, bool)"}, "map(string, string)"),
        ("timestamp(0) - timestamp(0)", {}, "google.protobuf.Duration"),
        ("true ? [] : [1]", {}, "list(int)"),
        ("true ? optional.of(1) : optional.none()", {}, "optional_type(int)"),
        ("[null, timestamp(0)]", {}, "list(google.protobuf.Timestamp)"),
        ("x + 1", {"x": "dyn"}, "int"),
        ("x + y", {"x": "dyn", "y": "dyn"}, "dyn"),
        ("null", {}, "null_type"),
    ],
)
def test_check(text: str, types: dict[str, str], found: str) -> None:
    assert str(check_expression(text, types)) == found
    assert str(check_expression("x", {"x": found})) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "list(",
        "list(int",
        "list(int))",
        "list()",
        "map(int)",
        "nope",
        "int(int)",
        "list(int,)",
        "a b",
        "!",
        "(",
        "x" * 20_000,
        "list(" * 200,
    ],
)
def test_no_types(text: str) -> None:
    with pytest.raises(UsageError):
        check_expression("1", {"x": text})


def test_texts_of_types_cel_does_not_know() -> None:
    record = RecordType("Lead", (Field("a", DOUBLE),))
    types = [record, RecordType("", ()), EnumType("", ("a",)), ScalarType("Email"), SecretType(DOUBLE), OptionalType(DOUBLE)]
    found = ["Lead", "map(string, dyn)", "string", "string", "Secret(double)", "optional_type(double)"]
    assert [type_text(type_) for type_ in types] == found
    assert type_text(parse_type("tuple(A, param:B, int)")) == "tuple(A, B, int)"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("timestamp('2009-02-13T23:31:30.123Z').getMilliseconds()", 123),
        ("timestamp('2009-02-13T23:31:30Z').getDate()", 13),
        ("timestamp('2009-02-13T23:31:30Z').getDayOfYear('+01:00')", 44),
        ("timestamp('2009-07-13T23:31:30Z').getHours('Europe/Paris')", 1),
        ("timestamp('0001-01-01T00:00:00Z').getFullYear('-01:00')", 0),
        ("timestamp('0001-01-01T00:00:00Z').getMonth('-01:00')", 11),
        ("timestamp('9999-12-31T23:59:59Z').getFullYear('+01:00')", 10000),
        ("timestamp('9999-12-31T23:59:59Z').getHours('Asia/Tokyo')", 8),
        ("duration('-3700s').getHours()", -1),
        ("duration('-1234ms').getMilliseconds()", -234),
        ("(duration('90m') * 2).getHours()", 3),
        ("(dyn(-2) * duration('90m')).getHours()", -3),
        ("duration('1234ms').getMilliseconds()", 234),
        ("string(1e6) + string(1e-5) + string(0.0001) + string(-0.0)", "1e+061e-050.0001-0"),
        ("string(double('NaN')) + string(double('inf')) + string(double('-inf'))", "NaN+Inf-Inf"),
        ("[1,2,3].reverse()", [3, 2, 1]),
        ("[optional.of(1), optional.none()].unwrapOpt()", [1]),
        ("[].last().hasValue()", False),
        ("'a-b-c'.split('-', 2)", ["a", "b-c"]),
        ("'abc'.split('', 2)", ["a", "bc"]),
        ("'abc'.split('')", ["a", "b", "c"]),
        ("'abc'.replace('', '-', 2)", "-a-bc"),
        ("'ÄB'.lowerAscii() + 'äb'.upperAscii()", "ÄbäB"),
        ("math.sqrt(-1.0) != math.sqrt(-1.0) && math.sqrt(9) == 3.0", True),
        ("math.round(-0.4) == 0.0 && math.isInf(1.0 / 0.0)", True),
        ("math.bitShiftRight(-1, 1) == 9223372036854775807 && math.bitShiftLeft(3u, 63) == 9223372036854775808u", True),
        ("math.bitShiftLeft(1u, 64) + math.bitShiftRight(8u, 64) == 0u && math.bitShiftRight(8, 70) == 0", True),
        ("optional.ofNonZeroValue([]).hasValue() || optional.ofNonZeroValue(timestamp(0)).hasValue()", False),
        ("optional.ofNonZeroValue(7).value()", 7),
        ("optional.of({'a': [1]}).a[?0].value()", 1),
        ("dyn(optional.of({'a': [1]})).a[0].value()", 1),
        ("dyn(optional.none()).a[0].hasValue() || has(dyn(optional.none()).a)", False),
        ("dyn({'a': 1})[?'b'].orValue(3)", 3),
        ("optional.none()[0].hasValue()", False),
        ("{true: 1, 2: 3}.map(k, k)", [True, 2]),
        ("{true: 1, 2: 3} == {2: 3, true: 1}", True),
        ("{1: 1} == dyn({true: 1})", False),
        ("{1: 1} == {2: 1}", False),
        ("dyn(1.0) in {1: 2} && !(dyn(b'a') in {1: 2}) && true in {true: 1}", True),
        ("{'a': 1}.transformMapEntry(k, v, {v: k})", {1: "a"}),
        ("{?1: optional.of(2), ?3: optional.none(), 4: 5}", {1: 2, 4: 5}),
        ("{'b': 2, 'a': true}.exists(k, v, dyn(v) == true)", True),
        ("'%s'.format([{'b': [1.5, null], 'a': b'x', 'c': {true: 1, 2: 3}}])", "{a: x, b: [1.5, null], c: {2: 3, true: 1}}"),
        ("'%d %b %o %x %X %e %f %%'.format([1.5, true, 8, b'a', 255, 1.0, 2])", "1.5 1 10 61 FF 1.000000e+00 2.000000 %"),
        ("9223372036854775807 == 9223372036854775808.0", True),
        ("1 == 1u && 1 < 1.5 && 2u > 1", True),
        ("cel.bind(f, [1, 2], f.map(x, cel.bind(y, x + 1, y * y)))", [4, 9]),
        ("[1, 2].exists(x, x / 0 == 1 || x == 2)", True),
        ("type(google.protobuf.Timestamp) == type", True),
    ],
)  # fmt: skip
def test_functions(text: str, value: object) -> None:
    assert evaluate_expression(text, {}) == value
    assert evaluate_expression(text, {}, types={}) == value


def test_the_bindings_are_left_as_they_were() -> None:
    bindings = {"m": {"a": [1]}}
    evaluate_expression("m.transformMap(k, v, v + [2])", bindings)
    assert bindings == {"m": {"a": [1]}}


def test_values_in_texts_are_those_of_the_language_unless_plain_cel_is_wanted() -> None:
    assert evaluate_expression('"${0.1 + 0.2} for ${n}"', {"n": 2}) == "0.30000000000000004 for 2"
    assert evaluate_expression('"${n}"', {"n": 2}, interpolate=False) == "${n}"


@pytest.mark.parametrize("text", ["１２ + 3", "1２", "１.5", "1.５", "１d", "1１d", "0x１", "１u", "1e１"])
def test_only_ascii_digits_are_digits(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate_expression(text, {})


@pytest.mark.parametrize(("value", "kind"), [(None, "null"), ([1], "a list"), ({}, "a map")])
def test_what_does_not_go_into_a_text_is_named(value: object, kind: str) -> None:
    with pytest.raises(EvaluationError) as failed:
        evaluate_expression('"Hello ${p.first}"', {"p": {"first": value}})
    assert (failed.value.code, failed.value.message) == ("type_mismatch", f"`p.first`: {kind} does not go into a text")
