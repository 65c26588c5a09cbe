"""The timeline of a run, from its history and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dagflow.execution.results import NodeResult, RunResult
from dagflow.model.flow import WAITING_KINDS, Flow, NodeKind
from dagflow.model.label import label_of
from dagflow.model.status import NodeStatus
from dagflow.pictures.marks import Tone
from dagflow.pictures.timeline import Row, Stretch, Timeline
from dagflow.store.api import Record

#: The kinds of steps whose attempts are in the history.
_CALLED: Final = frozenset({NodeKind.ACTION, NodeKind.UNDO})
#: The kinds that take time as a whole: their parts are runs of their own.
_WHOLE: Final = frozenset({NodeKind.FOR, NodeKind.CALL})
_ENDS: Final = {
    "attempt_succeeded": (Tone.GOOD, "succeeded"),
    "attempt_failed": (Tone.BAD, "failed"),
    "attempt_cancelled": (Tone.STOPPED, "stopped"),
    "attempt_interrupted": (Tone.STOPPED, "interrupted: the process ended"),
}
_TONES: Final = {
    NodeStatus.SUCCEEDED: Tone.GOOD,
    NodeStatus.FAILED: Tone.BAD,
    NodeStatus.CANCELLED: Tone.STOPPED,
    NodeStatus.PRUNED: Tone.OFF,
}


def timeline_of(
    flow: Flow, result: RunResult, history: Sequence[Record], now: int, printable: Callable[[str], str] = str
) -> Timeline:
    """Return the timeline of a run.

    Args:
        flow, result, history: of the run.
        now: the end of what goes on, nanoseconds since 1970 UTC.
        printable: makes a label safe where it is shown.
    """
    end = now if result.ended_at is None else result.ended_at
    attempts = _attempts(history, end)
    rows: list[Row] = []
    for node in result.nodes:
        stretches = attempts.get(node.id, []) if node.kind in _CALLED else _of_node(node, end)
        if stretches:
            rows.append(Row(printable(label_of(flow.node(node.id))), node.status.value, stretches))
    rows.sort(key=lambda row: (row.start, row.end))
    return Timeline(
        f"{flow.name}, run {result.run}: {result.status.value}", result.started_at, max(end, result.started_at), rows
    )


def _attempts(history: Sequence[Record], end: int) -> dict[str, list[Stretch]]:
    """By step, its attempts and the pauses between them."""
    found: dict[str, list[Stretch]] = {}
    begun: dict[str, Record] = {}
    for record in history:
        before = found.setdefault(record.node, [])
        if record.kind == "attempt_started":
            if before:
                before.append(Stretch(before[-1].end, record.at, Tone.OFF, f"pause before attempt {record.attempt}"))
            begun[record.node] = record
        elif record.kind in _ENDS and record.node in begun:
            tone, word = _ENDS[record.kind]
            start = begun.pop(record.node)
            before.append(Stretch(start.at, record.at, tone, f"attempt {start.attempt}: {word}"))
    for node, start in begun.items():
        found[node].append(Stretch(start.at, end, Tone.BUSY, f"attempt {start.attempt}: under way"))
    return found


def _of_node(node: NodeResult, end: int) -> list[Stretch]:
    """The time of a wait, a loop or a call; nothing for what takes none, or has not begun."""
    if node.started_at is None or node.kind not in WAITING_KINDS | _WHOLE:
        return []
    ended = end if node.ended_at is None else node.ended_at
    is_over = node.ended_at is not None
    if node.kind in WAITING_KINDS:
        tone = Tone.STOPPED if node.status is NodeStatus.CANCELLED else Tone.WAITING
        return [Stretch(node.started_at, ended, tone, "waited" if is_over else "waits")]
    return [Stretch(node.started_at, ended, _TONES.get(node.status, Tone.BUSY), node.status.value)]
