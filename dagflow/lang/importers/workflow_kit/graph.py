"""The graph of a workflow-kit workflow: order, circles, where branches meet again, and which conditions stand before an action."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs

#: The node that stands for the trigger, and the one behind everything.
SOURCE: Final = "$source"
END: Final = "$end"


@attrs.frozen
class KitEdge:
    """An edge. `condition`: when it is followed, "" for always. `subject` and `side`: edges of one subject, `if` and `else`, complete each other."""

    source: str
    target: str
    pointer: str
    condition: str = ""
    subject: str = ""
    side: str = ""


@attrs.define(eq=False)
class KitGraph:
    """The nodes in declared order, without `SOURCE`, and the edges; no edge leads to or from elsewhere."""

    nodes: list[str]
    edges: list[KitEdge]
    out: dict[str, list[KitEdge]] = attrs.field(init=False)
    into: dict[str, list[KitEdge]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.out = {node: [] for node in (SOURCE, *self.nodes)}
        self.into = {node: [] for node in (SOURCE, *self.nodes)}
        for edge in self.edges:
            self.out[edge.source].append(edge)
            self.into[edge.target].append(edge)

    def order(self) -> list[str]:
        """The nodes, each behind those from which edges lead to it; those of a circle and behind it are missing."""
        waiting = {node: len(edges) for node, edges in self.into.items()}
        ready = deque(node for node in (SOURCE, *self.nodes) if not waiting[node])
        ordered: list[str] = []
        while ready:
            node = ready.popleft()
            ordered.append(node)
            for edge in self.out[node]:
                waiting[edge.target] -= 1
                if not waiting[edge.target]:
                    ready.append(edge.target)
        return ordered

    def ancestors(self, order: Iterable[str]) -> dict[str, frozenset[str]]:
        """Of each node, those from which a way leads to it."""
        found: dict[str, frozenset[str]] = {}
        for node in order:
            found[node] = frozenset[str]().union(*({edge.source, *found[edge.source]} for edge in self.into[node]))
        return found

    def meetings(self, order: list[str]) -> dict[str, str]:
        """Of each node, where all ways from it meet again: its nearest post-dominator, `END` if that is nowhere before the end.

        Sets of nodes are bits of a number.
        """
        place = {node: i for i, node in enumerate(order)}
        bits = {END: 1 << len(order)}
        meeting: dict[str, str] = {}
        for node in reversed(order):
            ways = [bits[edge.target] for edge in self.out[node]]
            if self._may_end(node):
                ways.append(bits[END])
            shared = ways[0]
            for way in ways[1:]:
                shared &= way
            # Those behind are later in the order; the nearest is the first of them.
            nearest = (shared & -shared).bit_length() - 1
            meeting[node] = END if nearest == len(order) else order[nearest]
            bits[node] = shared | 1 << place[node]
        return meeting

    def _may_end(self, node: str) -> bool:
        """Whether all edges of a node may stay unfollowed."""
        edges = self.out[node]
        sides = {(edge.subject, edge.side) for edge in edges}
        return not any(not edge.condition or {(edge.subject, "if"), (edge.subject, "else")} <= sides for edge in edges)

    def gates(self, order: Iterable[str]) -> dict[str, frozenset[tuple[str, str]]]:
        """Of each node, the conditions that stand before it on every way."""
        found: dict[str, frozenset[tuple[str, str]]] = {SOURCE: frozenset()}
        for node in order:
            ways: list[frozenset[tuple[str, str]]] = []
            for edge in self.into[node]:
                own = [(edge.subject, edge.side)] if edge.condition else []
                ways.append(found[edge.source].union(own))
            if ways:
                found[node] = ways[0].intersection(*ways[1:])
        return found
