"""The calls of an interpreter about runs that begin or go on in another way than their flow says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from functools import partial

import attrs
import trio

from dagflow.actions.host_values import as_json
from dagflow.app.entry_checks import checked_by, checked_run, checked_text
from dagflow.app.program_cache import Prepared
from dagflow.app.rerunning import RerunPlan, planned
from dagflow.app.retrying import Retrying
from dagflow.app.run_handle import Run
from dagflow.app.run_loader import Loader
from dagflow.app.run_starter import Starter
from dagflow.app.stored_runs import read_start
from dagflow.drivers.local.driver import LocalDriver
from dagflow.errors import NotFound, UsageError
from dagflow.execution.instance import RunInstance
from dagflow.execution.run_state import Keeping
from dagflow.store.api import Store


@attrs.define(eq=False)
class GoingOn(ABC):
    """The part of an `Interpreter` about runs that begin or go on in another way than their flow says."""

    _store: Store
    _loader: Loader = attrs.field(init=False)
    _driver: LocalDriver = attrs.field(init=False)
    _starter: Starter = attrs.field(init=False)
    _retrying: Retrying = attrs.field(init=False)

    async def rerun(self, run_id: str, *, id: str | None = None, from_step: str | None = None) -> Run:  # noqa: A002
        """Start a run with the flow and the input of another one, which stays as it is.

        Args:
            run_id: of a run, ended or not.
            id: as of `start`; without one every call starts a run.
            from_step: the id of a step. The new run begins with it: whatever does not depend on it keeps what it was in the other run, which
                must have ended; see `plan_rerun`. The new run undoes nothing of what it keeps.

        Raises:
            UsageError: there is no such run, it is a child run or a tenant's, it cannot begin with that step, or as `start`.
            NotFound: its flow has no such step.
            StoreError: the store failed.
        """
        prepared, earlier = await self._earlier(run_id)
        keeping = None if from_step is None else await self._planned(prepared, earlier, from_step)
        live = await self._starter.start(
            prepared, earlier.input, earlier.origin, id, None if keeping is None else (keeping[0], keeping[1].step)
        )
        return Run(live, self._driver)

    async def plan_rerun(self, run_id: str, from_step: str) -> RerunPlan:
        """Return which steps a rerun from that step keeps and which run again, and why, without starting it. Raises as `rerun`."""
        prepared, earlier = await self._earlier(run_id)
        return (await self._planned(prepared, earlier, from_step))[1]

    async def _earlier(self, run_id: str) -> tuple[Prepared, RunInstance]:
        """The program of a run, and the run."""
        self._check_open()
        read = partial(read_start, self._store, self._loader.programs, checked_run(run_id))
        row, earlier = await trio.to_thread.run_sync(read)
        if row.tenant:
            raise UsageError(f"run {run_id} is a run of a tenant; rerun it by `Service.tenant({row.tenant!r})`")
        return await trio.to_thread.run_sync(self._loader.programs.load, self._store, row.digest), earlier

    async def _planned(self, prepared: Prepared, earlier: RunInstance, step: str) -> tuple[Keeping, RerunPlan]:
        step = checked_text(step, "the id of a step")
        return await trio.to_thread.run_sync(planned, prepared.program, earlier, step)

    async def delete(self, run_id: str) -> None:
        """Delete a run that has ended, with its child runs and their histories. Nothing that it did is undone.

        Raises:
            NotFound: there is no such run.
            UsageError: it has not ended, or it is a child run.
            StoreError: the store failed.
        """
        self._check_open()
        run = checked_run(run_id)
        async with self._retrying.lock:
            if await trio.to_thread.run_sync(self._store.remove, run):
                return
        row = await trio.to_thread.run_sync(self._store.run, run)
        if row is None:
            raise NotFound(f"no run {run_id}; `runs()` lists the runs")
        if row.parent:
            raise UsageError(f"run {run_id} is a child run; delete {row.parent.partition('/')[0]}, which has it")
        raise UsageError(f"run {run_id} has not ended; cancel it, and then delete it")

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
