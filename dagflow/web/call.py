"""One request, as the handlers see it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, cast

import attrs
import orjson
from starlette.requests import Request

from dagflow.app.outcomes import Version
from dagflow.model.typeguards import is_list
from dagflow.store.api import RunRow
from dagflow.web.access import Principal
from dagflow.web.backend import Backend, TenantCalls
from dagflow.web.desk import Desk
from dagflow.web.guards import Guard, json_of
from dagflow.web.limits import WebLimits
from dagflow.web.operations import Operation
from dagflow.web.problems import Problem, not_found
from dagflow.web.shapes import checked


@attrs.define(eq=False)
class Open:
    """Everything open. `streams`: how many streams. `desk`: the texts of editors."""

    streams: int = 0
    desk: Desk = attrs.field(factory=Desk)


@attrs.frozen(eq=False)
class Call:
    """A request that passed the guard, and whose principal has the permission.

    Attributes:
        shared: what all requests of the application share.
    """

    request: Request
    operation: Operation
    principal: Principal
    backend: Backend
    guard: Guard
    shared: Open

    @property
    def tenant(self) -> TenantCalls:
        """The calls for the tenant of the principal."""
        return self.backend.tenant(self.principal.tenant)

    @property
    def limits(self) -> WebLimits:
        """The limits of the application."""
        return self.guard.limits

    @property
    def path(self) -> Mapping[str, str]:
        """The parameters of the path."""
        return cast("Mapping[str, str]", self.request.path_params)

    async def body(self) -> Any:
        """Return the body, which has the type of the operation. Raises Problem."""
        value = json_of(await self.guard.body(self.request, self.operation.media))
        return checked(self.operation.body, value)

    async def optional_body(self) -> Any:
        """Return the body, which may be missing; then it is {}. Raises Problem."""
        data = await self.guard.raw(self.request)
        if not data:
            return {}
        self.guard.check_media(self.request, self.operation.media)
        return checked(self.operation.body, json_of(data))

    # ---- the query

    def text(self, name: str) -> str | None:
        """Return a parameter of the query; None if it is not there. Raises Problem: it is there twice, or no such word."""
        found = self.request.query_params.getlist(name)
        if len(found) > 1:
            raise _bad(name, "must be there once")
        words = next((each.words for each in self.operation.query if each.name == name), ())
        if found and words and found[0] not in words:
            raise _bad(name, f"must be one of {', '.join(words)}; got {found[0][:40]!r}")
        return found[0] if found else None

    def number(self, name: str, *, least: int = 0, most: int = 2**53, default: int | None = None) -> int | None:
        """Return a parameter that is a whole number. Raises Problem: it is none, or out of range."""
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
            raise _bad(name, f"must be a whole number of {least} to {most}; got {text[:40]!r}")
        return int(text)

    def flag(self, name: str) -> bool:
        """Return a parameter that is `true` or `false`; False if it is not there. Raises Problem."""
        text = self.text(name)
        if text not in (None, "true", "false"):
            raise _bad(name, f"must be true or false; got {text[:40]!r}")
        return text == "true"

    def limit(self) -> int:
        """Return the parameter `limit`. Raises Problem."""
        return self.number("limit", least=1, most=self.limits.page, default=100) or 100

    def cursor(self, shape: Sequence[type]) -> list[Any] | None:
        """Return the values in the parameter `cursor`, which an earlier answer had as `next`. Raises Problem: it is no such text."""
        text = self.text("cursor")
        if text is None:
            return None
        try:
            values = cast("object", orjson.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))))
        except (binascii.Error, ValueError):
            values = None
        if is_list(values) and [type(value) for value in values] == [*shape]:
            return values
        raise _bad("cursor", "must be `next` of an earlier answer; begin again without it")

    # ---- visibility

    def check_flow(self, flow: str) -> None:
        """Raises Problem: the principal may not see this flow, which is then as if it were not there."""
        if not self.principal.sees(flow):
            raise not_found(f"no published flow {flow[:80]!r}; `GET /flows` lists them")

    async def run(self) -> RunRow:
        """Return the row of the run in the path. Raises NotFound, Problem."""
        row = await self.tenant.row(self.path["run"])
        if not self.principal.sees(row.flow):
            raise not_found(f"no run {self.path['run'][:80]}; `GET /runs` lists the runs")
        return row

    async def version(self, number: int | None = None) -> Version:
        """Return a version of the flow in the path, the newest one if there is no number. Raises NotFound, Problem."""
        flow = self.path["flow"]
        self.check_flow(flow)
        versions = list(await self.tenant.versions(flow))
        found = versions[0] if number is None else next((each for each in versions if each.number == number), None)
        if found is None:
            raise not_found(f"the flow {flow!r} has the versions 1 to {versions[0].number}; got {number}")
        return found


def cursor_of(*values: object) -> str:
    """Return a cursor, as `Call.cursor` reads it."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def _bad(name: str, message: str) -> Problem:
    return Problem(400, "bad_query", f"the parameter `{name}` {message}", places=[{"at": f"?{name}", "message": message}])
