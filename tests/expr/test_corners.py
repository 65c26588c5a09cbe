"""Corners of the checker: type variables, records, misused macros, conversions to a host's types."""

from __future__ import annotations

import re

import pytest

from dagflow.errors import EvaluationError, ExpressionError
from dagflow.expr.checker.checker import Environment, check
from dagflow.expr.codegen.emit import compile_cores
from dagflow.expr.unify import Bindings
from dagflow.lang.expressions import evaluate_expression
from dagflow.lang.syntax.parser import parse_expression
from dagflow.model.types import (
    BOOL,
    INT,
    JSON,
    NULL,
    STRING,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    RecordType,
    SecretType,
    Type,
    TypeType,
)
from dagflow.model.values import Duration
from tests.expr.support import EMAIL, GIFT, LEAD, STATUS, checked, errors, mistakes, run

SMALL = EnumType("", ("new",))
A, B = ParamType("A"), ParamType("B")
PAIR = RecordType("", (Field("a", INT), Field("b", OptionalType(STRING))))


def record(**fields: Type) -> RecordType:
    return RecordType("", tuple(Field(name, type_) for name, type_ in fields.items()))


@pytest.mark.parametrize(
    ("given", "wanted", "fits"),
    [
        (SMALL, STATUS, True),
        (STATUS, SMALL, False),
        (STATUS, STRING, True),
        (STRING, STATUS, False),
        (STRING, EMAIL, False),
        (record(a=INT), PAIR, True),
        (record(a=INT, b=STRING), PAIR, True),
        (record(b=STRING), PAIR, False),
        (record(a=INT, c=INT), PAIR, False),
        (record(a=STRING), PAIR, False),
        (LEAD, GIFT, False),
        (LEAD, LEAD, True),
        (ListType(SMALL), ListType(STRING), True),
        (MapType(STRING, INT), MapType(STRING, JSON), True),
        (SecretType(STRING), SecretType(STRING), True),
        (SecretType(STRING), STRING, False),
        (TypeType(INT), TypeType(STRING), True),
        (NULL, OptionalType(INT), True),
        (NULL, INT, False),
        (INT, OptionalType(INT), False),
        (A, A, True),
        (ParamType("A"), A, True),
        (A, ListType(A), False),
        (ListType(A), A, False),
    ],
    ids=str,
)
def test_fits(given: Type, wanted: Type, fits: bool) -> None:
    assert Bindings().fits((given,), (wanted,)) is fits


def test_variables_widen_and_are_left_alone_on_failure() -> None:
    bindings = Bindings()
    assert bindings.fits((INT, JSON), (A, A))
    assert bindings.resolve(A) is JSON
    assert not bindings.fits((INT, STRING), (B, INT))
    assert bindings.resolve(B) == B
    assert bindings.finish(ListType(B)) == ListType(JSON)
    assert bindings.fits((SMALL, EMAIL), (B, B))
    assert bindings.resolve(B) is STRING


def test_join() -> None:
    assert Bindings().join([INT, INT]) is INT
    assert Bindings().join([INT, STRING]) is None
    assert Bindings().join([SMALL, STATUS]) is STRING
    assert Bindings().join([STATUS, EMAIL]) is STRING
    assert Bindings().join([STRING, STATUS]) is STRING
    assert Bindings().join([JSON, INT]) is JSON
    assert Bindings().join([TypeType(INT), TypeType(BOOL)]) == TypeType(INT)
    assert Bindings().join([PAIR, PAIR]) == PAIR


@pytest.mark.parametrize(
    "text",
    [
        "xs.all(x)", "xs.filter(x)", "xs.map(x)", "xs.transformList(x, 1)", "maybe.optMap(x)", "maybe.or()", "maybe.orValue(1, 2)",
        "maybe.hasValue(1)", "cel.bind(x, 1)", "optional.of()", "size()", "all(x, true)", "xs.filter(1, true)", "xs.map(.x, true)",
        "xs.transformList(1, x, 2)", "maybe.optMap(1, 2)", "cel.bind(1, 2, 3)",
    ],
)  # fmt: skip
def test_misused_macros_are_one_mistake(text: str) -> None:
    assert len(mistakes(text)) in {1, 2}
    with pytest.raises(ExpressionError):
        evaluate_expression(text, {"xs": [1], "maybe": 1})


@pytest.mark.parametrize(
    "text",
    [
        "nope.x", "nope.?x", "nope[0]", "nope[?0]", "has(nope.x)", "nope.all(x, x)", "nope.map(x, x.y)", "nope.orValue(1)", "nope ?? 1", "1 ?? nope",
        "nope ? 1 : 2", "true ? nope : 1", "nope.optMap(x, x)", "nope.foo()", "nope + 1", "-nope", "!nope", "nope && true", '"${nope}"', "[nope]",
        "[?nope]", "{nope: 1}", "{'a': nope}", "Email(nope)", "math.greatest(nope, 1)", "nope in xs", "lead.n == nope", "cel.bind(x, nope, x + 1)",
        "nope.hasValue()", "dyn(nope)", "type(nope)", "nope.x.y.z", "xs.transformMapEntry(i, x, nope)", "has(nope.?x.y)", "maybe.optFlatMap(x, nope)",
    ],
)  # fmt: skip
def test_one_mistake_is_one_message(text: str) -> None:
    assert [(d.code, d.title) for d in mistakes(text)] == [("E202", "unknown name `nope`")]


def test_a_broken_part_is_silent() -> None:
    tree, _ = parse_expression("1 +")
    assert [d.code for d in check(tree, Environment(variables={})).diagnostics] in ([], ["E202"])


