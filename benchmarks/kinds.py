"""Processor time of a step by what its action takes and returns: a chain of a thousand such steps, in memory and durable.

python -m benchmarks.kinds                  # all kinds
python -m benchmarks.kinds json record      # those whose names contain one of these
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import trio

import dagflow
from benchmarks.shapes import LIMITS

STORES = ("memory", "durable")
_N_STEPS = 1_000


@attrs.frozen
class Numbers:
    """A record of whole numbers."""

    n: int
    of: int


@attrs.frozen
class Line:
    """A part of an order."""

    article: str
    amount: int


@attrs.frozen
class Order:
    """A record as products have them."""

    to: dagflow.Email
    total: float
    lines: list[Line]
    state: Literal["open", "paid"]


@attrs.frozen
class Customer:
    """Eight fields of as many kinds."""

    id: str
    email: dagflow.Email
    score: float
    tags: list[str]
    limits: dict[str, int]
    state: Literal["new", "known"]
    last: Order | None
    notes: Any


ORDER = Order(dagflow.Email("ada@example.org"), 12.5, [Line("pen", 2), Line("ink", 1)], "paid")
CUSTOMER = Customer("c1", dagflow.Email("ada@example.org"), 0.75, ["a", "b"], {"day": 3}, "known", ORDER, {"x": [1, 2]})
SMALL = {"id": "m-17", "ok": True, "n": 3}
LARGE = {f"key{number}": number if number % 3 else {"text": f"value {number}"} for number in range(60)}

#: By the name of a kind: the call in the flow, and the function behind it.
KINDS: dict[str, tuple[str, Callable[..., Any]]] = {}


def _kind(name: str, call: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        KINDS[name] = call, function
        return function

    return add


@_kind("record of numbers", "work(i: 7)")
async def _numbers(i: int) -> Numbers:
    return Numbers(i, 1)


@_kind("no result", "work(i: 7)")
async def _nothing(i: int) -> None:
    del i


@_kind("short text", "work(i: 7)")
async def _text(i: int) -> str:
    return f"done {i}"


@_kind("json of 3 keys", "work(i: 7)")
async def _small(i: int) -> Any:
    del i
    return dict(SMALL)


@_kind("json of 60 keys", "work(i: 7)")
async def _large(i: int) -> Any:
    del i
    return LARGE


@_kind("record with Email, float, list, nested", "work(i: 7)")
async def _order(i: int) -> Order:
    del i
    return ORDER


@_kind("record of 8 rich fields", "work(i: 7)")
async def _customer(i: int) -> Customer:
    del i
    return CUSTOMER


@_kind("argument left to its default", "work(i: 7)")
async def _default(i: int, limit: int = 10) -> Numbers:
    return Numbers(i, limit)


@_kind("Email given as a literal", 'work(to: "ada@example.org")')
async def _email(to: dagflow.Email) -> Numbers:
    return Numbers(len(to), 1)


@_kind("enum given as a literal", 'work(state: "open")')
async def _enum(state: Literal["open", "paid"]) -> Numbers:
    return Numbers(len(state), 1)


@_kind("float argument", "work(x: 1.5)")
async def _float(x: float) -> Numbers:
    return Numbers(int(x), 1)


@_kind("list argument", 'work(names: ["a", "b"])')
async def _list(names: list[str]) -> Numbers:
    return Numbers(len(names), 1)


@_kind("json argument", 'work(data: {"a": 1, "b": [1, 2]})')
async def _json(data: Any) -> Numbers:
    return Numbers(len(data), 1)


@_kind("idempotency key", "work(i: 7)")
async def _keyed(i: int, key: dagflow.EffectKey) -> Numbers:
    return Numbers(i, len(key))


@_kind("plain function", "work(i: 7)")
def _plain(i: int) -> Numbers:
    return Numbers(i, 1)


def measure(name: str, store: str, folder: Path, repeat: int, n_steps: int = _N_STEPS) -> float:
    """The median of the processor time of one step, in microseconds, in a chain of `n_steps`; a first run does not count."""
    call, function = KINDS[name]
    catalog = dagflow.Catalog()
    catalog.action("work", effect="effectful")(function)
    steps = "\n".join(f"  n{number} = {call}" for number in range(n_steps))
    flow = dagflow.compile(f"flow chain {{\n{steps}\n}}\n", catalog=catalog, limits=LIMITS).unwrap()

    async def main(path: str) -> list[float]:
        found: list[float] = []
        async with dagflow.Interpreter.open(path, catalog=catalog) as interpreter:
            for _ in range(repeat + 1):
                begun = time.process_time()
                result = await (await interpreter.start(flow)).wait()
                found.append(time.process_time() - begun)
                if result.status is not dagflow.RunStatus.SUCCEEDED:
                    raise RuntimeError(f"{name}: {result.failures}")
        return found[1:]

    with tempfile.TemporaryDirectory(dir=folder) as place:
        found = trio.run(main, ":memory:" if store == "memory" else str(Path(place) / "runs.db"))
    return statistics.median(found) / n_steps * 1e6


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """The figures as a Markdown table."""
    lines = ["| kind of action, µs a step | memory | durable |", "|---|--:|--:|"]
    lines += [f"| {name} | {stores['memory']:.0f} | {stores['durable']:.0f} |" for name, stores in found.items()]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kinds", description=__doc__)
    parser.add_argument("words", nargs="*", help="only kinds whose names contain one of these")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each chain; the median counts")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the stores are made")
    parser.add_argument("--tiny", action="store_true", help="chains of three steps, which show only that it works")
    options = parser.parse_args(arguments)
    n_steps = 3 if options.tiny else _N_STEPS
    names = [name for name in KINDS if not options.words or any(word in name for word in options.words)]
    found = {name: {store: measure(name, store, options.folder, options.repeat, n_steps) for store in STORES} for name in names}
    print(table(found))


if __name__ == "__main__":
    main()
