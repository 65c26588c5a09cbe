"""`dagflow.drive`: a process that drives a store until a signal stops it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import dagflow.blocking
from dagflow import Client, UsageError

ROOT = Path(__file__).parents[2]
WORKER = """
import sys, threading, time
import dagflow

catalog = dagflow.Catalog()

@catalog.action("slowly", effect="effectful")
def slowly(seconds: float) -> str:
    print("begun", flush=True)
    time.sleep(seconds)
    return "done"

class Source:
    def flows(self, since):
        text = "flow f(seconds: double) -> string {\\n  on manual\\n  x = slowly(seconds: seconds)\\n  return x\\n}"
        return [dagflow.SourcedFlow(name="f", text=text)]

dagflow.drive(
    sys.argv[1], catalog=catalog, source=Source(), takeover="takeover" in sys.argv, ready=lambda: print("driving", flush=True)
)
print("stopped", flush=True)
"""


@contextmanager
def worker(store: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WORKER, str(store), *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_first_signal_waits_for_calls_under_way(tmp_path: Path) -> None:
    store, client = tmp_path / "runs.db", Client(tmp_path / "runs.db")
    with worker(store) as first:
        assert said(first) == "driving"
        with worker(store) as second:
            assert second.wait(20) == 1
            assert second.stderr is not None
            assert "call that one with `dagflow.Client`, or stop it" in second.stderr.read().splitlines()[-1]
        with worker(store, "takeover") as waiting:
            run = client.start("f", {"seconds": 0.3}).run
            assert said(first) == "begun"
            first.send_signal(signal.SIGTERM)
            assert said(first) == "stopped"
            assert first.wait(20) == 0
            assert said(waiting) == "driving"
            assert client.wait(run, seconds=20).output == "done"


@pytest.mark.slow
def test_the_second_signal_stops_at_once(tmp_path: Path) -> None:
    store, client = tmp_path / "runs.db", Client(tmp_path / "runs.db")
    with worker(store) as first:
        assert said(first) == "driving"
        client.start("f", {"seconds": 3600.0})
        assert said(first) == "begun"
        first.send_signal(signal.SIGINT)
        while is_begun(client):  # until it drains
            pass
        first.send_signal(signal.SIGTERM)
        assert said(first) == "stopped"


def is_begun(client: Client) -> bool:
    try:
        client.start("f", {"seconds": 3600.0})
    except dagflow.NotServed as error:
        assert "the service is draining and begins nothing" in str(error)  # noqa: PT017 - the loop ends here
        return False
    return True


def test_a_signal_ends_waiting_for_another_process(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def stop() -> None:
        while signal.getsignal(signal.SIGTERM) is before:
            pass
        signal.raise_signal(signal.SIGTERM)

    with dagflow.blocking.Interpreter.open(tmp_path / "runs.db", catalog=dagflow.Catalog()):
        thread = threading.Thread(target=stop)
        thread.start()
        dagflow.drive(tmp_path / "runs.db", catalog=dagflow.Catalog(), takeover=True, ready=pytest.fail)
        thread.join()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_wrong_place_is_refused() -> None:
    found: list[BaseException] = []

    def elsewhere() -> None:
        try:
            dagflow.drive(":memory:", catalog=dagflow.Catalog())
        except UsageError as error:
            found.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "must be called in the main thread" in str(found[0])


async def test_inside_of_an_event_loop_it_is_refused() -> None:
    with pytest.raises(UsageError, match="`drive` must be called without an event loop; inside of one, use"):
        dagflow.drive(":memory:", catalog=dagflow.Catalog())
