"""Runs as people read them: times, tables, the one line that says where the state is."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dagflow.drivers.results import NodeResult, RunResult
from dagflow.lang.graph_text import label_of
from dagflow.model import wire
from dagflow.model.flow import Flow, NodeKind
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from dagflow.model.types import JSON, NULL
from dagflow.store.api import RunRow

_SIGNS: Final = {
    NodeStatus.SUCCEEDED: ("✓", "green"),
    NodeStatus.FAILED: ("✗", "bold red"),
    NodeStatus.PRUNED: ("–", "dim"),
    NodeStatus.CANCELLED: ("⊘", "yellow"),
    NodeStatus.RUNNING: ("▶", "cyan"),
    NodeStatus.READY: ("▷", "cyan"),
    NodeStatus.WAITING: ("◔", "blue"),
    NodeStatus.PENDING: ("·", "dim"),
}
_RUN_STYLE: Final = {RunStatus.SUCCEEDED: "bold green", RunStatus.FAILED: "bold red", RunStatus.CANCELLED: "bold yellow"}
_MOST_OUTPUT: Final = 60
_WIDTH: Final = 160
_UNITS: Final = ((86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s"))


def console() -> Console:
    """Standard output: as wide as the terminal, and wide enough for a table where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)


def instant(nanos: int | None) -> str:
    """An instant in UTC to the second, or empty."""
    if nanos is None:
        return ""
    try:
        return datetime.fromtimestamp(nanos // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "far away"


def length(nanos: int) -> str:
    """A length of time in its two largest units: `2d`, `1h 5min`, `3.2s`, `12ms`."""
    if nanos < 1_000_000_000:
        return f"{nanos / 1_000_000:.0f}ms"
    if nanos < 60_000_000_000:
        return f"{nanos / 1_000_000_000:.3g}s"
    parts: list[str] = []
    for unit, word in _UNITS:
        count, nanos = divmod(nanos, unit)
        if count:
            parts.append(f"{count}{word}")
    return " ".join(parts[:2])


def sign(status: NodeStatus) -> Text:
    """A status as a sign and its word; colour only repeats it."""
    mark, style = _SIGNS[status]
    return Text(f"{mark} {status.value}", style=style)


def run_table(flow: Flow, result: RunResult) -> Table:
    """The steps of a run: step, status, attempts, started, took, output or the reason it was pruned."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("step", overflow="ellipsis", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("attempts", justify="right", no_wrap=True)
    table.add_column("started (UTC)", no_wrap=True)
    table.add_column("took", no_wrap=True, justify="right")
    table.add_column("output, or why it was pruned", overflow="ellipsis", no_wrap=True)
    for node in shown_nodes(flow, result):
        took = length(node.ended_at - node.started_at) if node.ended_at is not None and node.started_at is not None else ""
        table.add_row(
            Text(printable(label_of(flow.node(node.id)))), sign(node.status), str(node.attempts or ""),
            instant(node.started_at), took, Text(printable(outcome(flow, node))),
        )  # fmt: skip
    return table


def shown_nodes(flow: Flow, result: RunResult) -> Sequence[NodeResult]:
    """The nodes people know: all but what stands behind an `on error` that had nothing to do."""
    return [node for node in result.nodes if not (flow.node(node.id).kind is NodeKind.CATCH and node.outcome != "failure")]


def outcome(flow: Flow, node: NodeResult) -> str:
    """What came of a node, in one line."""
    if node.failure is not None and node.status is not NodeStatus.SUCCEEDED:
        return f"{node.failure.code}: {node.failure.message}"
    if node.status is NodeStatus.PRUNED:
        return why_pruned(flow, node)
    if node.status is NodeStatus.WAITING and node.due_at is not None:
        return f"until {instant(node.due_at)}"
    if node.status is NodeStatus.CANCELLED:
        return "stopped before it ended"
    if node.outcome:
        return node.outcome
    if node.status is NodeStatus.SUCCEEDED and node.output is not None:
        return compact(node.output)
    return ""


def why_pruned(flow: Flow, node: NodeResult) -> str:
    """Why a node was not run, naming its condition."""
    gate = flow.node(node.id).gate
    match node.reason:
        case PruneReason.GATE if gate is not None:
            decider = flow.node(gate.gate)
            if decider.kind is NodeKind.CATCH:
                return "nothing failed"
            line = flow.source.count("\n", 0, decider.span.start) + 1
            word = "switch" if decider.cases else decider.id.rpartition(".")[2] if decider.id.endswith(".when") else "condition"
            return f"the {word} on line {line} was not “{decider.outcomes[gate.outcome]}”"
        case PruneReason.JOIN:
            return "too few of the steps it is `after` succeeded"
        case PruneReason.SCOPE_FAILED:
            return "another step of its block failed"
        case _:
            return "the run had ended"


def compact(value: object) -> str:
    """A value as one short line of JSON."""
    text = json.dumps(wire.encode(value, JSON), ensure_ascii=False)
    return text if len(text) <= _MOST_OUTPUT else text[: _MOST_OUTPUT - 1] + "…"


def printable(text: str) -> str:
    """The text without anything that could steer a terminal."""
    return "".join(letter if letter.isprintable() else " " if letter == "\n" else f"\\x{ord(letter):02x}" for letter in text)


def verdict(result: RunResult) -> Text:
    """The last line: how the run ended, and for a failure its cause and all others."""
    took = f" in {length(result.ended_at - result.started_at)}" if result.ended_at is not None else ""
    text = Text(f"run {result.run} {result.status.value}{took}", style=_RUN_STYLE.get(result.status, "bold cyan"))
    if result.reason:
        text.append(f": {printable(result.reason)}", style="not bold")
    if result.status is RunStatus.FAILED:
        for i, failure in enumerate(result.failures):
            where = f"{failure.node}: " if failure.node else ""
            attempt = f" (attempt {failure.attempt})" if failure.attempt else ""
            text.append(
                f"\n  {'cause' if i == 0 else 'also'}: {printable(where)}{failure.code}: {printable(failure.message)}{attempt}",
                style="not bold",
            )
    if result.output is not None:
        text.append(f"\n  result: {printable(compact(result.output))}", style="not bold")
    return text


def runs_table(rows: Sequence[RunRow]) -> Table:
    """Runs, newest first."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", no_wrap=True)
    table.add_column("flow", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("started (UTC)", no_wrap=True)
    table.add_column("ended / due", no_wrap=True)
    for row in rows:
        when = (
            instant(row.ended_at)
            if row.ended_at is not None
            else f"due {instant(row.due_at)}"
            if row.due_at is not None
            else ""
        )
        table.add_row(
            row.id,
            Text(row.flow),
            Text(row.status.value, style=_RUN_STYLE.get(row.status, "cyan")),
            instant(row.created_at),
            when,
        )
    return table


def plain_result(flow: Flow, result: RunResult) -> dict[str, object]:
    """A run for `--json`. Instants are RFC 3339 in UTC."""
    nodes: list[dict[str, object]] = []
    for node in result.nodes:
        declared = flow.node(node.id)
        value = None if node.output is None or declared.type is NULL else wire.encode(node.output, JSON)
        failure = None if node.failure is None else {"code": node.failure.code, "message": node.failure.message}
        nodes.append({
            "id": node.id, "label": label_of(declared), "kind": node.kind.value, "status": node.status.value,
            "reason": None if node.reason is None else node.reason.value, "attempts": node.attempts,
            "started_at": _rfc3339(node.started_at), "ended_at": _rfc3339(node.ended_at), "due_at": _rfc3339(node.due_at),
            "outcome": node.outcome or None, "output": value, "failure": failure,
        })  # fmt: skip
    return {
        "run": result.run, "flow": result.flow, "status": result.status.value, "reason": result.reason or None,
        "output": None if result.output is None else wire.encode(result.output, JSON),
        "started_at": _rfc3339(result.started_at), "ended_at": _rfc3339(result.ended_at), "nodes": nodes,
        "failures": [{"node": f.node, "code": f.code, "message": f.message, "attempt": f.attempt} for f in result.failures],
    }  # fmt: skip


def _rfc3339(nanos: int | None) -> str | None:
    if nanos is None:
        return None
    return (
        datetime.fromtimestamp(nanos // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        + f".{nanos % 1_000_000_000 // 1_000_000:03d}Z"
    )
