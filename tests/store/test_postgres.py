"""A store in a Postgres database, on a real server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dagflow.app.maintenance import backup, salvage, vacuum, verify
from dagflow.errors import StoreError, StoreInUse, WriteRefused
from dagflow.ids import RunId
from dagflow.model.status import RunStatus
from dagflow.store import open_store
from dagflow.store.api import Record, Store
from dagflow.store.open import open_reading
from dagflow.store.postgres.address import address_of
from dagflow.store.postgres.schema import MIGRATIONS, migrate
from tests.cutting import Way
from tests.postgres_server import Server
from tests.store.contract import DIGEST, FLOW, StoreConformance, add, create, facts, run_row, sent

ROOT = Path(__file__).parents[2]


class TestPostgres(StoreConformance):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: Server) -> None:
        self.url = postgres.url()

    def open(self, folder):
        return open_store(self.url)


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.url()


def schema(url: str) -> str:
    return address_of(url).schema


def begun(url: str) -> tuple[Store, RunId]:
    """A store with one run of one fact."""
    store = open_store(url)
    row = run_row()
    create(store, row, FLOW, facts(1))
    return store, row.id


def opened_when_free(url: str) -> tuple[Store, float]:
    """The store, once nobody else drives it, and how many seconds that took."""
    began = time.monotonic()
    while True:
        try:
            return open_store(url), time.monotonic() - began
        except StoreInUse:
            assert time.monotonic() - began < 20
            time.sleep(0.05)


def test_what_was_written_is_there_after_opening_again(url: str) -> None:
    store, run = begun(url)
    store.write([add(run, 1, facts(400, 1))])
    store.send([sent(1)])
    store.close()
    again = open_store(url)
    assert again.history(run) == list(facts(401))
    assert (again.flow(DIGEST), again.last_event(), again.problems()) == (FLOW, 1, [])
    # Runs that begin later come behind those of the process before.
    other = run_row(7, id=RunId(f"{run}/a"), parent=run)
    create(again, other, FLOW, ())
    assert again.runs(parent=run) == [other]
    again.close()


def test_large_payloads_are_kept_once(url: str, postgres: Server) -> None:
    store = open_store(url)
    large = Record("run_started", 1, payload=b'{"input":' + b"x" * 50_000 + b"}")
    rows = [run_row(n) for n in range(1, 4)]
    for row in rows:
        create(store, row, FLOW, [large])
    assert [store.history(row.id) for row in rows] == [[large]] * 3
    assert postgres.ask("SELECT count(*) FROM body", schema=schema(url)) == [(1,)]
    store.write([add(row.id, 1, (), status=RunStatus.FAILED, ended_at=5) for row in rows])
    while store.prune(9):
        pass
    assert postgres.ask("SELECT count(*) FROM body", schema=schema(url)) == [(0,)]
    store.close()


class TestOneDrives:
    def test_a_second_opening_is_refused_with_the_owner(self, url: str) -> None:
        store, _ = begun(url)
        with pytest.raises(StoreInUse, match=rf"is open in process {os.getpid()} on \S+, seen 0\.\d s ago; .* `takeover`"):
            open_store(url)
        assert len(store.runs()) == 1
        store.close()
        open_store(url).close()

    def test_readers_are_welcome(self, url: str) -> None:
        store, run = begun(url)
        reader, still = open_reading(url), open_reading(url, is_still=True)
        assert len(still.history(run)) == 1
        store.write([add(run, 1, facts(1, 1))])
        assert [len(each.history(run)) for each in (reader, still)] == [2, 1]
        for write in (lambda: reader.send([sent(1)]), lambda: reader.write([add(run, 2, facts(1))])):
            with pytest.raises(StoreError, match="is open for reading only"):
                write()
        for each in (reader, still, store):
            each.close()

    def test_what_a_driver_left_open_is_known(self, url: str) -> None:
        store, _ = begun(url)
        store.note_driving(store.driving().__class__(is_open=True, is_whole=True))
        store.close()
        again = open_store(url)
        assert not again.driving().is_open
        again.close()

    def test_a_killed_driver_is_followed_at_once(self, url: str) -> None:
        process, run, acknowledged = writer(url)
        process.kill()
        store, seconds = opened_when_free(url)
        acknowledged = max([acknowledged, *map(int, process.communicate()[0].split())])
        assert seconds < 5
        assert store.driving().is_open  # it had no time to say that it stops
        assert len(store.history(run)) >= acknowledged
        store.close()

    @pytest.mark.early
    def test_a_driver_that_stood_still_writes_nothing_more(self, url: str) -> None:
        process, run, _ = writer(url)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(StoreInUse):
            open_store(url)
        store, seconds = opened_when_free(url)
        assert seconds < 5
        before = store.history(run)
        process.send_signal(signal.SIGCONT)
        said = process.communicate()[0].split("\n")[-2]
        assert re.search(rf"was taken over by process {os.getpid()} on \S+, so this process must not write to it", said), said
        assert store.history(run) == before
        store.write([add(run, len(before), facts(1))])
        store.close()

    def test_a_fork_may_not_use_it(self, url: str) -> None:
        store, _ = begun(url)
        child = os.fork()
        if child == 0:
            try:
                store.runs()
            except StoreError as error:
                os._exit(0 if "fork" in str(error) else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert len(store.runs()) == 1
        store.close()


WRITER = """
import os, sys
if os.environ.get("DAGFLOW_PLANT"):
    import tests.durability.planting
