"""The application: it finds the operation of a request, checks who asks, and answers in JSON."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol, cast

import attrs
import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route, Router
from starlette.types import Receive, Scope, Send

from dagflow.actions.catalog import Catalog
from dagflow.app.service.service import Service
from dagflow.asyncio.service import Service as AsyncioService
from dagflow.asyncio.service import parts_of
from dagflow.client import Client
from dagflow.errors import UsageError
from dagflow.web.access import Authorize, Permission, Principal, Role
from dagflow.web.backend import Backend
from dagflow.web.beside_asyncio import AsyncioBackend
from dagflow.web.beside_service import ServiceBackend
from dagflow.web.by_client import ClientBackend
from dagflow.web.call import Call, Open
from dagflow.web.editor import EDITOR
from dagflow.web.events import EVENTS
from dagflow.web.flows import FLOWS
from dagflow.web.guards import HEADERS, Guard, media_type
from dagflow.web.host import HOST
from dagflow.web.limits import Rates, WebLimits
from dagflow.web.openapi import openapi
from dagflow.web.operations import WITH_SLASHES, Operation, check_policies
from dagflow.web.problems import MEDIA_TYPE, Problem, problem_of
from dagflow.web.runs import RUNS
from dagflow.web.streams import STREAMS

#: Every operation. Streams come before runs, since the id of a child run has slashes.
OPERATIONS: Final[Sequence[Operation]] = (*HOST.all, *EDITOR.all, *FLOWS.all, *EVENTS.all, *STREAMS.all, *RUNS.all)
_NO_ONE: Final = Principal("", Role.SENDER)
_OPEN: Final = frozenset({Permission.PUBLIC, Permission.SIGNED})


class HasClient(Protocol):
    """A client for asyncio: it has the client whose calls block."""

    @property
    def inner(self) -> Client:
        """The client whose calls block."""
        ...


@attrs.define(eq=False)
class Application:
    """An ASGI application; made by `dagflow.web.app`."""

    _backend: Backend
    _authorize: Authorize
    _guard: Guard
    _operations: Sequence[Operation]
    _rates: Rates = attrs.field(init=False)
    _shared: Open = attrs.field(factory=Open, init=False)
    _router: Router = attrs.field(init=False)
    _document: bytes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        check_policies(self._operations)
        self._rates = Rates(self._guard.limits)
        self._document = orjson.dumps(openapi(self._operations))
        routes = [self._route(each) for each in self._operations]
        self._router = Router([*routes, Route("/openapi.json", self._described, methods=["GET"])], redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see asgi.readthedocs.io."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        try:
            # With an `app` the router raises for an unknown path; without one it would answer with a page of its own.
            await self._router({**scope, "app": self}, receive, send)
        except HTTPException as error:
            await self._no_route(error, scope)(scope, receive, send)

    def _no_route(self, error: HTTPException, scope: Scope) -> Response:
        """The answer to a path that no route has, or a method that none of its routes has."""
        help_ = f"see {scope.get('root_path', '')}/openapi.json for the routes"
        if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            problem = Problem(404, "not_found", "there is nothing here", help=help_)
            return _json(problem.status, problem.document, MEDIA_TYPE)
        # The router names the methods of the first route alone, and a path has one for each method.
        same = [each for each in self._router.routes if isinstance(each, Route) and each.matches(scope)[0] is not Match.NONE]
        allowed = ", ".join(sorted({method for each in same for method in each.methods or ()}))
        detail = f"the method must be one of {allowed}; got {scope['method'][:20]}"
        problem = Problem(405, "method_not_allowed", detail, help=help_)
        return _json(problem.status, problem.document, MEDIA_TYPE, {"Allow": allowed})

    def _route(self, operation: Operation) -> Route:
        path = operation.path
        for name, kind in WITH_SLASHES.items():
            path = path.replace(f"{{{name}}}", f"{{{name}:{kind}}}")
        route = Route(path, partial(self._answer, operation), methods=[operation.method])
        if operation.is_stream and route.methods is not None:
            route.methods.discard("HEAD")  # which would wait for the end of the stream
        return route

    async def _answer(self, operation: Operation, request: Request) -> Response:
        try:
            call = await self._admitted(operation, request)
            found = await operation.handler(call)
            return found if isinstance(found, Response) else _json(200, found)
        except HTTPException as error:
            return _refused(error)
        except Exception as error:  # noqa: BLE001 - every error is an answer
            problem = problem_of(error)
            return _json(problem.status, problem.document, MEDIA_TYPE, problem.headers)

    async def _admitted(self, operation: Operation, request: Request) -> Call:
        """Check a request, in the order: where it comes from, who asks, how often, and whether that is allowed."""
        is_open = operation.permission in _OPEN
        self._guard.check(request, is_signed=operation.permission is Permission.SIGNED)
        principal = _NO_ONE if is_open else await self._principal(request)
        if operation.permission is not Permission.PUBLIC:
            self._rates.take(_rate_of(operation, principal, request))
        if not is_open and (operation.permission is None or not principal.may(operation.permission)):
            raise Problem(
                403,
                "forbidden",
                f"a {principal.role} may not {operation.permission}",
                help=f"use a credential with another role; see `x-dagflow-roles` of {operation.name!r} in /openapi.json",
            )
        if operation.body is None and not operation.is_raw and request.method != "GET":
            kind = media_type(request)
            if kind not in ("", "application/json"):
                raise Problem(
                    415, "not_json", f"the body must be application/json; got {kind[:80]}", help="send no body, or JSON"
                )
        return Call(request, operation, principal, self._backend, self._guard, self._shared)

    async def _principal(self, request: Request) -> Principal:
        found = self._authorize(request)
        principal = await found if inspect.isawaitable(found) else found
        if principal is None:
            raise Problem(
                401,
                "unauthorized",
                "the request has no valid credential",
                headers={"www-authenticate": "Bearer"},
            )
        if not isinstance(cast("object", principal), Principal):
            # The fault of the host, not of the one who asks.
            raise TypeError(f"`authorize` must return a Principal or None; got {type(principal).__name__}")
        return principal

    async def _described(self, request: Request) -> Response:
        try:
            self._guard.check(request, is_signed=False)
        except Problem as problem:
            return _json(problem.status, problem.document, MEDIA_TYPE)
        return Response(self._document, media_type="application/json", headers=HEADERS)


def app(
    source: Service | AsyncioService | Client | HasClient,
    *,
    authorize: Authorize,
    catalog: Catalog | None = None,
    hosts: Collection[str] = (),
    origins: Collection[str] = (),
    limits: WebLimits | None = None,
) -> Application:
    """Make an ASGI application, to be mounted in another one or served by itself.

    Args:
        source: a service that runs in the same trio loop; a `dagflow.asyncio.Service` of the same asyncio loop; or a `dagflow.Client` or `dagflow.asyncio.Client` without a tenant, for the
            process that drives the store. With a client the application runs under asyncio and trio.
        authorize: returns the principal of a request, None if it has no valid credential. It may be async.
        catalog: what flows may use, where `source` is a client; the built-in catalog if not given.
        hosts: the names that the header `Host` may have, without ports; empty if something before the application checks them.
        origins: the origins of pages elsewhere that may send requests with `Origin`, such as `https://app.example.com`.
        limits: of requests; the default ones if not given.

    Raises:
        UsageError: the source is none of these, or the client has a tenant.
    """
    guard = Guard(frozenset(map(str.lower, hosts)), frozenset(origins), limits or WebLimits())
    return build(_backend_of(source, catalog), authorize, guard, OPERATIONS)


def build(backend: Backend, authorize: Authorize, guard: Guard, operations: Iterable[Operation]) -> Application:
    """Make an application of some operations. Raises UsageError: one has no permission."""
    return Application(backend, authorize, guard, tuple(operations))


def _backend_of(source: Service | AsyncioService | Client | HasClient, catalog: Catalog | None) -> Backend:
    if isinstance(source, Service | AsyncioService) and catalog is not None:
        raise UsageError("`catalog` must be omitted where `source` is a service, which has its own")
    if isinstance(source, Service):
        return ServiceBackend(source, source.interface)
    if isinstance(source, AsyncioService):
        service, calls = parts_of(source)
        return AsyncioBackend(service, service.interface, calls)
    client: object = source if isinstance(source, Client) else getattr(source, "inner", None)
    if not isinstance(client, Client):
        raise UsageError(f"`source` must be a Service or a Client; got {type(source).__name__}")
    if client.tenant:
        raise UsageError(f"the client must have no tenant, since each principal has one; got {client.tenant!r}")
    catalog = catalog or Catalog.builtin()
    return ClientBackend(client, catalog, catalog.interface)


def _rate_of(operation: Operation, principal: Principal, request: Request) -> str:
    """Whose rate a request counts against: that of its credential, or of a webhook, that of the sender's address."""
    if operation.permission is Permission.SIGNED:
        return f"address\n{request.client.host if request.client else ''}"
    return f"key\n{principal.tenant}\n{principal.role}\n{principal.key}"


def _json(status: int, value: object, kind: str = "application/json", headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(value), status, {**HEADERS, **(headers or {})}, kind)


def _refused(error: HTTPException) -> Response:
    """The answer to a request that the host's `authorize` refuses in its own words."""
    headers = dict(error.headers or {})
    problem = Problem(error.status_code, "refused", str(error.detail), headers=headers)
    return _json(problem.status, problem.document, MEDIA_TYPE, problem.headers)
