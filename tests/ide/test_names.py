"""What a name is, where it is defined, where else it stands, and what becomes of the text when it is called otherwise."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from dagflow.errors import UsageError
from dagflow.ide.analysis import Analyst
from dagflow.ide.hovering import hover
from dagflow.ide.navigating import definition, references, rename, renaming
from dagflow.ide.occurrences import occurrences
from dagflow.lang.edit.edits import applied
from tests.ide.texts import DECLARED, FILES, ROOT, builtin, opened

TEXT = (
    DECLARED
    + """/// Greets.
flow greet(lead: Lead) -> {ok: bool}? {
  on event "crm/lead" as e with (lead: e.lead)
  mail = email(template: "hi", to: lead.email)
  if big: lead.score > 5 {
    gift = crm.update(id: lead.name, status: "won")
  }
  came = wait event "crm/lead" as one when one.lead.name == lead.name within 1d
  names = for x, i in [lead] max 5 {
    note = log(message: "${x.name} ${i}")
    yield x.name
  }
  let all_ok = [1].all(n, n > 0) && (gift.?ok ?? false)
  slack(channel: "c", text: "${mail.message_id} ${size(names)} ${came.?lead.?name ?? ""}")
  last = log(message: "${slack.ts} ${now}") after slack
  return {"ok": all_ok}
} on error as problem {
  log(message: problem.code)
}

