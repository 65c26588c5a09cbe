"""What a run can come to at most, as `check --bounds` prints it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from dagflow.cli.output.text import printable
from dagflow.cli.sources import Checked
from dagflow.lang.bounds.bounds import Bounds, Total, bounds
from dagflow.model.flow import Flow
from dagflow.model.lengths import as_written


def print_bounds(out: Console, flows: Iterable[Flow]) -> None:
    """A line for each flow, and how its numbers come about."""
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


def plain_bounds(files: Iterable[Checked]) -> list[dict[str, object]]:
    """The bounds of the flows of files, as data."""
    return [_plain(checked.name, flow, bounds(flow)) for checked in files for flow in checked.compiled.values()]


def _plain(file: str, flow: Flow, found: Bounds) -> dict[str, object]:
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


def _total(total: Total) -> dict[str, object]:
    shares = [{"node": share.node, "count": share.count, "each": share.each} for share in total.shares]
    return {"at_most": total.value, "own": total.own, "shares": shares}
