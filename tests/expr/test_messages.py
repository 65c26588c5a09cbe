"""What the checker says: code, title, label, help and fix, one mistake at a time."""

from __future__ import annotations

import pytest

from dagflow.model.types import DOUBLE, INT, STRING, ListType, MapType
from tests.expr.support import EMAIL, GIFT, STATUS, checked, mistakes, run

CASES = [
    ("lead.statsu", "E301", "`lead` has no field `statsu`", "`status`"),
    ("lead.zzz", "E301", "`lead` has no field `zzz`", None),
    ("lead.n.x", "E301", "`lead.n` has no field `x`", None),
    ("lead.email.?x", "E301", "`lead.email` has no field `x`", None),
    ("gift.?cod", "E301", "`gift` has no field `cod`", "`code`"),
    ("has(lead.statsu)", "E301", "`lead` has no field `statsu`", "`status`"),
    ('lead.status == "propsal_created"', "E302", "this comparison can never be true", '`"proposal_created"`'),
    ('"lost" != lead.status', "E302", "this comparison can never be false", None),
    ('lead.status in ["won", "lost"]', "E302", "this value can never be found", None),
    ("lead.created > 2d", "E303", "cannot compare timestamp with duration", None),
    ('lead.n == "3"', "E303", "cannot compare int with string", None),
    ("lead < lead", "E303", "Lead has no order", None),
    ('true ? 1 : "x"', "E303", "the two results have different types: int and string", None),
    ('"orders: " + lead.n', "E309", "no `+` for string and int", '`"orders: ${lead.n}"`'),
    ('lead.n + " orders"', "E309", "no `+` for int and string", '`"${lead.n} orders"`'),
    ("lead.email + lead.n", "E309", "no `+` for Email and int", None),
    ("lead.n && true", "E309", "no `&&` for int", None),
    ("lead.n ? 1 : 2", "E309", "a condition is a bool, not int", None),
    ('-"x"', "E309", "no `-` for string", None),
    ("xs - xs", "E309", "no `-` for list<int> and list<int>", None),
    ("size(lead)", "E309", "`size` does not take (Lead)", None),
    ("lead[0]", "E309", "`[]` does not take (Lead, int)", None),
    ("lead.n[?0]", "E309", "`[]` does not take (int, int)", None),
    ('"x ${lead.tags}"', "E309", "a list<string> does not go into a text", None),
    ('"x ${b"a"}"', "E309", "a bytes does not go into a text", None),
    ("{1.5: 2}", "E309", "a key is a bool, int, uint or string, not double", None),
    ("[?1]", "E309", "`?` needs an optional, not int", None),
    ("lead.n.all(x, true)", "E309", "`all` requires a list or a map; got int", None),
    ("xs.all(1, true)", "E309", "`all` needs a variable", None),
    ("xs.all(i, i, true)", "E309", "`i` is declared twice", None),
    ("xs.filter(x, x)", "E309", "`filter` requires a condition; got int", None),
    ("xs.transformMapEntry(i, x, 1)", "E309", "`transformMapEntry` must return a map for each entry; got int", None),
    ("lead.n.orValue(1)", "E309", "`orValue` needs an optional, not int", None),
    ('maybe.orValue("x")', "E309", "`orValue` of int? takes int, not string", None),
    ("maybe.or(1)", "E309", "`or` takes an optional, not int", None),
    ('maybe.or(optional.of("x"))', "E309", "no `or` for int? and string?", None),
    ("lead.n.optMap(x, x)", "E309", "`optMap` needs an optional, not int", None),
    ("maybe.optFlatMap(x, x)", "E309", "`optFlatMap` makes an optional, not int", None),
    ('maybe ?? "x"', "E309", "no `??` for int? and string", None),
    ("has(lead)", "E309", "`has` takes a field, like `has(a.b)`", None),
    ('math.greatest("a", 1)', "E309", "`math.greatest` takes numbers", None),
    ("Email(3)", "E309", "`Email` takes a string, not int", None),
    ("lead.n * lead.price", "E310", "int times double needs a conversion", "`double(lead.n) * lead.price`"),
    ("lead.n + 1u", "E310", "int plus uint needs a conversion", "`lead.n + int(1u)`"),
    ("leadd.n", "E202", "unknown name `leadd`", "`lead`"),
    ("siz(lead.tags)", "E202", "unknown function `siz`", "`size`"),
    ("lead.tags.length()", "E202", "unknown function `length`", "`size`"),
    ("lead.tags.frobnicate()", "E202", "unknown function `frobnicate`", None),
    ('"x ${secrets.pay}"', "E601", "a secret would leave the system", None),
    ("[secrets.pay]", "E601", "a secret would leave the system", None),
    ('{"a": secrets.pay}', "E601", "a secret would leave the system", None),
    ('secrets.pay == "x"', "E601", "a secret would leave the system", None),
    ('secrets.pay + "x"', "E601", "a secret would leave the system", None),
    ("size(secrets.pay)", "E601", "a secret would leave the system", None),
    ("secrets.pay.x", "E601", "a secret would leave the system", None),
    ("secrets.pay.?x", "E601", "a secret would leave the system", None),
    ("xs.map(x, secrets.pay)", "E601", "a secret would leave the system", None),
    ("secrets.pay.map(x, x)", "E601", "a secret would leave the system", None),
    ("cel.bind(s, secrets.pay, s)", "E601", "a secret would leave the system", None),
    ("secrets.pay && true", "E601", "a secret would leave the system", None),
    ("Email(secrets.pay)", "E601", "a secret would leave the system", None),
    ("maybe.orValue(secrets.pay)", "E601", "a secret would leave the system", None),
    ('Email("bad")', "E307", "this is no Email", None),
    ('now + duration("2d")', "E307", "this is no duration", None),
    ('now < timestamp("2026")', "E307", "this is no timestamp", None),
    ("9223372036854775808", "E113", "this literal has no value", None),
]


