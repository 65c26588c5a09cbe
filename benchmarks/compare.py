"""Processor time of two checkouts, which take turns in processes of their own: what a change costs on a machine that others use too.

python -m benchmarks.compare ../other        # the other checkout is before, this one after
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.shapes import sized
from benchmarks.throughput import STORES, prepare, run_in

HERE: Final = Path(__file__).resolve().parent.parent
#: Runs of each shape in one process, after one that does not count.
_IN_A_ROW: Final = 4


def measure(names: Sequence[str], folder: Path) -> dict[str, list[float]]:
    """Seconds of processor time by what was done, for whatever `dagflow` this process has."""
    found: dict[str, list[float]] = {}
    for name in names:
        shape = sized(is_tiny=False)[name]()
        prepare(shape)
        for _ in range(_IN_A_ROW):
            begun = time.process_time()
            prepared = prepare(shape)
            found.setdefault(f"{name}, compile", []).append(time.process_time() - begun)
        for store in STORES:
            run_in(prepared, store, folder)
            for _ in range(_IN_A_ROW):
                begun = time.process_time()
                run_in(prepared, store, folder)
                found.setdefault(f"{name}, {store}", []).append(time.process_time() - begun)
    return found


def measure_apart(checkout: Path, arguments: Sequence[str]) -> dict[str, list[float]]:
    """`measure` in a process that has the `dagflow` of that checkout, and the benchmarks and packages of this one."""
    with tempfile.TemporaryDirectory() as place:
        # By itself, so that nothing else of either checkout is found there.
        Path(place, "dagflow").symlink_to(checkout / "dagflow")
        paths = os.pathsep.join([place, str(HERE)])
        command = [sys.executable, "-P", "-m", "benchmarks.compare", "--measure", *arguments]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def table(before: dict[str, list[float]], after: dict[str, list[float]]) -> str:
    """The smallest and the median of each in milliseconds, with what they come to."""
    lines = ["| | before, least | after, least | ratio | before, median | after, median | ratio |", "|---|" + "--:|" * 6]
    for what, old in before.items():
        cells = [
            f"{1e3 * of(old):.1f} | {1e3 * of(after[what]):.1f} | {of(after[what]) / of(old):.2f}"
            for of in (min, statistics.median)
        ]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkout", type=Path, nargs="?", help="the folder of the other checkout")
    parser.add_argument("--shape", action="append", choices=list(sized(is_tiny=True)), help="only this one; may be repeated")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="processes of each checkout")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the durable stores lie meanwhile"
    )
    parser.add_argument("--measure", action="store_true", help="measure the installed one and print JSON")
    arguments = parser.parse_args(argv)
    names = arguments.shape or list(sized(is_tiny=False))
    if arguments.measure:
        print(json.dumps(measure(names, arguments.folder)))
        return
    if arguments.checkout is None or not (arguments.checkout / "dagflow" / "__init__.py").is_file():
        parser.error(f"a checkout with a folder `dagflow` must be given; got {arguments.checkout}")
    passed_on = ["--folder", str(arguments.folder), *(f"--shape={name}" for name in names)]
    found: dict[Path, dict[str, list[float]]] = {arguments.checkout.resolve(): {}, HERE: {}}
    for number in range(arguments.rounds):
        for checkout in list(found) if number % 2 else reversed(list(found)):
            for what, seconds in measure_apart(checkout, passed_on).items():
                found[checkout].setdefault(what, []).extend(seconds)
    before, after = found.values()
    print(table(before, after))


if __name__ == "__main__":
    main()
