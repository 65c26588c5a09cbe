"""Lengths of time as an author writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.expr.literals import decode_duration
from dagflow.model.lengths import as_written, roughly

SECOND = 1_000_000_000


@given(st.integers(0, 2**63 // 1_000_000 - 1))
def test_what_is_written_is_read_as_the_same(millis: int) -> None:
    assert decode_duration(as_written(millis * 1_000_000)).nanos == millis * 1_000_000


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0s"),
        (7_200 * SECOND, "2h"),
        (5_400 * SECOND, "1h30m"),
        (-5_400 * SECOND, "-1h30m"),
        (90_061 * SECOND + 1_000_000, "1d1h1m1s1ms"),
        (1_500, "1.5e-06s"),
    ],
)
def test_the_whole_length(nanos: int, text: str) -> None:
    assert as_written(nanos) == text


@pytest.mark.parametrize(("nanos", "text"), [(10, "0s"), (7_200 * SECOND + 3_000_000, "2h3ms"), (90_061 * SECOND, "1d1h")])
def test_roughly(nanos: int, text: str) -> None:
    assert roughly(nanos) == text
