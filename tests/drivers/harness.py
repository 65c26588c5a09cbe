"""The local driver under trio's own virtual clock, with the simulator's scripts for actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import attrs
import orjson
import trio
import trio.testing

from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.actions.fast_path import FastAction
from dagflow.drivers.local.activation import ActivationConfig
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun, Pinned
from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Send
from dagflow.execution.bindings import Origin
from dagflow.execution.fast_path import FastStep, fast_step
from dagflow.execution.instance import RunInstance
from dagflow.execution.performer import Performer
from dagflow.execution.program import Code, Program, canonical
from dagflow.execution.results import RunResult, result_of
from dagflow.ids import FlowDigest, RunId
from dagflow.model.flow import Node
from dagflow.model.wire.codec import WireError
from dagflow.store.api import Append, Creation, RunRow, Store
from dagflow.store.memory import MemoryStore

RUN = RunId("0" * 32)


class TrioClock:
    """The wall clock of a world in which trio's clock is the only one."""

    def now(self) -> int:
        return DEFAULT_START + round(trio.current_time() * 1e9)


@attrs.define(eq=False)
class ScriptedPerformer:
    """Calls scripts; `n_failed` counts by effect key, like the simulator does by node."""

    scripts: Mapping[str, Script]
    calls: list[Invocation] = attrs.field(factory=list)
    n_failed: dict[str, int] = attrs.field(factory=dict)

    def destination(self, action: str, arguments: object) -> str:
        return action

    def direct(self, action: str, arguments: object, result: object) -> None:
        """Everything goes the long way."""

    async def perform(self, invocation: Invocation) -> object:
        self.calls.append(invocation)
        script = self.scripts[invocation.node]
        failed = self.n_failed.get(invocation.node, 0)
        self.n_failed[invocation.node] = failed + 1
        if script.takes_ns:
            await trio.sleep(script.takes_ns / 1e9)
        if failed < len(script.failures):
            raise script.failures[failed]
        self.n_failed[invocation.node] = failed
        return script.result(invocation) if callable(script.result) else script.result


def run_local(
    program: Program,
    scripts: Mapping[str, Script],
    *,
    store: Store | None = None,
    concurrency: int = 64,
    input_value: Mapping[str, object] | None = None,
    sends: Sequence[Send] = (),
    is_held: bool = True,
    is_quick: bool = False,
) -> tuple[RunResult, RunInstance, Store]:
    """Run once, in the virtual time of trio. One that nobody holds leaves memory whenever it sleeps, and is read from the store again.
    With `is_quick` actions are called the short way where that is possible.
    """
    used = store or EndingStore()

    def loaded(rows: Sequence[RunRow]) -> list[LoadedRun]:
        return [loaded_one(row) for row in rows]

    def loaded_one(row: RunRow) -> LoadedRun:
        history, progress = used.history(row.id), RunInstance(program, row.id)
        progress.restore(history)
        return LoadedRun(progress, PINNED, n_committed=len(history))

    async def main() -> tuple[RunResult, RunInstance, Store]:
        clock = TrioClock()
        performer = ScriptedPerformer(scripts)
        driver = LocalDriver(used, performer, clock, concurrency, lambda: 0.5, ActivationConfig(loaded, nearly_due_ns=1))
        # In virtual time nothing depends on how fast the machine is.
        driver.time_slice.long_ns = 10**18
        if is_quick:
            driver._attempts._fast_steps[program] = [scripted(performer, code) for code in program.codes]
        async with trio.open_nursery() as nursery:
            await nursery.start(driver.serve)
            progress = RunInstance(program, RUN)
            progress.begin(input_value or {}, Origin(), clock.now())
            live = LoadedRun(progress, PINNED, is_new=True)
            if not is_held:
                await driver.suspension.open()
            driver.take(live)
            for send in sends:
                nursery.start_soon(_send, driver, send)
            if is_held:
                result = await live.wait_ended()
            else:
                del live, progress
                await cast("EndingStore", used).has_ended.wait()
                progress = RunInstance(program, RUN)
                progress.restore(used.history(RUN))
                result = result_of(progress)
            nursery.cancel_scope.cancel()
        return result, progress, used

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def scripted(performer: Performer, code: Code) -> FastStep | None:
    """The short way to what a script says of a node, if its arguments and its result allow it."""
    call = partial(call_script, performer, code.node)
    direct = FastAction(call, partial(kept_quickly, code), partial(kept_anyhow, code), as_failure)
    return fast_step(code, direct) if code.node.action and code.is_plain else None


async def call_script(performer: Performer, node: Node, **arguments: object) -> object:
    return await performer.perform(
        Invocation(action=node.action, arguments=arguments, effect_key="", attempt=0, run=RUN, node=node.id)
    )


def kept_quickly(code: Code, value: object) -> tuple[object, bytes | None] | None:
    """Of every other kind of step, so that both ways are taken."""
    return (checked(code, value), None) if len(code.node.id) % 2 else None


async def kept_anyhow(code: Code, value: object) -> object:
    return checked(code, value)


def checked(code: Code, value: object) -> object:
    try:
        return canonical(value, code.codec, code.is_plain)
    except WireError as error:
        message = f"{code.node.action} gave a result that is not {code.codec.type}: {error}"
        raise ActionFailed(message, "bad_result", fatal=True) from None


def as_failure(error: Exception) -> ActionFailed:
    assert isinstance(error, ActionFailed)
    return error


PINNED = Pinned(FlowDigest("d"), b"{}")


@attrs.define(eq=False)
class EndingStore(MemoryStore):
    """Says when the run is over, to whoever does not hold it."""

    has_ended: trio.Event = attrs.field(factory=trio.Event)

    def write(self, appends: Sequence[Append] = (), creations: Sequence[Creation] = ()) -> None:
        MemoryStore.write(self, appends, creations)
        row = self.run(RUN)
        if row is not None and row.status.is_terminal:
            self.has_ended.set()


async def _send(driver: LocalDriver, send: Send) -> None:
    await trio.sleep_until((send.at - DEFAULT_START) / 1e9)
    await driver.send(send.event, orjson.dumps(send.payload), send.id or f"sent at {send.at}")


def failing(code: str = "oops", *, fatal: bool = False, retry_after_ns: int | None = None) -> ActionFailed:
    return ActionFailed(f"it was {code}", code, fatal=fatal, retry_after_ns=retry_after_ns)
