"""One slip, one message: on its line, at its token, with a fix that restores what was meant. `python -m tests.lang.slips` prints all figures."""

from __future__ import annotations

import pytest

from dagflow.lang.compiler import compile_text
from tests.lang.corpus import GOOD
from tests.lang.slips import INTERFACE, figures, measure


@pytest.mark.parametrize("text", GOOD)
def test_good_flows_are_good(text: str) -> None:
    assert not compile_text(text, INTERFACE).diagnostics


def hold(found: dict[str, float]) -> None:
    assert found["on the line"] >= 0.98, found
    assert found["on the token"] >= 0.90, found
    assert found["fix restores"] >= 0.70, found
    assert found["messages per slip"] <= 1.1, found


@pytest.mark.early
def test_one_slip_one_message() -> None:
    hold(figures(measure(1, texts=GOOD[::6])))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_slip_one_message_everywhere() -> None:
    found = figures(measure(3, seed=7))
    assert found["slips"] > 3_000
    hold(found)
