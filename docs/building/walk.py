"""Count the files of dagflow that a piece of work enters: how many a reader has to open to follow it.

    python -m docs.building.walk            both walks, their files by package
    python -m docs.building.walk --files    each file

The first walk is `dagflow run` of a flow of four lines, from its arguments to its exit code. The second is one result of an action, from the
call to the commit. A file counts once a function of it is called; importing a file does not count.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from types import FrameType
from typing import Final

import trio

import dagflow
from dagflow.cli.main import main as run_cli

PACKAGE: Final = Path(dagflow.__file__).parent
FLOW: Final = 'flow greet {\n  on manual\n  log(message: "hello")\n}\n'


@contextlib.contextmanager
def entered() -> Generator[set[str]]:
    """The files of dagflow with a function that is called inside of the block, also by threads that begin in it."""
    found: set[str] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and frame.f_code.co_name != "<module>" and PACKAGE in path.parents:
            found.add(path.relative_to(PACKAGE).as_posix())

    watch(note)
    try:
        yield found
    finally:
        watch(None)


def watch(note: Callable[[FrameType, str, object], None] | None) -> None:
    """Call a function at every call, in this thread and those to come."""
    threading.setprofile(note)  # type: ignore[arg-type]  # None takes it off again
    sys.setprofile(note)


def of_a_run() -> set[str]:
    """Walk with `dagflow run` and a store in a file."""
    with tempfile.TemporaryDirectory() as folder, entered() as found, contextlib.redirect_stdout(io.StringIO()):
        flow = Path(folder, "greet.flow")
        flow.write_text(FLOW)
        code = run_cli(["run", str(flow), "--store", str(Path(folder, "runs.db")), "--quiet"])
    if code != 0:
        raise SystemExit(f"the flow must succeed; got the exit code {code}")
    return found


def of_a_result() -> set[str]:
    """Walk with one result of an action of a durable run, from the end of the call to its commit."""
    with tempfile.TemporaryDirectory() as folder:
        return trio.run(_of_a_result, Path(folder, "runs.db"))


async def _of_a_result(store: Path) -> set[str]:
    catalog, begun, ends = dagflow.Catalog(), trio.Event(), trio.Event()

    @catalog.action("ask", effect="effectful")
    async def ask() -> int:
        """Answer once it is allowed to."""
        begun.set()
        await ends.wait()
        return 1

    flow = dagflow.compile("flow f {\n  on manual\n  a = ask()\n  wait 1h\n}", catalog=catalog).unwrap()
    async with dagflow.Interpreter.open(store, catalog=catalog) as interpreter:
        await interpreter.start(flow)
        await begun.wait()
        with entered() as found:
            ends.set()
            await interpreter.rest()
        await interpreter.cancel((await interpreter.runs())[0].id)
    return found


def by_package(files: Iterable[str]) -> str:
    """Files counted by the package they are in."""
    counts = Counter(name.partition("/")[0].removesuffix(".py") for name in files)
    return ", ".join(f"{package} {n}" for package, n in counts.most_common())


def main() -> int:
    """Print both walks."""
    parser = argparse.ArgumentParser(description="Count the files that a piece of work enters.")
    parser.add_argument("--files", action="store_true", help="print each file")
    options = parser.parse_args()
    for title, files in (("dagflow run of a four-line flow", of_a_run()), ("one result to its commit", of_a_result())):
        print(f"{title}: {len(files)} files ({by_package(files)})")
        if options.files:
            print("".join(f"  {name}\n" for name in sorted(files)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
