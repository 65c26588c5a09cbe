"""A commit that was reported survives a power cut, and the harness that says so sees it when one does not (G8)."""

from __future__ import annotations

import random

import pytest

from tests.durability.disk import Operation, Recording, Write
from tests.durability.power import cut_power


def test_nothing_is_lost_when_the_power_goes() -> None:
    figures = cut_power(400, seed=20260101)
    assert (figures.n_lost, figures.n_corrupt) == (0, 0)
    assert min(figures.seen.values()) > 0, figures


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_is_lost_in_ten_thousand_cuts() -> None:
    figures = cut_power(10_000, seed=random.randrange(10**9))
    assert (figures.n_cuts, figures.n_lost, figures.n_corrupt) == (10_000, 0, 0)
    assert min(figures.seen.values()) > 0, figures


def test_with_less_flushing_losses_are_seen() -> None:
    figures = cut_power(300, seed=20260102, is_full=False)
    assert figures.n_lost > 20, figures
    assert figures.n_corrupt == 0


def test_the_disk_forgets_what_was_not_flushed_and_nothing_else() -> None:
    recording = Recording({"a": b"0" * 1024})
    for what in (Write(0, b"1" * 1024), "sync", Write(512, b"2" * 1024), Write(100, None)):
        recording.operations.append(Operation("a", what))
    left = {recording.cut(4, random.Random(seed))[0]["a"] for seed in range(200)}
    assert all(len(body) in {100, 1024, 1536} for body in left)
    assert {b"1" * 1024, b"1" * 512 + b"2" * 1024, b"1" * 1024 + b"2" * 512, b"1" * 100} <= left
    assert {recording.cut(1, random.Random(seed))[0]["a"] for seed in range(200)} == {
        a + b for a in (b"0" * 512, b"1" * 512) for b in (b"0" * 512, b"1" * 512)
    }