from dagflow.errors import StoreError
from dagflow.store import DriverState, open_store
from tests.store.contract import FLOW, add, create, facts, run_row
store = open_store(sys.argv[1])
store.note_driving(DriverState(is_open=True, is_whole=True))
row = run_row()
create(store, row, FLOW, facts(1))
print(row.id, flush=True)
first = 1
try:
    while True:
        store.write([add(row.id, first, facts(5, first))])
        first += 5
        print(first, flush=True)
except StoreError as error:
    print(error, flush=True)
"""


def writer(url: str) -> tuple[subprocess.Popen[str], RunId, int]:
    """A process that adds five facts to a run, again and again, and says how many there are; the run, and the first number."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    run = RunId(process.stdout.readline().strip())
    return process, run, int(process.stdout.readline())


class TestCutConnections:
    @pytest.fixture
    def way(self, postgres: Server) -> Iterator[Way]:
        with Way(postgres.folder) as way:
            yield way

    def cut_everywhere(self, postgres: Server, way: Way, step: int) -> int:
        """Cut a write at each byte of its exchange; every write happens once. Returns how many cuts there were."""
        store, run = begun(postgres.url(folder=way.folder))
        n_cuts, length = 0, 1
        for direction in ("sent", "received"):
            at = 0
            while True:
                store.runs()  # each session has its connection
                way.watch(**{direction: at})
                store.write([add(run, length, facts(2, length), events=(sent(length),))])
                length += 2
                is_cut = way.cut_sent is way.cut_received is None
                way.watch()
                assert len(store.history(run)) == length
                if not is_cut:
                    break
                n_cuts += 1
                at += step
        assert store.history(run) == list(facts(length))
        assert store.problems() == []
        store.close()
        return n_cuts

    def test_a_write_that_is_cut_anywhere_happens_once(self, postgres: Server, way: Way) -> None:
        assert self.cut_everywhere(postgres, way, 61) > 20

    @pytest.mark.slow
    def test_a_write_that_is_cut_at_any_byte_happens_once(self, postgres: Server, way: Way) -> None:
        assert self.cut_everywhere(postgres, way, 1) > 1000

    def test_a_pooler_is_refused(self, postgres: Server, way: Way) -> None:
        way.is_pooler = True
        with pytest.raises(StoreError, match=r"is a connection pooler.*use the address of the server itself"):
            open_store(postgres.url(folder=way.folder))


