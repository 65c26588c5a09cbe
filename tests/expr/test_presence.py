"""Values that may be missing: how they are read, narrowed, defaulted, and what is refused."""

from __future__ import annotations

import pytest

from dagflow.expr.checker.checker import narrowed_by
from dagflow.lang.syntax.parser import parse_expression
from dagflow.model.types import STRING, ListType, OptionalType
from dagflow.model.values import Optional
from tests.expr.support import BINDINGS, EMAIL, GIFT, checked, mistakes, run


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("gift.?code", "string?", None),
        ("bonus.?code", "string?", "zz"),
        ("bonus.?note", "string?", None),
        ('gift.?code ?? "none"', "string", "none"),
        ("gift.?code ?? bonus.?code", "string", "zz"),
        ('gift.?note ?? bonus.?note ?? "x"', "string", "x"),
        ('gift.hasValue() ? gift.code : "no"', "string", "no"),
        ('bonus.hasValue() ? bonus.code : "no"', "string", "zz"),
        ('bonus.hasValue() && bonus.code == "zz"', "bool", True),
        ('!gift.hasValue() || gift.code == "zz"', "bool", True),
        ("has(bonus.note)", "bool", False),
        ("has(bonus.code)", "bool", True),
        ("has(gift.code)", "bool", False),
        ("has(lead.owner)", "bool", False),
        ("has(lead.n)", "bool", True),
        ("has(m.a) && !has(m.b)", "bool", True),
        ("has(payload.user.id) && !has(payload.user.nope)", "bool", True),
        ("has(guess.who.name)", "bool", True),
        ("guess.who.name", "string?", "Ann"),
        ("lead.owner", "Email?", None),
        ('lead.owner ?? "sales@acme.io"', "Email", "sales@acme.io"),
        ('lead.owner ?? "nobody"', "string", "nobody"),
        ("lead.owner == null", "bool", True),
        ("null != lead.owner", "bool", False),
        ('lead.owner != null && lead.owner.endsWith("x")', "bool", False),
        ("gift == null", "bool", True),
        ("maybe ?? 3", "int", 3),
        ("maybe.orValue(4)", "int", 4),
        ("maybe.or(optional.of(5)).value()", "int", 5),
        ("maybe.optMap(x, x + 1)", "int?", None),
        ("optional.of(2).optFlatMap(x, optional.of(x + 1))", "int?", 3),
        ("payload.?nope.?x ?? 5", "json", 5),
        ("payload.none ?? 6", "json", 6),
        ("xs[?7] ?? 0", "int", 0),
        ("true ? lead.owner : null", "Email?", None),
        ("lead.n > 1 ? 5 : null", "int?", 5),
        ('gift.orValue({"code": "q"}).code', "string", "q"),
        ("bonus.or(gift)", "Gift", {"code": "zz", "note": None}),
        ("[?maybe, 1, ?xs[?0]]", "list<int>", [1, 1]),
        ("xs.first()", "int?", 1),
    ],
)
def test_reads(text: str, type_: str, value: object) -> None:
    assert str(checked(text).type) == type_
    assert run(text) == value


@pytest.mark.parametrize(
    ("text", "code", "title"),
    [
        ("gift.code", "E308", "`gift` may not have run"),
        ("gift", "E308", "`gift` may not have run"),
        ('"${gift}"', "E308", "`gift` may not have run"),
        ("size([gift])", "E308", "`gift` may not have run"),
        ("gift[0]", "E308", "`gift` may not have run"),
        ("type(gift)", "E308", "`gift` may not have run"),
        ("xs.map(x, gift)", "E308", "`gift` may not have run"),
        ("cel.bind(g, gift, 1)", "E308", "`gift` may not have run"),
        ("gift == bonus", "E308", "`gift` may not have run"),
        ("maybe + 1", "E312", "this value may be absent"),
        ('lead.owner == "x"', "E312", "this value may be absent"),
        ('"x" == lead.owner', "E312", "this value may be absent"),
        ("lead.owner.size()", "E312", "this value may be absent"),
        ('"${maybe}"', "E312", "this value may be absent"),
        ("[maybe]", "E312", "this value may be absent"),
        ('{"a": maybe}', "E312", "this value may be absent"),
        ("xs.map(x, maybe)", "E312", "this value may be absent"),
        ("maybe ? 1 : 2", "E312", "this value may be absent"),
        ("Email(lead.owner)", "E312", "this value may be absent"),
        ("maybe.orValue(maybe)", "E312", "this value may be absent"),
        ("gift.hasValue() || gift.code == 'x'", "E308", "`gift` may not have run"),
    ],
)
def test_refusals(text: str, code: str, title: str) -> None:
    found = mistakes(text)
    assert [(d.code, d.title) for d in found][:1] == [(code, title)]
    assert len(found) == (2 if text == "gift == bonus" else 1)


