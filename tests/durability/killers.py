"""A process that runs many runs, some of which kill it; for `test_killers`. Run as `python -m tests.durability.killers FOLDER RUNS`.

It ends with 0 once nothing is left to do but what cannot go on, and prints which runs are quarantined.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path

import trio
import trio.lowlevel

from dagflow.actions.catalog import Catalog
from dagflow.actions.failures import Invocation
from dagflow.app.interpreter import Interpreter
from dagflow.app.recovery import Quarantined
from dagflow.lang.compiler import compile_text
from tests.durability.planting import plant

FLOW = """
flow f(what: string) -> string {
  on manual
  a = work(what: what)
  wait 1ms
  b = work(what: a)
  return b
}
"""
#: What a process may have, beyond which the system ends it.
MOST_MEMORY = 512 * 1024 * 1024
#: The system's answer to a process that has stopped answering.
PATIENCE_S = 3


def catalog_for(folder: Path) -> Catalog:
    catalog = Catalog()

    @catalog.action("work", effect="idempotent")
    async def work(what: str, invocation: Invocation) -> str:
        with (folder / "ledger").open("a") as ledger:
            ledger.write(f"{what} {invocation.run} {invocation.node} {os.getpid()}\n")
        await trio.lowlevel.checkpoint()
        match what:
            case "exits":
                os._exit(7)
            case "eats":
                eat()
            case "blocks":
                while True:
                    signal.pause()
            case "sleeps":
                await trio.sleep_forever()
        return what

    return catalog


def eat() -> None:
    """Take memory up to the limit; then what the system does about it happens."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    taken = []
    try:
        while True:
            taken.append(bytearray(16 * 1024 * 1024))
    except MemoryError:
        os.kill(os.getpid(), signal.SIGKILL)


async def live(folder: Path, kinds: list[str]) -> list[str]:
    """Start what is not there yet, and wait until all have ended but those that cannot or never will."""
    catalog = catalog_for(folder)
    flow = compile_text(FLOW, catalog.interface).unwrap("f")
    async with trio.open_nursery() as nursery:
        # Before the store is opened: what is tried again there may be what never answers.
        await nursery.start(beat)
        async with Interpreter.open(folder / "runs.db", catalog=catalog) as interpreter:
            started = {row.id for row in await interpreter.runs(limit=10_000)}
            runs = await interpreter.unfinished()
            runs += [await interpreter.start(flow, {"what": kind}) for kind in kinds[len(started) :]]
            for run in runs:
                if run._live.progress.input["what"] != "sleeps":
                    await run.wait()
            quarantined = [run for run, problem in interpreter.blocked.items() if isinstance(problem, Quarantined)]
        nursery.cancel_scope.cancel()
    return quarantined


async def beat(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Something is done about a process that does not answer; here an alarm that nobody puts off any more."""
    signal.alarm(PATIENCE_S)
    task_status.started()
    while True:
        await trio.sleep(0.2)
        signal.alarm(PATIENCE_S)


def main() -> None:
    plant()
    folder, kinds = Path(sys.argv[1]), sys.argv[2].split(",")
    quarantined = trio.run(live, folder, kinds)
    signal.alarm(0)
    sys.stdout.write(" ".join(["quarantined", *quarantined]) + "\n")


if __name__ == "__main__":
    main()
