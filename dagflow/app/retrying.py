"""Go on with runs that failed, and give steps their results by hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Final

import attrs
import trio

from dagflow.actions.host_values import as_json
from dagflow.app.entry_checks import checked_by, checked_run, checked_text
from dagflow.app.run_handle import Run
from dagflow.app.run_loader import Loader
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.engine.retrying import obstacle
from dagflow.errors import NotFound, NotRetried
from dagflow.execution.instance import RunInstance
from dagflow.execution.restarting import retry, skip
from dagflow.ids import RunId
from dagflow.model.flow import WAITING_KINDS, NodeKind
from dagflow.model.status import NodeStatus
from dagflow.model.wire.codec import Problem, WireError
from dagflow.store.api import RunRow, Store

_SKIPPED: Final = WAITING_KINDS | {NodeKind.ACTION, NodeKind.CALL, NodeKind.LET}
_WITHOUT_RESULT: Final = frozenset({NodeKind.WAIT, NodeKind.WAIT_UNTIL})


@attrs.frozen(eq=False)
class Retrying:
    """Retries runs of an interpreter, and skips their steps.

    Attributes:
        on_retried: called with a run that had ended and goes on, before anything else happens to it.
    """

    _store: Store
    _driver: LocalDriver
    _loader: Loader
    _find: Callable[[RunId], LoadedRun | None]

    async def retry(self, run: RunId, steps: Collection[str], by: str) -> LoadedRun:
        """Go on with a run that failed.

        Raises:
            NotFound: there is no such run, or it has no such step.
            NotRetried: it cannot go on.
            UsageError: the catalog lacks an action, or the interpreter is draining.
            StoreError, RunBlocked: the run cannot be read.
        """

        def change(progress: RunInstance, now: int) -> None:
            named = [step_of(progress, step) for step in steps]
            refuse(progress, obstacle(progress.machine.state, named))
            retry(progress, now, by)

        return await self._again(await self._row(run), change)

    async def skip(self, run: RunId, step: str, result: object, by: str) -> LoadedRun:
        """Give a step its result: one that waits, or one that did not succeed in a run that failed, which goes on by that.

        Args:
            result: as JSON values. None for a wait for time.

        Raises:
            WireError: the result is not of the step's type.
            NotFound, NotRetried, UsageError, StoreError, RunBlocked: as `retry`.
        """

        def change(progress: RunInstance, now: int) -> None:
            node = step_of(progress, step)
            value = result_for(progress, node, result)
            state = progress.machine.state
            if state.ended is not None:
                refuse(progress, obstacle(state, skipped=node))
            elif state.status[node] is not NodeStatus.WAITING:
                refuse(
                    progress, f"has the step {step!r}, which is {state.status[node].value}; only a step that waits is skipped"
                )
            skip(progress, node, value, now, by)

        row = await self._row(run)
        live = self._find(run)
        if live is None and not row.status.is_terminal:
            live = await self._driver.suspension.holding.hold_one(run)
        if live is None or live.has_ended.is_set():
            return await self._again(row, change)
        if live.is_asleep:
            self._driver.take(live)
        change(live.progress, self._driver.now(live))
        self._driver.turn(live)
        return live

    async def _row(self, run: RunId) -> RunRow:
        row = await trio.to_thread.run_sync(self._store.run, run)
        if row is None:
            raise NotFound(f"no run {run}; `runs()` lists the runs")
        if row.parent:
            raise NotRetried(f"run {run} is a child run, whose parent has gone on; retry {row.parent.partition('/')[0]}")
        return row

    async def _again(self, row: RunRow, change: Callable[[RunInstance, int], None]) -> LoadedRun:
        """Load a run that has ended, and let it go on in another way."""
        driver, run = self._driver, row.id
        if driver.is_draining:
            raise NotRetried(f"run {run} cannot begin again while the interpreter is draining; retry it when it is open")

        def read() -> LoadedRun | None:
            live = self._loader.load(row)
            if not live.progress.is_ended:
                return None
            self._loader.check_actions(live.progress.program, tenant=row.tenant)
            change(live.progress, driver.now(live))
            self._loader.catch_up(live)
            return live

        with driver.suspension.reading() as changed:
            live = await trio.to_thread.run_sync(read)
        if live is None or run in changed or self._find(run) is not None:
            raise NotRetried(f"run {run} has not ended; wait until it has, or cancel it")
        driver.take(live)
        await live.wait_committed(live.n_committed + 1)
        if live.broken is not None:
            raise live.broken
        return live


@attrs.define(eq=False)
class GoingOn(ABC):
    """The part of an `Interpreter` about runs that go on in another way than their flow says."""

    _driver: LocalDriver = attrs.field(init=False)
    _retrying: Retrying = attrs.field(init=False)

    async def retry(self, run_id: str, *, steps: Collection[str] = (), by: str = "") -> Run:
        """Go on with a run that failed: steps that succeeded keep their results, the others run again. On return it survives a crash.

        The run has a new lifetime, and a step that failed has all its attempts again, with the idempotency key that it had. A step of the
        flow's `on error` that had succeeded has another key if it runs again.

        Args:
            run_id: of a run that failed, and did not undo its steps.
            steps: ids of steps to repeat although their outcome is unknown, so that their effect may come twice; other steps need not
                be named.
            by: who asks, for the history; at most 200 characters.

        Raises:
            NotFound: there is no such run, or its flow has no such step.
            NotRetried: it did not fail, its steps were undone, it is a child run, it failed in a loop, or the outcome of a step is unknown.
            UsageError: the catalog lacks an action of the flow.
            StoreError: the store failed, or its data of the run is damaged.
        """
        self._check_open()
        return Run(await self._retrying.retry(checked_run(run_id), steps, checked_by(by)), self._driver)

    async def skip(self, run_id: str, step: str, result: object = None, *, by: str = "") -> Run:
        """Give a step its result instead of letting it run: a step that waits, or one that did not succeed in a run that failed.

        A run that failed goes on by that, as `retry` says.

        Args:
            run_id: of the run.
            step: its id: of an action, a call, a `let` or a wait. An event that is waited for counts as taken.
            result: as JSON values or as the host's own, of the step's type; None for `wait` of a time.
            by: as of `retry`.

        Raises:
            WireError: the result is not of the step's type.
            NotFound, NotRetried, UsageError, StoreError: as `retry`; `NotRetried` too if the step neither waits nor failed.
        """
        self._check_open()
        run, step = checked_run(run_id), checked_text(step, "the id of a step")
        return Run(await self._retrying.skip(run, step, as_json(result), checked_by(by)), self._driver)

    @abstractmethod
    def _check_open(self) -> None:
        """Raises what stopped the interpreter, or UsageError: it was closed."""
        ...


def step_of(progress: RunInstance, step: str) -> int:
    """The number of a step. Raises NotFound: the flow has none of that id."""
    node = progress.program.plan.numbers.get(step)
    if node is None:
        known = ", ".join(each for each in progress.program.plan.ids if "." not in each)
        raise NotFound(f"the flow {progress.program.flow.name} has no step {step!r}; it has: {known}")
    return node


def refuse(progress: RunInstance, problem: str | None) -> None:
    """Raises NotRetried, if there is a problem: the end of a sentence about the run."""
    if problem is not None:
        raise NotRetried(f"run {progress.run} {problem}")


def result_for(progress: RunInstance, node: int, result: object) -> object:
    """The result of a step in stored form. Raises NotRetried: such a step has none; WireError: it is of another type."""
    code, step = progress.program.codes[node], progress.program.plan.ids[node]
    if code.node.kind not in _SKIPPED:
        refuse(progress, f"has the step {step!r}, which is no action, call, `let` or wait, so it cannot be skipped")
    if code.node.kind not in _WITHOUT_RESULT:
        return code.codec.open.decode(result)
    if result is not None:
        raise WireError([Problem("", f"the wait {step!r} has no result; give none")])
    return None
