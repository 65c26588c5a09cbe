"""What is proposed where; `¦` is the cursor."""

from __future__ import annotations

import pytest

from dagflow.ide.completing import Completion, complete
from tests.ide.texts import DECLARED, opened

BODY = """flow greet(lead: Lead) -> {ok: bool}? {
  on event "crm/lead" as e with (lead: e.lead)
  mail = email(template: "hi", to: lead.email)
  if big: lead.score > 5 {
    gift = crm.update(id: lead.name, status: "won")
  }
HERE
  last = log(message: "end")
}
"""


def proposed(line: str) -> list[Completion]:
    """What is proposed for a line in a flow; a line that begins with `§` stands behind the flow instead."""
    text = BODY.replace("HERE\n", "") + line[1:] if line.startswith("§") else BODY.replace("HERE", line)
    analyst, analysis, offset = opened(DECLARED + text)
    return complete(analyst, analysis, offset)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("  ¦", {"email", "slack", "crm.update", "filter", "if", "wait event", "after"}),
        ("  em¦", {"email"}),
        ("  x = ¦", {"email", "crm.update", "wait event", "for"}),
        ("  x = crm.¦", {"update"}),
        ("  filter ¦", {"lead", "mail", "big", "gift", "now", "true", "size"}),
        ("  filter lead.¦", {"name", "email", "owner", "score", "status"}),
        ("  filter lead.st¦", {"status"}),
        ('  filter lead.sta¦tus == "won"', {"status"}),
        ('  filter lead.status == "¦"', {"new", "won"}),
        ("  filter lead.status == ¦", {"new", "won", "lead"}),
        ("  filter lead.name.¦", {"startsWith", "contains", "size"}),
        ("  if lead.¦", {"score"}),
        ("  switch lead.¦", {"status"}),
        ("  for x in lead.¦", {"name"}),
        ('  switch lead.status { case "¦" { } }', {"new", "won"}),
        ("  switch lead.status { case ¦ { } }", {"new", "won"}),
        ("  x = email(¦)", {"template", "to", "data", "subject"}),
        ("  x = email(¦", {"template", "to"}),
        ('  x = email(template: "a", ¦)', {"to", "data"}),
        ('  x = email(template: "a", to: ¦)', {"lead.email", "lead"}),
        ('  x = crm.update(id: "1", status: "¦")', {"new", "won"}),
        ('  x = crm.update(id: "1", status: ¦)', {"new", "won"}),
        ('  x = log(message: "to ${lead.¦}")', {"name"}),
        ('  x = log(message: "${¦}")', {"lead", "mail"}),
        ('  x = log(message: "a") after ¦', {"mail", "gift", "last"}),
        ('  x = log(message: "a") after any(mail, ¦)', {"gift", "last"}),
        ('  x = log(message: "a") ¦', {"after", "when", "retry", "undo", "was"}),
        ('  x = email(template: "a", to: lead.email) undo ¦', {"crm.update", "email"}),
        ('  emit "¦" ()', {"crm/lead"}),
        ('  emit "crm/lead" (¦)', {"lead"}),
        ('  x = wait event "¦', {"crm/lead"}),
        ("  let y: ¦", {"int", "string", "Lead", "Status", "Email"}),
        ("  let y = mail.¦", {"message_id"}),
        ("  let y = gift.¦", {"ok", "hasValue"}),
        ("  let y = [1, 2].¦", {"map", "filter", "all", "size", "groupBy", "reduce", "zip"}),
        ("  let y = [1].reduce(total, one, lead, total.¦)", {"score"}),
        ("  let y = [1].zip(n, one, [lead], one.¦)", {"score"}),
        ("  let y = [lead].map(one, one.¦)", {"name", "score"}),
        ('  let y = {"a": lead.¦}', {"name"}),
        ('  return {"ok": ¦}', {"lead", "true"}),
        ("§¦", {"flow", "type", "event", "action", "test", "import"}),
        ("§flow g(a: ¦) { }", {"Lead", "list", "duration"}),
        ("§flow g(a: list<¦>) { }", {"Lead", "int"}),
        ("§flow g() -> ¦", {"Lead", "json"}),
        ("§type T { a: ¦ }", {"Lead", "bool"}),
        ("§flow g() {\n  ¦\n}", {"on event", "timeout", "greet", "email"}),
        ("§flow g(lead: Lead) {\n  greet(¦)\n}", {"lead"}),
        ("§flow g(lead: Lead) {\n  start ¦\n}", {"greet"}),
        ('§test "x" for ¦', {"greet"}),
        ('§test "x" for greet {\n  ¦\n}', {"given", "mock", "mock … then", "expect", "at … send"}),
        ('§test "x" for greet {\n  given (¦)\n}', {"lead"}),
        ('§test "x" for greet {\n  mock ¦\n}', {"email", "crm.update"}),
        ('§test "x" for greet {\n  mock crm.¦\n}', {"update"}),
        ('§test "x" for greet {\n  given (lead: {"name": "", "email": "a@b.c", "score": 1, "status": "won"})\n  expect mail.¦\n}', {"ran", "output"}),
        ('§test "x" for greet {\n  at 1d send "¦" ()\n}', {"crm/lead"}),
    ],
)  # fmt: skip
def test_proposals(line: str, wanted: set[str]) -> None:
    labels = {each.label for each in proposed(line)}
    assert wanted - labels == set(), sorted(labels)
    assert not any("dagflow_here" in label for label in labels)


@pytest.mark.parametrize(
    "line",
    ["  // ¦", '  x = email(template: "¦", to: lead.email)', "  wait 2¦", "  let y = 1.¦", "  let z = nothing.¦", "§type ¦"],
)  # fmt: skip
def test_nothing_is_proposed(line: str) -> None:
    assert proposed(line) == []


def test_the_likeliest_first() -> None:
    found = proposed('  x = email(template: "a", to: ¦)')
    assert [each.label for each in found if each.rank == 0] == ["lead.email"]
    assert found[0].detail == "Email"
    assert [each.label for each in proposed("  x = email(¦)")][:2] == ["template", "to"]


def test_a_call_is_a_snippet() -> None:
    call = next(each for each in proposed("  cr¦") if each.label == "crm.update")
    assert call.insert == 'crm.update(id: ${1:""}, status: ${2:"new"})$0'
    assert call.is_snippet
    assert "idempotent" in call.doc
    macro = next(each for each in proposed("  let y = [1].red¦") if each.label == "reduce")
    assert macro.insert == "reduce(${1:total}, ${2:each}, ${3:0}, $4)$0"


def test_what_is_replaced() -> None:
    line = '  filter lead.sta¦tus == "won"'
    found = next(each for each in proposed(line) if each.label == "status")
    text = DECLARED + BODY.replace("HERE", line.replace("¦", ""))
    assert text[found.span.start : found.span.end] == "status"
