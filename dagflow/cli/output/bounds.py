"""Upper bounds for a run, as `check --bounds` prints them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from dagflow.cli.output.documents import BoundsDocument, TotalDocument
from dagflow.cli.output.text import printable
from dagflow.lang.bounds.bounds import Bounds, Total, bounds
from dagflow.model.flow import Flow
from dagflow.model.lengths import as_written


def print_bounds(out: Console, flows: Iterable[Flow]) -> None:
    """Print a line for each flow, and the sums behind its numbers."""
    found = [(flow, bounds(flow)) for flow in flows]
    width = max((len(flow.name) for flow, _ in found), default=0)
    for flow, each in found:
        out.print(Text(printable(f"{flow.name:{width}}  {_summary(each)}")))
        for line in _formulas(flow, each):
            out.print(Text(printable(f"{'':{width}}  {line}"), style="dim"))


def _summary(found: Bounds) -> str:
    parts = [
        f"steps {_at_most(found.steps.value)}",
        f"parallel {_at_most(found.parallel)}",
        f"duration ≤ {as_written(found.duration_ns)}",
        f"runs started {_at_most(found.runs_started.value)}",
        f"events sent {_at_most(found.events_sent.value)}",
        f"expression cost {_at_most(found.expression_cost.value)}",
    ]
    return "   ".join(parts)


def _at_most(number: int) -> str:
    return f"≤ {number}" if number else "0"


def _formulas(flow: Flow, found: Bounds) -> Iterable[str]:
    for words, total in (
        ("steps", found.steps),
        ("runs started", found.runs_started),
        ("events sent", found.events_sent),
        ("expression cost", found.expression_cost),
    ):
        if total.shares:
            yield f"{words}: {total}"
    if found.n_open:
        calls = "one call" if found.n_open == 1 else f"{found.n_open} calls in a row"
        waits = f"{as_written(found.waiting_ns)} of waits and limits, and " if found.waiting_ns else ""
        yield f"duration: {waits}{calls} without a `timeout` or `within`; a run lives {as_written(flow.timeout_ns)}"


def plain_bounds(flows: Iterable[tuple[str, Flow]]) -> list[BoundsDocument]:
    """Return the bounds of flows, each given with the name of its file."""
    return [_plain(file, flow, bounds(flow)) for file, flow in flows]


def _plain(file: str, flow: Flow, found: Bounds) -> BoundsDocument:
    return {
        "flow": flow.name,
        "file": file,
        "steps": _total(found.steps),
        "parallel": found.parallel,
        "duration_ns": found.duration_ns,
        "waiting_ns": found.waiting_ns,
        "calls_without_limit": found.n_open,
        "runs_started": _total(found.runs_started),
        "events_sent": _total(found.events_sent),
        "expression_cost": _total(found.expression_cost),
    }


def _total(total: Total) -> TotalDocument:
    return {
        "at_most": total.value,
        "own": total.own,
        "shares": [{"node": share.node, "count": share.count, "each": share.each} for share in total.shares],
    }