class TestRefused:
    @pytest.mark.parametrize(
        "record", [Record("k", 2**70), Record("k", 1, "\ud800"), Record("k", 1, "a\0b")], ids=["number", "surrogate", "nul"]
    )
    def test_a_value_that_cannot_be_kept(self, url: str, record: Record) -> None:
        store, run = begun(url)
        with pytest.raises(WriteRefused, match="cannot keep this value"):
            store.write([add(run, 1, (record,))])
        assert store.history(run) == list(facts(1))
        store.write([add(run, 1, facts(1, 1))])
        assert store.has_event("", "a\0b") is False
        store.close()

    def test_a_text_that_no_index_takes(self, url: str) -> None:
        store, run = begun(url)
        name = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(4000))
        with pytest.raises(WriteRefused, match=r"cannot keep this value: .*index"):
            store.send([sent(1, id=name)])
        assert len(store.history(run)) == 1
        store.close()

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("postgresql://h/d?schema=Big", "`schema` of a Postgres store must have small letters"),
            ("postgresql://u:pass/word@h/d", "write `/`, `:`, `@` and `%` of a password as %2F"),
            ("postgresql://dagflow@/d?host=/nowhere", r"cannot open postgresql://dagflow@/d: .*No such file"),
            ("postgresql://h/d?nonsense=1", "cannot open postgresql://h/d: .*nonsense"),
        ],
    )
    def test_a_url_that_leads_nowhere(self, url: str, problem: str) -> None:
        with pytest.raises(StoreError, match=problem) as error:
            open_store(url)
        assert "pass" not in str(error.value).replace("password", "")

    def test_a_schema_of_another_program(self, url: str, postgres: Server) -> None:
        postgres.ask(f"CREATE SCHEMA {schema(url)}")
        postgres.ask("CREATE TABLE mine (a bigint)", schema=schema(url))
        for opening in (open_store, open_reading):
            with pytest.raises(StoreError, match=r"has tables of another program; choose one with `\?schema=NAME`"):
                opening(url)

    def test_a_newer_schema(self, url: str, postgres: Server) -> None:
        open_store(url).close()
        postgres.ask("UPDATE schema_version SET version = 9", schema=schema(url))
        with pytest.raises(StoreError, match=f"has schema 9, this dagflow knows {len(MIGRATIONS)}"):
            open_store(url)

    def test_an_older_schema_is_read_once_it_is_up_to_date(self, url: str, postgres: Server) -> None:
        with pytest.raises(StoreError, match=r"there is no store .*; running a flow makes one"):
            open_reading(url)
        open_store(url).close()
        postgres.ask("UPDATE schema_version SET version = 0", schema=schema(url))
        with pytest.raises(StoreError, match="there is no store"):
            open_reading(url)

    def test_a_step_of_a_migration_happens_whole_or_not_at_all(self, url: str, postgres: Server) -> None:
        store, run = begun(url)
        store.close()
        steps = (*MIGRATIONS, "ALTER TABLE run ADD COLUMN note text", "CREATE TABLE half (x bigint);\nno such statement;\n")
        plain = re.sub(r"[&?]schema=\w+", "", url)
        with psycopg.connect(
            plain, autocommit=True, cursor_factory=psycopg.RawCursor, options=f"-c search_path={schema(url)}"
        ) as connection:
            with pytest.raises(psycopg.errors.SyntaxError):
                migrate(connection, address_of(url), steps)
            migrate(connection, address_of(url), steps[:-1])
        assert postgres.ask("SELECT version FROM schema_version", schema=schema(url)) == [(len(MIGRATIONS) + 1,)]
        assert postgres.ask("SELECT id FROM run WHERE note IS NULL", schema=schema(url)) == [(run,)]
        assert postgres.ask("SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'half'", (schema(url),)) == []


