"""Kills a process that runs flows, again and again, and checks the books.

Run as `python -m tests.app.kill_harness FOLDER KILLS [SECONDS [SEED]]`; each is killed within that many seconds. The effects are lines in a ledger that no part of dagflow reads. Exits with 0 and a line of figures if every promise was
kept, with 1 and the reason if not.
"""

from __future__ import annotations

import functools
import gc
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from dagflow.actions.catalog import Catalog
from dagflow.actions.failures import Invocation
from dagflow.app import interpreter
from dagflow.app.interpreter import Interpreter
from dagflow.drivers.local.activation import ActivationConfig
from dagflow.ids import RunId
from dagflow.lang.compiler import compile_text
from dagflow.model.flow import Flow
from dagflow.model.status import RunStatus
from dagflow.store.api import Store
from dagflow.store.failpoints import Failpoint, hit
from dagflow.store.open import open_reading, open_store

FLOW = """
event "step" { n: int }
flow part(n: int) -> int {
  p = note(n: n) undo unnote(n: p)
  if n == 3 { fail "three is too many" }
  return p
}
flow f(n: int) -> int {
  on manual
  a = note(n: n)
  parallel {
    b = note(n: a + 1) retry 3 from 1ms to 2ms
    c = blocking(n: a + 2)
    do side {
      filter n > 0
      d = quick(n: 100, run: run.id, step: "d")
    }
    k = quick(n: a, run: run.id, step: "k")
  }
  emit "step" (n: a)
  parallel first 1 {
    step = wait event "step" within 60ms
    wait 9ms
  }
  do tried {
    e = broken(n: b)
  } on error as err {
    f = note(n: err.attempt)
  }
  rows = for i in [1, 2, 3, 4] max 9 parallel 2 collect errors {
    h = note(n: i) undo unnote(n: h)
    q = part(n: i)
    yield q + h
  }
  g = note(n: b + c) after settled(b, c)
  return g + (d ?? 0) + (f ?? 0) + size(rows.ok) * 1000
}
"""
RUNS_AT_ONCE = 3
#: The steps whose actions are idempotent: no intent is kept of them, so an attempt may be made again under its number.
IDEMPOTENT = {"c", "p.undo", "h.undo"}
#: The steps whose action is given what the flow says and no more, so it is called the short way; it does not hear which attempt it is.
QUICK = {"d", "k"}


def catalog_for(ledger: Path) -> Catalog:
    catalog = Catalog()

    def write_line(*words: object) -> None:
        handle = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, " ".join(map(str, words)).encode() + b"\n")
        os.close(handle)

    def write(of: Invocation) -> None:
        write_line(of.run, of.node, of.attempt, of.effect_key, of.arguments["n"])

    @catalog.action("quick", effect="effectful")
    async def quick(n: int, run: str, step: str) -> int:
        write_line(run, step, "?", f"{run}/{step}", n)
        hit(Failpoint.EFFECT)
        await trio.sleep(0.001)
        return n

    @catalog.action("note", effect="effectful")
    async def note(n: int, invocation: Invocation) -> int:
        await trio.sleep(0.001)
        write(invocation)
        hit(Failpoint.EFFECT)
        await trio.sleep(0.001)
        return n

    @catalog.action("blocking", effect="idempotent")
    def blocking(n: int, invocation: Invocation) -> int:
        time.sleep(0.002)
        write(invocation)
        return n

    @catalog.action("broken", effect="effectful")
    async def broken(n: int, invocation: Invocation) -> int:
        write(invocation)
        raise ConnectionError("as always")

    @catalog.action("unnote", effect="idempotent")
    async def unnote(n: int, invocation: Invocation) -> None:
        write(invocation)

    return catalog


def place_of(folder: Path) -> str:
    """The store of a folder: a file in it, or the URL that stands in a file of it."""
    url = folder / "url"
    return url.read_text() if url.exists() else str(folder / "runs.db")


@functools.cache
def compiled(catalog: Catalog) -> Flow:
    return compile_text(FLOW, catalog.interface).unwrap("f")


async def live(folder: Path, catalog: Catalog, *, is_patient: bool = False) -> None:
    """Finish what there is, then some more. Runs that were killed three times before they came any further are left alone, unless
    somebody insists, as `is_patient` does.
    """
    flow = compiled(catalog)
    unquarantine = unfinished(folder) if is_patient else ()
    async with Interpreter.open(place_of(folder), catalog=catalog, unquarantine=unquarantine, takeover=True) as open_:
        runs = await open_.unfinished()
        runs += [await open_.start(flow, {"n": n % 2}) for n in range(len(runs), RUNS_AT_ONCE)]
        if interpreter.ActivationConfig is not ActivationConfig:
            # Nobody holds them, so they are read from the store each time they wake.
            runs.clear()
            while await open_.runs(unfinished=True, limit=1):
                await trio.lowlevel.checkpoint()
        for run in runs:
            await run.wait()


def unfinished(folder: Path) -> list[str]:
    """The runs that have not ended."""
    store = open_reading(place_of(folder))
    runs = [row.id for row in store.runs(unfinished=True, limit=1_000)]
    store.close()
    return runs


def leave_at_once() -> None:
    """Runs leave memory whenever they wait, however shortly."""
    interpreter.ActivationConfig = partial(ActivationConfig, nearly_due_ns=1)  # type: ignore[misc]


