"""The calls that a service answers: those of an interpreter, and all about published flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from dagflow.admission.requests import Stage
from dagflow.app.control.calls import interpreter_calls
from dagflow.app.control.performing import Handler
from dagflow.app.interpreter import Interpreter
from dagflow.app.outcomes import Changes, Delivery, DueSchedule, FeedPlace, Outcome, Version
from dagflow.app.rerunning import RerunPlan
from dagflow.app.service.tenant import Tenant
from dagflow.app.service.version_diff import VersionDiff
from dagflow.store.service_rows import RequestRow


def service_calls(own: Tenant, tenant: Callable[[str], Tenant], interpreter: Interpreter) -> Mapping[str, Handler]:
    """The handlers of a service.

    Args:
        own: the tenant "". tenant: returns any other one.
        interpreter: answers what no tenant owns.
    """

    def of(name: str) -> Tenant:
        return tenant(name) if name else own

    return {**interpreter_calls(interpreter), **_flow_calls(of), **_request_calls(of), **_run_calls(of)}


def _flow_calls(of: Callable[[str], Tenant]) -> Mapping[str, Handler]:
    async def publish(tenant: str, text: str, name: str | None, author: str, comment: str) -> Version:
        return await of(tenant).publish(text, name=name, author=author, comment=comment)

    async def flows(tenant: str) -> tuple[Version, ...]:
        return tuple(await of(tenant).flows())

    async def versions(tenant: str, flow: str) -> tuple[Version, ...]:
        return tuple(await of(tenant).versions(flow))

    async def pause(tenant: str, flow: str) -> Version:
        return await of(tenant).pause(flow)

    async def resume(tenant: str, flow: str) -> Version:
        return await of(tenant).resume(flow)

    async def retire(tenant: str, flow: str) -> Version:
        return await of(tenant).retire(flow)

    async def diff(tenant: str, flow: str, before: int, after: int | None) -> VersionDiff:
        return await of(tenant).diff(flow, before, after)

    async def schedules(tenant: str) -> tuple[DueSchedule, ...]:
        return tuple(await of(tenant).schedules())

    return {
        "publish": publish,
        "flows": flows,
        "versions": versions,
        "pause": pause,
        "resume": resume,
        "retire": retire,
        "diff": diff,
        "schedules": schedules,
    }


def _request_calls(of: Callable[[str], Tenant]) -> Mapping[str, Handler]:
    async def send(tenant: str, event: str, payload: object, id: str | None) -> Delivery:  # noqa: A002 - the name in the call
        return await of(tenant).send(event, payload, id=id)

    async def start(tenant: str, flow: str, input: object, id: str | None, at: int | None) -> Outcome:  # noqa: A002 - likewise
        return await of(tenant).start(flow, input, id=id, at=at)

    async def rerun(tenant: str, run: str, id: str | None, from_step: str | None) -> Outcome:  # noqa: A002 - likewise
        return await of(tenant).rerun(run, id=id, from_step=from_step)

    async def plan_rerun(tenant: str, run: str, from_step: str) -> RerunPlan:
        return await of(tenant).plan_rerun(run, from_step)

    async def withdraw(tenant: str, flow: str, request: str) -> Outcome:
        return await of(tenant).withdraw(flow, request)

    async def cancel(tenant: str, flow: str) -> int:
        return await of(tenant).cancel(flow)

    async def webhook(tenant: str, name: str, headers: Mapping[str, str], body: str, is_own: bool) -> Delivery:
        return await of(tenant).webhook(name, headers, body.encode("latin-1"), is_own=is_own)

    async def requests(
        tenant: str, flow: str, stages: Sequence[str], limit: int, before: Sequence[Any] | None
    ) -> tuple[RequestRow, ...]:
        wanted = [Stage(each) for each in stages]
        older = None if before is None else (int(before[0]), int(before[1]), str(before[2]))
        rows = await of(tenant).requests(flow, stages=wanted, limit=limit, before=older)
        return tuple(attrs.evolve(row, keys=b"", input=b"", claim=None) for row in rows)

    return {
        "send": send,
        "start": start,
        "rerun": rerun,
        "plan_rerun": plan_rerun,
        "withdraw": withdraw,
        "cancel": cancel,
        "webhook": webhook,
        "requests": requests,
    }


def _run_calls(of: Callable[[str], Tenant]) -> Mapping[str, Handler]:
    async def cancel_run(tenant: str, run: str) -> str:
        return (await of(tenant).cancel_run(run)).status.value

    async def delete_run(tenant: str, run: str) -> bool:
        await of(tenant).delete_run(run)
        return True

    async def wait(tenant: str, run: str) -> str:
        return (await (await of(tenant).get_run(run)).wait()).status.value

    async def retry(tenant: str, run: str, steps: Sequence[str], by: str) -> str:
        return (await of(tenant).retry(run, steps=steps, by=by)).id

    async def skip(tenant: str, run: str, step: str, result: object, by: str) -> str:
        return (await of(tenant).skip(run, step, result, by=by)).id

    async def resume_run(tenant: str, run: str) -> bool:
        await of(tenant).get_run(run)
        return True

    async def changes(tenant: str, feed: str, number: int, seconds: float) -> Changes:
        return await of(tenant).changes(FeedPlace(feed, number) if feed else None, seconds=seconds)

    return {
        "cancel_run": cancel_run,
        "delete_run": delete_run,
        "wait": wait,
        "resume_run": resume_run,
        "retry": retry,
        "skip": skip,
        "changes": changes,
    }
