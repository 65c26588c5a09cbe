"""The host changes while runs sleep: a run that does not fit is blocked, with its events, until the host is mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import attrs
import pytest
import trio

import dagflow
from dagflow.app.catalog_compatibility import misfit
from dagflow.app.interpreter import Interpreter
from dagflow.app.run_loader import UNDOING
from dagflow.clock import VirtualClock
from dagflow.errors import UsageError
from dagflow.execution.program import prepare
from dagflow.execution.results import RunResult
from dagflow.model.flow import Flow, NodeKind
from dagflow.model.status import RunStatus

FLOW = """
event "go" { id: string }
flow f(id: string) -> string {
  on manual
  w = wait event "go" as g when g.id == id within WITHIN else { return "nobody came" }
  b = text(value: id, tone: "loud")
  return b.said
}
"""


@attrs.frozen
class Said:
    said: str


@attrs.frozen
class Number:
    said: int


def as_it_was(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="idempotent")
    async def text(value: str, tone: Literal["loud", "low"]) -> Said:
        return Said(f"{value} {tone}")


def gone(catalog: dagflow.Catalog) -> None:
    """Nothing of it is left."""


def asking_more(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="idempotent")
    async def text(value: str, tone: str, size: int) -> Said:
        return Said(value)


def renamed(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="idempotent")
    async def text(val: str, tone: str) -> Said:
        return Said(val)


def of_another_type(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="idempotent")
    async def text(value: int, tone: str) -> Said:
        return Said(str(value))


def without_that_word(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="idempotent")
    async def text(value: str, tone: Literal["high", "low"]) -> Said:
        return Said(value)


def returning_numbers(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="idempotent")
    async def text(value: str, tone: str) -> Number:
        return Number(5)


def returning_nothing(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="idempotent")
    async def text(value: str, tone: str) -> None:
        pass


def wider(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="effectful")
    async def text(value: str | None, tone: str, size: int = 3, colour: str | None = None) -> Said:
        return Said(f"{value} {tone}")


def with_another_word(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="idempotent")
    async def text(value: str, tone: Literal["loud", "low", "shrill"]) -> Said:
        return Said(f"{value} {tone}")


@attrs.frozen
class SaidAndMore:
    said: str
    volume: int


def returning_more(catalog: dagflow.Catalog) -> None:
    @catalog.action("text", effect="idempotent")
    async def text(value: str, tone: str) -> SaidAndMore:
        return SaidAndMore(f"{value} {tone}", 11)


Change = Callable[[dagflow.Catalog], None]
MISFITS: dict[Change, str] = {
    gone: "calls `text`, which the catalog does not have; register it",
    asking_more: "`b` calls `text` without `size`, which it needs",
    renamed: "`b` gives `text` the argument `value`, which it does not take",
    of_another_type: "`b` gives `text` `value: id` of type string, and it takes int",
    without_that_word: '`b` gives `text` `tone: "loud"` of type string, and it takes "high" | "low"',
    returning_numbers: "`b` reads Said from `text`, which returns Number",
    returning_nothing: "`b` reads Said from `text`, which returns null",
}
FITTING: list[Change] = [as_it_was, wider, with_another_word, returning_more]


def host(change: Change) -> dagflow.Catalog:
    catalog = dagflow.Catalog()
    change(catalog)
    return catalog


def flow(within: str = "1d") -> Flow:
    return dagflow.compile(FLOW.replace("WITHIN", within), catalog=host(as_it_was)).unwrap()


async def ended(interpreter: Interpreter, run_id: str) -> RunResult:
    with trio.fail_after(20):
        while not (result := await interpreter.result(run_id)).status.is_terminal:
            await trio.lowlevel.checkpoint()
    return result


async def slept(path: Path, within: str = "1d") -> str:
    """A run that waits for its event."""
    async with Interpreter.open(path, catalog=host(as_it_was)) as interpreter:
        return (await interpreter.start(flow(within), {"id": "1"})).id


@pytest.mark.parametrize("change", MISFITS)
async def test_a_run_that_does_not_fit_is_blocked_with_its_event_until_the_host_is_mended(
    tmp_path: Path, change: Change
) -> None:
    path = tmp_path / "runs.db"
    run_id = await slept(path)
    for _ in range(2):  # also when it is blocked already
        async with Interpreter.open(path, catalog=host(change)) as interpreter:
            await interpreter.send("go", {"id": "1"}, id="the event")
            while not interpreter.blocked:
                await trio.lowlevel.checkpoint()
            assert MISFITS[change] in str(interpreter.blocked[run_id])
            (row,) = await interpreter.runs()
            assert (row.status, MISFITS[change] in row.blocked) == (RunStatus.SLEEPING, True)
    async with Interpreter.open(path, catalog=host(as_it_was)) as interpreter:
        result = await ended(interpreter, run_id)
        assert result.output == "1 loud"
        assert [row.blocked for row in await interpreter.runs()] == [""]


@pytest.mark.parametrize("change", [gone, renamed])
async def test_its_event_counts_though_its_time_is_over_when_the_host_is_mended(tmp_path: Path, change: Change) -> None:
    path = tmp_path / "runs.db"
    run_id = await slept(path, "1s")
    async with Interpreter.open(path, catalog=host(change)) as interpreter:
        await interpreter.send("go", {"id": "1"})
    clock = VirtualClock(2_000_000_000_000_000_000)
    async with Interpreter.open(path, catalog=host(as_it_was), clock=clock) as interpreter:
        result = await ended(interpreter, run_id)
    assert result.output == "1 loud"


@pytest.mark.parametrize("change", FITTING)
async def test_an_action_that_takes_more_than_it_did_fits(tmp_path: Path, change: Change) -> None:
    path = tmp_path / "runs.db"
    run_id = await slept(path)
    async with Interpreter.open(path, catalog=host(change)) as interpreter:
        await interpreter.send("go", {"id": "1"})
        result = await ended(interpreter, run_id)
    assert result.output == "1 loud"


@pytest.mark.parametrize("change", MISFITS)
async def test_a_flow_that_does_not_fit_does_not_begin(change: Change) -> None:
    async with Interpreter.open(":memory:", catalog=host(change)) as interpreter:
        with pytest.raises(UsageError) as raised:
            await interpreter.start(flow(), {"id": "1"})
        assert MISFITS[change] in str(raised.value)
        assert await interpreter.runs() == []


INSIDE = {
    "a loop": 'for x in [1] max 1 {{ b = text(value: id, tone: "loud") }}',
    "a called flow": "c = g(id: id)",
    "a started flow": "start g(id: id)",
    "an undo": 'c = other(id: id) undo text(value: id, tone: "loud")',
}


@pytest.mark.parametrize("where", INSIDE)
def test_wherever_the_action_is_called(where: str) -> None:
    text = (
        f"action other(id: string)\nflow f(id: string) {{\n on manual\n {INSIDE[where].replace('{{', '{').replace('}}', '}')}\n}}\n"
        'flow g(id: string) {\n on manual\n b = text(value: id, tone: "loud")\n}'
    )
    program = prepare(dagflow.compile(text, catalog=host(as_it_was)).unwrap("f"))
    kinds = {NodeKind.ACTION, NodeKind.UNDO}

    def found(change: Change, of: object = kinds) -> str | None:
        catalog = host(change)
        catalog.action("other")(_other)
        return misfit(program, catalog.interface.actions, of)  # type: ignore[arg-type]

    assert found(as_it_was) is None
    assert "the flow 'f' does not fit the catalog" in str(found(renamed))
    # To cancel a run only what undoes has to fit.
    assert (found(renamed, UNDOING) is None) == (where != "an undo")


async def _other(id: str) -> None:  # noqa: A002 - as the flow has it
    pass
