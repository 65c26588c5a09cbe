"""Overlays of pictures: the result of a run, and the coverage of tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from dagflow.app.simulation.coverage import Coverage, Goal
from dagflow.execution.results import NodeResult, RunResult
from dagflow.model.flow import Flow, Node, NodeKind
from dagflow.model.label import label_of
from dagflow.model.lengths import roughly
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from dagflow.pictures.marks import Mark, Overlay, Tone

_SIGNS: Final = {
    NodeStatus.SUCCEEDED: ("✓", Tone.GOOD),
    NodeStatus.FAILED: ("✗", Tone.BAD),
    NodeStatus.PRUNED: ("–", Tone.OFF),
    NodeStatus.CANCELLED: ("⊘", Tone.STOPPED),
    NodeStatus.RUNNING: ("▶", Tone.BUSY),
    NodeStatus.READY: ("▷", Tone.BUSY),
    NodeStatus.WAITING: ("◔", Tone.WAITING),
    NodeStatus.PENDING: ("·", Tone.PLAIN),
}
_RUN_TONES: Final = {
    RunStatus.SUCCEEDED: Tone.GOOD,
    RunStatus.FAILED: Tone.BAD,
    RunStatus.FAILED_DIRTY: Tone.BAD,
    RunStatus.CANCELLED: Tone.STOPPED,
    RunStatus.SLEEPING: Tone.WAITING,
    RunStatus.RUNNING: Tone.BUSY,
    RunStatus.QUEUED: Tone.BUSY,
}
#: Shorter durations are not shown.
_NOTICEABLE_NS: Final = 1_000_000
_TIMED: Final = frozenset(
    {NodeKind.ACTION, NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_EVENT, NodeKind.FOR, NodeKind.CALL}
)


#: The state to show for a step of many items: the first of these that an item has.
_LOUDEST: Final = (NodeStatus.FAILED, NodeStatus.RUNNING, NodeStatus.WAITING, NodeStatus.SUCCEEDED, NodeStatus.CANCELLED)

Items: TypeAlias = Mapping[str, Sequence[RunResult]]


# ---- a run


def overlay_of_run(flow: Flow, result: RunResult, items: Items | None = None) -> Overlay:
    """How a run went, on a picture of its flow, or of one that has steps of the same names.

    Args:
        flow: the flow of the picture.
        result: of the run.
        items: how the items of its loops went, by the keys of the loops.
    """
    nodes = {str(node.id): node for node in result.nodes}
    marks: dict[str, Mark] = {}
    outcomes: dict[str, Mapping[int, Tone]] = {}
    for node in flow.nodes:
        found = nodes.get(node.id)
        if found is None:
            continue
        marks[node.id] = _mark(flow, node, found, nodes)
        if node.loop is not None and found.status is NodeStatus.PRUNED:
            marks.update((key, Mark(Tone.OFF)) for key, _ in _nodes(node.loop.body, f"{node.id}/"))
        if node.outcomes and found.status.is_settled:
            outcomes[node.id] = {
                number: Tone.GOOD if word == found.outcome else Tone.OFF for number, word in enumerate(node.outcomes)
            }
    for key, found_items in (items or {}).items():
        marks.update(_marks_of_items(key, found_items))
    took = f" in {_took(result.ended_at - result.started_at)}" if result.ended_at is not None else ""
    reason = f": {result.reason}" if result.reason else ""
    if result.failures and result.status in {RunStatus.FAILED, RunStatus.FAILED_DIRTY}:
        reason = f": {result.failures[0].code}: {result.failures[0].message}"
    return Overlay(
        title=f"run {result.run} {result.status.value}{took}{reason}", tone=_RUN_TONES[result.status], marks=marks,
        outcomes=outcomes,
    )  # fmt: skip


def _mark(flow: Flow, node: Node, found: NodeResult, nodes: Mapping[str, NodeResult]) -> Mark:
    sign, tone = _SIGNS[found.status]
    if node.kind is NodeKind.CATCH:
        if found.outcome == node.outcomes[1]:
            return Mark(Tone.STOPPED, "✗", ("handled a failure",))
        return Mark(Tone.OFF, "–", ("nothing failed",)) if found.status.is_settled else Mark(Tone.PLAIN)
    notes = [_said(node, found)]
    if found.status is NodeStatus.PRUNED:
        notes.append(_why_pruned(flow, node, found, nodes))
    elif found.items is not None and found.items.total:
        bad = f", {found.items.unsuccessful} not" if found.items.unsuccessful else ""
        notes.append(f"{found.items.succeeded} of {found.items.total} items{bad}")
    elif found.due_at is not None:
        notes.append(f"until {_instant(found.due_at)}")
    elif found.failure is not None:
        notes.append(f"{found.failure.code}: {found.failure.message}")
    undo = nodes.get(f"{node.id}.undo")
    if undo is not None and undo.status is NodeStatus.SUCCEEDED:
        notes.append("undone")
    elif undo is not None and undo.status is NodeStatus.FAILED:
        notes.append("✗ could not be undone")
    if found.status is NodeStatus.PENDING and not any(notes[1:]):
        return Mark(Tone.PLAIN)
    return Mark(tone, sign, tuple(note for note in notes if note))


def _marks_of_items(key: str, items: Sequence[RunResult]) -> Iterator[tuple[str, Mark]]:
    """How often each step of a loop went how."""
    signs = {status.value: sign for status, (sign, _) in _SIGNS.items()}
    counts: dict[str, Counter[str]] = {}
    for item in items:
        for node in item.nodes:
            if node.kind not in {NodeKind.UNDO, NodeKind.UNWIND}:
                is_decided = node.kind is NodeKind.GATE and bool(node.outcome)
                counts.setdefault(node.id, Counter())[node.outcome if is_decided else node.status] += 1
    for node_id, count in counts.items():
        decided = [word for word in count if word not in signs]
        quiet = Tone.GOOD if decided else Tone.OFF if count[NodeStatus.PRUNED] else Tone.PLAIN
        tone = next((_SIGNS[status][1] for status in _LOUDEST if count[status]), quiet)
        shown = [*sorted(decided, reverse=True), *(status for status in _SIGNS if count[status])]
        words = " · ".join(f"{signs.get(word, word)} {count[word]}" for word in shown)
        yield f"{key}/{node_id}", Mark(tone, "", (words,))


def _said(node: Node, found: NodeResult) -> str:
    """The status in words: with the outcome of a condition, how often it was tried, and how long it took."""
    words = [found.outcome if node.kind is NodeKind.GATE and found.outcome else found.status.value]
    if found.attempts > 1:
        words.append(f"attempt {found.attempts}" if not found.status.is_settled else f"{found.attempts} attempts")
    if found.ended_at is not None and found.started_at is not None and node.kind in _TIMED:
        took = found.ended_at - found.started_at
        words += [_took(took)] if took >= _NOTICEABLE_NS else []
    return " · ".join(words)


def _took(nanos: int) -> str:
    """A duration, rounded for display."""
    if nanos < 1_000_000_000:
        return f"{nanos // 1_000_000}ms"
    if nanos < 60_000_000_000:
        return f"{nanos / 1_000_000_000:.1f}s"
    return roughly(nanos // 1_000_000_000 * 1_000_000_000)


def _instant(nanos: int) -> str:
    try:
        return datetime.fromtimestamp(nanos // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return "far away"


def _why_pruned(flow: Flow, node: Node, found: NodeResult, nodes: Mapping[str, NodeResult]) -> str:
    match found.reason:
        case PruneReason.GATE if node.gate is not None:
            decider = flow.node(node.gate.gate)
            of = nodes.get(decider.id)
            if of is None or decider.kind in {NodeKind.CATCH, NodeKind.UNWIND}:
                return "nothing failed"
            return f"{label_of(decider)}: {of.outcome or 'not reached'}"
        case PruneReason.JOIN:
            return "not enough of the steps it waits for succeeded"
        case PruneReason.SCOPE_FAILED:
            return "its block failed"
        case PruneReason.RACE_LOST:
            return "other branches were faster"
        case _:
            return "the run had ended"


# ---- tests


def overlay_of_coverage(flow: Flow, coverage: Coverage) -> Overlay:
    """The parts of a flow that tests cover, and the parts that they do not cover."""
    goals: dict[str, list[Goal]] = {}
    for goal in coverage.goals:
        if goal.flow == flow.name:
            goals.setdefault(goal.node, []).append(goal)
    marks: dict[str, Mark] = {}
    outcomes: dict[str, Mapping[int, Tone]] = {}
    for key, node in _nodes(flow):
        found = goals.get(node.id, [])
        if not found:
            continue
        marks[key] = _seen(coverage, found)
        seen = {goal.aspect: coverage.is_reached(goal) for goal in found}
        if node.outcomes:
            outcomes[key] = {
                number: Tone.GOOD if seen[word] else Tone.BAD for number, word in enumerate(node.outcomes) if word in seen
            }
    of_flow = [goal for each in goals.values() for goal in each]
    n_seen = sum(coverage.is_reached(goal) for goal in of_flow)
    tone = Tone.GOOD if n_seen == len(of_flow) else Tone.BAD
    return Overlay(title=f"tests have seen {n_seen} of {len(of_flow)}", tone=tone, marks=marks, outcomes=outcomes)


def _nodes(flow: Flow, prefix: str = "") -> Iterator[tuple[str, Node]]:
    for node in flow.nodes:
        yield prefix + node.id, node
        if node.loop is not None:
            yield from _nodes(node.loop.body, f"{prefix}{node.id}/")


def _seen(coverage: Coverage, goals: list[Goal]) -> Mark:
    missing = [goal for goal in goals if not coverage.is_reached(goal)]
    if not missing:
        return Mark(Tone.GOOD, "✓", ("both seen" if len(goals) == 2 and goals[0].kind == "gate" else "seen",))
    words = {"ran": "never run", "default": "default never used"}
    return Mark(Tone.BAD, "✗", (", ".join(words.get(goal.aspect, f"never {goal.aspect}") for goal in missing),))
