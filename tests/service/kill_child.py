"""A process that serves a flow and sends it events, until it is killed; see `test_kill`.

Its argument is a folder. What it has had acknowledged is in `acked`, what its action did in `effects`, each a line at a time, written by the
system call alone: files of that kind outlive the process.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import trio

from dagflow import Catalog, Invocation, Service
from tests.app.kill_harness import place_of

FLOW = """
event "order" { n: int }
event "noted" { n: int }
flow take(n: int) -> int {
  on event "order"
  concurrency 2 by n % 3
  done = note(n: n)
  emit "noted" (n: n)
  return n
}
flow follow(n: int) -> int {
  on event "noted"
  once by n
  done = note(n: 1000000 + n)
  return n
}
flow newest(n: int) -> int {
  on event "order"
  singleton by n % 3 replace
  done = alone(n: n)
  return n
}
"""


def line(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(handle, f"{text}\n".encode())
    finally:
        os.close(handle)


async def main(folder: Path, n_events: int) -> None:
    catalog, running, alone = Catalog(), Counter[int](), set[int]()

    @catalog.action("alone", effect="effectful")
    async def by_itself(n: int) -> int:
        if n % 3 in alone:
            line(folder / "violations", f"a second run of key {n % 3}")
        alone.add(n % 3)
        try:
            await trio.sleep(0.004)
        finally:
            alone.discard(n % 3)
        return n

    @catalog.action("note", effect="effectful")
    async def note(n: int, invocation: Invocation) -> int:
        key = n % 3
        if n < 1_000_000:
            running[key] += 1
            if running[key] > 2:
                line(folder / "violations", f"{running[key]} runs of key {key}")
        line(folder / "effects", f"{n} {invocation.run}")
        await trio.sleep(0.002)
        if n < 1_000_000:
            running[key] -= 1
        return n

    async with Service.open(place_of(folder), catalog=catalog, takeover=True) as service:
        for name in ("take", "follow", "newest"):
            await service.publish(FLOW, name=name)
        acked = (folder / "acked").read_text().split() if (folder / "acked").exists() else []
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for n in range(len(acked), n_events):
            await service.send("order", {"n": n}, id=f"order {n}")
            line(folder / "acked", str(n))
        await service.interpreter.rest()
        if n_events:
            sys.stdout.write("done\n")
            sys.stdout.flush()
            await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
