"""Lowering of `parallel first n`: branches, what says that each is done, who decides, and where the race is over.

Each branch has one node that succeeds exactly if the branch is done: a step its own node, a block a marker behind its last statement
and under its last `filter`. The decider counts those; the end waits for everything that may still be stopping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

from dagflow.diagnostic import Span
from dagflow.lang.lowering.builder import FlowBuilder, Place
from dagflow.lang.lowering.gates import Tails
from dagflow.lang.lowering.steps import step_name
from dagflow.lang.syntax import tree as s
from dagflow.model.flow import Join, JoinKind, Node, NodeKind, Race
from dagflow.model.types import NULL

#: What takes a while to stop.
_STOPPING: Final = frozenset({NodeKind.ACTION, NodeKind.CALL, NodeKind.FOR})

#: Lowers one branch.
LowerStatement: TypeAlias = Callable[[s.Statement, Place, Tails], Tails]


def lower_race(builder: FlowBuilder, group: s.Group, place: Place, before: Tails, lower: LowerStatement) -> Tails:
    """Lower a `parallel first n`; its end is pruned if the race was not won."""
    base = group.name.text if group.name is not None else builder.generated_id("race", builder.text(group.block.span))
    statements = group.block.statements
    count = _checked_count(builder, group)
    sources: list[str] = []
    branches: list[tuple[str, ...]] = []
    ends: dict[str, None] = {}
    for number, statement in enumerate(statements, 1):
        n_known = len(builder.nodes)
        source, tails = _lower_branch(builder, group, statement, f"{base}.{number}", place, before, lower)
        added = list(builder.nodes)[n_known:]
        sources.append(source)
        branches.append(tuple(added))
        ends.update(dict.fromkeys((*tails, source)))
        # A loser that is pruned at its end may still be stopping in its middle.
        ends.update(dict.fromkeys(node for node in added if builder.nodes[node].node.kind in _STOPPING))
    decider = f"{base}.first"
    _add(builder, decider, NodeKind.RACE, group.word, place, (), Join(JoinKind.N_OF, tuple(sources), count))
    builder.races.append(Race(decider, tuple(branches)))
    end = f"{base}.end"
    _add(builder, end, NodeKind.GROUP, group.word, place, tuple(ends), Join(JoinKind.ALL, (decider,)))
    builder.race_ends[group] = end
    return (end,)


def finish(builder: FlowBuilder, group: s.Group, place: Place, tails: Tails) -> Tails:
    """Behind a block that is a branch of a race, the node that says it is done; `place` is that of its end."""
    marker = builder.finishes.get(group, None)
    if marker is None:
        return tails
    _add(builder, marker, NodeKind.GROUP, group.word, place, tails, None)
    return (marker,)


def _lower_branch(
    builder: FlowBuilder, group: s.Group, branch: s.Statement, marker: str, place: Place, before: Tails, lower: LowerStatement
) -> tuple[str, Tails]:
    """The node that succeeds if the branch is done, and the tails of the branch."""
    # That the branch won is a literal of its own, so that its values are certain to no other statement.
    builder.names.define_gate(marker, 2)
    inner = attrs.evolve(place, race=(group.word, place.gate), condition=place.condition | {(marker, 1)})
    match branch:
        case s.Group(first=None):
            builder.finishes[branch] = marker
            return marker, lower(branch, inner, before)
        case s.Group():
            tails = lower(branch, inner, before)
            return builder.race_ends[branch], tails
        case s.CallStep():
            return step_name(branch.name, branch.call), lower(branch, inner, before)
        case s.For():
            tails = lower(branch, inner, before)
            return tails[0], tails
        case s.WaitStep() | s.Emit() | s.Let() | s.WaitEventStep(otherwise=None):
            tails = lower(branch, inner, before)
            return tails[0], tails
        case _:
            tails = lower(branch, inner, before)
            _add(builder, marker, NodeKind.GROUP, branch.span, inner, tails, None)
            return marker, (marker,)


def _add(
    builder: FlowBuilder, node_id: str, kind: NodeKind, span: Span, place: Place, before: Tails, join: Join | None
) -> None:
    node = Node(id=node_id, kind=kind, span=span, gate=place.gate, scope=place.scope, join=join, type=NULL)
    builder.add(node, before, place.condition, [])


def _checked_count(builder: FlowBuilder, group: s.Group) -> int:
    """How many branches have to be done; E404 where so many cannot be, or none has to."""
    n_branches = len(group.block.statements)
    count = group.first or 0
    if 1 <= count <= n_branches:
        return count
    head = builder.source.text[group.word.start : group.block.span.start].rstrip()
    what = "can never be won" if count else "does not wait for anything"
    branches = f"{n_branches} branch{'es' * (n_branches != 1)}"
    help_ = f"write 1 to {n_branches}" if n_branches > 1 else "give it two branches or more"
    span = Span(group.word.start, group.word.start + len(head))
    builder.report("E404", f"this race {what}", span, f"the first {count} of {branches}", help_)
    return max(1, min(count, n_branches))