test "it goes" for greet {
  given (lead: {"name": "", "email": "a@b.c", "score": 1, "status": "new"})
  mock email(template: "hi") returns {"message_id": template}
  expect mail.ran && calls("slack").size() == 1
}
"""
)


def at(mark: str) -> int:
    """The place of `¦` in a piece of the text."""
    return TEXT.index(mark.replace("¦", "")) + mark.index("¦")


ANALYSIS = opened(TEXT)[1]


def test_the_text_is_sound() -> None:
    assert [each.code for each in ANALYSIS.diagnostics if each.code[0] == "E"] == []


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("¦mail = email", ["mail: {message_id: string}", "Calls `email`"]),
        ("mail = ¦email(", ["action email(template: string", "Send an e-mail", "*effectful"]),
        ("¦to: lead.email", ["to: Email"]),
        ("to: ¦lead.email", ["lead: Lead", "type Lead {", "In full."]),
        ("lead.¦email)", ["email: Email", "Field of `Lead`"]),
        ("¦gift = crm", ["gift: {ok: bool}", "runs only when `lead.score > 5` is true"]),
        ("&& (¦gift.?ok", ["gift: {ok: bool}?", "May not run"]),
        ("gift.?¦ok", ["ok: bool"]),
        ("¦big: lead", ["big: bool"]),
        ("as ¦one when", ["one"]),
        ("when ¦one.lead", ["one: "]),
        ("one.lead.¦name ==", ["name: string", "In full."]),
        ("¦came = wait", ["came", "has a value only when"]),
        ("for ¦x, i", ["x"]),
        ("${¦x.name}", ["x: Lead"]),
        ("${¦i}", ["i: int"]),
        ("all(¦n, n", ["n: int"]),
        ("all(n, ¦n > 0", ["n: int"]),
        ("[1].¦all(n", []),
        ("${¦size(names", ["size"]),
        ("${¦slack.ts}", ["slack", "ts: string"]),
        ("${¦now}", ["now: timestamp", "instant"]),
        ("¦problem.code", ["problem: Failure"]),
        ("flow ¦greet", ["flow greet(lead: Lead)", "Greets."]),
        ("for ¦greet {", ["flow greet"]),
        ("lead: ¦Lead)", ["type Lead", "Somebody to sell to"]),
        ("status: ¦Status\n", ['type Status = "new" | "won"']),
        ('on event "¦crm/lead"', ['event "crm/lead"', "lead: Lead"]),
        ("¦Lead {", ["type Lead"]),
        ("  /// In full.\n  ¦name", ["name: string", "In full"]),
        ("¦id: string", ["id: string"]),
        ("expect ¦mail.ran", ["ran: bool"]),
        ("mail.¦ran &&", ["ran: bool"]),
        ('calls("¦slack")', ["action slack"]),
        ('returns {"message_id": ¦template}', ["template: string"]),
    ],
)  # fmt: skip
def test_hovers(mark: str, words: list[str]) -> None:
    found = hover(ANALYSIS, at(mark))
    assert [word for word in words if found is None or word not in found.text] == [], found


@pytest.mark.parametrize("mark", ["retry¦", "\n\n/// Gr¦eets", '"h¦i", to', "1¦d\n"])
def test_nothing_to_show(mark: str) -> None:
    text = TEXT.replace("/// Greets", "\n/// Greets") + "// retry"
    analysis = opened(text)[1]
    assert hover(analysis, text.index(mark.replace("¦", "")) + mark.index("¦")) is None


@pytest.mark.parametrize(
    ("mark", "defined"),
    [
        ("${¦mail.message", "¦mail = email"),
        ("expect ¦mail.ran", "¦mail = email"),
        ("to: ¦lead.email", "greet(¦lead: Lead"),
        ("given (¦lead:", "greet(¦lead: Lead"),
        ("with (¦lead:", "greet(¦lead: Lead"),
        ("lead.¦email)", "¦email: Email"),
        ("x.¦name} ", "¦name: string"),
        ("${¦x.name}", "for ¦x, i"),
        ("(n, ¦n > 0", "all(¦n, n"),
        ("¦one.lead.name", "as ¦one when"),
        ("¦e.lead)", "as ¦e with"),
        ("¦problem.code", "as ¦problem {"),
        ("gift = ¦crm.update", "action ¦crm.update"),
        ('¦status: "won")', "¦status: Status) ->"),
        ('wait event "¦crm/lead"', 'event "¦crm/lead" {'),
        ("lead: ¦Lead)", "type ¦Lead {"),
        ("for ¦greet {", "flow ¦greet"),
        ("${¦slack.ts}", "¦slack(channel"),
        ("after ¦slack", "¦slack(channel"),
    ],
)
def test_definitions(mark: str, defined: str) -> None:
    found = definition(ANALYSIS, at(mark))
    assert found is not None
    assert found.span.start == at(defined)
    assert found.path == ""


@pytest.mark.parametrize("mark", ["= ¦email(", "${¦now}", "${¦size(", "¦\n/// Greets", "name.¦x"])
def test_what_others_define(mark: str) -> None:
    text = TEXT + "// name.x"
    analysis = opened(text)[1]
    assert definition(analysis, text.index(mark.replace("¦", "")) + mark.index("¦")) is None


@pytest.mark.parametrize(
    ("mark", "lines"),
    [
        ("¦mail = email", 3),
        ("greet(¦lead: Lead", 8),
        ("type ¦Lead {", 3),
        ("type ¦Status", 3),
        ("lead.¦email)", 3),
        ("for ¦x, i", 3),
        ("all(¦n, n", 1),
        ("as ¦problem {", 2),
        ("flow ¦greet", 2),
        ('event "¦crm/lead" {', 3),
    ],
)
def test_references(mark: str, lines: int) -> None:
    found = references(ANALYSIS, at(mark))
    assert len({ANALYSIS.lines.line_of(span.start) for span in found}) == lines
    assert len({TEXT[span.start : span.end] for span in found}) == 1
    assert len(references(ANALYSIS, at(mark), with_definition=False)) == len(found) - 1


@pytest.mark.parametrize(
    ("mark", "to"),
    [
        ("¦mail = email", "letter"), ("greet(¦lead: Lead", "person"), ("type ¦Lead {", "Person"), ("type ¦Status", "Stage"),
        ("lead.¦email)", "address"), ("for ¦x, i", "each"), ("all(¦n, n", "number"), ("as ¦problem {", "trouble"), ("flow ¦greet", "welcome"),
        ('event "¦crm/lead" {', "crm/person"), ("¦big: lead", "large"), ("let ¦all_ok", "fine"), ("¦gift = crm", "present"),
        ("${¦slack.ts}", "post"),
    ],
)  # fmt: skip
def test_renaming_keeps_the_meaning(mark: str, to: str) -> None:
    """A text that is renamed has the same messages at the same steps as before."""
    edits = rename(ANALYSIS, at(mark), to)
    text = applied(TEXT, list(edits))
    after = opened(text)[1]
    assert [each.code for each in after.diagnostics] == [each.code for each in ANALYSIS.diagnostics]
    assert len(occurrences(after)) >= len(occurrences(ANALYSIS))
    asked = renaming(ANALYSIS, at(mark))
    assert asked is not None
    assert TEXT[asked.span.start : asked.span.end] == asked.name


def test_a_step_keeps_its_old_name_for_runs() -> None:
    text = applied(TEXT, list(rename(ANALYSIS, at("¦mail = email"), "letter")))
    assert 'letter = email(template: "hi", to: lead.email) was mail\n' in text


@pytest.mark.parametrize(
    ("mark", "to", "why"),
    [
        ("= ¦email(", "x", "no name here"), ("¦mail = email", "if", "is no name"), ("¦mail = email", "a b", "is no name"),
        ('event "¦crm/lead" {', 'a"b', "is no name of an event"), ("${¦now}", "later", "no name here"),
    ],
)  # fmt: skip
def test_what_cannot_be_renamed(mark: str, to: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        rename(ANALYSIS, at(mark), to)


def test_a_step_of_a_broken_text_cannot_be_renamed() -> None:
    _, analysis, offset = opened('flow f() {\n  ¦a = log(message: "x")\n  b = (\n}\n')
    with pytest.raises(UsageError, match="syntax"):
        rename(analysis, offset, "c")


def test_names_of_other_files() -> None:
    shared = '/// Who.\ntype Person { name: string }\nevent "hr/hired" { who: Person }\nflow other(n: int) { log(message: "${n}") }\n'
    text = 'import "./shared.flow" as s\nflow f(who: s.Person) {\n  on event "hr/hired" as e with (who: e.who)\n  s.other(n: 1)\n}\n'
    sources = {"shared.flow": shared}
    analyst = Analyst(builtin(), filename="main.flow", sources=sources)
    analysis = analyst.update(text)
    assert analysis.diagnostics == ()
    for mark, place in (("s.¦Person", "Person {"), ('"¦hr/hired', "hr/hired"), ("s.¦other", "other(n")):
        found = definition(analysis, text.index(mark.replace("¦", "")) + mark.index("¦"), sources, "main.flow")
        assert found is not None
        assert (found.path, found.text) == ("shared.flow", shared)
        assert found.span.start == shared.index(place)
    found = definition(analysis, text.index("s.Person"), sources, "main.flow")
    assert found is not None
    assert text[found.span.start :].startswith("s\nflow")
    known = hover(analysis, text.index("Person"))
    assert known is not None
    assert "name: string" in known.text
    assert definition(analysis, text.index("Person"), {}, "main.flow") is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_name_once(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = occurrences(opened(text)[1])
    for one, other in pairwise(found):
        assert one.span.end <= other.span.start