def kill_one(
    folder: Path, catalog: Catalog, after: float, *, is_patient: bool = False, before: Callable[[], None] | None = None
) -> bool:
    """Whether it was killed before it was done. `before` is called in the child."""
    compiled(catalog)  # once, not in every child
    child = os.fork()
    if child == 0:
        try:
            if before is not None:
                before()
            trio.run(lambda: live(folder, catalog, is_patient=is_patient))
        except BaseException as error:  # noqa: BLE001 - the parent has to hear of it, whatever it is
            sys.stderr.write(repr(error))
            os._exit(3)
        os._exit(0)
    deadline = time.monotonic() + after
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return _ended(status)
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    return _ended(os.waitpid(child, 0)[1])


def _ended(status: int) -> bool:
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status):
        raise SystemExit(f"the child gave up with {os.WEXITSTATUS(status)}")
    return False


def check(folder: Path) -> str:
    """The books against the histories."""
    lines = [line.split() for line in (folder / "ledger").read_text().splitlines()]
    store = open_store(place_of(folder))
    rows = store.runs(limit=1_000_000)
    effects = {(run, node) for run, node, *_ in lines}
    keys = {(run, node): key for run, node, _, key, _ in lines}
    assert len(set(keys.values())) == len(effects), "two nodes share an effect key"
    assert len({(*pair, key) for pair, key in keys.items()}) == len(keys)
    attempts = Counter((run, node, attempt) for run, node, attempt, _, _ in lines if node not in IDEMPOTENT | QUICK)
    calls = Counter((run, node) for run, node, *_ in lines)
    assert not [which for which, n in attempts.items() if n > 1], "an attempt had its effect twice"
    by_run = Counter(row.status for row in rows)
    assert set(by_run) == {RunStatus.SUCCEEDED}, by_run
    sent = store.events(after=0, limit=1_000_000)
    assert sorted(event.run for event in sent) == sorted(row.id for row in rows), "every run sends one event"
    interrupted = n_taken = 0
    for row in rows:
        history = store.history(row.id)
        kinds = Counter((record.kind, record.node) for record in history)
        interrupted += sum(n for (kind, _), n in kinds.items() if kind == "attempt_interrupted")
        assert kinds["run_ended", ""] == 1
        for node in QUICK:
            assert calls[row.id, node] <= kinds["attempt_started", node], "an effect without an intent of its own"
        for node in ("a", "b", "c", "g", "f", "k"):
            assert kinds["attempt_succeeded", node] == 1, (row.id, node)
            assert (row.id, node) in effects, "a result without its effect"
        taken = [record.payload for record in history if record.kind == "event_arrived"]
        assert len(set(taken)) == len(taken), "an event came twice"
        assert kinds["event_taken", "step"] <= 1
        n_taken += kinds["event_taken", "step"]
        last = {record.node: record.payload for record in history if record.kind in ("attempt_succeeded", "value_computed")}
        arguments = {n for run, node, _, _, n in lines if run == row.id and node == "b"}
        assert len(arguments) == 1, "attempts of one node differ in their arguments"
        n = int(last["a"] or b"")
        result = next(value for node, value in last.items() if node.startswith("return"))
        assert int(result or b"") == 3000 + 2 * n + 3 + 100 * (n > 0) + int(last["f"] or b""), (
            "the result is not what it has to be"
        )
        check_parts(store, row.id, effects)
    store.close()
    return f"{len(rows)} runs, {len(lines)} effects, {interrupted} attempts interrupted, {n_taken} events taken"


def check_parts(store: Store, run: RunId, effects: set[tuple[str, str]]) -> None:
    """The items of the loop, and the flows they called: all are there, and the one that failed left nothing behind."""
    items = store.runs(parent=run)
    parts = {item.id: store.runs(parent=item.id) for item in items}
    assert [item.id for item in sorted(items, key=lambda item: item.id)] == [f"{run}/rows[{n}]" for n in range(4)]
    assert all([part.id for part in mine] == [f"{item}/q#1"] for item, mine in parts.items()), parts
    for row in [*items, *(part for mine in parts.values() for part in mine)]:
        is_third = "/rows[2]" in row.id
        assert row.status is (RunStatus.FAILED if is_third else RunStatus.SUCCEEDED), (row.id, row.status)
        step = "p" if "#" in row.id else "h"
        kinds = Counter((record.kind, record.node) for record in store.history(row.id))
        assert kinds["attempt_succeeded", step] == 1
        assert (row.id, step) in effects, "a result without its effect"
        assert kinds["attempt_succeeded", f"{step}.undo"] == is_third
        assert ((row.id, f"{step}.undo") in effects) == is_third, "what failed is undone, and nothing else"


def main() -> None:
    folder, n_kills = Path(sys.argv[1]), int(sys.argv[2])
    within = float(sys.argv[3]) if len(sys.argv) > 3 else 0.25
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")
    dice = random.Random(seed)
    catalog = catalog_for(folder / "ledger")
    # What is here already is garbage to no child: looking through it costs one as much as half of its life.
    gc.collect()
    gc.freeze()
    n_killed = 0
    while n_killed < n_kills:
        before = leave_at_once if dice.random() < 0.5 else None
        n_killed += kill_one(folder, catalog, dice.uniform(0.0, within), before=before)
    while kill_one(folder, catalog, 30, is_patient=True):
        pass
    sys.stdout.write(f"{n_killed} kills, {check(folder)}\n")


if __name__ == "__main__":
    main()
