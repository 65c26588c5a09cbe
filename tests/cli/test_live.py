"""Commands on a store whose runs a process drives: they ask that process."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from dagflow import Client
from dagflow.store.open import shown
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


@pytest.fixture(params=["sqlite", "postgres"])
def served(folder: Path, request: pytest.FixtureRequest) -> Generator[Client]:
    in_a_file = request.param == "sqlite"
    with Served(folder / "dagflow.db" if in_a_file else request.getfixturevalue("postgres").url()) as found:
        client = Client(found.store)
        client.publish(FLOWS)
        yield client


@pytest.fixture
def dagflow(dagflow: Dagflow, request: pytest.FixtureRequest) -> Dagflow:
    """The command line, on the store that is served."""
    if "served" not in request.fixturenames:
        return dagflow
    store = str(request.getfixturevalue("served").store)
    return dagflow if store.endswith(".db") else lambda *words: dagflow(*words, "--store", store)


def shown_of(client: Client) -> str:
    """The store as the command line names it, which is started in the folder of the file."""
    return client.store.name if isinstance(client.store, Path) else shown(client.store)


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
    assert dagflow("resume").err == f"{here} the runs of {shown_of(served)}; `dagflow runs` shows them\n"
    assert dagflow("resume", run[:30], "--json").json == []
    assert dagflow("resume", "f" * 32).code == 2
    assert dagflow("cancel", "last").out == f"run {run} cancelled\n"
    assert dagflow("store", "vacuum", "--keep", "0s").code == 0
    assert served.runs() == []


def test_publish_flows_and_start(served: Client, dagflow: Dagflow, folder: Path) -> None:
    (folder / "more.flow").write_text(
        "flow half(n: int) -> int {\n  on manual\n  return 10 / n\n}\nflow twice(n: int) -> int {\n  on manual\n  return n * 2\n}\n"
    )
    said = dagflow("publish", "more.flow", "--author", "ann", "--comment", "c")
    assert said.err == "half is published as version 1, active\ntwice is published as version 1, active\n"
    assert [each["flow"] for each in dagflow("publish", "more.flow", "--json").json] == ["half", "twice"]  # type: ignore[index, union-attr]
    listed = dagflow("flows", "list")
    assert [line.split()[:3] for line in listed.out.splitlines()[1:]] == [
        ["deliver", "1", "active"],
        ["half", "1", "active"],
        ["twice", "1", "active"],
    ]
    assert dagflow("flows", "list", "--json").json[1]["author"] == "ann"  # type: ignore[index]
    assert dagflow("flows", "list", "--tenant", "acme").err == "no published flows; `dagflow publish FILE` publishes some\n"
    assert dagflow("flows", "pause", "half").err == "half is paused\n"
    waiting = dagflow("start", "half", "--input", '{"n": 2}', "--id", "r1", "--json")
    assert (waiting.code, waiting.json["stage"], waiting.json["run"]) == (0, "waiting", None)  # type: ignore[index]
    assert dagflow("flows", "resume", "half", "--json").json["state"] == "active"  # type: ignore[index]
    said = dagflow("start", "half", "--input", '{"n": 5}', "--wait")
    (newest,) = served.runs(limit=1)
    assert said.err == f"run {newest.id} is running\nrun {newest.id} succeeded\n"
    assert dagflow("start", "half", "--input", '{"n": 0}', "--wait").code == 1
    assert dagflow("flows", "retire", "twice").err == "twice is retired\n"
    assert "the flow 'twice' is retired" in dagflow("start", "twice", "--input", '{"n": 1}').err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["publish", "broken.flow"], 1, "error[E"),
        (["publish", "none.flow"], 2, "none.flow"),
        (["start", "none"], 2, "no published flow 'none'"),
        (["start", "deliver", "--input", '{"id": 1}'], 2, "/id: expected a text"),
        (["flows", "pause", "none"], 2, "no published flow 'none'"),
    ],
)
@pytest.mark.usefixtures("served")
def test_what_the_process_refuses(dagflow: Dagflow, folder: Path, words: list[str], code: int, message: str) -> None:
    (folder / "broken.flow").write_text("flow f {\n  on manual\n  x = \n}\n")
    said = dagflow(*words)
    assert said.code == code
    assert message in said.err


def test_without_a_process(dagflow: Dagflow) -> None:
    said = dagflow("flows", "list")
    assert (said.code, said.err) == (
        2,
        "dagflow: no process drives the runs of dagflow.db; start one: `dagflow serve`, or a program with `dagflow.drive`\n",
    )


def test_rerun(served: Client, dagflow: Dagflow) -> None:
    (run,) = served.send("order/paid", {"id": "A"}).runs
    said = dagflow("rerun", run, "--id", "again")
    assert (said.code, said.err) == (1, f"request start:again is dropped: once {WHERE}\n")
    served.publish(FLOWS.replace("  once by id\n", ""))
    said = dagflow("rerun", "last")
    newest, *_ = served.runs()
    assert (said.code, said.err) == (0, f"run {newest.id} is running {WHERE}\n")
    assert newest.id != run


def test_rerun_from_a_step(served: Client, dagflow: Dagflow) -> None:
    (run,) = served.send("order/paid", {"id": "A"}).runs
    served.skip(run, "shipped", {"id": "A"})
    served.wait(run)
    shown = dagflow("rerun", run, "--from", "shipped", "--dry-run", "--json")
    assert (shown.code, shown.err) == (0, "")
    assert shown.json["again"][0]["step"] == "shipped"
    assert (shown.json["run"], shown.json["from_step"]) == (run, "shipped")
    served.publish(FLOWS.replace("  once by id\n", ""))
    said = dagflow("rerun", run, "--from", "shipped", "--json")
    assert said.json["stage"] == "running"
    assert said.err.startswith("runs  shipped: it is the step to begin with\n")
    assert dagflow("rerun", run, "--dry-run").err == "dagflow: `--dry-run` needs a step to begin with; give `--from STEP`\n"


def test_a_step_is_skipped_and_a_run_is_not_retried(served: Client, dagflow: Dagflow) -> None:
    (run,) = served.send("order/paid", {"id": "A"}).runs
    said = dagflow("skip", run, "shipped", "--result", '{"id": "A"}', "--by", "ann")
    assert (said.code, said.err) in [(0, f"run {run} is {status} {WHERE}\n") for status in ("running", "succeeded")]
    assert served.wait(run).output == "delivered A"
    skipped = [each.payload for each in served.history(run) if each.kind == "step_skipped"]
    assert skipped == [b'{"by":"ann","value":{"id":"A"}}']
    said = dagflow("retry", run)
    assert (said.code, said.err) == (
        2,
        f"dagflow: run {run} ended succeeded, and only a failed run is retried; rerun it\n",
    )


def test_many_runs_at_once(served: Client, dagflow: Dagflow) -> None:
    runs = [served.send("order/paid", {"id": each}).runs[0] for each in ("A", "B")]
    listed = dagflow("cancel", "--where", "flow=deliver", "--dry-run", "--json").json
    assert [each["run"] for each in listed] == [runs[1], runs[0]]
    said = dagflow("cancel", "--where", "flow=deliver", "--rate", "100", "--json")
    assert (said.code, [each["problem"] for each in said.json]) == (0, [None, None])
    said = dagflow("rerun", "--where", "flow=deliver", "--rate", "100", "--json")
    assert (said.code, {each["problem"] for each in said.json}) == (1, {"its request is dropped: once"})
    said = dagflow("delete", "--where", "status=cancelled", "--rate", "100", "--json")
    assert (said.code, {each["run"] for each in said.json}) == (0, set(runs))
    assert not {row.id for row in served.runs()} & set(runs)
