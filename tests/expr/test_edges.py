"""Corners of the checker and the evaluator that no everyday expression reaches."""

from __future__ import annotations

import pytest

import dagflow
from dagflow.errors import EvaluationError
from dagflow.expr.checker.checker import Environment, check
from dagflow.expr.library.namespace import translate
from dagflow.lang.syntax.parser import parse_expression
from dagflow.model.status import RunStatus
from dagflow.model.types import INT, JSON, STRING, UNKNOWN, ListType, OptionalType, SecretType
from tests.expr.support import ABSENCES, EMAIL, VARIABLES

MORE = {
    **VARIABLES,
    "unknown": UNKNOWN,
    "no_text": OptionalType(STRING),
    "no_list": OptionalType(ListType(INT)),
    "maybe_json": OptionalType(JSON),
    "token": SecretType(STRING),
    "choices": ListType(OptionalType(INT)),
    "deep": OptionalType(OptionalType(INT)),
}


def codes(text: str) -> list[str]:
    tree, diagnostics = parse_expression(text)
    assert not diagnostics
    environment = Environment(variables=MORE, absences=ABSENCES, types={"Email": EMAIL}, source=text)
    return [d.code for d in check(tree, environment).diagnostics if d.code.startswith("E")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[secrets.pay]", ["E601"]),
        ('{"a": secrets.pay}', ["E601"]),
        ("secrets.pay.length", ["E601"]),
        ("secrets.pay.?length", ["E601"]),
        ("secrets.pay + lead.n", ["E601"]),
        ("secrets.pay.map(x, x)", ["E601"]),
        ("no_list.map(x, x)", ["E312"]),
        ("choices.map(x, x.hasValue() ? x : 0)", []),
        ("gift.?code ?? bonus.?code", []),
        ("no_list + [1]", ["E312"]),
        ("lead.n + secrets.pay", ["E601"]),
        ("deep.?x", ["E301"]),
        ("unknown.field", []),
        ("unknown.?field", []),
        ("unknown ?? 1", []),
        ("Email(unknown)", []),
        ("lead.n.?digits", ["E301"]),
        ("gift.?nothing", ["E301"]),
        ("gift.nothing", ["E308"]),
        ("guess.?who.?age", ["E301"]),
        ("has(gift.nothing)", ["E301"]),
        ("has(lead)", ["E309"]),
        ("[1, [2]].size() > 0", []),
        ("lead.n ?? lead.tags", ["E309"]),
        ("true ? payload : null", []),
        ("true ? lead.status : lead.email", []),
        ("lead.tags.charAt(1)", ["E309"]),
        ("maybe_json.?a.?b ?? 1", []),
    ],
)
def test_codes(text: str, wanted: list[str]) -> None:
    assert codes(text) == wanted


@pytest.mark.parametrize(
    ("text", "bindings", "code"),
    [
        ("math.greatest(l)", {"l": []}, "bad_argument"),
        ("'%s'.format([])", {}, "bad_argument"),
        ("'%s'.format([t])", {"t": {"a": dagflow.Secret("x")}}, "type_mismatch"),
        ("c ? 1 : 2", {"c": 3}, "type_mismatch"),
        ("m.x", {"m": {}}, "no_such_key"),
        ("[1].all(i, i)", {}, "type_mismatch"),
        ("m[true]", {"m": {1: 2}}, "no_such_key"),
    ],
)
def test_failures(text: str, bindings: dict[str, object], code: str) -> None:
    try:
        dagflow.evaluate_expression(text, bindings)
    except EvaluationError as error:
        assert error.code == code  # noqa: PT017 - the other branch is as good
    except dagflow.UsageError:
        assert code == "type_mismatch"  # a value no expression can have is refused at the door
    else:
        pytest.fail("evaluated")


def test_values() -> None:
    assert dagflow.evaluate_expression("'a,b'.split(',', 0)", {}) == []
    assert dagflow.evaluate_expression("base64.encode(b'hi')", {}) == "aGk="
    assert dagflow.evaluate_expression("m.?x.orValue(1)", {"m": {"x": 2}}) == 2
    assert dagflow.evaluate_expression("'%d%%'.format([5])", {}) == "5%"
    assert dagflow.evaluate_expression("m[?true].hasValue()", {"m": {1: 2}}) is False


def test_a_run_is_over_or_not() -> None:
    assert [status for status in RunStatus if status.is_terminal] == [
        RunStatus.SUCCEEDED,
        RunStatus.FAILED,
        RunStatus.CANCELLED,
        RunStatus.FAILED_DIRTY,
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EvaluationError("overflow", "x"), "overflow"),
        (KeyError("a"), "no_such_key"),
        (RecursionError(), "too_deep"),
        (MemoryError(), "too_large"),
        (OverflowError(), "overflow"),
        (TypeError("x"), "type_mismatch"),
    ],
)
def test_what_python_raises_comes_out_in_the_words_of_cel(error: Exception, code: str) -> None:
    assert translate(error).code == code
