"""Progress of runs: a live table on a terminal, a line per change elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import attrs
import trio
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.text import Text

from dagflow.actions.secrets import Redactor
from dagflow.app.redaction import shown_result
from dagflow.app.run_handle import Run
from dagflow.cli.output.columns import aligned
from dagflow.cli.output.console import console
from dagflow.cli.output.live_tree import Tree
from dagflow.cli.output.tables import RunReport
from dagflow.cli.output.text import sign
from dagflow.execution.results import NodeResult, RunResult
from dagflow.model.flow import Flow
from dagflow.model.status import NodeStatus, PruneReason, RunStatus

_BUSY: Final = frozenset({NodeStatus.RUNNING, NodeStatus.READY})
_FRAMES: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
#: The table of a large flow is drawn a few times a second, since drawing it costs more than running the flow.
_LARGE: Final = 100
_PAUSE_SECONDS: Final = 0.2


class Progress(Protocol):
    """A display of the progress of runs."""

    def update(self, story: RunReport) -> None:
        """Show a run that has changed."""
        ...


class Silence:
    """The display of `--quiet`."""

    def update(self, story: RunReport) -> None:
        """Show nothing."""


@attrs.define(eq=False)
class Lines:
    """A line for each change of a step, for logs and pipes.

    Attributes:
        has_names: there are several runs, so each line begins with its run.
        hint: how to resume a suspended run; printed once.
    """

    has_names: bool = False
    hint: str = ""
    _seen: dict[tuple[str, str], NodeStatus] = attrs.field(factory=dict)

    def update(self, story: RunReport) -> None:
        """Print the changes since the last call."""
        result = story.result
        start = f"{result.run[-8:]}  " if self.has_names else ""
        for node in story.shown():
            key = (result.run, node.id)
            is_dull = node.status in {NodeStatus.PENDING, NodeStatus.READY} or node.reason is PruneReason.RUN_ENDED
            if is_dull or self._seen.get(key) is node.status:
                continue
            self._seen[key] = node.status
            what = _shown_outcome(story, node)
            print(
                f"{start}{sign(node.status).plain:<11}  {story.label(node)}" + (f"  ({what})" if what else ""), file=sys.stderr
            )
        if self.hint and result.status is RunStatus.SLEEPING:
            print(self.hint, file=sys.stderr)
            self.hint = ""
        sys.stderr.flush()


def _shown_outcome(story: RunReport, node: NodeResult) -> str:
    """Return the outcome of a step without its output, which the final table shows."""
    if node.status is NodeStatus.SUCCEEDED and node.failure is None:
        return node.outcome
    return story.outcome(node)


@attrs.define(eq=False)
class Screen:
    """A table, or for a flow with branches a tree, redrawn at every change, and a few times a second while a step is running.

    Attributes:
        hint: how to resume suspended runs.
    """

    _live: Live
    hint: str = ""
    _stories: dict[str, RunReport] = attrs.field(factory=dict)
    _trees: dict[str, Tree | None] = attrs.field(factory=dict)

    def update(self, story: RunReport) -> None:
        """Draw the current state of a run."""
        if story.result.run not in self._trees:
            self._trees[story.result.run] = Tree.of(story.flow)
        self._stories[story.result.run] = story
        self._live.update(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render all runs, one below the other, in as many lines as the screen has."""
        stories = self._stories.values()
        room = max(3, (console.height - 2) // max(1, len(stories)) - 1)
        for story in stories:
            nodes = story.shown()
            if len(nodes) > room:
                n_settled = sum(node.status.is_settled for node in nodes)
                yield Text(f"{n_settled} of {len(nodes)} steps of {story.result.run} ended", style="dim")
            yield self._drawn(story, nodes, room, console.get_time(), options.max_width)
        if self.hint and stories and all(story.result.status is RunStatus.SLEEPING for story in stories):
            yield Text(self.hint, style="dim")

    def _drawn(self, story: RunReport, nodes: Sequence[NodeResult], room: int, seconds: float, width: int) -> RenderableType:
        tree = self._trees[story.result.run]
        if tree is not None:
            cells = tree.cells(story, room, lambda status: mark(status, seconds))
            return aligned((), cells, width, elastic={2: 30, 0: 16})
        rows = [
            [mark(node.status, seconds), Text(story.label(node)), Text(_shown_outcome(story, node), style="dim")]
            for node in in_view(nodes, room)
        ]
        return aligned((), rows, width, elastic={2: 30, 1: 16})


def mark(status: NodeStatus, seconds: float) -> Text:
    """Return the sign of a status; it turns with time while a step is running."""
    if status in _BUSY:
        return Text(f"{_FRAMES[int(seconds * 12) % len(_FRAMES)]} {status.value}", style="cyan")
    return sign(status)


def in_view(nodes: Sequence[NodeResult], room: int) -> list[NodeResult]:
    """Choose the nodes for a screen with so much room: running ones first, then the last to end; in declared order."""
    if len(nodes) <= room:
        return list(nodes)

    def rank(position: int) -> tuple[int, int]:
        node = nodes[position]
        if node.status in _BUSY or node.status is NodeStatus.WAITING:
            return (0, position)
        return (1, -(node.ended_at or 0)) if node.status.is_settled else (2, position)

    chosen = sorted(range(len(nodes)), key=rank)[:room]
    return [nodes[position] for position in sorted(chosen)]


@contextmanager
def progress(*, is_quiet: bool, n_runs: int = 1, hint: str = "") -> Generator[Progress]:
    """Open the display of progress that fits standard error."""
    if is_quiet:
        yield Silence()
    elif sys.stderr.isatty():
        with Live(console=console(is_error=True), transient=True, refresh_per_second=12) as live:
            yield Screen(live, hint)
    else:
        yield Lines(has_names=n_runs > 1, hint=hint)


async def follow(flow: Flow, run: Run, show: Progress, redactor: Redactor) -> RunResult:
    """Show a run until it ends, without secrets. Returns its result, with secrets. Raises as `Run.wait`."""
    is_large = len(flow.nodes) > _LARGE
    async for standing in run.watch():
        show.update(RunReport(flow, shown_result(standing, redactor)))
        if is_large:
            with trio.move_on_after(_PAUSE_SECONDS):
                await run.wait()
    return run.result()
