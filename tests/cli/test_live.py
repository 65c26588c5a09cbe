"""Commands on a store whose runs a process drives: they ask that process."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from dagflow import Client
from tests.app.served import Served
from tests.cli.support import Said

FLOWS = """
event "order/paid" { id: string }
event "order/shipped" { id: string }
flow deliver(id: string) -> string {
  on event "order/paid"
  once by id
  shipped = wait event "order/shipped" as e when e.id == id within 1h
  return "delivered ${id}"
}
"""
Dagflow = Callable[..., Said]
WHERE = f"in process {os.getpid()}"


@pytest.fixture
def served(folder: Path) -> Generator[Client]:
    with Served(folder / "dagflow.db") as found:
        client = Client(found.store)
        client.publish(FLOWS)
        yield client


def test_send(served: Client, dagflow: Dagflow) -> None:
    said = dagflow("send", "order/paid", "--input", '{"id": "A"}', "--id", "e1", "--json")
    assert said.code == 0
    (row,) = served.runs()
    assert said.json == {
        "event": "e1",
        "duplicate": False,
        "waits": 0,
        "requests": [{"flow": "deliver", "id": "event:1", "stage": "running", "run": row.id, "reason": None}],
        "process": os.getpid(),
        "runs": [],
    }
    again = dagflow("send", "order/paid", "--input", '{"id": "A"}')
    assert again.err == f"the event order/paid reached 0 runs and started 0 runs {WHERE}\n  deliver: dropped: once\n"
    assert dagflow("send", "order/shipped", "--input", '{"id": "A"}').err == f"the event order/shipped reached 1 run {WHERE}\n"
    assert served.wait(row.id, seconds=30).output == "delivered A"
    assert dagflow("send", "order/paid", "--quiet", "--input", '{"id": "B"}').err == ""


def test_send_what_does_not_fit(served: Client, dagflow: Dagflow) -> None:
    served.send("order/paid", {"id": "A"})
    said = dagflow("send", "order/shipped", "--input", '{"id": 5}')
    assert said.code == 2
    assert "--input must match the payload of event 'order/shipped'" in said.err
    assert "/id: expected a text, found the number 5" in said.err


def test_cancel_resume_and_vacuum(served: Client, dagflow: Dagflow) -> None:
    (run,) = served.send("order/paid", {"id": "A"}).runs
    here = f"process {os.getpid()} drives"
    assert dagflow("resume").err == f"{here} the runs of dagflow.db; `dagflow runs` shows them\n"
    assert dagflow("resume", run[:30], "--json").json == []
    assert dagflow("resume", "f" * 32).code == 2
    assert dagflow("cancel", "last").out == f"run {run} cancelled\n"
    assert dagflow("store", "vacuum", "--keep", "0s").code == 0
    assert served.runs() == []