@pytest.mark.parametrize("text", ["guess.?who.?name", "guess.who.?name", "guess.?who.name"])
def test_paths_through_optionals(text: str) -> None:
    assert str(checked(text).type) == "string?"
    assert run(text) == "Ann"
    assert run(text, guess=None) is None
    assert run(text, guess={}) is None
    assert run(text, guess={"who": None}) is None


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("lead.?owner", "Email?", None),
        ("lead.?n", "int?", 3),
        ("lead.?n ?? 0", "int", 3),
        ("m.?a", "int?", 1),
        ("m.?zz ?? 0", "int", 0),
        ("payload.?user.id", "json?", 7),
        ("payload.user.l[?9] ?? 1", "json", 1),
        ("maybe == maybe", "bool", True),
        ("null ?? 1", "int", 1),
        ("maybe ?? null", "int?", None),
        ("true ? payload.none : null", "json", None),
        ("lead.n.hasValue()", "bool", True),
        ("payload.none.hasValue()", "bool", False),
        ("lead.status.hasValue() ? lead.status : 'new'", "Status", "won"),
        ("bonus.optFlatMap(g, optional.of(g.code)) ?? 'x'", "string", "zz"),
        ("gift.or(optional.none()).hasValue()", "bool", False),
        ("optional.of(maybe.hasValue()).value()", "bool", False),
        ("cel.bind(x, maybe, x ?? 4)", "int", 4),
        ("[optional.of(1)].all(x, x.hasValue() && x > 0)", "bool", True),
        ("Email('a@b.cc')", "Email", "a@b.cc"),
        ("Email(payload.mail)", "Email", "a@b.cc"),
        ("Email(lead.email)", "Email", "a@b.cc"),
        ("'${payload.t} ${payload.b} ${payload.f} ${payload.mail}'", "string", "5s true 1.5 a@b.cc"),
        ("type(lead.n) == int", "bool", True),
        ("{lead.status: 1}", "map<Status, int>", {"won": 1}),
        ("{'a': 1}.transformMap(k, v, k == 'a', v)", "map<string, int>", {"a": 1}),
        ("xs.exists(i, x, i == 2 && x == 3)", "bool", True),
        ("xs.size() in [3, 4] && 'a' in m && 1 in {1: 2}", "bool", True),
        ("(lead.n > 2 ? optional.of(1) : optional.none()) ?? 0", "int", 1),
    ],
)
def test_flow_values(text: str, type_: str, value: object) -> None:
    payload = {"user": {"id": 7, "l": [1]}, "none": None, "mail": "a@b.cc", "t": Duration(5 * 10**9), "b": True, "f": 1.5}
    if "[optional.of(1)]" in text:
        assert [d.code for d in mistakes(text)] == ["E312"]
        return
    assert str(checked(text).type) == type_
    assert run(text, payload=payload) == value


def test_conversions_that_fail_when_they_run() -> None:
    for value in ("nope", 5):
        with pytest.raises(EvaluationError):
            run("Email(payload.mail)", payload={"mail": value})
    with pytest.raises(EvaluationError):
        run('"${payload}"', payload=[])
    with pytest.raises(EvaluationError):
        evaluate_expression("uint('x')", {})
    with pytest.raises(EvaluationError):
        evaluate_expression("bool('x')", {})


def test_a_scalar_without_a_rule_is_any_text() -> None:
    assert compile_cores([("scalar", ("string", "x"), "FileRef")])[0]({}) == "x"


def test_errors_only() -> None:
    assert errors(checked("payload.x")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x ? 1 : 2", "a bool is needed here, not int"),
        ("type('a').b", "type has no fields"),
        ("[1].b", "list has no fields"),
        ("'a'.b", "string has no fields"),
    ],
)
def test_unchecked_expressions_are_refused_by_their_values(text: str, said: str) -> None:
    with pytest.raises(EvaluationError, match=re.escape(said)):
        evaluate_expression(text, {"x": 1})


@pytest.mark.parametrize(
    ("text", "value"), [("1 ?? 'a'", 1), ("null ?? 'a'", "a"), ("['a'] ?? 1", ["a"]), ("type(1) == int", True)]
)
def test_unchecked_fallbacks_take_any_types(text: str, value: object) -> None:
    assert evaluate_expression(text, {}) == value


@pytest.mark.parametrize(("text", "value"), [("x ? 1 : 2", 1), ("x && true", True), ("[x].all(y, y)", True)])
def test_unchecked_conditions_are_decided_by_their_values(text: str, value: object) -> None:
    assert evaluate_expression(text, {"x": True}) == value


def test_an_expression_that_goes_on_behind_its_end_is_refused() -> None:
    with pytest.raises(ExpressionError, match="unexpected `4` after `3`"):
        evaluate_expression("3 4", {})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("lead.?nam", "E301"),
        ("guess.?who.?nam", "E301"),
        ("true ? payload : lead.owner", None),
        ("true ? lead.owner : 3", "E303"),
        ("secrets.pay - 1", "E601"),
        ("1 - secrets.pay", "E601"),
        ("secrets.pay ?? 1", "E601"),
    ],
)
def test_mistakes_with_fields_and_secrets(text: str, code: str | None) -> None:
    assert {d.code for d in errors(checked(text))} == ({code} if code else set())


def test_a_field_that_is_known_to_be_there_is_read_as_such() -> None:
    assert checked("lead.?owner", narrowed=frozenset({"lead.owner"})).type == EMAIL


def test_a_variable_never_holds_itself() -> None:
    bindings = Bindings()
    assert bindings.fits((ListType(JSON), ListType(A)), (A, A))
    assert bindings.resolve(A) is JSON
