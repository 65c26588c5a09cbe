"""Requests made of the OpenAPI document, as four roles: no answer is a failure of the server, and each has its schema.

`DAGFLOW_WEB_CASES=100 python -m pytest tests/web/test_generated.py -m slow` sends that many to each route as each role.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
import trio
from hypothesis import HealthCheck, Phase, given, settings

from dagflow import Catalog, Service
from dagflow.web import WebLimits, app
from dagflow.web.application import OPERATIONS
from dagflow.webhooks import Unsigned
from tests.web.calling import DOCUMENT, Answer, Browser, by_header
from tests.web.test_editor import TEXT
from tests.web.test_routes import ASK, FLOWS

CASES = int(os.environ.get("DAGFLOW_WEB_CASES", "25"))
ROLES = ("viewer", "editor", "operator", "admin")
#: Those that answer for ever have tests of their own.
NAMES = [each.name for each in OPERATIONS if not each.is_stream]
#: Ids that are there, which generated ones seldom are.
KNOWN = {"flow": "deliver", "number": "1", "name": "shop", "request": "event:1"}
LIMITS = WebLimits(per_second=1e6, burst=1_000_000, wait_seconds=0.05)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_no_request_makes_the_server_fail() -> None:
    async with Service.open(":memory:", catalog=Catalog.builtin(), webhooks={"shop": Unsigned()}) as service:
        for text in (FLOWS, ASK, TEXT):
            await service.publish(text)
        run = (await service.send("order/paid", {"id": "A"})).runs[0]
        browser = Browser(app(service, authorize=by_header, limits=LIMITS))
        n_sent = await trio.to_thread.run_sync(all_sent, browser, run)
        print(n_sent, "requests")  # noqa: T201 - the figure in docs/guarantees.md
        assert n_sent > len(ROLES) * len(NAMES) * CASES * 0.5


def all_sent(browser: Browser, run: str) -> int:
    schema: Any = schemathesis.openapi.from_dict(DOCUMENT)
    operations = [each.ok() for each in schema.get_all_operations()]
    wanted = [each for each in operations if each.definition.raw["operationId"] in NAMES]
    return sum(send_all(browser, each, role, KNOWN | {"run": run}) for each in wanted for role in ROLES)


def send_all(browser: Browser, operation: Any, role: str, known: dict[str, str]) -> int:
    """Send requests to an operation, every other one about what is there; return how many."""
    n_sent = 0

    @settings(max_examples=CASES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck])
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        nonlocal n_sent
        n_sent += 1
        if n_sent % 2 and case.path_parameters:
            case.path_parameters = {name: known.get(name, value) for name, value in case.path_parameters.items()}
        answer = sent(browser, case, role)
        assert answer.status < 500, (case.method, case.path, answer.value)

    send()
    return n_sent


def sent(browser: Browser, case: Any, role: str) -> Answer:
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    url = urlsplit(str(prepared.url))
    body = prepared.body or b""
    data = body.encode() if isinstance(body, str) else bytes(body)
    headers = {**{name: str(value) for name, value in prepared.headers.items()}, "x-role": role}
    path = requests.utils.unquote(url.path) + (f"?{url.query}" if url.query else "")
    return trio.from_thread.run(browser.call, str(prepared.method), path, data, headers)
