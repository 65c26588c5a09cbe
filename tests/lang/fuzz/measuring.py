"""Runs inputs and keeps count: faults, the slowest, and by how much the process grew.

A process that never grew by more than `MOST_BYTES` since it began has had no input that needed more. So the peak is read
after every batch, which costs nothing; only where it passed the bound are the inputs of the batch traced one by one.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
import tracemalloc
from collections.abc import Iterable

import attrs

from tests.lang.fuzz.inputs import Input, make_input
from tests.lang.fuzz.subject import exercise

MOST_NS = 250_000_000
MOST_BYTES = 64 << 20
BATCH = 500
#: A wide berth below the bound: other work and the collector of garbage make single measurements uncertain.
_SUSPICIOUS_NS = MOST_NS // 2


@attrs.frozen
class Fault:
    """An input that did not get what was promised; `number` finds it again."""

    number: int
    given: Input
    what: str


@attrs.define(eq=False)
class Report:
    """What a number of inputs came to."""

    count: int = 0
    taken_ns: int = 0
    slowest_ns: int = 0
    slowest: int = -1
    grown_bytes: int = 0
    faults: list[Fault] = attrs.field(factory=list)

    def add(self, other: Report) -> None:
        """Take over what another process found."""
        self.count += other.count
        self.taken_ns += other.taken_ns
        if other.slowest_ns > self.slowest_ns:
            self.slowest_ns, self.slowest = other.slowest_ns, other.slowest
        self.grown_bytes = max(self.grown_bytes, other.grown_bytes)
        self.faults += other.faults

    def __str__(self) -> str:
        lines = [
            f"{self.count:,} inputs, {self.taken_ns / 1e9:.1f} s of processor time, {self.taken_ns / max(1, self.count) / 1e6:.2f} ms each",
            f"slowest: {self.slowest_ns / 1e6:.1f} ms (input {self.slowest}); largest growth of a process: {self.grown_bytes / 2**20:.1f} MiB",
            f"faults: {len(self.faults)}",
            *(f"  {fault.number}: {fault.given.kind} {fault.given.text!r}: {fault.what}" for fault in self.faults),
        ]
        return "\n".join(lines)


def run(seed: int, numbers: range, most_faults: int = 10) -> Report:
    """Run the inputs of those numbers; stops after `most_faults`."""
    report = Report()
    for number in range(200):
        _attempt(make_input(seed - 1, number))  # caches and tables are there before memory is measured
    gc.collect()
    before = _peak_bytes()
    for start in range(0, len(numbers), BATCH):
        batch = numbers[start : start + BATCH]
        for number in batch:
            _one(report, seed, number)
            if len(report.faults) >= most_faults:
                return report
        report.grown_bytes = _peak_bytes() - before
        if report.grown_bytes > MOST_BYTES:
            report.faults += traced(seed, batch)
            before = _peak_bytes()
    return report


def _one(report: Report, seed: int, number: int) -> None:
    given = make_input(seed, number)
    took, what = _attempt(given)
    if what is None and took > _SUSPICIOUS_NS:
        took = min(took, *(_attempt(given)[0] for _ in range(3)))
        what = f"takes {took / 1e6:.0f} ms" if took > MOST_NS else None
    report.count += 1
    report.taken_ns += took
    if took > report.slowest_ns:
        report.slowest_ns, report.slowest = took, number
    if what is not None:
        report.faults.append(Fault(number, given, what))


def _attempt(given: Input) -> tuple[int, str | None]:
    """How long it took, and the exception it ended with."""
    begun = time.thread_time_ns()
    try:
        exercise(given)
    except Exception as error:  # noqa: BLE001 - whatever gets out is what is looked for
        return time.thread_time_ns() - begun, f"{type(error).__name__}: {error}"[:300]
    return time.thread_time_ns() - begun, None


def traced(seed: int, numbers: Iterable[int]) -> list[Fault]:
    """Those of the inputs that need more memory than is allowed, each measured by itself."""
    faults: list[Fault] = []
    for number in numbers:
        given = make_input(seed, number)
        tracemalloc.start()
        try:
            _attempt(given)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        if peak > MOST_BYTES:
            faults.append(Fault(number, given, f"needs {peak / 2**20:.0f} MiB"))
    return faults


def _peak_bytes() -> int:
    """The most memory the process ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
