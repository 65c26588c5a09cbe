"""A start with an id is one start, however often it is repeated (G1)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from dagflow.app.interpreter import Interpreter
from dagflow.clock import VirtualClock
from dagflow.errors import StoreError, UsageError
from dagflow.model.status import RunStatus
from dagflow.store.open import open_reading
from tests.app.host import START, Host
from tests.app.stand_ins import Lasting
from tests.app.test_sleepers import ASKING, HOUR, NAP, Frozen, asleep

WANTING = """
event "signed" { name: string }
flow wanting(name: string) -> string {
  on event "signed" as e when e.name != "" with (name: e.name)
  return name
}
"""


@pytest.fixture(params=["memory", "file"])
def opened(request: pytest.FixtureRequest, tmp_path: Path):
    """Opens the same store again and again."""
    lasting = Lasting()

    def open_(host: Host, **options: object):
        store = {"store": lasting} if request.param == "memory" else {}
        return Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, **store, **options)  # type: ignore[arg-type]

    return open_


async def test_a_start_that_is_repeated_is_the_same_run(opened) -> None:
    host = Host()
    async with opened(host, clock=Frozen()) as interpreter:
        first = await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="order 7")
        again = await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="order 7")
        other = await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="order 8")
        assert first.id == again.id != other.id
        await asleep(interpreter, 2)
        assert (await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="order 7")).id == first.id
    async with opened(host, clock=VirtualClock(START + HOUR)) as interpreter:
        found = await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="order 7")
        assert found.id == first.id
        assert (await found.wait()).status is RunStatus.SUCCEEDED
        ended = await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="order 7")
        assert (ended.id, (await ended.wait()).output) == (first.id, "sent to Ann")
        assert len(await interpreter.runs()) == 2
    assert sorted(host.calls) == ["mail Ann", "mail Ann"]


async def test_starts_at_once_with_one_id_are_one_run(opened) -> None:
    host, found = Host(), []
    async with opened(host, clock=Frozen()) as interpreter:

        async def start() -> None:
            found.append((await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="x")).id)

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(start)
        assert (len(found), len(set(found)), len(await interpreter.runs())) == (50, 1, 1)


async def test_a_start_whose_caller_gave_up_is_found_by_its_id(opened) -> None:
    host = Host()
    async with opened(host, clock=Frozen()) as interpreter:
        for n in range(30):
            with trio.CancelScope() as scope:
                scope.cancel()
                await interpreter.start(host.flow(NAP), {"to": "Ann"}, id=f"{n}")
            with trio.move_on_after(0.0001 * n):
                await interpreter.start(host.flow(NAP), {"to": "Ann"}, id=f"{n}")
            run = await interpreter.start(host.flow(NAP), {"to": "Ann"}, id=f"{n}")
            assert (await interpreter.start(host.flow(NAP), {"to": "Ann"}, id=f"{n}")).id == run.id
        assert len(await interpreter.runs()) == 30


async def test_an_id_is_for_one_flow_and_one_input(opened) -> None:
    host = Host()
    for _ in range(2):
        async with opened(host, clock=Frozen()) as interpreter:
            await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="x")
            with pytest.raises(
                UsageError, match=r"'x' names run [0-9a-f]{32}, .* another input; give this one an id of its own"
            ):
                await interpreter.start(host.flow(NAP), {"to": "Bob"}, id="x")
            with pytest.raises(UsageError, match="another flow"):
                await interpreter.start(host.flow(ASKING), {"lead": "Ann"}, id="x")
            assert len(await interpreter.runs()) == 1


async def test_a_trigger_that_is_repeated_is_the_same_run(opened) -> None:
    host = Host()
    flow = host.flow(WANTING)
    runs = set()
    for _ in range(2):
        async with opened(host, clock=Frozen()) as interpreter:
            for _ in range(2):
                run = await interpreter.trigger(flow, "signed", {"name": "Ann"}, id="event 1")
                assert run is not None
                runs.add(run.id)
                assert (await run.wait()).output == "Ann"
            assert await interpreter.trigger(flow, "signed", {"name": ""}, id="event 2") is None
            with pytest.raises(UsageError, match="another input"):
                await interpreter.trigger(flow, "signed", {"name": "Bob"}, id="event 1")
    assert len(runs) == 1


@pytest.mark.parametrize("bad", ["", "x" * 201, "\ud800", "a\udfffb", 7, b"x"])
async def test_an_id_that_is_no_short_text_is_refused_to_its_caller(opened, bad: object) -> None:
    host = Host()
    async with opened(host, clock=Frozen()) as interpreter:
        with pytest.raises(UsageError, match="the id of a start must"):
            await interpreter.start(host.flow(NAP), {"to": "Ann"}, id=bad)
        with pytest.raises(UsageError, match="the id of an event must"):
            await interpreter.send("approved", {"lead": "a", "by": "b"}, id=bad)
        assert await interpreter.runs() == []
        for good in ("é", "\U0001f600" * 200, "\0"):
            await interpreter.start(host.flow(NAP), {"to": "Ann"}, id=good)


async def test_what_is_removed_frees_its_id(opened) -> None:
    host = Host()
    async with opened(host, clock=VirtualClock(START)) as interpreter:
        first = await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="x")
        await first.wait()
        await interpreter.prune(START + 2 * HOUR)
        second = await interpreter.start(host.flow(NAP), {"to": "Bob"}, id="x")
        assert second.id != first.id


async def test_a_run_that_was_left_alone_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    """As `dagflow run --id` does after a crash."""
    host, path = Host(), tmp_path / "runs.db"
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
        run_id = (await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="x")).id
        await asleep(interpreter, 1)
    async with Interpreter.open(path, catalog=host.catalog, clock=VirtualClock(START), resume=()) as interpreter:
        run = await interpreter.start(host.flow(NAP), {"to": "Ann"}, id="x")
        assert (run.id, (await run.wait()).output) == (run_id, "sent to Ann")


async def test_a_blocked_run_is_refused_to_whoever_starts_it_again(tmp_path: Path) -> None:
    host, path = Host(), tmp_path / "runs.db"
    flow = host.flow('flow f {\n  on manual\n  wait 1h\n  mail(to: "x")\n}\n')
    async with Interpreter.open(path, catalog=host.catalog, clock=Frozen()) as interpreter:
        await interpreter.start(flow, id="x")
        await asleep(interpreter, 1)
    bare = Host()
    bare.catalog = type(host.catalog)()
    async with Interpreter.open(path, catalog=bare.catalog, clock=Frozen()) as interpreter:
        with pytest.raises((UsageError, StoreError), match=r"catalog does not have|cannot go on|is blocked"):
            await interpreter.start(flow, id="x")


KILLED = """
import os, sys, trio
from dagflow.app.interpreter import Interpreter
from dagflow.store.failpoints import Failpoint, watch
from tests.app.host import Host
from tests.app.test_sleepers import NAP
left = int(sys.argv[2])
def kill(point):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), 9)
watch(kill)
async def main():
    host = Host()
    async with Interpreter.open(sys.argv[1], catalog=host.catalog) as interpreter:
        for n in range(5):
            await interpreter.start(host.flow(NAP), {"to": f"{n}"}, id=f"order {n}")
trio.run(main)
"""


def test_starts_that_are_repeated_after_kills_are_one_run_each(tmp_path: Path) -> None:
    path, n_killed = tmp_path / "runs.db", 0
    for at in range(3, 200, 2):
        arguments = [sys.executable, "-c", KILLED, str(path), str(at)]
        done = subprocess.run(arguments, check=False, cwd=Path(__file__).parents[2], env={**os.environ})
        if not done.returncode:
            break
        n_killed += 1
    assert n_killed > 5
    reader = open_reading(path)
    assert len(reader.runs(limit=1000)) == 5
    assert reader.problems() == []
    reader.close()
