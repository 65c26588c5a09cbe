"""A run that kills its process is quarantined after four crashes, and the others end in the same pass (G7); one process a store (G12)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import attrs
import pytest
import trio
import trio.lowlevel
import trio.testing

from dagflow.app.archive import Archive
from dagflow.app.interpreter import Interpreter
from dagflow.app.recovery import Quarantined
from dagflow.cli.main import main
from dagflow.errors import StoreError, UsageError
from dagflow.ids import RunId
from dagflow.store.api import CrashSuspect, DriverState
from dagflow.store.sqlite.store import SqliteStore
from tests.app.host import Host

ROOT = Path(__file__).parents[2]


def live(folder: Path, kinds: list[str]) -> list[str] | None:
    """What the process said was quarantined, or None if it died."""
    command = [sys.executable, "-m", "tests.durability.killers", str(folder), ",".join(kinds)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 7, -9, -14), done.stderr
    return done.stdout.split()[1:] if done.returncode == 0 else None


def crash_until_done(folder: Path, kinds: list[str]) -> tuple[int, list[str]]:
    n_crashes = 0
    while (quarantined := live(folder, kinds)) is None:
        n_crashes += 1
        assert n_crashes <= 4 * sum(kind not in {"fine", "sleeps"} for kind in kinds)
    return n_crashes, quarantined


def outcome(folder: Path) -> tuple[Counter[str], dict[str, str]]:
    """How many runs are how, and of which kind those are that have not ended."""
    with Archive.open(folder / "runs.db") as archive:
        rows = archive.runs(limit=10_000)
        kinds = {}
        for row in rows:
            if not row.status.is_terminal:
                kinds[row.id] = (folder / "ledger").read_text().partition(f" {row.id}")[0].rsplit("\n", 1)[-1]
        return Counter(row.status.value for row in rows), kinds


@pytest.mark.parametrize(
    ("n_runs", "killers"),
    [
        (30, ("exits",)),
        pytest.param(1000, ("exits", "eats", "blocks", "sleeps"), marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
def test_what_kills_the_process_is_quarantined_and_the_rest_ends(tmp_path, n_runs, killers):
    kinds = ["fine"] * n_runs
    for number, killer in enumerate(killers, 1):
        kinds[number * n_runs // (len(killers) + 1)] = killer
    n_crashes, quarantined = crash_until_done(tmp_path, kinds)
    deadly = set(killers) - {"sleeps"}
    assert n_crashes <= 4 * len(deadly)
    statuses, left = outcome(tmp_path)
    assert statuses["succeeded"] == n_runs - len(killers)
    assert {left[run] for run in quarantined} == deadly
    ledger = Counter(tuple(line.split()) for line in (tmp_path / "ledger").read_text().splitlines())
    attempts = Counter(kind for kind, _, node, _ in ledger if node == "a")
    assert all(attempts[killer] <= 4 for killer in deadly)


def test_it_is_shown_and_released_by_name(tmp_path, monkeypatch, capsys):
    crash_until_done(tmp_path, ["fine", "exits", "fine"])
    monkeypatch.chdir(tmp_path)
    assert main(["runs", "--store", "runs.db", "--unfinished"]) == 0
    assert "quarantined" in capsys.readouterr().out
    with Archive.open("runs.db") as archive:
        (run,) = archive.quarantined()
    # A host in which the action does no harm any more.
    (tmp_path / "host.py").write_text(
        'import dagflow\ncatalog = dagflow.Catalog()\n@catalog.action("work", effect="idempotent")\n'
        "def work(what: str) -> str:\n    return what\n"
    )
    arguments = ["--store", "runs.db", "--actions", "host.py", "--quiet"]
    assert main(["resume", *arguments]) == 2
    said = capsys.readouterr().err
    assert "it was running at 4 process crashes in a row" in said
    assert f"run `dagflow resume {run}`" in said
    assert main(["resume", run, *arguments]) == 0
    assert main(["runs", "--store", "runs.db"]) == 0
    assert "quarantined" not in capsys.readouterr().out


@attrs.define(eq=False)
class Crashes:
    """A store, and what is written into it between two openings as if its driver had crashed."""

    path: Path
    host: Host = attrs.field(factory=Host)

    def start(self, n_runs: int) -> list[str]:
        """Begin runs that are in the middle of an attempt."""
        flow = self.host.flow("action held(n: int) -> int effectful\nflow f { on manual\n a = held(n: 1) }")

        async def go() -> list[str]:
            async with Interpreter.open(self.path, catalog=self.host.catalog, drain_seconds=0) as interpreter:
                runs = [await interpreter.start(flow) for _ in range(n_runs)]
                while len(self.host.calls) < n_runs:
                    await trio.testing.wait_all_tasks_blocked()
                    await trio.lowlevel.checkpoint()
                return [run.id for run in runs]

        return trio.run(go)

    def crash(self, driving: DriverState | None = None, suspects: tuple[CrashSuspect, ...] = ()) -> None:
        store = SqliteStore.open(self.path)
        store.note_driving(driving or DriverState(is_open=True, is_whole=True), suspects)
        store.close()
        Path(f"{self.path}.lock").write_text("1\n")

    def open(self, **options: object) -> tuple[dict[str, int], set[str]]:
        """The counts after opening in order, and the runs that are quarantined."""

        async def go() -> tuple[dict[str, int], set[str]]:
            async with Interpreter.open(self.path, catalog=self.host.catalog, drain_seconds=0, **options) as interpreter:
                suspects = {suspect.run: suspect.n_crashes for suspect in interpreter._store.suspects()}
                return suspects, {run for run, why in interpreter.blocked.items() if isinstance(why, Quarantined)}

        return trio.run(go)


@pytest.fixture
def crashes(tmp_path, monkeypatch) -> Crashes:
    monkeypatch.setattr("dagflow.app.recovery.TRIAL_SECONDS", 0.0)
    return Crashes(tmp_path / "runs.db")


def test_closing_in_order_is_no_crash(crashes):
    crashes.start(2)
    assert crashes.open() == ({}, set())
    store = SqliteStore.open(crashes.path)
    # A driver that could not say goodbye, since the store had failed; it has let go of the file.
    store.note_driving(DriverState(is_open=True, is_whole=True))
    store.close()
    assert crashes.open() == ({}, set())


def test_crashes_are_counted_until_one_closes_in_order(crashes):
    one, two = crashes.start(2)
    crashes.crash()
    assert crashes.open() == ({one: 1, two: 1}, set())
    assert crashes.open() == ({}, set())


def test_four_in_a_row_without_an_outcome_are_enough(crashes):
    one, two = crashes.start(2)
    crashes.crash(suspects=(CrashSuspect(run=RunId(one), n_crashes=3, n_outcomes=1), CrashSuspect(run=RunId(two), n_crashes=2)))
    counts, quarantined = crashes.open()
    assert counts == {one: 4, two: 1}
    assert quarantined == {one}
    assert crashes.open()[1] == {one}
    assert crashes.open(resume=[two])[1] == set()
    assert crashes.open(unquarantine=[one]) == ({}, set())


def test_a_third_crash_quarantines_nobody(crashes):
    """Somebody may have killed the process while an innocent run was tried."""
    (one,) = crashes.start(1)
    crashes.crash(suspects=(CrashSuspect(run=RunId(one), n_crashes=2, n_outcomes=1, is_tried=True),))
    assert crashes.open() == ({one: 3}, set())


def test_only_what_was_tried_is_blamed(crashes):
    one, two = crashes.start(2)
    tried = CrashSuspect(run=RunId(two), n_crashes=3, n_outcomes=1, is_tried=True)
    crashes.crash(DriverState(is_open=True, since=two), (tried, CrashSuspect(run=RunId(one), n_crashes=2, n_outcomes=1)))
    assert crashes.open() == ({one: 2, two: 4}, {two})


def test_what_waits_for_its_trial_is_not_blamed(crashes):
    one, two, three = crashes.start(3)
    held = CrashSuspect(run=RunId(one), n_crashes=2, n_outcomes=1, is_held=True)
    tried = CrashSuspect(run=RunId(two), n_crashes=2, n_outcomes=1, is_tried=True)
    crashes.crash(suspects=(held, tried))
    assert crashes.open() == ({one: 2, two: 3, three: 1}, set())


def test_suspects_are_tried_more_and_more_at_a_time_while_others_go_on(crashes, monkeypatch):
    monkeypatch.setattr("dagflow.app.recovery.TRIAL_SECONDS", 3600.0)
    runs = crashes.start(8)
    suspects = tuple(CrashSuspect(run=RunId(run), n_crashes=1, n_outcomes=1) for run in runs[:7])
    crashes.crash(suspects=suspects)
    quick = crashes.host.flow("flow quick(n: int) -> int { on manual\n wait 1ms\n x = double(n: n)\n return x }")

    async def go() -> None:
        async with Interpreter.open(crashes.path, catalog=crashes.host.catalog, concurrency=16) as interpreter:
            crashes.host.calls.clear()

            async def tried(n: int) -> None:
                with trio.fail_after(10):
                    while crashes.host.calls.count("held 1") < n:
                        await trio.lowlevel.checkpoint()
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert crashes.host.calls.count("held 1") == n

            await tried(2)  # the one that nobody suspects, and the first suspect
            with trio.fail_after(10):
                assert (await (await interpreter.start(quick, {"n": 4})).wait()).output == 8
            for n in (4, 8):
                crashes.host.gate.set()
                crashes.host.gate = trio.Event()
                await tried(n)
            crashes.host.gate.set()
            for run in interpreter.resumed:
                await run.wait()

    trio.run(go)
    assert crashes.open() == ({}, set())


def test_what_was_left_alone_is_not_blamed(crashes):
    one, two = crashes.start(2)
    crashes.crash(DriverState(is_open=True, since=one))
    assert crashes.open() == ({two: 1}, set())


def test_a_quarantined_run_cannot_be_resumed_but_cancelled(crashes):
    (one,) = crashes.start(1)
    crashes.crash(suspects=(CrashSuspect(run=RunId(one), n_crashes=3, n_outcomes=1),))

    async def go() -> None:
        async with Interpreter.open(crashes.path, catalog=crashes.host.catalog) as interpreter:
            with pytest.raises(UsageError, match="it is quarantined"):
                await interpreter.get_run(one)
            assert (await interpreter.cancel(one)).status == "cancelled"

    trio.run(go)


def test_a_run_that_waits_for_others_to_be_tried_can_be_reached(crashes, monkeypatch):
    monkeypatch.setattr("dagflow.app.recovery.TRIAL_SECONDS", 3600.0)
    one, two, three = crashes.start(3)
    crashes.crash(suspects=(CrashSuspect(run=RunId(one), n_crashes=2, n_outcomes=1),))

    async def go() -> None:
        async with Interpreter.open(crashes.path, catalog=crashes.host.catalog) as interpreter:
            crashes.host.calls.clear()
            assert [run.id for run in interpreter.resumed] == [one, two, three]
            while not crashes.host.calls:
                await trio.lowlevel.checkpoint()
            assert len(crashes.host.calls) == 1
            assert (await interpreter.get_run(two)).id == two
            assert (await interpreter.cancel(two)).status == "cancelled"
            crashes.host.gate.set()
            for run in interpreter.resumed:
                await run.wait()
            assert len(crashes.host.calls) == 2

    trio.run(go)
    assert crashes.open() == ({}, set())


def test_a_second_process_is_refused_clearly(tmp_path):
    store = SqliteStore.open(tmp_path / "runs.db")
    script = f"import dagflow, sys\nsys.argv = ['dagflow', 'store', 'vacuum', '--store', {str(tmp_path / 'runs.db')!r}]\n"
    script += "from dagflow.cli.main import main\nsys.exit(main())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert f"is open in process {os.getpid()}; one process at a time can run its flows" in done.stderr
    with pytest.raises(StoreError, match=f"is open in process {os.getpid()}"):
        SqliteStore.open(tmp_path / "runs.db")
    store.close()
