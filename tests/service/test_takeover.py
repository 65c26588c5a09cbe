"""Two processes serve one store: one drives it, the other takes it over."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.postgres_server import Server
from tests.service.takeover import taken_over


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sign", "most"), [(signal.SIGKILL, 5.0), (signal.SIGTERM, 1.0), (signal.SIGSTOP, 5.0)], ids=["kill", "stop", "standstill"]
)
def test_another_process_takes_over(tmp_path: Path, postgres: Server, sign: int, most: float) -> None:
    # The best of three, since other tests run beside it; alone, 0.1 to 0.4 s after a stop in order.
    places = [tmp_path / str(number) for number in range(3)]
    for place in places:
        place.mkdir()
    assert any(taken_over(place, postgres.url(), sign) < most for place in places)


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_another_process_takes_a_file_over(tmp_path: Path, sign: int) -> None:
    assert taken_over(tmp_path, str(tmp_path / "runs.db"), sign) < 5
