"""Events and starts inside a transaction of the caller: they happen with its rows, or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.orm import Session

from dagflow import Client, UsageError
from docs.building.documents import ROOT, fences
from tests.app.served import Served
from tests.client.test_client import FLOWS
from tests.postgres_server import Server

#: Begins a transaction in a database, and yields what `send_in` takes, and a function that runs a statement in it.
Begin: TypeAlias = Callable[[str], Any]


@pytest.fixture
def client(postgres: Server) -> Generator[Client]:
    url = postgres.url()
    with Served(url) as served:
        client = Client(served.store)
        client.publish(FLOWS, name="deliver")
        client.publish(FLOWS, name="ask")
        postgres.ask(f'CREATE TABLE "{schema_of(client)}".orders (id text)')
        yield client


def schema_of(client: Client) -> str:
    return str(client.store).rpartition("schema=")[2]


def settle(postgres: Server, client: Client) -> None:
    """Look until every call is performed."""
    while postgres.ask("SELECT 1 FROM inbox", schema=schema_of(client)):
        pass


def plain(client: Client) -> str:
    return str(client.store).rpartition("&schema=")[0]


@contextmanager
def psycopg_connection(url: str) -> Generator[tuple[Any, Callable[[str], object]]]:
    with psycopg.connect(url) as connection:
        yield connection, connection.execute


@contextmanager
def psycopg_raw_cursor(url: str) -> Generator[tuple[Any, Callable[[str], object]]]:
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.RawCursor) as connection, connection.transaction():
        cursor = connection.cursor()
        yield cursor, cursor.execute


@contextmanager
def alchemy_connection(url: str) -> Generator[tuple[Any, Callable[[str], object]]]:
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        yield connection, lambda query: connection.execute(sqlalchemy.text(query))


@contextmanager
def alchemy_session(url: str) -> Generator[tuple[Any, Callable[[str], object]]]:
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sqlalchemy.NullPool)
    with Session(engine) as session, session.begin():
        yield session, lambda query: session.execute(sqlalchemy.text(query))


@contextmanager
def django_connection(url: str) -> Generator[tuple[Any, Callable[[str], object]]]:
    backend = pytest.importorskip("django.db.backends.postgresql.base")
    transaction = pytest.importorskip("django.db.transaction")
    connections = pytest.importorskip("django.db").connections
    settings = pytest.importorskip("django.conf").settings
    if not settings.configured:
        settings.configure(DATABASES={})
        pytest.importorskip("django").setup()
    folder = url.rpartition("host=")[2]
    connections.settings["dagflow"] = connections.configure_settings(
        {
            "default": {},
            "dagflow": {"ENGINE": backend.__name__.rpartition(".")[0], "NAME": "postgres", "USER": "dagflow", "HOST": folder},
        }
    )["dagflow"]
    connection = connections["dagflow"]
    try:
        with transaction.atomic(using="dagflow"), connection.cursor() as cursor:
            yield connection, cursor.execute
    finally:
        connection.close()
        del connections["dagflow"]


KINDS = [psycopg_connection, psycopg_raw_cursor, alchemy_connection, alchemy_session, django_connection]


class Undone(Exception):  # noqa: N818 - no error
    pass


@pytest.mark.parametrize("begin", KINDS)
def test_an_order_and_its_requests_commit_together_or_not_at_all(client: Client, postgres: Server, begin: Begin) -> None:
    table = f'"{schema_of(client)}".orders'
    with suppress(Undone), begin(plain(client)) as (connection, execute):
        execute(f"INSERT INTO {table} VALUES ('undone')")
        client.send_in(connection, "order/paid", {"id": "undone"})
        client.start_in(connection, "ask", {"n": 1})
        raise Undone
    with begin(plain(client)) as (connection, execute):
        execute(f"INSERT INTO {table} VALUES ('A')")
        assert client.send_in(connection, "order/paid", {"id": "A"}, id="pay-1") == "pay-1"
        assert client.send_in(connection, "order/paid", {"id": "A"}, id="pay-1") == "pay-1"
        request = client.start_in(connection, "ask", {"n": 5})
        assert client.runs() == []
    settle(postgres, client)
    assert client.send("order/paid", {"id": "A"}, id="pay-1").is_duplicate
    assert client.start("ask", {"n": 5}, id=request).run == next(row.id for row in client.runs() if row.flow == "ask")
    assert sorted(row.flow for row in client.runs()) == ["ask", "deliver"]
    assert postgres.ask(f"SELECT id FROM {table}") == [("A",)]


def test_the_events_of_a_transaction_come_in_their_order(client: Client, postgres: Server) -> None:
    with psycopg.connect(plain(client)) as connection:
        for n in range(40):
            client.send_in(connection, "order/paid", {"id": str(n)})
            client.send_in(connection, "order/shipped", {"id": str(n)})
    settle(postgres, client)
    assert [client.wait(row.id, seconds=30).status for row in client.runs()] == ["succeeded"] * 40


def test_the_example_of_the_page(client: Client, postgres: Server) -> None:
    (example,) = [
        fence
        for fence in fences((ROOT / "docs/service.md").read_text())
        if "send_in" in fence.text and fence.language == "python"
    ]
    database = f"{plain(client)}&options=-csearch_path%3D{schema_of(client)}"
    exec(compile(example.text, "service.md", "exec"), {"psycopg": psycopg, "client": client, "database": database})
    settle(postgres, client)
    assert client.send("order/paid", {"id": "A-1"}, id="payment-17").is_duplicate
    assert postgres.ask("SELECT id FROM orders", schema=schema_of(client)) == [("A-1",)]


def test_no_process_need_be_there(postgres: Server) -> None:
    url = postgres.url()
    client = Client(url)
    with Served(url):
        client.publish(FLOWS, name="ask")
    with psycopg.connect(plain(client)) as connection:
        request = client.start_in(connection, "ask", {"n": 5})
    assert client.runs() == []
    with Served(url):
        run = client.start("ask", {"n": 5}, id=request).run
        assert client.wait(run, seconds=30).output == 2
    assert len(client.runs()) == 1


def test_what_the_process_refuses_is_in_its_log(client: Client, postgres: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "dagflow.control"), psycopg.connect(plain(client)) as connection:
        client.start_in(connection, "nothing")
        connection.commit()
        settle(postgres, client)
    assert "`start` of tenant '', asked in a transaction, was refused: no published flow 'nothing'" in caplog.text


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda client, _: client.send_in(object(), "order/paid"), "`connection` must be a connection or cursor of psycopg.*; got builtins.object"),
        (lambda client, _: client.send_in(sqlalchemy.create_engine("sqlite://").connect(), "x"), "each to Postgres; got sqlalchemy"),
        (lambda client, connection: client.send_in(connection, "x" * 201), "the name of an event"),
        (lambda client, connection: client.start_in(connection, "ask", id=""), "the id"),
        (lambda client, connection: client.start_in(connection, "ask", object()), "the arguments of `start` must be JSON values"),
        (lambda client, connection: Client("runs.db").send_in(connection, "x"), "`send_in` needs a store in the Postgres database"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_once(client: Client, ask: Callable[[Client, Any], object], message: str) -> None:
    with psycopg.connect(plain(client)) as connection, pytest.raises(UsageError, match=message):
        ask(client, connection)
