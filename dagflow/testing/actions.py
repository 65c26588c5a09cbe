"""Does an action keep what it promises? It is called as a driver calls it, with arguments of the host's choice.

What can be seen from outside is looked at: that the result is of the declared type; that a second call with the effect key of
the first, which is what a crash between effect and checkpoint brings, gives the same where the action is *pure* or *idempotent*;
that an asynchronous action lets itself be cancelled, and does not keep everybody else from running. What it does to the world
only the host can see: give `observe`, and a repetition has to leave it as it was.
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
from dagflow.drivers.local.threads import Threads
from dagflow.execution.performer import Performer, effect_key
from dagflow.ids import RunId
from dagflow.model.action import Effect

#: How long an asynchronous action may go on without giving others their turn.
MOST_BLOCKED_SECONDS: Final = 0.05
_RUN: Final = RunId("0" * 32)


def check_action(
    catalog: Catalog, name: str, arguments: Mapping[str, object], *, observe: Callable[[], object] | None = None
) -> None:
    """Call an action and raise AssertionError if it does not keep what it promises.

    Args:
        catalog: has the action.
        name: of the action.
        arguments: by name, as a flow would give them.
        observe: what the world looks like to the host; compared before and after a repetition.

    Raises:
        AssertionError: with everything that is wrong.
    """
    problems = trio.run(lambda: problems_of_action(catalog, name, arguments, observe=observe))
    if problems:
        raise AssertionError(f"the action `{name}`: " + "; ".join(problems))


async def problems_of_action(
    catalog: Catalog, name: str, arguments: Mapping[str, object], *, observe: Callable[[], object] | None = None
) -> list[str]:
    """As `check_action`, inside of trio: everything that is wrong, in words."""
    spec = catalog.interface.actions.get(name)
    if spec is None:
        return [f"the catalog does not have it; it has {', '.join(sorted(catalog.interface.actions)) or 'none'}"]
    trial = _Trial(catalog.performer(Threads(4)), name, arguments)
    problems: list[str] = []
    try:
        first, blocked = await _watched(trial.call)
    except ActionFailed as failure:
        return [f"it failed with {failure}"]
    if blocked > MOST_BLOCKED_SECONDS:
        problems.append(f"it kept everybody waiting for {blocked:.2f} s; make it a plain function, which gets a thread")
    if spec.effect is not Effect.EFFECTFUL:
        problems += await _repeated(trial, first, spec.effect, observe)
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
    """The attempt after a crash that came between the effect and its record."""
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
    """What a call gives, and for how long at most nobody else had a turn, beyond what the machine kept any thread waiting."""
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
        # The turn that the call may have kept others from.
        await trio.sleep(MOST_BLOCKED_SECONDS / 5)
        nursery.cancel_scope.cancel()
    waited = elsewhere.stop()
    if failure is not None:
        raise failure
    return value, longest - waited


class _Watch:
    """A thread that only wants its turn: what it waits is the machine's doing, not the action's."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._longest = 0.0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> float:
        """Seconds, the longest; without what it waits for in any case: its own interval, and that Python lets another thread go on."""
        self._is_over.set()
        self._thread.join()
        return max(0.0, self._longest - 2 * MOST_BLOCKED_SECONDS / 5)

    def _look(self) -> None:
        last = stopwatch()
        while not self._is_over.wait(MOST_BLOCKED_SECONDS / 10):
            now = stopwatch()
            self._longest, last = max(self._longest, (now - last) / 1e9), now


async def _cancelled(trial: _Trial) -> list[str]:
    """An attempt that is told to stop before it could do anything."""
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trial.call(attempt=3)
        except ActionFailed as failure:
            return [f"told to stop, it said that it failed: {failure}; let `trio.Cancelled` pass"]
    return []
