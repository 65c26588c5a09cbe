"""Runs as text: the table of steps, the list of runs, and the verdict."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import attrs
from rich.console import Group
from rich.text import Text

from dagflow.cli.output.columns import aligned
from dagflow.cli.output.console import console
from dagflow.cli.output.text import RUN_STYLE, compact, instant, length, printable, sign
from dagflow.execution.results import ItemCounts, NodeResult, RunResult
from dagflow.model.flow import Flow, Node, NodeKind
from dagflow.model.label import label_of
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from dagflow.store.api import RunRow

#: Below so many columns, a step's output has a line of its own.
_NARROW: Final = 110
#: A result is shown whole up to so many characters; `--json` shows all of it.
_MOST_RESULT: Final = 2_000
#: Kinds of nodes that take time.
_TIMED: Final = frozenset(
    {
        NodeKind.ACTION,
        NodeKind.WAIT,
        NodeKind.WAIT_UNTIL,
        NodeKind.WAIT_EVENT,
        NodeKind.FOR,
        NodeKind.CALL,
        NodeKind.UNDO,
    }
)


@attrs.frozen
class RunReport:
    """The state of a run, with its flow."""

    flow: Flow
    result: RunResult

    def shown(self) -> list[NodeResult]:
        """Return the nodes that the flow's text has: no unused `on error`, and no internal nodes of `parallel first`."""
        return [node for node in self.result.nodes if _is_known(node)]

    def label(self, node: NodeResult) -> str:
        """Return the label of a node."""
        return printable(label_of(self.flow.node(node.id)))

    def outcome(self, node: NodeResult) -> str:
        """Return the outcome of a node as one line, and first of all where it comes from if the step did not run."""
        if node.skipped_by is not None:
            origin = f"set by {printable(node.skipped_by)}" if node.skipped_by else "set by hand"
        else:
            origin = f"kept from {printable(node.kept_from)}" if node.kept_from else ""
        return ": ".join(part for part in (origin, self._outcome(node)) if part)

    def _outcome(self, node: NodeResult) -> str:
        match node.status:
            case _ if node.items is not None and node.items.total and node.failure is None:
                return _items(node.items)
            case NodeStatus.PRUNED:
                return printable(self._why_pruned(node))
            case NodeStatus.WAITING if node.due_at is not None:
                return f"{'next attempt at' if node.kind is NodeKind.ACTION else 'until'} {instant(node.due_at)} UTC"
            case NodeStatus.CANCELLED:
                return printable(node.outcome) or "stopped before it ended"
            case _ if node.failure is not None:
                return printable(f"{node.failure.code}: {node.failure.message}")
            case NodeStatus.SUCCEEDED if node.output is not None and (not node.outcome or node.kind is NodeKind.WAIT_EVENT):
                return compact(node.output)
            case _:
                return printable(node.outcome)

    def _why_pruned(self, node: NodeResult) -> str:
        gate = self.flow.node(node.id).gate
        match node.reason:
            case PruneReason.GATE if gate is not None:
                return self._why_gated(self.flow.node(gate.gate))
            case PruneReason.JOIN:
                return "not enough of the steps it waits for succeeded"
            case PruneReason.SCOPE_FAILED:
                return "another step of its block failed"
            case PruneReason.NOTHING_TO_UNDO:
                return "there was nothing to undo"
            case PruneReason.RACE_LOST:
                return "other branches of its `parallel first` finished first"
            case _:
                catch = None if gate is None else self.flow.node(gate.gate)
                if catch is not None and catch.kind is NodeKind.CATCH and self.result.status is RunStatus.SUCCEEDED:
                    return "nothing failed"
                return "the run had ended"

    def _why_gated(self, decider: Node) -> str:
        if decider.kind in {NodeKind.CATCH, NodeKind.UNWIND}:
            return "nothing failed"
        line = self.flow.source.count("\n", 0, decider.span.start) + 1
        said = self.result.node(decider.id).outcome
        return f"line {line} ({said or 'not reached'}): {label_of(decider)}"


def _is_known(node: NodeResult) -> bool:
    match node.kind:
        case NodeKind.CATCH:
            return node.outcome == "failure"
        case NodeKind.RACE | NodeKind.UNWIND:
            return False
        case NodeKind.UNDO:
            return node.status is not NodeStatus.PRUNED
        case NodeKind.GROUP:
            return "." not in node.id
        case _:
            return True


def _items(items: ItemCounts) -> str:
    bad = f", {items.unsuccessful} not" if items.unsuccessful else ""
    return f"{items.succeeded} of {items.total} items succeeded{bad}"


