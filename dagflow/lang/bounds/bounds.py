"""The upper bounds of a run: steps, parallelism, duration, runs, events and the cost of its expressions.

Theory. A flow has no recursion, its loops have a `max`, its retries are counted and its waits for events end. So every run is
bounded, and the bounds follow from the compiled flow. A condition has one outcome, so the nodes under it count with the most
expensive outcome. A loop counts its body for each item, a call counts the called flow for each attempt. A started flow is a
separate run with bounds of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import attrs

from dagflow.errors import EvaluationError
from dagflow.expr.codegen.emit import compile_cores
from dagflow.lang.bounds.parallelism import max_parallel
from dagflow.model.flow import Expression, Flow, Node, NodeKind, in_order
from dagflow.model.label import label_of
from dagflow.model.plan import HANDLER_SCOPE, UNDO_SCOPE
from dagflow.model.types import DURATION
from dagflow.model.values import Duration

#: What people would call a step; conditions, values and ends are none.
STEPS: Final = frozenset({
    NodeKind.ACTION, NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_EVENT, NodeKind.EMIT, NodeKind.FOR, NodeKind.CALL, NodeKind.START,
    NodeKind.UNDO,
})  # fmt: skip


@attrs.frozen(kw_only=True)
class Share:
    """The share of a loop or a call in a number: `count` times `each`. `node`: its id. `label`: its name for people."""

    node: str
    label: str
    count: int
    each: int


@attrs.frozen(kw_only=True)
class Total:
    """A number and how it comes about: `own`, and the shares of loops and calls."""

    value: int = 0
    own: int = 0
    shares: tuple[Share, ...] = ()

    def plus(self, other: Total) -> Total:
        """Both together."""
        return Total(value=self.value + other.value, own=self.own + other.own, shares=self.shares + other.shares)

    def __str__(self) -> str:
        if not self.shares:
            return str(self.value)
        parts = [f"{share.count} × {share.each} ({share.label})" for share in self.shares]
        return f"{self.value} = " + " + ".join([str(self.own), *parts] if self.own else parts)


@attrs.frozen(kw_only=True)
class Bounds:
    """The upper bounds of one run.

    Attributes:
        steps: that run, repeated attempts not counted; those in loops and in flows that are called included.
        parallel: of them at the same time.
        duration_ns: from its beginning to its end, in nanoseconds, without `on error` and undo. At most its lifetime.
        waiting_ns: the part of it that waits and time limits account for. n_open: the calls in a row that have no time limit and come on top.
        runs_started: by `start`. events_sent: by `emit`.
        expression_cost: evaluation steps of all its expressions.
    """

    steps: Total
    parallel: int
    duration_ns: int
    waiting_ns: int
    n_open: int
    runs_started: Total
    events_sent: Total
    expression_cost: Total


def bounds(flow: Flow) -> Bounds:
    """Return the upper bounds of a run of a compiled flow."""
    return _bounds(flow, {callee.key: callee.flow for callee in flow.callees}, {}, max_parallel)


def rough_bounds(flow: Flow) -> Bounds:
    """As `bounds`, but `parallel` counts all steps as if they ran at once: never too little, and found much sooner."""
    return _bounds(flow, {callee.key: callee.flow for callee in flow.callees}, {}, lambda _, weights: sum(weights.values()))


def ceiling(flow: Flow) -> tuple[int, int] | None:
    """What no number of nodes in a run exceeds, and the cost of all expressions; None with loops or calls, which `bounds` counts."""
    cost = 0
    for node in flow.nodes:
        if node.kind is NodeKind.FOR or node.kind is NodeKind.CALL:
            return None
        cost += _cost(node)
    return len(flow.nodes), cost


@attrs.frozen
class _Inner:
    """The bounds of a node's contents, and how often they run, in all and one after the other."""

    bounds: Bounds
    count: int
    in_a_row: int
    width: int
    #: The time of its `on error` and its undo in addition, when it fails and the flow around goes on.
    after_ns: int
    after_open: int