def test_damage_is_noticed(url: str, postgres: Server) -> None:
    store, run = begun(url)
    store.send([sent(1)])
    postgres.ask("UPDATE history SET payload = 'x'", schema=schema(url))
    postgres.ask("UPDATE event SET at = 7", schema=schema(url))
    with pytest.raises(StoreError, match=f"event 0 of run {run} is not what was written"):
        store.history(run)
    assert store.events(after=0) == []
    assert store.problems() == ["the event number 1 is not what was written"]
    store.close()


def test_a_store_is_verified_and_cleaned_up_but_copied_and_salvaged_by_other_means(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        vacuum(url, 10)
    store, run = begun(url)
    store.write([add(run, 1, (), status=RunStatus.FAILED, ended_at=5)])
    with pytest.raises(StoreInUse):
        vacuum(url, 10)
    assert (verify(url).n_runs, verify(url).n_facts) == (1, 1)
    store.close()
    vacuum(url, 10)
    assert verify(url).n_runs == 0
    with pytest.raises(StoreError, match=rf"copy it with `pg_dump --format=custom --schema={schema(url)} --file=\S+copy`"):
        backup(url, tmp_path / "copy")
    with pytest.raises(StoreError, match="damaged runs stay blocked and the rest goes on; restore a backup"):
        salvage(url)


class TestServers:
    """Servers of their own, since they are stopped, killed and set otherwise."""

    @pytest.fixture
    def server(self) -> Iterator[Server]:
        server = Server()
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.remove()

    @pytest.mark.slow
    def test_a_server_that_is_stopped_or_killed_and_comes_back_is_used_again(self, server: Server) -> None:
        store, run = begun(server.url())
        length = 1
        for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            server.stop(sign)
            server.start()
            store.write([add(run, length, facts(1, length))])
            length += 1
            assert store.history(run) == list(facts(length))
        while server.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]:
            time.sleep(0.05)
        with pytest.raises(StoreInUse):
            open_store(server.url(schema="t1"))
        store.close()

    @pytest.mark.slow
    def test_a_standby_that_is_promoted_is_read_anew(self, server: Server) -> None:
        standby = Server()
        try:
            standby.follow(server)
            standby.start()
            hosts = f"host={server.folder},{standby.folder}&target_session_attrs=read-write"
            url = f"postgresql://dagflow@/postgres?{hosts}&schema=both"
            store, run = begun(url)
            behind = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
            while server.ask(behind) == [(0,)]:
                time.sleep(0.02)
            server.kill()
            standby.ask("SELECT pg_promote()")
            with pytest.raises(StoreError, match=r"is another server now, a standby that was promoted, .*; open it again"):
                store.write([add(run, 1, facts(1, 1))])
            store.close()
            again = open_store(url)
            assert again.history(run) == list(facts(1))
            again.write([add(run, 1, facts(1, 1))])
            again.close()
        finally:
            standby.remove()

    @pytest.mark.slow
    def test_a_server_that_stays_away_is_an_error(self, server: Server) -> None:
        store, run = begun(server.url())
        server.stop()
        with pytest.raises(
            StoreError, match=r"the connection to .* was lost and could not be made again \(.*\); open it again"
        ):
            store.write([add(run, 1, facts(1))])
        for use in (store.runs, lambda: store.send([sent(1)])):
            with pytest.raises(StoreError, match="open it again"):
                use()
        store.close()

    @pytest.mark.slow
    @pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
    def test_a_server_that_loses_commits_is_refused(self, server: Server, setting: str) -> None:
        server.stop(signal.SIGINT)
        server.settings = [f"{setting}=off"]
        server.start()
        with pytest.raises(StoreError, match=f"has {setting}=off, so a power cut loses commits; set {setting}=on"):
            open_store(server.url())

    @pytest.mark.slow
    def test_commits_are_durable_whatever_the_server_has_as_its_default(self, server: Server) -> None:
        server.stop(signal.SIGINT)
        server.settings = ["synchronous_commit=off", "log_statement=all"]
        server.start()
        store, _ = begun(server.url())
        store.close()
        assert "SET synchronous_commit = on" in (server.folder / "log").read_text()
