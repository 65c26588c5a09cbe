"""What the tests of expressions share: a small world of types and values, and one function that checks and runs."""

from __future__ import annotations

from dagflow.diagnostic import Diagnostic, Severity
from dagflow.expr.checker.checker import Absence, Checked, Environment, check
from dagflow.expr.codegen.emit import compile_cores
from dagflow.lang.syntax.parser import parse_expression
from dagflow.model.types import (
    DOUBLE,
    INT,
    JSON,
    STRING,
    TIMESTAMP,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
)
from dagflow.model.values import Secret, Timestamp

STATUS = EnumType("Status", ("new", "proposal_created", "won"))
EMAIL = ScalarType("Email")
LEAD = RecordType(
    "Lead",
    (
        Field("status", STATUS),
        Field("n", INT),
        Field("price", DOUBLE),
        Field("owner", OptionalType(EMAIL)),
        Field("tags", ListType(STRING)),
        Field("created", TIMESTAMP),
        Field("email", EMAIL),
    ),
)
GIFT = RecordType("Gift", (Field("code", STRING), Field("note", OptionalType(STRING))))
VARIABLES: dict[str, Type] = {
    "lead": LEAD,
    "now": TIMESTAMP,
    "gift": OptionalType(GIFT),
    "bonus": OptionalType(GIFT),
    "payload": JSON,
    "secrets": RecordType("Secrets", (Field("pay", SecretType(STRING)),)),
    "m": MapType(STRING, INT),
    "xs": ListType(INT),
    "maybe": OptionalType(INT),
    "guess": OptionalType(RecordType("", (Field("who", OptionalType(RecordType("", (Field("name", STRING),)))),))),
}
BINDINGS: dict[str, object] = {
    "lead": {"status": "won", "n": 3, "price": 1.5, "tags": ["a", "b"], "created": Timestamp(5), "email": "a@b.cc"},
    "now": Timestamp(10**18),
    "gift": None,
    "bonus": {"code": "zz", "note": None},
    "payload": {"user": {"id": 7, "l": [1, 2]}, "none": None},
    "secrets": {"pay": Secret("pay")},
    "m": {"a": 1},
    "xs": [1, 2, 3],
    "maybe": None,
    "guess": {"who": {"name": "Ann"}},
}
ABSENCES = {"gift": Absence("runs only for gold"), "bonus": Absence("runs only else", "say what else")}


def covers(steps: frozenset[str]) -> bool:
    return steps == {"gift", "bonus"}


def checked(text: str, expected: Type | None = None, narrowed: frozenset[str] = frozenset()) -> Checked:
    tree, diagnostics = parse_expression(text)
    assert diagnostics == []
    environment = Environment(
        variables=VARIABLES,
        absences=ABSENCES,
        covers=covers,
        types={"Email": EMAIL},
        expected=expected,
        narrowed=narrowed,
        source=text,
    )
    return check(tree, environment)


def run(text: str, expected: Type | None = None, **bindings: object) -> object:
    found = checked(text, expected)
    assert errors(found) == []
    return compile_cores([found.core])[0](BINDINGS | bindings)


def mistakes(text: str, expected: Type | None = None) -> list[Diagnostic]:
    return errors(checked(text, expected))


def errors(found: Checked) -> list[Diagnostic]:
    return [diagnostic for diagnostic in found.diagnostics if diagnostic.severity is Severity.ERROR]
