"""Waits and limits that a run does not live to see (W502).

Theory. A run ends when its lifetime is over, whatever it waits for. A step begins no sooner than everything before it that has
certainly run has taken its least time: a `wait` its length, a `wait event` whose `else` is gone through its `within`, anything else
none. Where that and a length of time written at the step reach the end of the run's life, the length can never pass.
"""

from __future__ import annotations

from typing import Final

from dagflow.lang.lowering.builder import FlowBuilder, Length, NodeBuilder
from dagflow.model.flow import Flow, JoinKind, NodeKind, in_order
from dagflow.model.lengths import as_written
from dagflow.model.plan import HANDLER_SCOPE, UNDO_SCOPE

_DAY_NS: Final = 86_400_000_000_000
_MOST_NS: Final = 366 * _DAY_NS
#: Joins that do not wait for all of their steps.
_LOOSE: Final = frozenset({JoinKind.ANY, JoinKind.N_OF})


def lint_lifetimes(builder: FlowBuilder, flow: Flow, begins: int = 0) -> None:
    """Report durations that end after the run's lifetime. `begins`: the start of a loop's item, after that of the run."""
    earliest: dict[str, int] = {}
    sources: dict[str, list[str]] = {}
    for edge in flow.edges:
        sources.setdefault(edge.target, []).append(edge.source)
    for node_id in in_order(flow):
        each = builder.nodes[node_id]
        loose = each.node.join.sources if each.node.join is not None and each.node.join.kind in _LOOSE else ()
        awaited = [builder.nodes[source] for source in sources.get(node_id, ()) if source not in loose]
        decided = [found for source in awaited if (found := _decided(builder, source, each)) is not None]
        start = max((earliest[one.node.id] + _least(builder, one, each) for one in decided), default=begins)
        earliest[node_id] = start
        if start >= builder.timeout_ns or each.node.scope in {UNDO_SCOPE, HANDLER_SCOPE}:
            continue  # that is reported already, or the run has ended and cleans up
        for length in builder.lengths.get(node_id, ()):
            if start + length.nanos >= builder.timeout_ns:
                _report(builder, length, start)
                break
        body = builder.bodies.get(node_id)
        if body is not None and each.node.loop is not None:
            lint_lifetimes(body, each.node.loop.body, start)


def _decided(builder: FlowBuilder, source: NodeBuilder, reader: NodeBuilder) -> NodeBuilder | None:
    """The step itself where it has certainly run, else the condition that left it out; None where something else may have."""
    while not source.condition <= reader.condition:
        gate = source.node.gate
        around = None if gate is None else builder.nodes.get(gate.gate)
        if gate is None or around is None or source.condition != around.condition | {(gate.gate, gate.outcome)}:
            return None
        source = around
    return source


def _least(builder: FlowBuilder, source: NodeBuilder, reader: NodeBuilder) -> int:
    """How long a step takes at least, where the reader comes after it."""
    node = source.node
    if node.kind is NodeKind.WAIT:
        return sum(length.nanos for length in builder.lengths.get(node.id, ()))
    return (node.within_ns or 0) if node.kind is NodeKind.WAIT_EVENT and (node.id, 0) in reader.condition else 0


def _report(builder: FlowBuilder, length: Length, start: int) -> None:
    life = f"a run times out after {as_written(builder.timeout_ns)}"
    after = f"starts at least {as_written(start)} into the run, and " if start else ""
    needed = start + length.nanos
    help_ = "write a shorter duration"
    if needed < _MOST_NS:
        longer = needed + _DAY_NS if needed >= _DAY_NS else 2 * needed
        help_ += f", or raise the limit of the run: `timeout {as_written(min(longer, _MOST_NS))}` in the settings of the flow"
    builder.report(
        "W502", f"the run times out before {length.words} ends", length.span, f"{after}takes {as_written(length.nanos)}; {life}", help_
    )  # fmt: skip
