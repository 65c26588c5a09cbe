"""Go on with runs that failed, and give steps their results by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeAlias

import attrs
import trio

from dagflow.app.catching_up import catch_up_with
from dagflow.app.run_loader import Loader
from dagflow.app.run_steps import step_of
from dagflow.drivers.local.driver import LocalDriver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.engine.retrying import obstacle
from dagflow.errors import DagflowError, NotFound, NotRetried, reading_run
from dagflow.execution.instance import RunInstance
from dagflow.execution.restarting import retry, skip
from dagflow.ids import RunId
from dagflow.model.flow import WAITING_KINDS, NodeKind
from dagflow.model.status import NodeStatus
from dagflow.model.wire.codec import Problem, WireError
from dagflow.store.api import RunRow, Store

_SKIPPED: Final = WAITING_KINDS | {NodeKind.ACTION, NodeKind.CALL, NodeKind.LET}
_WITHOUT_RESULT: Final = frozenset({NodeKind.WAIT, NodeKind.WAIT_UNTIL})


#: Checks a request about a run, and returns the function that performs it at an instant.
_Prepare: TypeAlias = Callable[[RunInstance], Callable[[int], None]]


@attrs.frozen(eq=False)
class Retrying:
    """Retries runs of an interpreter, and skips their steps.

    Attributes:
        lock: held while a run that has ended is about to go on, so that nothing removes it meanwhile.
    """

    _store: Store
    _driver: LocalDriver
    _loader: Loader
    _find: Callable[[RunId], LoadedRun | None]
    lock: trio.Lock = attrs.field(factory=trio.Lock)

    async def retry(self, run: RunId, steps: Collection[str], by: str) -> LoadedRun:
        """Go on with a run that failed.

        Raises:
            NotFound: there is no such run, or it has no such step.
            NotRetried: it cannot go on.
            UsageError: the catalog lacks an action.
            StoreError, RunBlocked: the run cannot be read.
        """

        def prepare(progress: RunInstance) -> Callable[[int], None]:
            named = [step_of(progress.program, step) for step in steps]
            refuse(progress, obstacle(progress.machine.state, named))
            return lambda now: retry(progress, now, by)

        return await self._again(run, prepare)

    async def skip(self, run: RunId, step: str, result: object, by: str) -> LoadedRun:
        """Give a step its result: one that waits, or one that did not succeed in a run that failed, which goes on by that.

        Args:
            result: as JSON values. None for a wait for time.

        Raises:
            WireError: the result is not of the step's type.
            NotFound, NotRetried, UsageError, StoreError, RunBlocked: as `retry`.
        """

        def prepare(progress: RunInstance) -> Callable[[int], None]:
            node = step_of(progress.program, step)
            value = result_for(progress, node, result)
            state = progress.machine.state
            if state.ended is not None:
                refuse(progress, obstacle(state, skipped=node))
            elif state.status[node] is not NodeStatus.WAITING:
                status = state.status[node].value
                refuse(progress, f"has the step {step!r}, which is {status}; only a step that waits is skipped")
            return lambda now: skip(progress, node, value, now, by)

        live = await self._driven(run)
        return await self._again(run, prepare) if live is None else await self._change(live, prepare)

    async def _driven(self, run: RunId) -> LoadedRun | None:
        """Drive a run that has not ended; None if it has. Raises NotRetried: it cannot go on."""
        row, live = await self._row(run), self._driver.loaded_runs.get(run)
        if live is None and not row.status.is_terminal:
            live = await self._driver.suspension.activate(row) or self._driver.loaded_runs.get(run)
            if live is None:
                raise NotRetried(f"run {run} cannot go on now, see `runs()` for the reason; skip the step once it can")
        if live is None or not live.progress.is_ended:
            return live
        await live.wait_ended()
        return None

    async def _change(self, live: LoadedRun, prepare: _Prepare) -> LoadedRun:
        """Change a run that is driven; on return that is in the store."""
        driver, n_recorded = self._driver, live.progress.n_recorded
        try:
            change = prepare(live.progress)
        except DagflowError:
            driver.suspension.rest(live)
            raise
        driver.step(live, lambda: change(driver.now(live)))
        return await _committed(live, n_recorded + 1)

    async def _row(self, run: RunId) -> RunRow:
        row = await trio.to_thread.run_sync(self._store.run, run)
        if row is None:
            raise NotFound(f"no run {run}; `runs()` lists the runs")
        if row.parent:
            raise NotRetried(
                f"run {run} is a child run, which its parent alone goes on with; retry {row.parent.partition('/')[0]}"
            )
        if self._driver.is_draining:
            raise NotRetried(f"run {run} cannot go on while the interpreter is draining; ask again when it is open")
        return row

    async def _again(self, run: RunId, prepare: _Prepare) -> LoadedRun:
        """Load a run that has ended, and let it go on in another way; on return that is in the store."""
        driver = self._driver
        async with self.lock:
            row = await self._row(run)

            def read() -> LoadedRun | None:
                live = self._loader.load(row)
                if not live.progress.is_ended:
                    return None
                self._loader.check_actions(live.progress.program, tenant=row.tenant)
                change = prepare(live.progress)
                with reading_run(run):
                    change(driver.now(live))
                self._loader.catch_up(live)
                return live

            live = await trio.to_thread.run_sync(read) if row.status.is_terminal and self._find(run) is None else None
            if live is None:
                raise NotRetried(f"run {run} has not ended; wait until it has, or cancel it")
            await catch_up_with(driver, self._loader, live)
            driver.take(live)
            return await _committed(live, live.n_committed + 1)


async def _committed(live: LoadedRun, n_facts: int) -> LoadedRun:
    await live.wait_committed(n_facts)
    if live.broken is not None:
        raise live.broken
    return live


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
        try:
            return code.codec.open.decode(result)
        except WireError as error:
            what = f"the result of the step {step!r} must be of its type"
            raise WireError([Problem(each.pointer, f"{what}: {each.message}") for each in error.problems]) from None
    if result is not None:
        raise WireError([Problem("", f"the wait {step!r} has no result; give none")])
    return None
