"""Files broken in so many ways, or so deeply, that reading stops: what is said, and that it is not said for ever."""

from __future__ import annotations

import attrs
import pytest

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang import limits
from dagflow.lang.autofix import fix_text
from dagflow.lang.compiler import Compilation
from dagflow.model.label import label_of
from tests.lang.golden import check, prelude

INTERFACE = prelude()


def found(text: str) -> tuple[Diagnostic, ...]:
    return check(text, INTERFACE).diagnostics


def codes(text: str) -> set[str]:
    return {diagnostic.code for diagnostic in found(text)}


def test_after_fifty_mistakes_no_more_is_said() -> None:
    assert len(found("flow f {\n" + "  let 3 = 4\n" * 80 + "}")) == 50


@pytest.mark.parametrize(("bracket", "code"), [("(", "E106"), (")", "E117")])
def test_after_twenty_brackets_no_more_is_said(bracket: str, code: str) -> None:
    said = [diagnostic for diagnostic in found("flow f {\n" + f"  let x = 1{bracket}\n" * 40 + "}") if diagnostic.code == code]
    assert 1 <= len(said) <= 20


def test_too_many_words_are_refused() -> None:
    assert codes("a " * (limits.TOKENS + 1)) == {"E116"}


def test_too_many_statements_are_refused() -> None:
    assert codes("flow f {\n" + "  stop\n" * (limits.STATEMENTS + 1) + "}") == {"E116"}


@pytest.mark.parametrize(
    "text",
    [
        "flow f { let x = " + "-" * 2_000 + "1 }",
        "type T = " + "list<" * 40 + "int" + ">" * 40,
        "".join(f"type A{i} {{ a: A{i + 1} }}\n" for i in range(40)) + "type A40 { a: int }",
        "type B40 { a: int }\n" + "".join(f"type B{i} {{ a: B{i + 1} }}\n" for i in reversed(range(40))),
    ],
)
def test_what_is_too_deep_is_refused(text: str) -> None:
    assert codes(text) == {"E115"}


def test_a_mistake_inside_of_another_is_not_told() -> None:
    assert [d.code for d in found("flow f(lead: Lead) {\n  let x = Lead{name: 1, tags: 2 3}\n}")] == ["E109"]


def test_fixes_that_lead_to_ever_more_fixes_come_to_an_end() -> None:
    longer = Diagnostic(
        code="E101", title="too short", span=Span(0, 0), fix=Fix("longer", is_safe=True, edits=(Edit(Span(0, 0), "a"),))
    )

    def compile_(text: str) -> Compilation:
        return attrs.evolve(check(text, INTERFACE), diagnostics=(longer,))

    fixed = fix_text("", compile_)
    assert fixed.compilation.text == "a" * 10
    assert len(fixed.applied) == 10


def test_a_wait_for_an_event_without_a_name_is_called_by_its_event() -> None:
    flow = check('flow f {\n  wait event "crm/lead.changed" within 1d\n}', INTERFACE).unwrap()
    assert next(label_of(node) for node in flow.nodes) == 'wait event "crm/lead.changed"'