def test_the_fix_of_an_absent_field_is_a_default() -> None:
    (found,) = mistakes("gift.code")
    assert found.label == "runs only for gold"
    assert found.fix is not None
    assert not found.fix.is_safe
    text = "gift.code"
    for edit in reversed(found.fix.edits):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert text == 'gift.?code ?? ""'
    assert mistakes(text) == []


def test_an_absence_may_bring_its_own_help() -> None:
    assert mistakes("bonus.code")[0].help == "say what else"


def test_a_missing_value_may_be_given_where_an_optional_is_wanted() -> None:
    assert run("gift", OptionalType(GIFT)) is None
    assert run("bonus", OptionalType(GIFT)) == BINDINGS["bonus"]
    assert run("lead.owner", OptionalType(EMAIL)) is None


def test_what_the_surroundings_narrowed_reads_as_a_value() -> None:
    assert str(checked("lead.owner", narrowed=frozenset({"lead.owner"})).type) == "Email"
    assert str(checked("gift.code", narrowed=frozenset({"gift"})).type) == "string"
    assert checked("gift.code", narrowed=frozenset({"gift"})).diagnostics == []


def test_a_macro_variable_is_not_narrowed_by_a_name_it_hides() -> None:
    found = checked("[lead].map(lead, lead.owner.size())", narrowed=frozenset({"lead.owner"}))
    assert [d.code for d in found.diagnostics] == ["E312"]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("gift.hasValue()", {"gift"}),
        ("!gift.hasValue()", set()),
        ("!(!gift.hasValue())", {"gift"}),
        ("lead.owner != null", {"lead", "lead.owner"}),
        ("null != lead.owner", {"lead", "lead.owner"}),
        ("!(lead.owner == null)", {"lead", "lead.owner"}),
        ("lead.owner == null", set()),
        ("lead.owner != 1", set()),
        ("has(lead.owner)", {"lead", "lead.owner"}),
        ("a.hasValue() && b.hasValue()", {"a", "b"}),
        ("a.hasValue() || b.hasValue()", set()),
        ("a.hasValue() || a.hasValue() && b.hasValue()", {"a"}),
        ("!(a == null || b == null)", {"a", "b"}),
        ("a.?b.hasValue()", {"a", "a.b"}),
        ("f().hasValue()", set()),
        (".a.hasValue()", set()),
        ("x > 1", set()),
    ],
)
def test_narrowed_by(text: str, paths: set[str]) -> None:
    tree, _ = parse_expression(text)
    assert narrowed_by(tree) == paths


def test_records_are_built_in_stored_form() -> None:
    assert run('{"code": "x", "note": bonus.?note}', GIFT) == {"code": "x", "note": None}
    assert run('{"code": "x", "note": null}', GIFT) == {"code": "x"}
    assert run('{"code": "x", ?"note": bonus.?code}', GIFT) == {"code": "x", "note": "zz"}
    assert str(checked('{"code": "x"}', GIFT).type) == "Gift"
    assert checked("lead.owner", STRING).diagnostics == []  # who wants it compares the types


WHOLE = '{"status": "won", "n": 3, "price": 1.5, "tags": ["a", "b"], "created": timestamp(lead.created), "email": "a@b.cc"}'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"lead == {WHOLE}", True),
        (f"{WHOLE} != lead", False),
        (f"{WHOLE} in [lead]", True),
        (f"lead in [{WHOLE}]", True),
        (f"[lead] == [{WHOLE}]", True),
        (f'{{"a": lead}} == {{"a": {WHOLE}}}', True),
        ('"a" in {"a": 1}', True),
        ('m == {"a": 1}', True),
        ("xs == [1, 2, 3]", True),
        ("2 in [1, 2]", True),
        ("[1] in [[1], [2]]", True),
        ("[1, 2].size() == 2", True),
    ],
)
def test_what_is_written_out_beside_a_record_is_one(text: str, value: object) -> None:
    assert run(text) is value


def test_a_part_that_may_be_null_is_written_as_null() -> None:
    assert run('[null, "a"]', ListType(OptionalType(STRING))) == [Optional(), Optional("a", is_present=True)]


def test_a_record_written_out_has_to_be_whole() -> None:
    [found] = mistakes('lead == {"n": 3}')
    assert (found.code, found.title) == ("E307", "Lead needs `status`")
