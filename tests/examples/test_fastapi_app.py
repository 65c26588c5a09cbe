"""The FastAPI example is started, used and killed: two teams, a driver that dies, a page that comes back."""

from __future__ import annotations

import hashlib
import hmac
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.examples.processes import Application, events, wait_until

API = "/automations/api"
CHECK = """flow big_order(id: string, total: int) -> string {
  on event "order/created" as e when e.total > 10000 with (id: e.id, total: e.total)
  held = orders.set_status(order: id, status: "check")
  yes = wait event "order/approved" as a when a.id == id within 1d
  done = orders.set_status(order: id, status: "approved")
  return "approved ${id}"
}
event "order/approved" { id: string }
"""
STOCK = """flow restock(sku: string) -> string {
  on webhook "stock" as body with (sku: string(body.sku))
  return "ordered ${sku}"
}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Application:
    found = Application.of("fastapi_app", tmp_path, SHOP_SECRET="a secret of the sessions", SHOP_STOCK_SECRETS="red=s3cret")
    for email, team in (("ann@red.example", "red"), ("bob@blue.example", "blue")):
        found.do(str(found.code / "users.py"), email, team, "correct-horse")
    return found


def driver(shop: Application) -> AbstractContextManager[subprocess.Popen[str]]:
    return shop.process(sys.executable, str(shop.code / "driver.py"), until="driving")


def web(shop: Application) -> AbstractContextManager[subprocess.Popen[str]]:
    return shop.process("uvicorn", "web:api", "--port", str(shop.port), "--log-level", "error")


def browser(shop: Application) -> httpx.Client:
    return httpx.Client(base_url=shop.address, timeout=20, trust_env=False)


@contextmanager
def logged_in(shop: Application, email: str) -> Iterator[httpx.Client]:
    with browser(shop) as found:
        answer = found.post("/login", json={"email": email, "password": "correct-horse"})
        assert answer.status_code == 200
        # A browser adds the origin of the page to what changes something.
        found.headers["origin"] = shop.address
        yield found


def statuses(browser: httpx.Client) -> list[str]:
    return [each["status"] for each in browser.get("/orders").json()]


@pytest.mark.slow
def test_the_product_is_used_and_its_processes_are_killed(shop: Application) -> None:
    with ExitStack() as stack:
        server, first = stack.enter_context(web(shop)), stack.enter_context(driver(shop))
        nobody = stack.enter_context(browser(shop))
        ann, bob = (stack.enter_context(logged_in(shop, email)) for email in ("ann@red.example", "bob@blue.example"))
        only_who_is_logged_in(nobody)
        automations_are_saved_and_published(ann, bob)
        run = an_order_starts_a_run_that_the_page_sees(ann, bob)
        a_webhook_is_signed_for_its_team(ann, nobody)
        foreign = {"origin": "https://evil.example"}
        assert ann.post(f"{API}/runs/{run}/cancel", headers=foreign).json()["code"] == "foreign_origin"

        first.send_signal(signal.SIGKILL)
        first.wait()
        assert ann.get(f"{API}/readyz").status_code == 503
        assert ann.get(f"{API}/runs/{run}").json()["ended_at"] is None
        stack.enter_context(driver(shop))
        server.send_signal(signal.SIGKILL)
        server.wait()
        stack.enter_context(web(shop))
        with ann.stream("GET", f"{API}/runs/{run}/stream", headers={"last-event-id": "0"}) as stream:
            approved = {"name": "order/approved", "payload": {"id": "A-1"}}
            assert ann.post(f"{API}/events", json=approved).json()["waits"] == 1
            found = list(events(stream.iter_lines()))
        assert (found[0]["id"], found[-1]["event"], found[-1]["data"]["status"]) == ("1", "end", "succeeded")
        assert statuses(ann) == ["new", "approved"]


def only_who_is_logged_in(nobody: httpx.Client) -> None:
    assert nobody.post("/login", json={"email": "ann@red.example", "password": "guess"}).status_code == 401
    assert nobody.get(f"{API}/runs").status_code == 401
    assert "EventSource" in nobody.get("/").text


def automations_are_saved_and_published(ann: httpx.Client, bob: httpx.Client) -> None:
    wrong = ann.put("/automations/big_order", json={"text": CHECK.replace("e.total >", "e.sum >")})
    assert wrong.json()["detail"]["diagnostics"][0]["code"].startswith("E")
    for name, text in (("big_order", CHECK), ("restock", STOCK)):
        assert ann.put(f"/automations/{name}", json={"text": text}).json() == {"flow": name}
    wait_until(lambda: len(ann.get(f"{API}/flows").json()["flows"]) == 2)
    assert bob.get(f"{API}/flows").json() == {"flows": []}


def an_order_starts_a_run_that_the_page_sees(ann: httpx.Client, bob: httpx.Client) -> str:
    assert ann.post("/orders", json={"id": "A-0", "customer": "Bo", "total": 5}).json() == {"runs": []}
    with ann.stream("GET", f"{API}/stream") as stream:
        (run,) = ann.post("/orders", json={"id": "A-1", "customer": "Bo", "total": 25_000}).json()["runs"]
        seen = next(events(stream.iter_lines()))
        assert (seen["event"], seen["data"]["run"], seen["data"]["flow"]) == ("run", run, "big_order")
    wait_until(lambda: statuses(ann) == ["new", "check"])
    assert statuses(bob) == []
    assert bob.get(f"{API}/runs/{run}").status_code == 404
    return str(run)


def a_webhook_is_signed_for_its_team(ann: httpx.Client, nobody: httpx.Client) -> None:
    body = b'{"sku": "S-7"}'
    signature = "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    signed = {"content-type": "application/json", "x-hub-signature-256": signature}
    started = nobody.post(f"{API}/webhooks/red/stock", content=body, headers=signed).json()
    assert ann.get(f"{API}/runs/{started['requests'][0]['run']}/wait").json()["output"] == "ordered S-7"
    for team, headers in (("red", {**signed, "x-hub-signature-256": "sha256=00"}), ("blue", signed)):
        assert nobody.post(f"{API}/webhooks/{team}/stock", content=body, headers=headers).status_code == 401
