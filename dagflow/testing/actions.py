"""Checks of an action's promises: call it as a driver does, with arguments that the host chooses.

The checks cover the behaviour that is visible from outside. The result is of the declared type. A second call with the same
effect key, as after a crash between effect and checkpoint, returns the same if the action is *pure* or *idempotent*. An
asynchronous action can be cancelled, and does not block the event loop. Only the host can see the effect on the world: pass
`observe`, and a repetition must leave its result unchanged.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import attrs
import trio

from dagflow.actions.catalog import Catalog
from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.clock import stopwatch
from dagflow.drivers.local.runners import Runners
from dagflow.execution.performer import Performer, effect_key
from dagflow.ids import RunId
from dagflow.model.action import Effect

#: The time for which an asynchronous action may block the event loop.
MOST_BLOCKED_SECONDS: Final = 0.05
_RUN: Final = RunId("0" * 32)


def check_action(
    catalog: Catalog, name: str, arguments: Mapping[str, object], *, observe: Callable[[], object] | None = None
) -> None:
    """Call an action and raise AssertionError if it breaks a promise.

    Args:
        catalog: has the action.
        name: of the action.
        arguments: by name, as a flow would pass them.
        observe: returns the state of the world that the host sees; compared before and after a repetition.

    Raises:
        AssertionError: lists every problem.
    """
    problems = trio.run(lambda: problems_of_action(catalog, name, arguments, observe=observe))
    if problems:
        raise AssertionError(f"the action `{name}`: " + "; ".join(problems))


async def problems_of_action(
    catalog: Catalog, name: str, arguments: Mapping[str, object], *, observe: Callable[[], object] | None = None
) -> list[str]:
    """Return the problems that `check_action` reports; for use inside of trio."""
    spec = catalog.interface.actions.get(name)
    if spec is None:
        return [f"the catalog does not have it; it has {', '.join(sorted(catalog.interface.actions)) or 'none'}"]
    runners = Runners(4)
    performer = catalog.performer(runners)
    async with runners.open(), performer.open():
        return await _problems(_Trial(performer, name, arguments), spec.effect, observe)


async def _problems(trial: _Trial, effect: Effect, observe: Callable[[], object] | None) -> list[str]:
    problems: list[str] = []
    try:
        first, blocked = await _watched(trial.call)
    except ActionFailed as failure:
        return [f"it failed with {failure}"]
    if blocked > MOST_BLOCKED_SECONDS:
        problems.append(f"it kept everybody waiting for {blocked:.2f} s; make it a plain function, which gets a thread")
    if effect is not Effect.EFFECTFUL:
        problems += await _repeated(trial, first, effect, observe)
    problems += await _cancelled(trial)
    return problems


@attrs.frozen
class _Trial:
    performer: Performer
    name: str
    arguments: Mapping[str, object]

    async def call(self, attempt: int = 1) -> object:
        return await self.performer.perform(
            Invocation(
                action=self.name,
                arguments=self.arguments,
                effect_key=effect_key(_RUN, "step"),
                attempt=attempt,
                run=_RUN,
                node="step",
            )
        )


async def _repeated(trial: _Trial, first: object, effect: Effect, observe: Callable[[], object] | None) -> list[str]:
    """Make the attempt that follows a crash between the effect and its record."""
    before = None if observe is None else observe()
    try:
        second = await trial.call(attempt=2)
    except ActionFailed as failure:
        return [f"it is declared {effect.value}, and its repetition failed with {failure}"]
    problems: list[str] = []
    if second != first:
        problems.append(f"it is declared {effect.value}, and gave {first!r} first and {second!r} when it was repeated")
    if observe is not None and observe() != before:
        problems.append(f"it is declared {effect.value}, and its repetition changed something")
    return problems


async def _watched(call: Callable[[], Awaitable[object]]) -> tuple[object, float]:
    """The result of a call, and the longest time it blocked the loop, beyond the delay that any thread of the machine had."""
    longest = 0.0
    elsewhere = _Watch()
    value: object = None
    failure: ActionFailed | None = None

    async def look(*, task_status: trio.TaskStatus[None]) -> None:
        nonlocal longest
        last = trio.current_time()
        task_status.started()
        while True:
            await trio.sleep(MOST_BLOCKED_SECONDS / 10)
            now = trio.current_time()
            longest, last = max(longest, now - last), now

    async with trio.open_nursery() as nursery:
        elsewhere.start()
        await nursery.start(look)
        try:
            value = await call()
        except ActionFailed as failed:
            failure = failed
        # Other tasks catch up on the turn that the call may have blocked.
        await trio.sleep(MOST_BLOCKED_SECONDS / 5)
        nursery.cancel_scope.cancel()
    waited = elsewhere.stop()
    if failure is not None:
        raise failure
    return value, longest - waited


class _Watch:
    """A thread that only waits for its turn: its delay comes from the machine, not from the action."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._longest = 0.0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> float:
        """The longest delay in seconds, without the unavoidable part: its own interval, and Python's switch between threads."""
        self._is_over.set()
        self._thread.join()
        return max(0.0, self._longest - 2 * MOST_BLOCKED_SECONDS / 5)

    def _look(self) -> None:
        last = stopwatch()
        while not self._is_over.wait(MOST_BLOCKED_SECONDS / 10):
            now = stopwatch()
            self._longest, last = max(self._longest, (now - last) / 1e9), now


async def _cancelled(trial: _Trial) -> list[str]:
    """Make an attempt that is cancelled before it begins."""
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trial.call(attempt=3)
        except ActionFailed as failure:
            return [f"told to stop, it said that it failed: {failure}; let `trio.Cancelled` pass"]
    return []
