"""Pausing the collector of cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from dagflow.gc_tuning import RareGc, without_collecting


def test_it_is_left_as_it_was_found() -> None:
    assert gc.isenabled()
    with without_collecting():
        assert not gc.isenabled()
        with without_collecting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_also_when_the_work_fails() -> None:
    with pytest.raises(ZeroDivisionError), without_collecting():
        _ = 1 // 0
    assert gc.isenabled()


def test_a_host_that_collects_by_itself_is_left_alone() -> None:
    gc.disable()
    try:
        with without_collecting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.fixture
def as_usual() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield (700, 10, 10)
    gc.set_threshold(*before)


def test_seldom_and_then_as_before(as_usual: tuple[int, int, int]) -> None:
    seldom = RareGc()
    seldom.begin()
    seldom.begin()
    assert gc.get_threshold() == (100_000, 10, 10)
    seldom.end()
    seldom.end()
    assert gc.get_threshold() == as_usual


def test_two_that_make_many_end_one_after_the_other(as_usual: tuple[int, int, int]) -> None:
    one, other = RareGc(), RareGc()
    one.begin()
    other.begin()
    one.end()
    other.end()
    assert gc.get_threshold() == as_usual


@pytest.mark.parametrize("chosen", [(0, 10, 10), (500_000, 5, 5)])
def test_what_a_host_chose_stays(as_usual: tuple[int, int, int], chosen: tuple[int, int, int]) -> None:
    gc.set_threshold(*chosen)
    seldom = RareGc()
    seldom.begin()
    assert gc.get_threshold() == chosen
    seldom.end()
    assert gc.get_threshold() == chosen
    gc.set_threshold(*as_usual)
    seldom.begin()
    gc.set_threshold(*chosen)
    seldom.end()
    assert gc.get_threshold() == chosen
