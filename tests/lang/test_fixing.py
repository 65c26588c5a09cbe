"""Applying safe fixes over and over: it never raises, never makes a text worse, and ends."""

from __future__ import annotations

import random

import attrs
import pytest

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang.autofix import Fixed, fix_text
from dagflow.lang.compiler import Compilation, compile_text
from dagflow.lang.diagnostics import apply_fixes
from dagflow.model.action import Interface
from tests.lang.corpus import GOOD, interface
from tests.lang.golden import CASES, Case, prelude, read
from tests.lang.slips import KINDS, Slip, slips

PRELUDE = prelude()
SLIPS = interface()
CASE_TEXTS = [case for path in sorted(CASES.glob("*.flowtest")) for case in read(path)]


WITHIN_A_LINE = {"typo in a name", "misspelt keyword", "missing comma", "= for ==", "typo in an enum", "text for a number"}


def some_slips(kind: str) -> list[Slip]:
    """A few of a kind, of flows of different shapes."""
    chance = random.Random(kind)
    return [slip for good in chance.sample(GOOD, 4) for slip in slips(good, chance, 1) if slip.kind == kind]


def n_errors(compilation: Compilation) -> int:
    return sum(diagnostic.code.startswith("E") for diagnostic in compilation.diagnostics)


def fix(text: str, interface: Interface) -> Fixed:
    """Fix a text, and check what holds for all texts."""
    before = compile_text(text, interface)
    fixed = fix_text(text, lambda source: compile_text(source, interface))
    result = fixed.compilation.text
    assert n_errors(fixed.compilation) <= n_errors(before)
    assert fixed.compilation.diagnostics == compile_text(result, interface).diagnostics
    assert bool(fixed.applied) == (result != text)
    assert [each.offset for each in fixed.applied] == sorted(each.offset for each in fixed.applied)
    assert all(0 <= each.offset <= len(result) for each in fixed.applied)
    return fixed


@pytest.mark.parametrize("case", CASE_TEXTS, ids=lambda case: case.name)
def test_cases_get_no_worse(case: Case) -> None:
    first = fix(case.source, PRELUDE)
    again = fix(first.compilation.text, PRELUDE)
    assert again.compilation.text == first.compilation.text


@pytest.mark.parametrize("kind", KINDS)
def test_slips_get_no_worse(kind: str) -> None:
    for slip in some_slips(kind):
        fix(slip.text, SLIPS)


@pytest.mark.parametrize("kind", ["missing comma", "= for ==", "misspelt keyword"])
def test_slips_with_safe_fixes_are_mended(kind: str) -> None:
    found = some_slips(kind)
    assert found
    for slip in found:
        assert not fix(slip.text, SLIPS).compilation.has_errors, slip.text


def test_several_slips_at_once() -> None:
    chance = random.Random(1)
    for good in chance.sample(GOOD, 4):
        text = good
        for _ in range(4):
            # Brackets and quotes stay: the slips of a text without its partners are not defined.
            text = chance.choice([slip.text for slip in slips(text, chance, 1) if slip.kind in WITHIN_A_LINE])
        fix(text, SLIPS)


def test_places_are_those_of_the_text_that_came_out() -> None:
    fixed = fix('flow f {\n  a = log(mesage: "x");\n  b = slack(chanel: "C" text: "y")\n}\n', PRELUDE)
    text = fixed.compilation.text
    shown = {each.diagnostic.title: text[each.offset :] for each in fixed.applied}
    assert shown["`slack` has no argument `chanel`"].startswith('channel: "C"')
    assert shown["expected `,` before `text`"].startswith("text: ")


def test_inserted_lines_end_as_the_others_do() -> None:
    text = "flow f {\r\n  wait 1d\r\n}\r\n"
    two_lines = Diagnostic(code="W901", title="x", span=Span(10, 10), fix=_fix(Edit(Span(10, 10), "  wait 2d\n")))
    fixed = fix_text(text, lambda source: _said(source, [two_lines] if source == text else []))
    assert fixed.compilation.text == "flow f {\r\n  wait 2d\r\n  wait 1d\r\n}\r\n"


def test_a_fix_that_does_harm_is_left_out_and_the_others_are_made() -> None:
    text = "ab"
    harmful = Diagnostic(code="E101", title="a", span=Span(0, 1), fix=_fix(Edit(Span(0, 1), "AA")))
    good = Diagnostic(code="E102", title="b", span=Span(1, 2), fix=_fix(Edit(Span(1, 2), "B")))
    plain = [attrs.evolve(harmful, title=title, fix=None) for title in "123"]

    def compile_(source: str) -> Compilation:
        found = [harmful] if source[:1] == "a" else plain
        return _said(source, [*found, *([good] if source.endswith("b") else [])])

    fixed = fix_text(text, compile_)
    assert fixed.compilation.text == "aB"
    assert [each.diagnostic for each in fixed.applied] == [good]
    assert fixed.refused == (harmful,)


def test_a_fix_that_does_only_harm_changes_nothing() -> None:
    harmful = Diagnostic(code="E101", title="a", span=Span(0, 1), fix=_fix(Edit(Span(0, 1), "B")))
    two = [attrs.evolve(harmful, title=title, fix=None) for title in "12"]
    fixed = fix_text("a", lambda source: _said(source, [harmful] if source == "a" else two))
    assert (fixed.compilation.text, fixed.applied, fixed.refused) == ("a", (), (harmful,))


def test_fixes_that_undo_each_other_come_to_an_end() -> None:
    def compile_(source: str) -> Compilation:
        other = "b" if source == "a" else "a"
        return _said(source, [Diagnostic(code="E101", title="x", span=Span(0, 1), fix=_fix(Edit(Span(0, 1), other)))])

    assert fix_text("a", compile_).compilation.text == "b"


def test_of_a_fix_all_edits_are_made_or_none() -> None:
    first = Diagnostic(code="E101", title="x", span=Span(0, 2), fix=_fix(Edit(Span(0, 2), "X")))
    both = Diagnostic(code="E102", title="y", span=Span(1, 3), fix=_fix(Edit(Span(1, 3), "Y"), Edit(Span(4, 5), "Z")))
    assert fix_text("abcde", lambda text: _said(text, [first, both] if text == "abcde" else [])).compilation.text == "Xcde"


def test_what_is_put_before_a_word_goes_with_another_word_there() -> None:
    put = Diagnostic(code="E101", title="x", span=Span(1, 1), fix=_fix(Edit(Span(1, 1), "<")))
    changed = Diagnostic(code="E102", title="y", span=Span(1, 2), fix=_fix(Edit(Span(1, 2), "word")))
    assert apply_fixes("abc", [put, changed]) == apply_fixes("abc", [changed, put]) == "a<wordc"


def _fix(*edits: Edit) -> Fix:
    return Fix("do", is_safe=True, edits=edits)


def _said(text: str, diagnostics: list[Diagnostic]) -> Compilation:
    return Compilation({}, tuple(diagnostics), text, "a.flow", Interface())