def run_table(story: RunReport, width: int) -> Group:
    """Return the table of the steps of a run."""
    nodes = story.shown()
    is_narrow = width < _NARROW
    rows = [
        [
            Text(story.label(node)),
            sign(node.status),
            Text(str(node.attempts or "")),
            Text(instant(node.started_at, is_short=is_narrow)),
            Text(_took(node)),
        ]
        for node in nodes
    ]
    outcomes = [Text(story.outcome(node), style="red" if node.status is NodeStatus.FAILED else "dim") for node in nodes]
    header = ["step", "status", "attempts", "started (UTC)", "took"]
    right = frozenset({2, 4})
    if is_narrow:
        return aligned(header, rows, width, elastic={0: 12}, right=right, notes=outcomes)
    whole = [[*row, outcome] for row, outcome in zip(rows, outcomes, strict=True)]
    return aligned([*header, "output or prune reason"], whole, width, elastic={5: 50, 0: 20}, right=right)


def _took(node: NodeResult) -> str:
    if node.ended_at is None or node.started_at is None or node.kind not in _TIMED:
        return ""
    return length(node.ended_at - node.started_at)


def verdict(story: RunReport) -> Text:
    """Return the last lines: the status of the run, its failures with the cause first, and its result."""
    result = story.result
    if result.ended_at is not None:
        took = f" in {length(result.ended_at - result.started_at)}"
    else:
        due = min((node.due_at for node in result.nodes if node.due_at is not None), default=None)
        took = f" until {instant(due)} UTC" if result.status is RunStatus.SLEEPING and due is not None else ""
    text = Text(f"run {result.run} {result.status.value}{took}", style=RUN_STYLE.get(result.status, "bold cyan"))
    plain = "not bold"
    if result.reason:
        text.append(f": {printable(result.reason)}", style=plain)
    for number, failure in enumerate(result.failures):
        has_failed = result.status in {RunStatus.FAILED, RunStatus.FAILED_DIRTY}
        is_undo = bool(failure.node) and story.flow.node(failure.node).kind is NodeKind.UNDO
        cause = "also" if number or not has_failed else "cause"
        word = "not undone" if is_undo else cause if has_failed else "handled"
        where = f"{label_of(story.flow.node(failure.node))}: " if failure.node else ""
        attempt = f" (attempt {failure.attempt})" if failure.attempt > 1 else ""
        text.append(f"\n  {word}: {printable(f'{where}{failure.code}: {failure.message}')}{attempt}", style=plain)
    if result.output is not None:
        shown = compact(result.output)
        text.append(f"\n  result: {shown if len(shown) <= _MOST_RESULT else shown[:_MOST_RESULT] + '…'}", style=plain)
    return text


def print_report(story: RunReport) -> None:
    """Print the steps of a run, and how it ended."""
    out = console()
    out.print(run_table(story, out.width))
    out.print()
    out.print(verdict(story), soft_wrap=True)


def runs_table(rows: Sequence[RunRow], width: int, quarantined: Collection[str] = ()) -> Group:
    """Return the table of runs, in this order; `quarantined`: runs that seem to crash the process and are not resumed."""
    is_narrow = width < _NARROW
    lines = [
        [
            Text(row.id),
            Text(printable(row.flow)),
            _status(row, quarantined),
            Text(instant(row.created_at, is_short=is_narrow)),
        ]
        for row in rows
    ]
    ends = [Text(_end(row)) for row in rows]
    header = ["run", "flow", "status", "started (UTC)"]
    # Ids are never cut, since readers copy them.
    if is_narrow:
        due = [end if row.due_at is not None or row.problem else Text() for row, end in zip(rows, ends, strict=True)]
        return aligned(header, lines, width, elastic={1: 8}, notes=due)
    whole = [[*line, end] for line, end in zip(lines, ends, strict=True)]
    return aligned([*header, "ended or due"], whole, width, elastic={1: 8})


def _status(row: RunRow, quarantined: Collection[str]) -> Text:
    if row.id in quarantined:
        return Text("quarantined", style="bold red")
    if row.blocked or row.problem:
        return Text("blocked", style="bold red")
    return Text(row.status.value, style=RUN_STYLE.get(row.status, "cyan"))


def _end(row: RunRow) -> str:
    if row.problem:
        return row.problem
    if row.ended_at is not None:
        return instant(row.ended_at)
    return f"due {instant(row.due_at)}" if row.due_at is not None else ""
