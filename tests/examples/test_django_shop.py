"""The Django example is started, used and killed, on SQLite and on Postgres."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.examples.processes import Application, events, wait_until

API = "/automations/api"
CHECK = """flow big_order(id: int, total: int) -> string {
  on event "order/created" as e when e.total > 10000 with (id: e.id, total: e.total)
  held = orders.set_status(order: id, status: "check")
  yes = wait event "order/approved" as a when a.id == id within 1d
  done = orders.set_status(order: id, status: "approved")
  return "approved ${id}"
}
event "order/approved" { id: int }
"""
STOCK = """flow restock(sku: string) -> string {
  on webhook "stock" as body with (sku: string(body.sku))
  return "ordered ${sku}"
}
"""


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Application:
    environment = {"SHOP_SECRET": "s" * 50, "SHOP_STOCK_SECRETS": "red=s3cret"}
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres")
        postgres.ask("CREATE DATABASE shop")
        environment["SHOP_DATABASE"] = f"postgresql://dagflow@/shop?host={postgres.folder}"
    found = Application.of("django_shop", tmp_path, **environment)
    found.do(str(found.code / "manage.py"), "migrate", "--verbosity", "0")
    for name, team in (("ann", "red"), ("bob", "blue")):
        found.do(str(found.code / "manage.py"), "add_member", name, team, "correct-horse")
    return found


def driver(shop: Application) -> AbstractContextManager[subprocess.Popen[str]]:
    return shop.process(sys.executable, str(shop.code / "manage.py"), "dagflow_driver", until="driving")


def web(shop: Application) -> AbstractContextManager[subprocess.Popen[str]]:
    return shop.process("uvicorn", "shop.asgi:application", "--port", str(shop.port), "--log-level", "error")


@contextmanager
def logged_in(shop: Application, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shop.address, timeout=20, trust_env=False) as found:
        found.get("/login")
        form = {"username": name, "password": "correct-horse", "csrfmiddlewaretoken": found.cookies["csrftoken"]}
        assert found.post("/login", data=form).headers["location"] == "/"
        # As the script of the page does, and a browser.
        found.headers.update({"x-csrftoken": found.cookies["csrftoken"], "origin": shop.address})
        yield found


def statuses(browser: httpx.Client) -> list[str]:
    return [each["status"] for each in browser.get("/orders").json()["orders"]]


@pytest.mark.slow
def test_the_product_is_used_and_its_processes_are_killed(shop: Application) -> None:
    with ExitStack() as stack:
        server, first = stack.enter_context(web(shop)), stack.enter_context(driver(shop))
        nobody = stack.enter_context(httpx.Client(base_url=shop.address, timeout=20, trust_env=False))
        ann, bob = (stack.enter_context(logged_in(shop, name)) for name in ("ann", "bob"))
        only_who_is_logged_in(nobody)
        automations_are_saved_and_published(ann, bob)
        run = an_order_starts_a_run_that_the_page_sees(ann, bob)
        a_webhook_is_signed_for_its_team(ann, nobody)

        first.kill()
        first.wait()
        with ann.stream("GET", f"{API}/runs/{run}/stream", headers={"last-event-id": "0"}) as stream:
            assert ann.get(f"{API}/runs/{run}").json()["ended_at"] is None
            server.kill()
            server.wait()
            with pytest.raises(httpx.TransportError):
                list(events(stream.iter_lines()))
        stack.enter_context(web(shop))
        stack.enter_context(driver(shop))
        with ann.stream("GET", f"{API}/runs/{run}/stream", headers={"last-event-id": "0"}) as stream:
            approved = {"name": "order/approved", "payload": {"id": 2}}
            assert ann.post(f"{API}/events", json=approved).json()["waits"] == 1
            found = list(events(stream.iter_lines()))
        assert (found[0]["id"], found[-1]["event"], found[-1]["data"]["status"]) == ("1", "end", "succeeded")
        assert statuses(ann) == ["new", "approved"]
        assert len(ann.get(f"{API}/runs?flow=big_order").json()["runs"]) == 1


def only_who_is_logged_in(nobody: httpx.Client) -> None:
    assert nobody.get("/").headers["location"].startswith("/login")
    assert nobody.get(f"{API}/runs").status_code == 401
    assert nobody.get(f"{API}/runs", headers={"cookie": "sessionid=guess"}).status_code == 401


def automations_are_saved_and_published(ann: httpx.Client, bob: httpx.Client) -> None:
    assert "<h1>Automations of red</h1>" in ann.get("/").text
    wrong = ann.put("/automations/big_order", content=CHECK.replace("e.total >", "e.sum >"))
    assert wrong.json()["diagnostics"][0]["code"].startswith("E")
    for name, text in (("big_order", CHECK), ("restock", STOCK)):
        assert ann.put(f"/automations/{name}", content=text).json() == {"flow": name}
    wait_until(lambda: len(ann.get(f"{API}/flows").json()["flows"]) == 2)
    assert bob.get(f"{API}/flows").json() == {"flows": []}


def an_order_starts_a_run_that_the_page_sees(ann: httpx.Client, bob: httpx.Client) -> str:
    assert ann.post("/orders", json={"customer": "Bo", "total": 5}).json() == {"id": 1}
    with ann.stream("GET", f"{API}/stream") as stream:
        assert ann.post("/orders", json={"customer": "Bo", "total": 25_000}).json() == {"id": 2}
        seen = next(events(stream.iter_lines()))
        assert (seen["event"], seen["data"]["flow"]) == ("run", "big_order")
    wait_until(lambda: statuses(ann) == ["new", "check"])
    assert statuses(bob) == []
    run = seen["data"]["run"]
    assert bob.get(f"{API}/runs/{run}").status_code == 404
    return str(run)


def a_webhook_is_signed_for_its_team(ann: httpx.Client, nobody: httpx.Client) -> None:
    body = b'{"sku": "S-7"}'
    signature = "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    signed = {"content-type": "application/json", "x-hub-signature-256": signature}
    started = nobody.post(f"{API}/webhooks/red/stock", content=body, headers=signed).json()
    assert ann.get(f"{API}/runs/{started['requests'][0]['run']}/wait").json()["output"] == "ordered S-7"
    assert nobody.post(f"{API}/webhooks/blue/stock", content=body, headers=signed).status_code == 401
