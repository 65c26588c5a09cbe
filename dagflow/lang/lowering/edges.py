"""Edges of a lowered flow, and what only the whole graph shows: circles, joins and steps that can never be (4xx)."""

from __future__ import annotations

from collections.abc import Mapping

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.check.presence import contradiction
from dagflow.lang.lowering.builder import FlowBuilder, NodeBuilder, deletion
from dagflow.model.flow import Edge, EdgeKind, JoinKind, NodeKind
from dagflow.model.label import label_of

_ORDER = (EdgeKind.GATE, EdgeKind.SEQ, EdgeKind.DATA, EdgeKind.AFTER)


def build_edges(builder: FlowBuilder) -> tuple[Edge, ...]:
    """All edges, by target in declared order, then by source in declared order; one per pair, with every reason."""
    order = {node: i for i, node in enumerate(builder.nodes)}
    edges: list[Edge] = []
    for target, each in builder.nodes.items():
        kinds = _incoming(each)
        for source in sorted((source for source in kinds if source in order), key=order.__getitem__):
            gate = each.node.gate
            outcome = gate.outcome if gate is not None and gate.gate == source else None
            edges.append(Edge(source, target, tuple(kind for kind in _ORDER if kind in kinds[source]), outcome))
    return tuple(edges)


def count_edges(builder: FlowBuilder) -> int:
    """How many edges there will be at most: a source that is there for two reasons counts twice."""
    return sum(
        len(each.before)
        + len(each.reads)
        + (len(each.node.join.sources) if each.node.join else 0)
        + (each.node.gate is not None)
        for each in builder.nodes.values()
    )


def _incoming(builder: NodeBuilder) -> Mapping[str, set[EdgeKind]]:
    kinds: dict[str, set[EdgeKind]] = {}
    node = builder.node
    if node.gate is not None:
        kinds.setdefault(node.gate.gate, set()).add(EdgeKind.GATE)
    for source in builder.before:
        kinds.setdefault(source, set()).add(EdgeKind.SEQ)
    for source in builder.reads:
        kinds.setdefault(source, set()).add(EdgeKind.DATA)
    for source in node.join.sources if node.join is not None else ():
        kinds.setdefault(source, set()).add(EdgeKind.AFTER)
    return kinds


def check_graph(builder: FlowBuilder, edges: tuple[Edge, ...]) -> None:
    """Report circles, joins that can never be satisfied, and steps that can never run."""
    circle = _find_circle(builder, edges)
    if circle:
        _report_circle(builder, circle)
        return
    for each in builder.nodes.values():
        _check_reachable(builder, each)


def _find_circle(builder: FlowBuilder, edges: tuple[Edge, ...]) -> list[str]:
    """Node ids that wait for each other, each for the one after it and the last for the first; empty if there are none."""
    incoming: dict[str, list[str]] = {node: [] for node in builder.nodes}
    outgoing: dict[str, list[str]] = {node: [] for node in builder.nodes}
    for edge in edges:
        incoming[edge.target].append(edge.source)
        outgoing[edge.source].append(edge.target)
    n_waiting = {node: len(sources) for node, sources in incoming.items()}
    ready = [node for node, count in n_waiting.items() if count == 0]
    for node in ready:
        for target in outgoing[node]:
            n_waiting[target] -= 1
            if n_waiting[target] == 0:
                ready.append(target)
    stuck = [node for node, count in n_waiting.items() if count > 0]
    if not stuck:
        return []
    # Every stuck node waits for a stuck one, so walking back has to come round.
    path: list[str] = []
    node = stuck[-1]
    while node not in path:
        path.append(node)
        node = next(source for source in incoming[node] if n_waiting[source] > 0)
    return path[path.index(node) :]


