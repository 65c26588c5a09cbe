"""Clients call the process that drives a store, and read the store beside it."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trio

import dagflow
from dagflow import Catalog, Client, NotServed, Service, UsageError
from dagflow.app.control.address import socket_of
from dagflow.store.sqlite.store import SqliteStore
from tests.app.served import Served

FLOWS = """
event "order/paid" { id: string }
event "order/shipped" { id: string }
flow deliver(id: string) -> string {
  on event "order/paid"
  once by id
  shipped = wait event "order/shipped" as e when e.id == id within 1h
  return "delivered ${id}"
}
flow ask(n: int) -> int {
  on manual
  return 10 / n
}
"""


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """A store that is not there yet, of either kind."""
    return tmp_path / "runs.db" if request.param == "sqlite" else request.getfixturevalue("postgres").url()


@pytest.fixture
def in_a_file(tmp_path: Path) -> Generator[Served]:
    """Behind a socket."""
    with Served(tmp_path / "runs.db") as found:
        yield found


@pytest.fixture
def served(store: Path | str) -> Generator[Served]:
    with Served(store) as found:
        client = Client(found.store)
        client.publish(FLOWS, name="deliver", author="ann", comment="first")
        client.publish(FLOWS, name="ask")
        yield found


def test_the_whole_life_of_a_run_by_a_client(served: Served) -> None:
    client = Client(served.store)
    assert client.ping() == os.getpid()
    delivery = client.send("order/paid", {"id": "A-1"}, id="e1")
    (run,) = delivery.runs
    assert client.send("order/paid", {"id": "A-1"}, id="e1").is_duplicate
    assert client.send("order/paid", {"id": "A-1"}).dropped[0].reason == "once"
    with pytest.raises(TimeoutError, match=f"run {run} has not ended after 0.05 s"):
        client.wait(run, seconds=0.05)
    assert client.result(run).status == "sleeping"
    assert client.send("order/shipped", {"id": "A-1"}).n_waits == 1
    result = client.wait(run, seconds=30)
    assert (result.status, result.output) == ("succeeded", "delivered A-1")
    assert [row.id for row in client.runs()] == [run]
    assert client.history(run)[-1].kind == "run_ended"


def test_flows_by_a_client(served: Served) -> None:
    client = Client(served.store)
    assert [(version.flow, version.number, version.author) for version in client.flows()] == [
        ("ask", 1, ""),
        ("deliver", 1, "ann"),
    ]
    assert client.pause("ask").state == "paused"
    waiting = client.start("ask", {"n": 2}, id="later")
    assert (waiting.stage, waiting.run) == ("waiting", "")
    assert client.withdraw("ask", waiting.id).reason == "cancelled"
    assert client.resume("ask").state == "active"
    run = client.start("ask", {"n": 2}).run
    assert client.wait(run, seconds=30).output == 5
    assert client.versions("deliver")[0].text == FLOWS
    assert client.retire("ask").state == "retired"
    (run,) = client.send("order/paid", {"id": "B"}).runs
    assert client.cancel_run(run).status == "cancelled"
    client.send("order/paid", {"id": "C"})
    assert client.cancel("deliver") == 1
    client.prune(2**62)
    assert client.runs() == []


def test_the_tenant_of_a_client_is_the_tenant_of_its_calls(served: Served) -> None:
    ours, theirs = Client(served.store), Client(served.store, tenant="acme")
    assert theirs.flows() == ()
    with pytest.raises(UsageError, match="no published flow 'ask'"):
        theirs.start("ask", {"n": 1})
    (run,) = ours.send("order/paid", {"id": "A"}).runs
    for call in (theirs.result, theirs.history, theirs.wait, theirs.cancel_run):
        with pytest.raises(UsageError, match=f"no run {run}"):
            call(run)
    assert theirs.runs() == []
    theirs.publish(FLOWS, name="deliver")
    (other,) = theirs.send("order/paid", {"id": "A"}).runs
    assert [row.id for row in theirs.runs()] == [other]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda client: client.publish("flow f { on manual\n x = }"), dagflow.FlowInvalid, "error"),
        (lambda client: client.start("nothing"), UsageError, "no published flow 'nothing'"),
        (lambda client: client.start("ask", {"n": "x"}), UsageError, "/n: expected a whole number"),
        (lambda client: client.send("order/paid", {"id": object()}), UsageError, "the arguments of `send` must be JSON values"),
        (lambda client: client.send("x" * 201), UsageError, "200"),
        (lambda client: client.send("order/paid", {}, id=""), UsageError, "the id of an event"),
        (lambda client: client.wait("0" * 32), UsageError, "no run 0000"),
        (lambda client: client.send("order/paid", {"id": "x" * 40_000_000}), UsageError, "a call must have at most 33554432 bytes"),
        (lambda client: Client(client.store, tenant="x" * 300).flows(), UsageError, "the name of a tenant"),
    ],
)  # fmt: skip
def test_what_a_call_refuses_is_raised_by_the_client(served: Served, call, error, message) -> None:
    with pytest.raises(error, match=message):
        call(Client(served.store))
    assert Client(served.store).ping() == os.getpid()


def test_without_a_process_runs_can_be_read_and_nothing_else(store: Path | str) -> None:
    with Served(store) as served:
        client = Client(served.store)
        client.publish(FLOWS, name="ask")
        run = client.start("ask", {"n": 5}).run
        client.wait(run)
    assert isinstance(store, str) or not socket_of(store).exists()
    assert client.result(run).output == 2
    assert len(client.runs()) == 1
    with pytest.raises(NotServed, match="no process drives the runs of"):
        client.send("order/paid", {"id": "A"})


def test_a_process_that_stops_answers_the_calls_under_way(store: Path | str) -> None:
    with ThreadPoolExecutor() as pool:
        with Served(store) as served:
            client = Client(served.store)
            client.publish(FLOWS, name="deliver")
            (run,) = client.send("order/paid", {"id": "A"}).runs
            served.until(lambda: served.n_waiting == 0)
            waiting = pool.submit(client.wait, run)
            served.until(lambda: served.n_waiting == 1)
        with pytest.raises(NotServed, match=r"has stopped|stopped during"):
            waiting.result(30)
    assert client.result(run).status == "sleeping"


def test_many_clients_at_once(served: Served) -> None:
    with ThreadPoolExecutor(16) as pool:
        client = Client(served.store)
        found = [
            run
            for delivery in pool.map(lambda n: client.send("order/paid", {"id": str(n % 50)}), range(200))
            for run in delivery.runs
        ]
    assert len(found) == len(set(found)) == 50


def test_an_interpreter_without_a_service_answers_what_it_can(store: Path | str) -> None:
    with Served(store, is_service=False) as served:
        client = Client(served.store)
        run = served.start(FLOWS, "deliver", {"id": "A"})
        assert client.send("order/shipped", {"id": "A"}, id="e").n_waits == 1
        assert client.send("order/shipped", {"id": "A"}, id="e").is_duplicate
        assert client.wait(run).output == "delivered A"
        with pytest.raises(UsageError, match="`publish` needs a service; this process drives runs without one"):
            client.publish(FLOWS, name="ask")


def test_nobody_but_the_user_may_connect(in_a_file: Served) -> None:
    assert stat.S_IMODE(socket_of(in_a_file.store).stat().st_mode) == 0o600


def test_a_socket_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(socket_of(tmp_path / "runs.db")))
    left.close()
    with pytest.raises(NotServed):
        Client(tmp_path / "runs.db").ping()
    with Served(tmp_path / "runs.db") as served:
        assert Client(served.store).ping() == os.getpid()


def test_a_path_that_is_too_long_for_a_socket_is_reached_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    with Served(folder / "runs.db") as served:
        assert Client(served.store).ping() == os.getpid()


def test_a_client_may_be_made_before_a_fork_and_keeps_no_trio(served: Served) -> None:
    code = (
        "import os, sys, dagflow\n"
        f"client = dagflow.Client({str(served.store)!r})\n"
        "client.ping()\n"
        "pid = os.fork()\n"
        "os.write(1, f'{client.ping() > 0}\\n'.encode())  # in one piece\n"
        "if pid:\n"
        "    os.waitpid(pid, 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["True", "True"]


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"{}\n", b"[1]\n", b"x" * 1000 + b"\n", b'{"name": 1, "tenant": "", "arguments": {}}\n', b'{"name": "ping", "tenant": "", "arguments": {"x": 1}}\n', b"\xff\n"],
)  # fmt: skip
def test_a_call_that_is_none_is_refused_and_harms_nothing(in_a_file: Served, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(socket_of(in_a_file.store)))
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        assert b'"error"' in connection.recv(65_536)
    assert Client(in_a_file.store).ping() == os.getpid()


def test_an_interpreter_may_be_out_of_reach(tmp_path: Path) -> None:
    async def main() -> bool:
        async with dagflow.Interpreter.open(tmp_path / "runs.db", catalog=Catalog(), is_reachable=False):
            return socket_of(tmp_path / "runs.db").exists()

    assert trio.run(main) is False


def test_a_directory_that_allows_no_socket_is_no_reason_to_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    socket_of(tmp_path / "runs.db").mkdir()

    async def main() -> None:
        async with Service.open(tmp_path / "runs.db", catalog=Catalog()) as service:
            assert await service.flows() == []

    trio.run(main)
    assert "other processes cannot reach this one" in caplog.text
    SqliteStore.open(tmp_path / "runs.db").close()
    assert threading.active_count() < 50


def test_a_run_is_run_again(served: Served) -> None:
    client = Client(served.store)
    first = client.start("ask", {"n": 5}).run
    client.wait(first)
    again = client.rerun(first, id="second")
    assert client.rerun(first, id="second").run == again.run != first
    assert client.wait(again.run).output == 2
    client.publish(FLOWS.replace("10 / n", "100 / n"), name="ask")
    newest = client.rerun(first)
    assert client.wait(newest.run).output == 20
    with pytest.raises(UsageError, match=f"no run {first}"):
        Client(served.store, tenant="acme").rerun(first)


def test_an_interpreter_runs_again_what_the_run_began_with(tmp_path: Path) -> None:
    with Served(tmp_path / "runs.db", is_service=False) as served:
        client = Client(served.store)
        first = served.start(FLOWS, "ask", {"n": 2})
        again = client.rerun(first)
        assert (again.flow, again.stage, client.wait(again.run).output) == ("ask", "running", 5)


def test_a_patient_client_repeats_a_call_until_a_process_drives_the_store(store: Path | str) -> None:
    patient = Client(store, patience=30)
    with Served(store):
        patient.publish(FLOWS, name="ask")
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(patient.start, "ask", {"n": 5}, id="once") for _ in range(2)]
        published = threads.submit(patient.publish, FLOWS, name="deliver")  # no process took it, so it is safe to repeat
        hasty = Client(store, patience=0.1)
        with pytest.raises(NotServed, match="no process drives the runs"):
            hasty.start("ask", {"n": 5})
        with Served(store):
            (run,) = {each.result().run for each in asked}
            assert patient.wait(run, seconds=20).output == 2
            assert published.result().number == 1
            assert [each.number for each in patient.versions("ask")] == [1]
            assert len(patient.runs()) == 1


def test_waiting_patiently_has_its_bound(in_a_file: Served) -> None:
    client = Client(in_a_file.store, patience=30)
    client.publish(FLOWS, name="deliver")
    (run,) = client.send("order/paid", {"id": "A-1"}).runs
    with pytest.raises(TimeoutError, match=f"run {run} has not ended after 0.05 s"):
        client.wait(run, seconds=0.05)
