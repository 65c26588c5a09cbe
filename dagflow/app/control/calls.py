"""The calls that an interpreter answers; a service answers more."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from dagflow.admission.requests import Stage
from dagflow.app.control.performing import Handler
from dagflow.app.outcomes import Delivery, Outcome
from dagflow.app.rerunning import RerunPlan
from dagflow.app.run_handle import Run
from dagflow.drivers.local.batch import Sending
from dagflow.execution.results import RunResult


class Reachable(Protocol):
    """An interpreter."""

    async def deliver(self, event: str, payload: object, event_id: str | None, tenant: str = "") -> Sending | None:
        """As of `Interpreter`."""
        ...

    async def get_run(self, run_id: str) -> Run:
        """As of `Interpreter`."""
        ...

    async def cancel(self, run_id: str) -> RunResult:
        """As of `Interpreter`."""
        ...

    async def rerun(self, run_id: str, *, id: str | None = None, from_step: str | None = None) -> Run:  # noqa: A002
        """As of `Interpreter`."""
        ...

    async def delete(self, run_id: str) -> None:
        """As of `Interpreter`."""
        ...

    async def plan_rerun(self, run_id: str, from_step: str) -> RerunPlan:
        """As of `Interpreter`."""
        ...

    async def retry(self, run_id: str, *, steps: Collection[str] = (), by: str = "") -> Run:
        """As of `Interpreter`."""
        ...

    async def skip(self, run_id: str, step: str, result: object = None, *, by: str = "") -> Run:
        """As of `Interpreter`."""
        ...

    async def prune(self, before: int) -> None:
        """As of `Interpreter`."""
        ...


def interpreter_calls(interpreter: Reachable) -> Mapping[str, Handler]:
    """The handlers of an interpreter, which has no tenants."""

    async def ping(_tenant: str) -> int:
        return os.getpid()

    async def send(_tenant: str, event: str, payload: object, id: str | None) -> Delivery:  # noqa: A002 - the name in the call
        sending = await interpreter.deliver(event, payload, id)
        if sending is None:
            return Delivery(event_id=id or "", is_duplicate=True)
        return Delivery(event_id=sending.event.id, n_waits=sending.n_reached)

    async def cancel_run(_tenant: str, run: str) -> str:
        return (await interpreter.cancel(run)).status.value

    async def wait(_tenant: str, run: str) -> str:
        return (await (await interpreter.get_run(run)).wait()).status.value

    async def rerun(_tenant: str, run: str, id: str | None, from_step: str | None) -> Outcome:  # noqa: A002 - as in the call
        started = await interpreter.rerun(run, id=id, from_step=from_step)
        return Outcome(flow=started.flow, id=id or "", stage=Stage.RUNNING, run=started.id)

    async def delete_run(_tenant: str, run: str) -> bool:
        await interpreter.delete(run)
        return True

    async def plan_rerun(_tenant: str, run: str, from_step: str) -> RerunPlan:
        return await interpreter.plan_rerun(run, from_step)

    async def retry(_tenant: str, run: str, steps: Sequence[str], by: str) -> str:
        return (await interpreter.retry(run, steps=steps, by=by)).id

    async def skip(_tenant: str, run: str, step: str, result: object, by: str) -> str:
        return (await interpreter.skip(run, step, result, by=by)).id

    async def resume_run(_tenant: str, run: str) -> bool:
        await interpreter.get_run(run)
        return True

    async def prune(_tenant: str, before: int) -> bool:
        await interpreter.prune(before)
        return True

    return {
        "cancel_run": cancel_run,
        "ping": ping,
        "delete_run": delete_run,
        "plan_rerun": plan_rerun,
        "prune": prune,
        "rerun": rerun,
        "resume_run": resume_run,
        "retry": retry,
        "send": send,
        "skip": skip,
        "wait": wait,
    }
