"""Statements from a graph: blocks where branches that part meet again, and `after` where they do not.

A node with several edges is an `if`, or a `parallel` of its branches. Where all paths meet again the block is over, and the
next statement follows. That works for graphs made of sequences and forks inside of each other. Any other graph becomes one
`parallel`, in which each step has an `after` and a `when`.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dagflow.lang.importers.workflow_kit.graph import END, SOURCE, KitEdge, KitGraph
from dagflow.lang.importers.workflow_kit.refs import bare


class _NoBlocksError(Exception):
    """The graph is not made of sequences and forks."""


@attrs.frozen
class Parts:
    """The texts that stand for the nodes.

    Attributes:
        calls: the statements of actions, by id.
        conditions: of each `builtin:if`, its condition.
        names: of all nodes.
        docs: the documentation of each, with its newline, or "".
    """

    calls: Mapping[str, str]
    conditions: Mapping[str, str]
    names: Mapping[str, str]
    docs: Mapping[str, str]


def statements(graph: KitGraph, parts: Parts) -> str:
    """The statements of the whole graph, which has no circle."""
    order = graph.order()
    try:
        return "\n".join(_Blocks(graph, parts, graph.meetings(order)).behind(SOURCE, END))
    except _NoBlocksError:
        lines = [_flat(graph, parts, node) for node in order if node != SOURCE]
        return "parallel {\n" + "\n".join(lines) + "\n}"


@attrs.define(eq=False)
class _Blocks:
    graph: KitGraph
    parts: Parts
    meeting: Mapping[str, str]
    written: set[str] = attrs.field(factory=lambda: {SOURCE})

    def behind(self, node: str, stop: str) -> list[str]:
        """The statements behind a node up to another one."""
        lines: list[str] = []
        while self.graph.out[node]:
            meeting = self.meeting[node]
            lines += self._fork(node, meeting)
            if meeting in {stop, END}:
                return lines
            lines += self._enter(meeting)
            node = meeting
        return lines

    def _enter(self, node: str) -> list[str]:
        if node in self.written or any(edge.source not in self.written for edge in self.graph.into[node]):
            raise _NoBlocksError
        self.written.add(node)
        call = self.parts.calls.get(node)
        if call is None and not self.graph.out[node]:
            return [f"{self.parts.docs[node]}let {self.parts.names[node]} = {bare(self.parts.conditions[node])}"]
        return [] if call is None else [self.parts.docs[node] + call]

    def _fork(self, node: str, meeting: str) -> list[str]:
        """The paths from a node's edges until they meet again, as one statement, or the statements of the only branch."""
        plain: list[list[str]] = []
        sides: dict[str, dict[str, list[list[str]]]] = {}
        conditions: dict[tuple[str, str], str] = {}
        for edge in self.graph.out[node]:
            branch = self._branch(edge, meeting)
            if edge.condition:
                sides.setdefault(edge.subject, {}).setdefault(edge.side, []).append(branch)
                conditions[edge.subject, edge.side] = edge.condition
            elif branch:
                plain.append(branch)
        own = {subject: self._if(node, subject, arms, conditions) for subject, arms in sides.items()}
        if node in self.parts.conditions and node not in own:
            plain.insert(0, [f"{self.parts.docs[node]}let {self.parts.names[node]} = {bare(self.parts.conditions[node])}"])
        branches = [*([each] for each in own.values()), *plain]
        if len(branches) == 1:
            return branches[0]
        return [_parallel(branches)] if branches else []

    def _branch(self, edge: KitEdge, meeting: str) -> list[str]:
        if edge.target == meeting:
            return []
        if len(self.graph.into[edge.target]) > 1:
            raise _NoBlocksError
        return [*self._enter(edge.target), *self.behind(edge.target, meeting)]

    def _if(
        self, node: str, subject: str, arms: Mapping[str, list[list[str]]], conditions: Mapping[tuple[str, str], str]
    ) -> str:
        is_own = subject == node
        label = f"{self.parts.names[node]}: " if is_own else ""
        doc = self.parts.docs[node] if is_own else ""
        first = "if" if "if" in arms else next(iter(arms))
        test = bare(self.parts.conditions[node] if is_own else conditions[subject, first])
        if is_own and first == "else":
            return f"{doc}if {label}{test} {{ }} else {{\n{_joined(arms['else'])}\n}}"
        text = f"{doc}if {label}{test} {{\n{_joined(arms[first])}\n}}"
        return text + (f" else {{\n{_joined(arms['else'])}\n}}" if "else" in arms and first != "else" else "")


def _joined(branches: list[list[str]]) -> str:
    filled = [branch for branch in branches if branch]
    return "\n".join(filled[0]) if len(filled) == 1 else _parallel(filled) if filled else ""


def _parallel(branches: list[list[str]]) -> str:
    return "parallel {\n" + "\n".join(b[0] if len(b) == 1 else "do {\n" + "\n".join(b) + "\n}" for b in branches) + "\n}"


def _flat(graph: KitGraph, parts: Parts, node: str) -> str:
    """A step with its `after` and its `when`."""
    doc = parts.docs[node]
    if node in parts.conditions:
        return f"{doc}let {parts.names[node]} = {bare(parts.conditions[node])}"
    before = _before(graph, parts, node)
    names = ", ".join(parts.names[each] for each in before)
    is_single = len(before) == 1 and _has_one_way(graph, parts, node)
    condition = _when(graph, parts, node, is_certain=is_single)
    after = f" after {names}" if is_single else f" after settled({names})" if before else ""
    return doc + parts.calls[node] + after + (f" when {bare(condition)}" if condition else "")


def _has_one_way(graph: KitGraph, parts: Parts, node: str) -> bool:
    """Whether only one edge leads to a node from an action, through conditions to which only one leads as well."""
    edges = graph.into[node]
    return len(edges) == 1 and (edges[0].source not in parts.conditions or _has_one_way(graph, parts, edges[0].source))


def _before(graph: KitGraph, parts: Parts, node: str) -> list[str]:
    """The actions a node waits for; a condition waits for those before it."""
    found: list[str] = []
    for edge in graph.into[node]:
        sources = (
            _before(graph, parts, edge.source)
            if edge.source in parts.conditions
            else [edge.source]
            if edge.source != SOURCE
            else []
        )
        found += [source for source in sources if source not in found]
    return found


def _when(graph: KitGraph, parts: Parts, node: str, *, is_certain: bool) -> str:
    """When one of the edges to a node is followed; "" for always. `is_certain`: whether it runs only if the action before it did."""
    ways: list[str] = []
    for edge in graph.into[node]:
        needs: list[str] = []
        if edge.source in parts.conditions:
            needs.append(_when(graph, parts, edge.source, is_certain=is_certain))
        elif edge.source != SOURCE and not is_certain:
            needs.append(_when(graph, parts, edge.source, is_certain=False))
        needs = [need for need in (*needs, edge.condition) if need]
        if not needs:
            return ""
        ways.append(" && ".join(needs))
    ways = list(dict.fromkeys(ways))
    return " || ".join(ways) if len(ways) < 2 else "(" + " || ".join(f"({way})" if "&&" in way else way for way in ways) + ")"
