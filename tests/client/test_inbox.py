"""Calls over Postgres when a driver goes and another comes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dagflow import Client, NotServed
from dagflow.store.inbox import AskedCall, Inbox
from dagflow.store.postgres.store import PostgresStore
from tests.app.served import Served
from tests.client.test_client import FLOWS
from tests.postgres_server import Server


def taken(inbox: Inbox) -> list[AskedCall]:
    """Look until there is a call."""
    while not (calls := list(inbox.take())):
        pass
    return calls


def replaced(postgres: Server, call: Callable[[Client], object]) -> tuple[Client, Future[object]]:
    """Make a call that a driver takes and never answers, and let another one drive the store."""
    client = Client(postgres.url())
    with Served(str(client.store)):
        client.publish(FLOWS, name="deliver")
    store = PostgresStore.open(str(client.store))
    inbox = store.open_inbox()
    with ThreadPoolExecutor() as pool:
        future = pool.submit(call, client)
        assert not taken(inbox)[0].is_repeated
        inbox.close()
        store.close()
        with Served(str(client.store)):
            future.exception(30)
    return client, future


def test_a_send_that_a_driver_left_behind_happens_once(postgres: Server) -> None:
    client, sent = replaced(postgres, lambda client: client.send("order/paid", {"id": "A"}))
    assert len(sent.result().runs) == len(client.runs()) == 1  # type: ignore[attr-defined]


def test_a_call_that_may_not_happen_twice_is_not_repeated(postgres: Server) -> None:
    client, paused = replaced(postgres, lambda client: client.pause("deliver"))
    with pytest.raises(NotServed, match="look whether it happened"):
        paused.result()
    with Served(str(client.store)):
        assert [version.state for version in client.flows()] == ["active"]


def test_a_former_driver_takes_and_answers_nothing(postgres: Server) -> None:
    url = postgres.url()
    former = PostgresStore.open(url)
    inbox = former.open_inbox()
    former.close()
    with Served(url):
        pass
    postgres.ask(
        "INSERT INTO inbox (id, tenant, name, arguments) VALUES ('c', '', 'ping', '{}')", schema=url.rpartition("=")[2]
    )
    assert inbox.take() == []
    inbox.answer([("c", b"no")])
    assert postgres.ask("SELECT id FROM inbox", schema=url.rpartition("=")[2]) == [("c",)]
    inbox.close()


def test_what_a_dead_client_left_is_removed_by_age(postgres: Server) -> None:
    store = PostgresStore.open(postgres.url())
    schema = store.address.schema
    postgres.ask(
        """INSERT INTO inbox (id, tenant, name, arguments, answer_by) VALUES
        ('dead', '', 'ping', '{}', now() - interval '1 s'), ('alive', '', 'ping', '{}', now() + interval '60 s'), ('asked', '', 'send', '{}', NULL)""",
        schema=schema,
    )
    postgres.ask("INSERT INTO outbox VALUES ('old', '', now() - interval '1 hour'), ('new', '', now())", schema=schema)
    inbox = store.open_inbox()
    assert [call.id for call in inbox.take()] == ["alive", "asked"]
    assert inbox.clean(["dead", "alive"]) == {"alive"}
    assert postgres.ask("SELECT id FROM inbox UNION SELECT id FROM outbox ORDER BY 1", schema=schema) == [
        ("alive",),
        ("asked",),
        ("new",),
    ]
    inbox.close()
    store.close()


@pytest.mark.parametrize("arguments", ["", "[]", "{", '{"x": 1}'])
def test_a_row_that_is_no_call_is_answered_with_an_error(postgres: Server, arguments: str) -> None:
    url = postgres.url()
    schema = url.rpartition("=")[2]
    with Served(url):
        values = (arguments,)
        postgres.ask(
            "INSERT INTO inbox (id, tenant, name, arguments, answer_by) VALUES ('c', '', 'ping', %s, now() + interval '60 s')",
            values,
            schema,
        )
        while not (rows := postgres.ask("SELECT answer FROM outbox", schema=schema)):
            Client(url).ping()
    assert b"the arguments of `ping`" in rows[0][0]
