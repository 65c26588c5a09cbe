"""Four web workers ask, and one driver, which is killed meanwhile, runs everything once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import httpx
import pytest

from tests.examples.processes import Application

N_PARCELS = 40


def driver(application: Application) -> AbstractContextManager[subprocess.Popen[str]]:
    return application.process(sys.executable, str(application.code / "driver.py"), until="driving")


@pytest.mark.slow
def test_requests_of_all_workers_run_once_though_the_driver_is_killed(tmp_path: Path) -> None:
    application = Application.of("flask_gunicorn", tmp_path)
    gunicorn = ("gunicorn", "--workers", "4", "--preload", "--bind", f"127.0.0.1:{application.port}", "web:app")
    with ExitStack() as stack:
        stack.enter_context(application.process(*gunicorn))
        first = stack.enter_context(driver(application))

        def shipped(number: int) -> tuple[str, int]:
            if number == N_PARCELS // 2:
                first.kill()
                first.wait()
            with httpx.Client(base_url=application.address, timeout=40, trust_env=False) as browser:
                parcel = {"id": f"P-{number // 2}"}  # each twice
                answer = browser.post("/parcels", json=parcel)
                assert answer.status_code == 202, answer.text
                found = answer.json()
                return found["run"], found["worker"]

        threads = stack.enter_context(ThreadPoolExecutor(8))
        asked = [threads.submit(shipped, number) for number in range(N_PARCELS)]
        first.wait()
        stack.enter_context(driver(application))
        answers = [each.result() for each in asked]
        runs = {run for run, _ in answers}
        assert len(runs) == N_PARCELS // 2
        assert len({worker for _, worker in answers}) == 4
        with httpx.Client(base_url=application.address, timeout=40, trust_env=False) as browser:
            assert [browser.post("/parcels", json=body).status_code for body in ({}, [], {"id": 5})] == [400, 400, 400]
            assert browser.get("/parcels/nope").status_code == 404
            outputs = Counter(browser.get(f"/parcels/{run}").json()["output"] for run in runs)
    assert outputs == Counter(f"booked P-{number}" for number in range(N_PARCELS // 2))
    booked = [line.split()[1] for line in (tmp_path / "ledger.txt").read_text().splitlines()]
    assert sorted(booked) == sorted(f"P-{number}" for number in range(N_PARCELS // 2))
