"""The calls that a service answers: those of an interpreter, and all about published flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dagflow.app.control.calls import interpreter_calls
from dagflow.app.control.performing import Handler
from dagflow.app.interpreter import Interpreter
from dagflow.app.outcomes import Delivery, Outcome, Version
from dagflow.app.service.tenant import Tenant


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

    return {"publish": publish, "flows": flows, "versions": versions, "pause": pause, "resume": resume, "retire": retire}


def _request_calls(of: Callable[[str], Tenant]) -> Mapping[str, Handler]:
    async def send(tenant: str, event: str, payload: object, id: str | None) -> Delivery:  # noqa: A002 - the name in the call
        return await of(tenant).send(event, payload, id=id)

    async def start(tenant: str, flow: str, input: object, id: str | None, at: int | None) -> Outcome:  # noqa: A002 - likewise
        return await of(tenant).start(flow, input, id=id, at=at)

    async def rerun(tenant: str, run: str, id: str | None) -> Outcome:  # noqa: A002 - likewise
        return await of(tenant).rerun(run, id=id)

    async def withdraw(tenant: str, flow: str, request: str) -> Outcome:
        return await of(tenant).withdraw(flow, request)

    async def cancel(tenant: str, flow: str) -> int:
        return await of(tenant).cancel(flow)

    return {"send": send, "start": start, "rerun": rerun, "withdraw": withdraw, "cancel": cancel}


def _run_calls(of: Callable[[str], Tenant]) -> Mapping[str, Handler]:
    async def cancel_run(tenant: str, run: str) -> str:
        return (await of(tenant).cancel_run(run)).status.value

    async def wait(tenant: str, run: str) -> str:
        return (await (await of(tenant).get_run(run)).wait()).status.value

    async def resume_run(tenant: str, run: str) -> bool:
        await of(tenant).get_run(run)
        return True

    return {"cancel_run": cancel_run, "wait": wait, "resume_run": resume_run}
