"""Parallelism: how many steps of a flow can run at the same time.

Each chain of nodes has no two members that can ever run at once, because one waits for the other or because they hang on
different outcomes of a condition. Each chain has one running node at most, so the chains' weights add up to a bound.
Sets of nodes are whole numbers, a bit for each, so that a thousand nodes are compared in one operation.
"""

from __future__ import annotations

from collections.abc import Mapping

from dagflow.model.flow import Flow, JoinKind, Node, in_order
from dagflow.model.plan import UNDO_SCOPE


def max_parallel(flow: Flow, weights: Mapping[str, int]) -> int:
    """A bound on the sum of the weights of nodes that run at once."""
    numbers = {node: number for number, node in enumerate(in_order(flow))}
    apart = _exclusive(flow, numbers)
    chains: list[tuple[int, int]] = []
    # The heavy ones first, so that light ones join their chains.
    for node in sorted(numbers, key=lambda each: (-weights[each], numbers[each])):
        weight, number = weights[node], numbers[node]
        if not weight:
            continue
        for place, (members, heaviest) in enumerate(chains):
            if members & ~apart[number] == 0:
                chains[place] = (members | 1 << number, heaviest)
                break
        else:
            chains.append((1 << number, weight))
    return sum(weight for _, weight in chains)


def _exclusive(flow: Flow, numbers: Mapping[str, int]) -> list[int]:
    """For each node the set of nodes that never run while it does."""
    before = _before(flow, numbers)
    apart = list(before)
    for number, sources in enumerate(before):
        bit = 1 << number
        left = sources
        while left:
            lowest = left & -left
            apart[lowest.bit_length() - 1] |= bit
            left ^= lowest
    under = _under(flow, numbers)
    undoing = sum(1 << numbers[node.id] for node in flow.nodes if node.scope == UNDO_SCOPE)
    everything = (1 << len(numbers)) - 1
    for node in flow.nodes:
        number = numbers[node.id]
        for gate, outcome in _literals(flow, node):
            for other, members in under[gate].items():
                if other != outcome:
                    apart[number] |= members
        if undoing >> number & 1:
            apart[number] |= everything & ~undoing  # nothing is undone before all else is over
        else:
            apart[number] |= undoing
    return apart


def _before(flow: Flow, numbers: Mapping[str, int]) -> list[int]:
    """For each node the set of nodes that are over when it begins.

    A node may be over without having run: its block failed, or another branch won the race. Then the nodes before it may still
    run. Certain to be over are only the nodes that all members of that block or race come after, since one of these members has
    run.
    """
    sources: list[list[int]] = [[] for _ in numbers]
    for edge in flow.edges:
        if not _is_early(flow.node(edge.target), edge.source):
            sources[numbers[edge.target]].append(numbers[edge.source])
    within = _within(flow)
    cutters: list[set[str]] = [set() for _ in numbers]
    for cutter, members in within.items():
        for member in members:
            cutters[numbers[member]].add(cutter)
    caught = {numbers[scope.catch]: f"scope {scope.id}" for scope in flow.scopes if scope.catch is not None}
    found = [0] * len(numbers)
    for number, nodes in enumerate(sources):  # numbered in order: predecessors are complete
        for source in nodes:
            known = found[source]
            for cutter in cutters[source] - cutters[number]:
                for member in within[cutter]:
                    known &= found[numbers[member]]
            found[number] |= known | 1 << source
        if number in caught:
            found[number] |= sum(1 << numbers[member] for member in within[caught[number]]) & ~(1 << number)
    return found


def _within(flow: Flow) -> dict[str, list[str]]:
    """By the block or the race that may stop them all before their turn, the nodes inside."""
    parents = {scope.id: scope.parent for scope in flow.scopes}
    found: dict[str, list[str]] = {f"scope {scope}": [] for scope in parents}
    for node in flow.nodes:
        scope: str | None = node.scope
        while scope is not None:
            found.setdefault(f"scope {scope}", []).append(node.id)
            scope = parents.get(scope)
    for race in flow.races:
        found[f"race {race.decider}"] = [member for branch in race.branches for member in branch]
    return found


def _is_early(node: Node, source: str) -> bool:
    """Whether a node may begin although this one has not ended: enough others of its `after` have. Only its own gate it waits for in any case."""
    join = node.join
    is_gate = node.gate is not None and node.gate.gate == source
    return join is not None and join.kind in (JoinKind.ANY, JoinKind.N_OF) and source in join.sources and not is_gate


def _under(flow: Flow, numbers: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """For each gate and outcome the set of the nodes that need it."""
    found: dict[str, dict[int, int]] = {}
    for node in flow.nodes:
        for gate, outcome in _literals(flow, node):
            members = found.setdefault(gate, {})
            members[outcome] = members.get(outcome, 0) | 1 << numbers[node.id]
    return found


def _literals(flow: Flow, node: Node) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    at = node
    while at.gate is not None:
        found.append((at.gate.gate, at.gate.outcome))
        at = flow.node(at.gate.gate)
    return found
