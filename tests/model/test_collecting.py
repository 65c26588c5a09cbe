"""Pausing the collector of cycles."""

from __future__ import annotations

import gc

import pytest

from dagflow.model.collecting import without_collecting


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