@pytest.mark.parametrize(("text", "code", "title", "fix"), CASES, ids=[case[0] for case in CASES])
def test_message(text: str, code: str, title: str, fix: str | None) -> None:
    (found,) = mistakes(text)
    assert (found.code, found.title, found.fix.text if found.fix else None) == (code, title, fix)
    assert found.label


@pytest.mark.parametrize(
    ("text", "code", "title", "fix"), [case for case in CASES if case[3]], ids=[case[0] for case in CASES if case[3]]
)
def test_fixes_work(text: str, code: str, title: str, fix: str) -> None:
    (found,) = mistakes(text)
    assert found.fix is not None
    for edit in reversed(found.fix.edits):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert mistakes(text) == []


@pytest.mark.parametrize(
    ("text", "expected", "code", "title"),
    [
        ('{"code": "x", "nte": "q"}', GIFT, "E301", "Gift has no field `nte`"),
        ('{"note": "x"}', GIFT, "E307", "Gift needs `code`"),
        ('{"code": 3}', GIFT, "E307", "`code` takes string, got int"),
        ('{"code": maybe}', GIFT, "E312", "this value may be absent"),
        ('{?"code": bonus.?code}', GIFT, "E309", "`?` does not fit `code: string`"),
        ('[1, "x"]', ListType(INT), "E307", "this list takes int, got string"),
        ('{"a": "x"}', MapType(STRING, INT), "E307", "this map takes int, got string"),
        ('[lead.status == "won" ? "new" : "wn"]', ListType(STATUS), "E302", "this value is not allowed here"),
        ('["x"]', ListType(EMAIL), "E307", "this is no Email"),
        ("[secrets.pay]", ListType(STRING), "E601", "a secret would leave the system"),
    ],
)
def test_what_is_wanted(text: str, expected: object, code: str, title: str) -> None:
    assert [(d.code, d.title) for d in mistakes(text, expected)] == [(code, title)]


def test_literals_are_read_as_what_is_wanted() -> None:
    assert run("5", DOUBLE) == 5.0
    assert type(run("-5", DOUBLE)) is float
    assert run('["new", "won"]', ListType(STATUS)) == ["new", "won"]
    assert str(checked('["a@b.cc"]', ListType(EMAIL)).type) == "list<Email>"
    assert run('{"a": 1}', MapType(STRING, DOUBLE)) == {"a": 1.0}
    assert run("true ? 1 : 2", DOUBLE) == 1.0


def test_secrets_pass_whole() -> None:
    assert str(run("true ? secrets.pay : secrets.pay")) == "Secret('pay')"


def test_a_broken_part_says_nothing_more() -> None:
    assert len(mistakes("lead.nope + 1 > size(lead.nope2) ? lead.x : [lead.y][0]")) == 4


def test_texts_show_values_as_people_write_them() -> None:
    text = '"${lead.n} ${lead.price} ${1e21} ${lead.created} ${2d} ${true} ${2u} ${lead.status} ${payload.user.id} ${xs[0]}"'
    shown = "3 1.5 1000000000000000000000 1970-01-01T00:00:00.000000005Z 172800s true 2 won 7 1"
    assert run(text) == shown


def test_a_payload_without_a_type_is_a_warning_once_for_a_chain() -> None:
    found = checked("payload.user.id + payload.user.n > 2").diagnostics
    assert {diagnostic.code for diagnostic in found} == {"W304"}
    assert checked("payload").diagnostics == []