def _report_circle(builder: FlowBuilder, circle: list[str]) -> None:
    nodes = [builder.nodes[node] for node in circle]
    # The circle is always closed by an `after`: textual order and reading only look back.
    at = next((i for i, each in enumerate(nodes) if each.join_span is not None and _waits_by_after(each, nodes)), 0)
    nodes = nodes[at:] + nodes[:at]
    parts: list[str] = []
    for each, awaited in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        parts.append(
            f"{each.node.id} (line {builder.line(each.node.span)}) waits for {awaited.node.id}: {_reason(each, awaited)}"
        )
    span = nodes[0].join_span or nodes[0].node.span
    fix = (
        Fix("remove this `after`", is_safe=False, edits=(Edit(_after_clause(builder, span), ""),))
        if nodes[0].join_span
        else None
    )
    builder.report("E401", "steps wait for each other in a cycle", span, "; ".join(parts), "drop one of them", fix)


def _waits_by_after(each: NodeBuilder, circle: list[NodeBuilder]) -> bool:
    return each.node.join is not None and any(other.node.id in each.node.join.sources for other in circle)


def _after_clause(builder: FlowBuilder, span: Span) -> Span:
    start = builder.source.text.rfind("after", 0, span.start)
    return Span(start if start >= 0 else span.start, span.end)


def _reason(each: NodeBuilder, awaited: NodeBuilder) -> str:
    awaited_id = awaited.node.id
    if each.node.join is not None and awaited_id in each.node.join.sources:
        return f"`after {awaited_id}`"
    if awaited_id in each.reads:
        return f"reads `{awaited_id}`"
    if each.node.gate is not None and each.node.gate.gate == awaited_id:
        return "its condition"
    return "order"


def _check_reachable(builder: FlowBuilder, each: NodeBuilder) -> None:
    """E404 for a join over steps that exclude each other, E406 for a step under conditions that do."""
    join = each.node.join
    if join is not None and join.kind in {JoinKind.ALL, JoinKind.N_OF} and each.join_span is not None:
        needed = len(join.sources) if join.kind is JoinKind.ALL else join.count
        if _is_exclusive(builder, join.sources, needed) and contradiction(each.condition) is not None:
            names = " and ".join(f"`{source}`" for source in join.sources)
            builder.report(
                "E404", "this join can never be satisfied", each.join_span, f"{names} never run in the same run",
                "wait for whichever runs: `after any(…)`",
                Fix(f"`any({', '.join(join.sources)})`", is_safe=True, edits=(Edit(each.join_span, f"any({', '.join(join.sources)})"),)),
            )  # fmt: skip
            return
    conflict = contradiction(each.condition)
    if conflict is None or each.node.kind is NodeKind.CATCH or conflict[0][0] not in builder.nodes:
        return  # a contradiction around a loop is reported for the loop
    (gate, one), (_, other) = conflict
    decider = builder.nodes[gate]
    outcomes = decider.node.outcomes
    words = {"no": "false", "yes": "true"}
    shown = (
        label_of(decider.node)
        if decider.node.kind is NodeKind.WAIT_EVENT
        else decider.node.expression.text
        if decider.node.expression is not None
        else gate
    )
    first, second = (words.get(outcomes[i], outcomes[i]) for i in (one, other))
    name = builder.text(each.node.span).split("(")[0].split("=")[0].strip()
    span = Span(each.node.span.start, each.node.span.start + max(1, len(name)))
    builder.report(
        "E406", "this step can never run", span, f"needs `{shown}` (line {builder.line(decider.node.span)}) to be {first} and {second}",
        "remove it or change a condition", deletion(builder, each.node.span),
    )  # fmt: skip


def _is_exclusive(builder: FlowBuilder, sources: tuple[str, ...], needed: int) -> bool:
    """Whether at least two of the needed steps exclude each other."""
    conditions = [builder.nodes[source].condition for source in sources if source in builder.nodes]
    if needed < len(conditions):
        return False
    return any(contradiction(a | b) is not None for i, a in enumerate(conditions) for b in conditions[i + 1 :])
