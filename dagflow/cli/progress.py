"""What is seen of runs while they go: a live table on a terminal, a line per change elsewhere."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Protocol

import attrs
from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from dagflow.cli.render import instant, outcome, printable, shown_nodes, sign
from dagflow.drivers.results import RunResult
from dagflow.lang.graph_text import label_of
from dagflow.model.flow import Flow
from dagflow.model.status import NodeStatus


class Progress(Protocol):
    """Where changes of runs are told."""

    def update(self, flow: Flow, result: RunResult) -> None:
        """A run has changed."""
        ...


class Silence:
    """`--quiet`."""

    def update(self, flow: Flow, result: RunResult) -> None:
        """Say nothing."""


@attrs.define(eq=False)
class Lines:
    """A line for each change of a step, for logs and pipes."""

    _seen: dict[tuple[str, str], NodeStatus] = attrs.field(factory=dict)

    def update(self, flow: Flow, result: RunResult) -> None:
        """Print what has changed since the last call."""
        for node in shown_nodes(flow, result):
            key = (result.run, node.id)
            if node.status in {NodeStatus.PENDING, NodeStatus.READY} or self._seen.get(key) is node.status:
                continue
            self._seen[key] = node.status
            what = outcome(flow, node) if node.status is not NodeStatus.SUCCEEDED else node.outcome
            if node.status is NodeStatus.WAITING and node.due_at is not None:
                what = f"until {instant(node.due_at)} UTC"
            line = f"{sign(node.status).plain}  {label_of(flow.node(node.id))}" + (f"  ({what})" if what else "")
            print(printable(line), file=sys.stderr, flush=True)


@attrs.define(eq=False)
class Screen:
    """A table that is drawn again at every change."""

    _live: Live
    _runs: dict[str, tuple[Flow, RunResult]] = attrs.field(factory=dict)

    def update(self, flow: Flow, result: RunResult) -> None:
        """Draw the run as it stands."""
        self._runs[result.run] = (flow, result)
        self._live.update(Group(*(self._table(*each) for each in self._runs.values())))

    def _table(self, flow: Flow, result: RunResult) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        for node in shown_nodes(flow, result):
            is_busy = node.status in {NodeStatus.RUNNING, NodeStatus.READY}
            mark = Spinner("dots", style="cyan") if is_busy else sign(node.status)
            what = outcome(flow, node) if node.status is not NodeStatus.SUCCEEDED else node.outcome
            table.add_row(mark, Text(printable(label_of(flow.node(node.id)))), Text(printable(what), style="dim"))
        return table


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """The way to show progress that fits where the output goes."""
    if quiet:
        yield Silence()
    elif sys.stderr.isatty():
        with Live(console=Console(file=sys.stderr), transient=True, refresh_per_second=12) as live:
            yield Screen(live)
    else:
        yield Lines()


async def follow(flow: Flow, states: AsyncIterator[RunResult], show: Progress) -> RunResult | None:
    """Show a run until it ends; gives its end."""
    last: RunResult | None = None
    async for last in states:
        show.update(flow, last)
    return last
