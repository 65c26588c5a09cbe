"""`send`: an event for runs that sleep in a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import trio

from dagflow.app.event_listeners import awaited_by, unheard
from dagflow.app.interpreter import Interpreter
from dagflow.cli.sources import load_host
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
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


def asleep(folder: Path, *ids: str, text: str = TEXT) -> list[str]:
    """Runs that wait, and nobody who drives them."""
    catalog = load_host("host.py", None).catalog
    flow = compile_text(text, catalog.interface).unwrap()

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
    assert "--input must match the payload of event 'ops/acked':" in refused.err
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
    assert [run["output"] for run in said.json["runs"]] == ["Ann", "Ann"]  # type: ignore[index]
    assert (said.json["waits"], said.json["process"], said.json["duplicate"]) == (2, None, False)  # type: ignore[index]
    assert said.err == ""
    nobody = dagflow("send", "ops/acked", "--actions", "host.py")
    assert (nobody.code, nobody.err, nobody.out) == (
        0,
        "the event ops/acked reached 0 runs\ndagflow: no run waits for 'ops/acked', nor for any other event\n",
        "",
    )


def test_no_store(dagflow: Dagflow) -> None:
    said = dagflow("send", "x/y")
    assert said.code == 2
    assert "there is no store" in said.err


def test_an_event_that_nobody_ever_takes_is_said_to_be_one(dagflow: Dagflow, folder: Path, flow: Flow) -> None:
    flow(TEXT)
    asleep(folder, "x", text=TEXT.replace("within 1h", "within 1s").replace("wait 2h", "wait 1s"))
    vain = dagflow("send", "ops/aked", "--actions", "host.py")
    assert vain.code == 0
    assert "dagflow: no run waits for 'ops/aked', only for 'ops/acked'; did you mean 'ops/acked'?\n" in vain.err
    assert dagflow("resume", "--actions", "host.py", "--quiet").code == 0
    assert dagflow("send", "ops/acked", "--actions", "host.py", "--quiet").err == ""


def test_waits_of_loops_and_of_called_flows_are_waits() -> None:
    names = "".join(f'event "e{n:02}" {{ n: int }}\n' for n in range(14))
    waits = "".join(f'  w{n} = wait event "e{n:02}" as e within 1h\n' for n in range(2, 14))
    text = f"""{names}
flow f(ns: list<int>) {{
  for n in ns max 3 {{ x = wait event "e00" as e within 1h }}
  g()
}}
flow g() {{
  y = wait event "e01" as e within 1h
{waits}}}
"""
    flows = compile_text(text, Interface()).flows
    assert awaited_by(flows.values()) == {f"e{n:02}" for n in range(14)}
    assert unheard("e01", [flows["f"]]) == ""
    assert unheard("quite another", flows.values()).endswith("'e09' and 4 more")


def test_it_returns_once_nothing_is_left_but_waiting(dagflow: Dagflow, folder: Path, flow: Flow) -> None:
    later = '  yes = wait event "ops/acked" as b when b.id == id within 1h\n  return yes.?by'
    text = TEXT.replace("  return ack.?by", later)
    flow(text)
    woken, _ = asleep(folder, "x", "y", text=text)
    said = dagflow("send", "ops/acked", "--actions", "host.py", "--input", '{"id": "x", "by": "Ann"}', "--json")
    assert (said.code, [(run["run"], run["status"]) for run in said.json["runs"]]) == (0, [(woken, "sleeping")])  # type: ignore[index]
    assert (folder / "ledger").read_text() == "Ann\n"
    said = dagflow("send", "ops/acked", "--actions", "host.py", "--input", '{"id": "y", "by": "Bo"}')
    assert "the event ops/acked reached 1 run\n" in said.err
    assert "1 run not ended; to resume: `dagflow resume --store dagflow.db --actions host.py`\n" in said.err
