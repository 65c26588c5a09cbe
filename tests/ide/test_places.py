"""Places as editors count them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.diagnostic import Span
from dagflow.ide.positions import Encoding, Lines, Position, Range
from dagflow.lang.edit.edits import applied
from dagflow.lang.edit.line_diff import edits_between

TEXTS = st.text(alphabet="ab\n\r\té😀", max_size=40)


@given(TEXTS, st.integers(-3, 50), st.sampled_from(Encoding))
def test_there_and_back(text: str, offset: int, encoding: Encoding) -> None:
    lines = Lines(text, encoding)
    inside = max(0, min(offset, len(text)))
    assert lines.offset(lines.position(offset)) == inside
    assert len(lines) == text.count("\n") + 1


@given(TEXTS, st.integers(-2, 9), st.integers(-2, 60), st.sampled_from(Encoding))
def test_any_position_is_a_place(text: str, line: int, column: int, encoding: Encoding) -> None:
    assert 0 <= Lines(text, encoding).offset(Position(line, column)) <= len(text)


@pytest.mark.parametrize(("encoding", "column"), [(Encoding.UTF8, 7), (Encoding.UTF16, 4), (Encoding.UTF32, 3)])
def test_columns(encoding: Encoding, column: int) -> None:
    lines = Lines("x\né😀b", encoding)
    assert lines.position(5) == Position(1, column)
    assert lines.length(Span(2, 5)) == column
    assert lines.offset(Position(1, column - 1)) == 4 if encoding is not Encoding.UTF32 else True
    assert lines.span(Range(Position(1, 0), Position(0, 0))) == Span(2, 2)


@given(TEXTS, TEXTS)
def test_edits_lead_from_one_text_to_the_other(before: str, after: str) -> None:
    edits = edits_between(before, after)
    assert applied(before, list(edits)) == after
    assert bool(edits) == (before != after)
