"""`send`: an event for runs that sleep in a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import trio

from dagflow.app.interpreter import Interpreter
from dagflow.cli.sources import load_host
from dagflow.lang.compiler import compile_text
from tests.cli.support import Dagflow

Flow = Callable[[str], str]

TEXT = """
event "ops/acked" { id: string, by: string }
flow f(id: string) -> string? {
  on manual
  parallel first 1 {
    ack = wait event "ops/acked" as a when a.id == id within 1h
    wait 2h
  }
  note(text: ack.?by ?? "nobody")
  return ack.?by
}
"""


def asleep(folder: Path, *ids: str) -> list[str]:
    """Runs that wait, and nobody who drives them."""
    catalog = load_host("host.py", None).catalog
    flow = compile_text(TEXT, catalog.interface).unwrap()

    async def main() -> list[str]:
        async with Interpreter.open(folder / "dagflow.db", catalog=catalog) as interpreter:
            return [(await interpreter.start(flow, {"id": name})).id for name in ids]

    return trio.run(main)


def test_a_sleeping_run_goes_on(dagflow: Dagflow, folder: Path, flow: Flow) -> None:
    flow(TEXT)
    (run_id,) = asleep(folder, "x")
    sent = ("send", "ops/acked", "--actions", "host.py", "--input")
    refused = dagflow(*sent, '{"id": "x"}')
    assert refused.code == 2
    assert "--input is not what the event 'ops/acked' carries:" in refused.err
    said = dagflow(*sent, '{"id": "x", "by": "Ann"}', "--id", "1")
    assert said.code == 0
    assert "the event ops/acked reached 1 run\n" in said.err
    assert '{"by": "Ann", "id": "x"}' in said.out or '{"id": "x", "by": "Ann"}' in said.out
    assert "first 1 of" not in said.out
    assert (folder / "ledger").read_text() == "Ann\n"
    assert dagflow("show", run_id, "--json").json["output"] == "Ann"  # type: ignore[index]


def test_as_json_and_when_nobody_waits(dagflow: Dagflow, folder: Path, flow: Flow) -> None:
    flow(TEXT)
    asleep(folder, "x", "x")
    said = dagflow("send", "ops/acked", "--actions", "host.py", "--input", '{"id": "x", "by": "Ann"}', "--json")
    assert [run["output"] for run in said.json] == ["Ann", "Ann"]  # type: ignore[attr-defined]
    assert said.err == ""
    nobody = dagflow("send", "ops/acked", "--actions", "host.py")
    assert (nobody.code, nobody.err, nobody.out) == (0, "the event ops/acked reached 0 runs\n", "")


def test_no_store(dagflow: Dagflow) -> None:
    said = dagflow("send", "x/y")
    assert said.code == 2
    assert "there is no store" in said.err
