"""`--store postgresql://…`: the commands on a store in a Postgres database."""

from __future__ import annotations

import sys

import pytest

from dagflow import Client, NotServed
from dagflow.errors import StoreError
from dagflow.store import open_store
from tests.postgres_server import Server

FLOW = """
flow f {
  on manual
  a = note(text: "once")
  b = note(text: "twice")
}
"""


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.url().replace("dagflow@", "dagflow:s3cret@")


def test_runs_are_kept_listed_and_removed(dagflow, flow, url):
    said = dagflow("run", flow(FLOW), "--actions", "host.py", "--store", url)
    assert (said.code, "state: postgresql://dagflow@/postgres?schema=" in said.err) == (0, True)
    assert "s3cret" not in said.err
    assert [row["status"] for row in dagflow("runs", "--json", "--store", url).json] == ["succeeded"]
    assert dagflow("show", "last", "--store", url).code == 0
    assert dagflow("store", "verify", "--store", url).out == "OK: 1 run, 6 records, 0 events, no corruption\n"
    said = dagflow("store", "vacuum", "--keep", "0s", "--json", "--store", url)
    assert (said.code, "s3cret" in said.out + said.err) == (0, False)
    assert dagflow("runs", "--json", "--store", url).json == []


def test_copies_are_made_by_other_means(dagflow, url):
    open_store(url).close()
    for command, means in (("backup", "copy it with `pg_dump"), ("salvage", "restore a backup to get them back")):
        said = dagflow("store", command, *(["copy.db"] if command == "backup" else []), "--store", url)
        assert (said.code, means in said.err, "s3cret" in said.err) == (2, True, False)


def test_a_store_in_use_is_refused(dagflow, flow, url):
    store = open_store(url)
    said = dagflow("run", flow(FLOW), "--actions", "host.py", "--store", url)
    assert (said.code, "is open in process" in said.err, "s3cret" in said.err) == (2, True, False)
    store.close()


def test_a_client_reads_runs_that_no_process_drives(dagflow, flow, url):
    dagflow("run", flow(FLOW), "--actions", "host.py", "--store", url)
    client = Client(url)
    assert [row.status for row in client.runs()] == ["succeeded"]
    with pytest.raises(
        NotServed,
        match=r"no process drives the runs of postgresql://dagflow@/postgres\?schema=t\d+; start one: `dagflow serve`, or a program with `dagflow.drive`",
    ):
        client.send("x")


def test_psycopg_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "dagflow.store.postgres.store", None)
    with pytest.raises(StoreError, match=r"needs psycopg: `pip install 'dagflow\[postgres\]'`"):
        open_store("postgresql://h/d")
