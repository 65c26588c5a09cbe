"""What is shown beside and in a text: parts, colours, hints, fixes, offers; and that any text has an answer to everything."""

from __future__ import annotations

import random

import pytest

from dagflow.diagnostic import Span
from dagflow.errors import UsageError
from dagflow.ide.analysis import Analysis, Analyst
from dagflow.ide.code_actions import actions, fix_all
from dagflow.ide.code_lenses import LensKind, drawable, lenses
from dagflow.ide.completing import complete
from dagflow.ide.hinting import hints
from dagflow.ide.hovering import hover
from dagflow.ide.navigating import definition, references, renaming
from dagflow.ide.outlining import Part, around, foldings, outline
from dagflow.ide.semantic_tokens import TOKEN_MODIFIERS, TOKEN_TYPES, coloured
from dagflow.ide.signatures import signature
from dagflow.lang.edit.edits import applied
from tests.ide.test_names import TEXT
from tests.ide.texts import DECLARED, FILES, opened

ANALYSIS = opened(TEXT)[1]
WHOLE = Span(0, len(TEXT))


def shape(part: Part) -> object:
    return (f"{part.kind} {part.name}", [shape(each) for each in part.parts]) if part.parts else f"{part.kind} {part.name}"


def test_outline() -> None:
    assert [shape(each) for each in outline(ANALYSIS)] == [
        "type Status",
        ("type Lead", ["field name", "field email", "field owner", "field score", "field status"]),
        ("event crm/lead", ["field lead"]),
        "action crm.update",
        (
            "flow greet",
            [
                "step mail", ("condition big", ["step gift"]), "step came", ("group names", ["step note"]), "value all_ok", "step slack",
                "step last", "step log",
            ],
        ),
        "test it goes",
    ]  # fmt: skip
    words = 'import "./a.flow" as a\nflow f() {\n  wait 1s\n  emit "x" ()\n  parallel { b() }\n  filter true\n  do { }\n  return 1\n}\nflow\n'
    assert [shape(each) for each in outline(opened(words)[1])][:2] == [
        "import a", ("flow f", ["step wait", "step emit", ("group parallel", ["step b"]), "condition filter", "group do"]),
    ]  # fmt: skip


def test_folding_and_selecting() -> None:
    lines = ANALYSIS.lines
    assert {TEXT[span.start : span.end].split("\n")[0][:8] for span in foldings(ANALYSIS)} >= {"{", 'test "it'}
    assert all(lines.line_of(span.start) < lines.line_of(span.end) for span in foldings(ANALYSIS))
    spans = around(ANALYSIS, TEXT.index("lead.email"))
    assert TEXT[spans[0].start : spans[0].end] == "lead"
    assert TEXT[spans[1].start : spans[1].end] == "lead.email"
    assert spans[-1] == WHOLE


def test_colours() -> None:
    found = coloured(ANALYSIS)
    kinds = {(TEXT[each.span.start : each.span.end], each.type) for each in found}
    assert {
        ("flow", "keyword"),
        ("greet", "class"),
        ("lead", "parameter"),
        ("mail", "variable"),
        ("email", "function"),
    } <= kinds
    assert {("Lead", "type"), ("crm/lead", "event"), ("status", "property"), ("all", "method"), ("now", "variable")} <= kinds
    assert {each.type for each in found} <= set(TOKEN_TYPES)
    assert {name for each in found for name in each.modifiers} == set(TOKEN_MODIFIERS)
    assert [each.span.start for each in found] == sorted(each.span.start for each in found)


def test_hints() -> None:
    found = [(TEXT[: each.offset].rsplit(maxsplit=1)[-1], each.text) for each in hints(ANALYSIS, WHOLE)]
    assert ("mail", ": {message_id: string}") in found
    assert ("names", ": list<string>") in found
    assert sum(text == "may not run" for _, text in found) == 2
    assert hints(ANALYSIS, Span(0, 5)) == []
    long = opened(
        "flow f(a: {"
        + ", ".join(f"field_{i}: int" for i in range(9))
        + '}) {\n  let b = a\n  log(message: "${b.field_1}")\n}\n'
    )[1]
    (hint,) = hints(long, Span(0, 999))
    assert hint.text.endswith("…")
    assert hint.tooltip.endswith("}")


