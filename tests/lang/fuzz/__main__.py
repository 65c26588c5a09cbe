# ruff: noqa: T201 - a tool that prints
"""`python -m tests.lang.fuzz --count N --seed S [--processes P]`: run inputs and print what they came to; `--show N` prints one."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.lang.fuzz.inputs import make_input
from tests.lang.fuzz.measuring import Report, run
from tests.lang.fuzz.subject import exercise


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.lang.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--show", type=int, help="print this input and run it with nothing caught")
    options = parser.parse_args()
    if options.show is not None:
        given = make_input(options.seed, options.show)
        print(given.kind, repr(given.text), flush=True)
        exercise(given)
        return 0
    numbers = range(options.first, options.first + options.count)
    if options.processes == 1:
        report = run(options.seed, numbers)
    else:
        report = run_in_processes(options.seed, numbers, options.processes)
    print(report)
    return 1 if report.faults else 0


def run_in_processes(seed: int, numbers: range, processes: int) -> Report:
    """Every process takes each so-many-th input; what they found, together."""
    report = Report()
    with ProcessPoolExecutor(processes) as pool:
        for found in pool.map(run, [seed] * processes, [numbers[i::processes] for i in range(processes)]):
            report.add(found)
    return report


if __name__ == "__main__":
    sys.exit(main())