def _bounds(
    flow: Flow,
    callees: Mapping[str, Flow],
    known: dict[str, Bounds],
    width_of: Callable[[Flow, Mapping[str, int]], int],
) -> Bounds:
    inner: dict[str, _Inner] = {}
    for node in flow.nodes:
        if node.kind is NodeKind.FOR and node.loop is not None:
            most, width = node.loop.most, min(node.loop.width, node.loop.most)
            found = _bounds(node.loop.body, callees, known, width_of)
            inner[node.id] = _Inner(found, most, -(-most // width), width, *_aftermath(node.loop.body))
        elif node.kind is NodeKind.CALL:
            if node.flow not in known:
                known[node.flow] = _bounds(callees[node.flow], callees, known, width_of)
            attempts = node.retry.max_attempts
            inner[node.id] = _Inner(known[node.flow], attempts, attempts, 1, *_aftermath(callees[node.flow]))

    order, outcomes = _innermost_first(flow), _outcomes(flow)

    def total(own: Callable[[Node], int], of: Callable[[Bounds], Total]) -> Total:
        return _total(order, outcomes, inner, own, of)

    waiting, n_open, is_endless = _duration(flow, inner)
    return Bounds(
        steps=total(lambda node: node.kind in STEPS, lambda each: each.steps),
        parallel=width_of(flow, {node.id: _weight(node, inner) for node in flow.nodes}),
        duration_ns=flow.timeout_ns if n_open or is_endless else min(waiting, flow.timeout_ns),
        waiting_ns=min(waiting, flow.timeout_ns),
        n_open=n_open,
        runs_started=total(lambda node: node.kind is NodeKind.START, lambda each: each.runs_started),
        events_sent=total(lambda node: node.kind is NodeKind.EMIT, lambda each: each.events_sent),
        expression_cost=total(_cost, lambda each: each.expression_cost),
    )  # fmt: skip


def _weight(node: Node, inner: Mapping[str, _Inner]) -> int:
    """How many steps run at once while a node does. A loop or a call is one itself, instead of the steps in it."""
    if node.kind not in STEPS:
        return 0
    found = inner.get(node.id)
    return 1 if found is None else max(1, found.width * found.bounds.parallel)


def _cost(node: Node) -> int:
    cost = 0 if node.loop is None or node.loop.key is None else node.loop.most * node.loop.key.cost
    for argument in node.arguments:
        cost += argument.value.cost
    for case in node.cases:
        cost += sum(each.cost for each in case)
    if node.expression is not None:
        cost += node.expression.cost
    return cost if node.default is None else cost + node.default.cost


def _outcomes(flow: Flow) -> dict[str, set[int]]:
    """By gate, the outcomes that something hangs on."""
    outcomes: dict[str, set[int]] = {}
    for node in flow.nodes:
        if node.gate is not None:
            outcomes.setdefault(node.gate.gate, set()).add(node.gate.outcome)
    return outcomes


def _total(
    order: Iterable[Node],
    outcomes: Mapping[str, set[int]],
    inner: Mapping[str, _Inner],
    own: Callable[[Node], int],
    of: Callable[[Bounds], Total],
) -> Total:
    """The sum over all nodes, where of the outcomes of a gate only the dearest counts."""
    #: By place: what nodes take with nothing in them and nothing behind them, which most are, and all others.
    plain: dict[tuple[str, int] | None, int] = {}
    behind: dict[tuple[str, int] | None, Total] = {}

    def at(place: tuple[str, int] | None) -> Total:
        amount = plain.get(place, 0)
        return Total(value=amount, own=amount).plus(behind.get(place, Total()))

    for node in order:
        amount = own(node)
        nested = inner.get(node.id)
        place = None if node.gate is None else (node.gate.gate, node.gate.outcome)
        if nested is None and node.id not in outcomes:
            plain[place] = plain.get(place, 0) + amount
            continue
        found = Total(value=amount, own=amount)
        if nested is not None and of(nested.bounds).value:
            each = of(nested.bounds).value
            share = Share(node=node.id, label=label_of(node), count=nested.count, each=each)
            found = found.plus(Total(value=nested.count * each, shares=(share,)))
        ways = [at((node.id, outcome)) for outcome in sorted(outcomes.get(node.id, ()))]
        if ways:
            found = found.plus(max(ways, key=lambda way: way.value))
        behind[place] = behind.get(place, Total()).plus(found)
    return at(None)


def _innermost_first(flow: Flow) -> list[Node]:
    """Every node, behind the nodes under its gate."""
    depth: dict[str, int] = {}
    for node in flow.nodes:
        if node.gate is None:
            depth[node.id] = 0
            continue
        chain: list[str] = []
        at: Node | None = node
        while at is not None and at.id not in depth:
            chain.append(at.id)
            at = None if at.gate is None else flow.node(at.gate.gate)
        base = -1 if at is None else depth[at.id]
        depth.update((each, number) for number, each in enumerate(reversed(chain), base + 1))
    return sorted(flow.nodes, key=lambda node: depth[node.id], reverse=True)


# ---- time


def _duration(flow: Flow, inner: Mapping[str, _Inner]) -> tuple[int, int, bool]:
    """The longest path through the flow: the time of waits and limits, the calls without a limit, and whether it is endless."""
    waiting: dict[str, int] = {}
    n_open: dict[str, int] = {}
    is_endless = False
    before: dict[str, list[str]] = {}
    for edge in flow.edges:
        before.setdefault(edge.target, []).append(edge.source)
    for node_id in in_order(flow):
        node = flow.node(node_id)
        found, open_calls = (0, 0) if node.scope in {UNDO_SCOPE, HANDLER_SCOPE} else _time(node, inner)
        is_endless = is_endless or found is None
        sources = before.get(node_id, ())
        waiting[node_id] = max((waiting[source] for source in sources), default=0) + (
            flow.timeout_ns if found is None else found
        )
        n_open[node_id] = max((n_open[source] for source in sources), default=0) + open_calls
    return max(waiting.values(), default=0), max(n_open.values(), default=0), is_endless


def _time(node: Node, inner: Mapping[str, _Inner]) -> tuple[int | None, int]:
    """The time of a node at most, None if only the run's lifetime bounds it; and its number of calls without a limit.

    The delays that other systems request before the next attempt are unknown, and not counted.
    """
    nested = inner.get(node.id)
    match node.kind:
        case NodeKind.WAIT:
            return wait_length(node.expression), 0
        case NodeKind.WAIT_UNTIL:
            return None, 0
        case NodeKind.WAIT_EVENT:
            return node.within_ns, 0
        case NodeKind.FOR if nested is not None:
            waiting, n_open = nested.bounds.waiting_ns + nested.after_ns, nested.bounds.n_open + nested.after_open
            return nested.in_a_row * waiting, nested.in_a_row * n_open
        case NodeKind.ACTION | NodeKind.CALL:
            pauses = _pauses(node)
            if node.within_ns is not None:
                return node.within_ns, 0
            if node.timeout_ns is not None:
                return node.retry.max_attempts * node.timeout_ns + pauses, 0
            if nested is not None:
                return nested.count * (nested.bounds.duration_ns + nested.after_ns) + pauses, nested.count * nested.after_open
            return pauses, node.retry.max_attempts
        case _:
            return 0, 0


def _aftermath(flow: Flow) -> tuple[int, int]:
    """The time of the steps of a flow's `on error` and its undos, all one after the other, in the form of `_time`.

    A call of another flow among them counts with all its lifetime.
    """
    waiting, n_open = 0, 0
    for node in flow.nodes:
        if node.scope in {UNDO_SCOPE, HANDLER_SCOPE}:
            found, open_calls = _time(node, {})
            waiting += flow.timeout_ns if found is None else found
            n_open += open_calls + (node.kind is NodeKind.UNDO) * node.retry.max_attempts
    return waiting, n_open


def _pauses(node: Node) -> int:
    policy = node.retry
    total, interval = 0.0, float(min(policy.initial_interval_ns, policy.max_interval_ns))
    for _ in range(policy.max_attempts - 1):
        total += interval
        interval = min(interval * policy.backoff, float(policy.max_interval_ns))
    return int(total)


def _length_of(core: object) -> int | None:
    """The length of a literal, as most waits have one: code is dear to make."""
    match core:
        case ("duration", int() as nanos):
            return max(nanos, 0)
        case _:
            return None


def wait_length(expression: Expression | None) -> int | None:
    """A wait's length, where the text says it."""
    if expression is None or expression.reads or expression.type is not DURATION:
        return None
    literal = _length_of(expression.core)
    if literal is not None:
        return literal
    try:
        value = compile_cores([expression.core])[0]({})
    except EvaluationError:
        return 0  # it fails instead
    return max(value.nanos, 0) if isinstance(value, Duration) else None