def test_offers() -> None:
    assert [(each.kind, each.title, each.flow, each.test) for each in lenses(ANALYSIS)] == [
        (LensKind.GRAPH, "graph", "greet", ""), (LensKind.RUN_TESTS, "run 1 test", "greet", ""), (LensKind.RUN_TEST, "run test", "greet", "it goes"),
    ]  # fmt: skip
    assert drawable(ANALYSIS, "greet").name == "greet"
    with pytest.raises(UsageError, match="none of this name"):
        drawable(ANALYSIS, "other")
    with pytest.raises(UsageError, match="errors"):
        drawable(opened("flow f() { nothing() }")[1], "f")


@pytest.mark.parametrize(
    ("text", "label", "active"),
    [
        ("email(¦", "email(template: string, to: Email", 0),
        ("email(template: ¦", "email(template: string", 0),
        ('email(template: "x", to: ¦', "email(", 1),
        ('email(template: "x", ¦', "email(", None),
        ("crm.update(status: f(1)¦", "crm.update(id: string, status: Status) -> {ok: bool}", 1),
        ('emit "crm/lead" (¦', '"crm/lead"(lead: Lead)', 0),
        ("log(message: size(¦", None, None),
        ("nothing(¦", None, None),
        ("let a = 1¦", None, None),
        ("email(to: lead.email)¦", None, None),
    ],
)
def test_signatures(text: str, label: str | None, active: int | None) -> None:
    _, analysis, offset = opened(DECLARED + "flow f(lead: Lead) {\n  " + text + "\n}\n")
    found = signature(analysis, offset)
    assert (found is None) == (label is None)
    if found is not None and label is not None:
        assert found.label.startswith(label)
        assert found.active == active


def test_the_signature_of_a_flow() -> None:
    _, analysis, _ = opened(DECLARED + 'flow g(n: int) -> {a: int} { return {"a": n} }\nflow f() {\n  x = g(n: 1)\n}\n')
    found = signature(analysis, analysis.text.index("n: 1"))
    assert found is not None
    assert found.label == "g(n: int) -> {a: int}"


def test_fixes() -> None:
    text = TEXT.replace("gift = crm.update", "gift = crm.updaet").replace("lead.email)", "lead.emial)").replace("\n", "\r\n")
    analyst, analysis, _ = opened(text)
    found = actions(analysis, Span(0, len(text)))
    assert [each.title for each in found] == ["E301: `email`", "E201: `crm.update`"]
    assert all(each.is_preferred for each in found)
    assert actions(analysis, Span(0, 3)) == []
    every = fix_all(analyst, analysis)
    assert every is not None
    assert every.title == "Apply 2 safe fixes"
    assert applied(text, list(every.edits)) == TEXT.replace("\n", "\r\n")
    assert fix_all(*opened(TEXT)[:2]) is None


def everything(analyst: Analyst, analysis: Analysis, offset: int) -> None:
    hover(analysis, offset)
    complete(analyst, analysis, offset)
    definition(analysis, offset)
    references(analysis, offset)
    renaming(analysis, offset)
    signature(analysis, offset)
    around(analysis, offset)
    outline(analysis)
    foldings(analysis)
    coloured(analysis)
    hints(analysis, Span(0, len(analysis.text)))
    actions(analysis, Span(0, len(analysis.text)))
    lenses(analysis)


@pytest.mark.parametrize("seed", range(12))
def test_any_text_has_an_answer(seed: int) -> None:
    chance = random.Random(seed)
    text = chance.choice([*(path.read_text(encoding="utf-8") for path in FILES), TEXT])
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(text))
        text = (
            text[:at] + chance.choice(["{", "}", '"', "(", "\n", "=", ".", "${", "", "//"]) + text[at + chance.randrange(12) :]
        )
    analyst, analysis, _ = opened(text)
    for _ in range(4):
        everything(analyst, analysis, chance.randrange(len(text) + 1))


@pytest.mark.parametrize("text", ["", "\x00", "flow", '"', "((((((", "flow f() {" * 40, "é" * 50, "type T = T", "//", "\n" * 9])
def test_no_text_has_an_answer_too(text: str) -> None:
    analyst, analysis, _ = opened(text)
    for offset in range(0, len(text) + 1, 7):
        everything(analyst, analysis, offset)
