"""A flow as dense arrays, for the engine to walk.

Theory. Nodes are numbered in declared order. `n_waits` counts for each node how many things must happen before it can be
decided: one for every distinct node it comes after, except for the nodes named in an `any` or `n of` join, which together count
as one (the join is *released* as soon as its fate is known). A catch also waits for its scope, which counts as one, and so
does the gate before the UNDO nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from dagflow.errors import DagflowBug
from dagflow.model.action import Effect
from dagflow.model.flow import EdgeKind, Flow, JoinKind, Node, NodeKind, Race, RetryPolicy, Scope

#: Where a node number is expected: no node, or the run itself.
NO_NODE: Final = -1
#: The id of the scope of the root handler's nodes; nothing catches their failures.
HANDLER_SCOPE: Final = "on_error"
#: The id of the scope of the UNDO nodes and their gate.
UNDO_SCOPE: Final = "undo"

_EARLY: Final = (JoinKind.ANY, JoinKind.N_OF)
_WATCHERS: Final = (NodeKind.CATCH, NodeKind.UNWIND)
#: The engine itself has their answer.
_DECIDED_HERE: Final = frozenset({NodeKind.CATCH, NodeKind.UNWIND, NodeKind.GROUP, NodeKind.RACE, NodeKind.UNDO})


@attrs.frozen(kw_only=True)
class ScopePlan:
    """A scope, with the scopes around it counted in.

    Attributes:
        parent: the next scope out, NONE for the outermost: the root, the root's handler, and the scope of UNDO nodes.
        catch: its catch node, or NONE.
        members: every node in it or in a scope inside it, in declared order; its own catch is not one.
        watchers: the nodes that wait until all members are settled: its catch and, for the root, the gate before all UNDOs.
    """

    id: str
    parent: int
    catch: int
    members: tuple[int, ...]
    watchers: tuple[int, ...]


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """The engine's view of a flow. All sequences but `scopes` are indexed by node number.

    Attributes:
        successors: the nodes that wait for it, ascending. joiners: the nodes whose `any` or `n of` join names it.
        n_waits: see the theory above.
        gates, gate_outcomes: the gate it stands under (or NONE), and the outcome wanted.
        joins, join_sources, join_counts: the join's kind or None, its sources, and how many of them have to succeed.
        join_open: how many sources the join has, each counted once.
        scope_of: the number of its innermost scope. watched_by: numbers of all scopes around it that have a watcher, innermost first.
        catches: for a watcher, the number of its scope; else NONE.
        widths: for a loop, how many items are open at a time; else 0. collects: whether a loop goes on when an item fails.
        needs: the nodes that have to have succeeded for it to run once all it comes after is settled, where nothing but them and its
            gate has a say: it is of a kind that is run, and has no join but that of all. None for the others.
        is_watched: whether anything but its successors hears of its end: a join that is released early, or a scope.
        is_effectful: whether a repetition has its effect again.
        undoes: for an UNDO node, the node it undoes; else NONE. unwind: the number of the gate before all UNDO nodes, or NONE.
        races: by the number of the deciding node, per branch the node that says it is done, and all nodes of the branch.
        finishes: by the number of a group that ends a branch, the nodes of the branch one of which must have succeeded: the
        last statement of the branch may be pruned, and then the branch has no result.
    """

    ids: tuple[str, ...]
    numbers: dict[str, int]
    kinds: tuple[NodeKind, ...]
    successors: tuple[tuple[int, ...], ...]
    joiners: tuple[tuple[int, ...], ...]
    n_waits: tuple[int, ...]
    gates: tuple[int, ...]
    gate_outcomes: tuple[int, ...]
    joins: tuple[JoinKind | None, ...]
    join_sources: tuple[tuple[int, ...], ...]
    join_counts: tuple[int, ...]
    join_open: tuple[int, ...]
    scope_of: tuple[int, ...]
    watched_by: tuple[tuple[int, ...], ...]
    catches: tuple[int, ...]
    widths: tuple[int, ...]
    collects: tuple[bool, ...]
    needs: tuple[tuple[int, ...] | None, ...]
    is_watched: tuple[bool, ...]
    is_effectful: tuple[bool, ...]
    undoes: tuple[int, ...]
    unwind: int
    scopes: tuple[ScopePlan, ...]
    races: dict[int, tuple[tuple[int, tuple[int, ...]], ...]]
    finishes: dict[int, tuple[int, ...]]
    retries: tuple[RetryPolicy, ...]
    timeouts_ns: tuple[int | None, ...]
    withins_ns: tuple[int | None, ...]
    has_default: tuple[bool, ...]
    at_most_once: tuple[bool, ...]
    lifetime_ns: int

    @property
    def n_nodes(self) -> int:
        """How many nodes there are."""
        return len(self.ids)


def build_plan(flow: Flow) -> Plan:
    """Number the nodes of a flow and turn its edges round. Raises DagflowBug if no compiler makes such a flow."""
    nodes = flow.nodes
    numbers = {node.id: number for number, node in enumerate(nodes)}
    if len(numbers) != len(nodes):
        raise DagflowBug(f"flow {flow.name!r} has two nodes of one id")
    try:
        sources = _sources(flow, numbers)
        early = [_early_sources(node, numbers) for node in nodes]
        scope_numbers, scopes = _scopes(flow, numbers)
        scope_of = tuple(scope_numbers[node.scope] for node in nodes)
        catches = tuple(_caught_scope(node, scope_numbers) for node in nodes)
        gates = tuple(NO_NODE if node.gate is None else numbers[node.gate.gate] for node in nodes)
        races = {numbers[race.decider]: _branches(flow, race, numbers) for race in flow.races}
        join_sources = tuple(() if node.join is None else tuple(numbers[s] for s in node.join.sources) for node in nodes)
        undoes = tuple(numbers[node.undoes] if node.kind is NodeKind.UNDO else NO_NODE for node in nodes)
    except KeyError as error:
        raise DagflowBug(f"flow {flow.name!r} refers to {error.args[0]!r}, which it does not have") from None
    joiners = _turned(early)
    watched_by = tuple(_watched_by(scopes, scope, catches[n]) for n, scope in enumerate(scope_of))
    waited = [sources[n] - (early[n] - {gates[n]}) for n in range(len(nodes))]
    plan = Plan(
        ids=tuple(node.id for node in nodes),
        numbers=numbers,
        kinds=tuple(node.kind for node in nodes),
        successors=_turned(waited),
        joiners=joiners,
        n_waits=tuple(len(waited[n]) + _is_open(nodes[n], early[n]) + (catches[n] != NO_NODE) for n in range(len(nodes))),
        gates=gates,
        gate_outcomes=tuple(NO_NODE if node.gate is None else node.gate.outcome for node in nodes),
        joins=tuple(None if node.join is None else node.join.kind for node in nodes),
        join_sources=join_sources,
        join_open=tuple(len(set(sources)) for sources in join_sources),
        join_counts=tuple(_join_count(node) for node in nodes),
        scope_of=scope_of,
        watched_by=watched_by,
        catches=catches,
        widths=tuple(0 if node.loop is None else node.loop.width for node in nodes),
        collects=tuple(node.loop is not None and node.loop.collects for node in nodes),
        needs=tuple(_needs(node, join_sources[n]) for n, node in enumerate(nodes)),
        is_watched=tuple(bool(joiners[n] or watched_by[n]) for n in range(len(nodes))),
        is_effectful=tuple(node.effect is Effect.EFFECTFUL for node in nodes),
        undoes=undoes,
        unwind=next((n for n, node in enumerate(nodes) if node.kind is NodeKind.UNWIND), NO_NODE),
        scopes=scopes,
        races=races,
        finishes={numbers[marker]: tuple(sorted(numbers[n] for n in last)) for marker, last in _finishes(flow).items()},
        retries=tuple(node.retry for node in nodes),
        timeouts_ns=tuple(node.timeout_ns for node in nodes),
        withins_ns=tuple(node.within_ns for node in nodes),
        has_default=tuple(node.default is not None for node in nodes),
        at_most_once=tuple(node.at_most_once for node in nodes),
        lifetime_ns=flow.timeout_ns,
    )
    _refuse_cycles(plan, flow.name)
    return plan


def _sources(flow: Flow, numbers: dict[str, int]) -> list[set[int]]:
    """Per node, the nodes it comes after for any reason."""
    sources: list[set[int]] = [set() for _ in flow.nodes]
    for edge in flow.edges:
        sources[numbers[edge.target]].add(numbers[edge.source])
    for number, node in enumerate(flow.nodes):
        if node.gate is not None:
            sources[number].add(numbers[node.gate.gate])
        if node.join is not None:
            sources[number].update(numbers[source] for source in node.join.sources)
    return sources


def _early_sources(node: Node, numbers: dict[str, int]) -> set[int]:
    if node.join is None or node.join.kind not in _EARLY:
        return set()
    return {numbers[source] for source in node.join.sources}


def _needs(node: Node, join_sources: tuple[int, ...]) -> tuple[int, ...] | None:
    is_simple = node.join is None or node.join.kind is JoinKind.ALL
    return join_sources if is_simple and node.kind not in _DECIDED_HERE else None


def _join_count(node: Node) -> int:
    match node.join:
        case None:
            return 0
        case join if join.kind is JoinKind.ANY:
            return 1
        case join if join.kind is JoinKind.N_OF:
            return join.count
        case _:
            return 0


def _branches(flow: Flow, race: Race, numbers: dict[str, int]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    join = flow.node(race.decider).join
    sources = () if join is None else join.sources
    if len(sources) != len(race.branches):
        raise DagflowBug(f"the race {race.decider!r} has {len(race.branches)} branches and asks for {len(sources)}")
    return tuple(
        (numbers[source], tuple(sorted(numbers[node] for node in branch)))
        for source, branch in zip(sources, race.branches, strict=True)
    )


def _finishes(flow: Flow) -> dict[str, set[str]]:
    """For each group that ends a branch of a race, the nodes of the branch that it directly follows."""
    before: dict[str, list[str]] = {}
    for edge in flow.edges if flow.races else ():
        if EdgeKind.SEQ in edge.kinds:
            before.setdefault(edge.target, []).append(edge.source)
    found: dict[str, set[str]] = {}
    for race in flow.races:
        join = flow.node(race.decider).join
        for marker, branch in zip(() if join is None else join.sources, race.branches, strict=True):
            if _is_marker(flow.node(marker)):
                found[marker] = _followed(flow, marker, frozenset(branch), before)
    return found


def _followed(flow: Flow, marker: str, branch: frozenset[str], before: Mapping[str, list[str]]) -> set[str]:
    """Look through groups inside of the branch, which always succeed. A condition counts only for the nodes it guards."""
    found: set[str] = set()
    waiting, seen = [marker], {marker}
    while waiting:
        target = waiting.pop()
        gate = flow.node(target).gate
        for source in before.get(target, ()):
            node = flow.node(source)
            if source not in branch or source in seen:
                continue
            if _is_marker(node):
                seen.add(source)
                waiting.append(source)
            elif node.kind not in {NodeKind.GATE, NodeKind.CATCH} or (gate is not None and gate.gate == source):
                found.add(source)
    return found


def _is_marker(node: Node) -> bool:
    return node.kind is NodeKind.GROUP and node.join is None


def _is_open(node: Node, early: set[int]) -> bool:
    """Whether the fate of an early join is not known from the beginning."""
    return bool(early) and 0 < _join_count(node) <= len(early)


def _scopes(flow: Flow, numbers: dict[str, int]) -> tuple[dict[str, int], tuple[ScopePlan, ...]]:
    """All scopes, the root first. The two outermost are there even if the flow does not list them."""
    listed = {scope.id: scope for scope in flow.scopes}
    listed = {"": listed.get("", Scope("", None, None))} | listed
    listed.setdefault(HANDLER_SCOPE, Scope(HANDLER_SCOPE, None, None))
    listed.setdefault(UNDO_SCOPE, Scope(UNDO_SCOPE, None, None))
    watchers: dict[str, list[int]] = {}
    for number, node in enumerate(flow.nodes):
        if node.kind in _WATCHERS:
            watchers.setdefault(node.catches, []).append(number)
    scope_numbers = {scope_id: number for number, scope_id in enumerate(listed)}
    parents = [_parent(scope, scope_numbers) for scope in listed.values()]
    members: list[list[int]] = [[] for _ in listed]
    for number, node in enumerate(flow.nodes):
        scope = scope_numbers[HANDLER_SCOPE if _is_root_catch(node) else node.scope]
        while scope != NO_NODE:
            members[scope].append(number)
            scope = parents[scope]
    return scope_numbers, tuple(
        ScopePlan(
            id=scope.id,
            parent=parents[number],
            catch=NO_NODE if scope.catch is None else numbers[scope.catch],
            members=tuple(n for n in members[number] if scope.catch is None or n != numbers[scope.catch]),
            watchers=tuple(watchers.get(scope.id, ())),
        )
        for number, scope in enumerate(listed.values())
    )


def _parent(scope: Scope, scope_numbers: dict[str, int]) -> int:
    if scope.id in {"", HANDLER_SCOPE, UNDO_SCOPE}:
        return NO_NODE
    return scope_numbers[scope.parent or ""]


def _is_root_catch(node: Node) -> bool:
    return node.kind is NodeKind.CATCH and node.catches == ""


def _caught_scope(node: Node, scope_numbers: dict[str, int]) -> int:
    return scope_numbers[node.catches] if node.kind in _WATCHERS else NO_NODE


def _watched_by(scopes: tuple[ScopePlan, ...], scope: int, own: int) -> tuple[int, ...]:
    if own == 0:
        return ()
    found: list[int] = []
    while scope != NO_NODE:
        if scopes[scope].watchers and scope != own:
            found.append(scope)
        scope = scopes[scope].parent
    return tuple(found)


def _turned(sources: Iterable[set[int]]) -> tuple[tuple[int, ...], ...]:
    """Turn lists of predecessors into lists of successors; ascending because targets are met in order."""
    rows = list(sources)
    turned: list[list[int]] = [[] for _ in rows]
    for target, row in enumerate(rows):
        for source in row:
            turned[source].append(target)
    return tuple(tuple(row) for row in turned)


def _refuse_cycles(plan: Plan, name: str) -> None:
    """Refuse a cycle, since its run would never end."""
    left = list(plan.n_waits)
    join_left = [len(set(sources)) for sources in plan.join_sources]
    open_members = [len(scope.members) for scope in plan.scopes]
    free = [n for n, count in enumerate(left) if count == 0]
    free += _released(plan, left, [s for s, count in enumerate(open_members) if count == 0])
    n_seen = 0
    while free:
        node = free.pop()
        n_seen += 1
        for target in plan.successors[node]:
            left[target] -= 1
            if left[target] == 0:
                free.append(target)
        for target in plan.joiners[node]:
            join_left[target] -= 1
            if join_left[target] == 0:
                left[target] -= 1
                if left[target] == 0:
                    free.append(target)
        for scope in plan.watched_by[node]:
            open_members[scope] -= 1
            if open_members[scope] == 0:
                free += _released(plan, left, [scope])
    if n_seen != plan.n_nodes:
        raise DagflowBug(f"flow {name!r} has nodes that wait for each other")


def _released(plan: Plan, left: list[int], scopes: list[int]) -> list[int]:
    free: list[int] = []
    for scope in scopes:
        for watcher in plan.scopes[scope].watchers:
            left[watcher] -= 1
            if left[watcher] == 0:
                free.append(watcher)
    return free
