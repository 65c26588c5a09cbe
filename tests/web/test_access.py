"""Who may do what: every route, role, tenant and place of an id; hosts and origins; rates."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import attrs
import pytest

from dagflow import Catalog, Service, UsageError
from dagflow.web import Permission, Principal, Role, WebLimits, app
from dagflow.web.access import GRANTS
from dagflow.web.application import OPERATIONS, build
from dagflow.web.beside_service import ServiceBackend
from dagflow.web.guards import Guard
from dagflow.web.operations import Operation
from dagflow.webhooks import Unsigned
from tests.web.calling import JSON, Browser, by_header
from tests.web.test_routes import ASK, FLOWS

#: The permissions of each role, once more, so that a change of one place is noticed.
TABLE = {
    "viewer": {"read"},
    "editor": {"read", "edit", "control"},
    "operator": {"read", "control", "operate", "send"},
    "sender": {"send"},
    "admin": {"read", "edit", "control", "operate", "send", "delete"},
}
UNSAFE = [each for each in OPERATIONS if each.method != "GET" and each.permission is not Permission.SIGNED]


def name_of(operation: Operation) -> str:
    return operation.name


@attrs.frozen
class World:
    """Two tenants, of which `a` has flows, a run and a request."""

    browser: Browser
    run: str
    request: str

    def path(self, operation: Operation) -> str:
        """A path of the operation with ids of `a`."""
        names = {"flow": "deliver", "number": "1", "run": self.run, "request": self.request, "name": "shop", "tenant": "a"}
        path = operation.path
        for name, value in names.items():
            path = path.replace(f"{{{name}}}", value)
        return path + ("?before=1" if path.endswith("/diff") else "?seconds=0" if path.endswith("/wait") else "")

    async def status(self, operation: Operation, tenant: str, role: str, **more: str) -> int:
        """The status of the operation for a principal; of a stream, that of its head."""
        headers = {**({} if operation.method == "GET" else JSON), "x-tenant": tenant, "x-role": role, **more}
        if operation.is_stream:
            async with self.browser.stream(self.path(operation), headers) as stream:
                return stream.status
        return (await self.browser.call(operation.method, self.path(operation), b"{}", headers)).status


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    async with Service.open(
        ":memory:", catalog=Catalog.builtin(), webhooks={"shop": Unsigned(), "a/shop": Unsigned()}
    ) as service:
        browser = Browser(app(service, authorize=by_header))
        tenant = service.tenant("a")
        await tenant.publish(FLOWS)
        await tenant.publish(ASK)
        run = (await tenant.send("order/paid", {"id": "A"})).runs[0]
        await tenant.pause("ask")
        request = (await tenant.start("ask", {"n": 1})).id
        yield World(browser, run, request)


def test_the_table_of_roles() -> None:
    assert {str(role): {str(each) for each in grants} for role, grants in GRANTS.items()} == TABLE
    assert set(TABLE) == set(Role)


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
async def test_a_route_answers_the_roles_of_its_permission_alone(world: World, operation: Operation) -> None:
    is_open = operation.permission in (Permission.PUBLIC, Permission.SIGNED)
    assert (await world.status(operation, "", "") == 401) != is_open
    for role in Role:
        status = await world.status(operation, "a", role)
        assert (status == 403) == (not is_open and operation.permission not in TABLE[role]), role
        assert status < 500


WITH_IDS = [each for each in OPERATIONS if "{flow}" in each.path or "{run}" in each.path]


@pytest.mark.parametrize("operation", WITH_IDS, ids=name_of)
async def test_an_id_of_another_tenant_is_not_there(world: World, operation: Operation) -> None:
    """The id stands in the path; the tenant of the credential decides, and no header, query or body changes it."""
    for tenant in ("b", ""):
        assert await world.status(operation, tenant, "admin") == 404
        elsewhere = await world.browser.call(
            operation.method,
            world.path(operation) + ("&" if "?" in world.path(operation) else "?") + "tenant=a",
            b'{"tenant": "a"}' if operation.body is None else b"{}",
            {**({} if operation.method == "GET" else JSON), "x-tenant": tenant, "x-role": "admin", "dagflow-tenant": "a"},
        )
        assert elsewhere.status == 404


@pytest.mark.parametrize("operation", WITH_IDS, ids=name_of)
async def test_a_flow_outside_of_a_credential_is_not_there(world: World, operation: Operation) -> None:
    assert await world.status(operation, "a", "admin", **{"x-flows": "ask"}) == 404
    assert await world.status(operation, "a", "admin", **{"x-flows": "deliver,ask"}) != 404 or "{request}" in operation.path


async def test_lists_have_nothing_of_another_tenant_and_of_other_flows(world: World) -> None:
    for path, name in (("/flows", "flows"), ("/runs", "runs"), ("/schedules", "schedules"), ("/waits", "waits")):
        for headers, flows in (
            ({"x-tenant": "b"}, set()),
            ({"x-tenant": "a", "x-flows": "ask"}, {"ask"} if name in ("flows", "schedules") else set()),
            ({"x-tenant": "a"}, {"ask", "deliver"} if name == "flows" else {"ask"} if name == "schedules" else {"deliver"}),
        ):
            found = (await world.browser.get(path, {"x-role": "viewer", **headers})).value[name]
            assert {each["flow"] for each in found} == flows, (path, headers)


async def test_a_credential_for_some_flows_publishes_no_other_and_sends_no_event(world: World) -> None:
    headers = {**JSON, "x-tenant": "a", "x-role": "admin", "x-flows": "ask"}
    assert (await world.browser.post("/flows", {"text": FLOWS}, headers)).status == 404
    assert (await world.browser.post("/flows", {"text": ASK}, headers)).status == 200
    refused = await world.browser.post("/events", {"name": "order/paid", "payload": {"id": "B"}}, headers)
    assert (refused.status, refused.value["code"]) == (403, "limited_to_flows")
    assert (await world.browser.get(f"/runs?parent={world.run}", headers)).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "//flows",
        "/flows/",
        "/FLOWS",
        "/./flows",
        "/%2e/flows",
        "/healthz/../flows",
        "/flows%00",
        "/flows;x",
        "/openapi.json/flows",
    ],
)
async def test_another_spelling_of_a_path_is_not_there(world: World, path: str) -> None:
    assert (await world.browser.get(path)).status in (401, 404)
    assert (await world.browser.get(path, {"x-tenant": "a", "x-role": "sender"})).status in (403, 404)


async def test_a_route_without_a_permission_fails_the_build() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        guard = Guard(frozenset(), frozenset(), WebLimits())
        forgotten = attrs.evolve(OPERATIONS[3], permission=None)
        with pytest.raises(UsageError, match=f"the route GET {forgotten.path} must have a permission; use `Permission.PUBLIC`"):
            build(ServiceBackend(service, service.interface), by_header, guard, [*OPERATIONS[:3], forgotten])


ORIGINS = [
    ({"origin": "https://evil.example"}, "foreign_origin"),
    ({"origin": "null"}, "foreign_origin"),
    ({"origin": "http://testserver.evil.example"}, "foreign_origin"),
    ({"origin": "http://testserver:81"}, "foreign_origin"),
    ({"sec-fetch-site": "cross-site"}, "foreign_origin"),
    ({"cookie": "session=1"}, "no_origin"),
    ({"host": "evil.example", "origin": "http://evil.example"}, "wrong_host"),
    ({"host": "", "origin": "http://testserver"}, "wrong_host"),
]


async def test_no_foreign_page_changes_anything() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        browser = Browser(app(service, authorize=lambda _: Principal("", "admin"), hosts=["testserver"]))
        for operation in UNSAFE:
            path = World(browser, "r", "q").path(operation)
            for headers, code in ORIGINS:
                refused = await browser.call(operation.method, path, b"{}", {**JSON, **headers})
                assert (refused.status, refused.value["code"]) == (403, code), (operation.name, headers)
            for form in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
                own = {"content-type": form, "origin": "http://testserver"}
                assert (await browser.call(operation.method, path, b"{}", own)).status in (404, 415), operation.name


async def test_the_pages_of_the_application_and_those_it_names_may() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        browser = Browser(app(service, authorize=lambda _: Principal("", "admin"), origins=["https://app.example.com"]))
        for headers in ({"origin": "http://testserver", "cookie": "s=1"}, {"origin": "https://app.example.com"}, {}):
            assert (await browser.post("/flows", {"text": ASK}, {**JSON, **headers})).status == 200


async def test_a_credential_that_asks_too_often_has_to_wait_and_no_other() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        browser = Browser(app(service, authorize=by_header, limits=WebLimits(per_second=0.001, burst=3)))
        ours, theirs = {"x-role": "viewer", "x-tenant": "a"}, {"x-role": "viewer", "x-tenant": "b"}
        assert [(await browser.get("/flows", ours)).status for _ in range(4)] == [200, 200, 200, 429]
        refused = await browser.get("/flows", ours)
        assert (refused.value["code"], int(refused.headers["retry-after"]) > 500) == ("too_many", True)
        assert (await browser.get("/flows", theirs)).status == 200
        assert (await browser.get("/healthz")).status == 200


async def test_there_are_so_many_streams_at_once() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        browser = Browser(app(service, authorize=by_header, limits=WebLimits(streams=1)), {"x-role": "viewer"})
        async with browser.stream("/stream") as stream:
            assert stream.status == 200
            refused = await browser.get("/stream")
            assert (refused.status, refused.value["code"]) == (503, "too_many_streams")
        async with browser.stream("/stream") as stream:
            assert stream.status == 200


async def test_a_stream_ends_after_a_while_so_that_the_credential_is_shown_again() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        browser = Browser(app(service, authorize=by_header, limits=WebLimits(stream_seconds=0.01)), {"x-role": "viewer"})
        async with browser.stream("/stream") as stream:
            assert await stream.next() is None


async def test_the_head_of_a_stream_is_not_waited_for() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        browser = Browser(app(service, authorize=by_header), {"x-role": "viewer"})
        assert (await browser.call("HEAD", "/stream")).status == 405
        assert (await browser.call("HEAD", "/healthz")).status == 200


async def test_an_authorize_that_returns_something_else_lets_nobody_in() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        browser = Browser(app(service, authorize=lambda _: True))  # type: ignore[arg-type, return-value]
        answer = await browser.get("/flows")
        assert (answer.status, answer.value["code"]) == (500, "internal")
