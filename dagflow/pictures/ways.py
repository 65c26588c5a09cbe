"""The ways through a flow: which outcomes of conditions go on, which ways end, and where a line out of a block starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from dagflow.model.blocks import BlockKind
from dagflow.model.flow import Edge, EdgeKind, Flow, NodeKind
from dagflow.pictures.outline import Item, Leaf, LeafKind, Outline, Region, leaves_of

#: Nothing comes after these.
_ENDERS: Final = frozenset({NodeKind.RETURN, NodeKind.STOP, NodeKind.FAIL})
#: Blocks of which one way is taken at a time, so a line may start at a way in them.
_OPEN: Final = frozenset({BlockKind.IF, BlockKind.SWITCH, BlockKind.DO, BlockKind.BODY, BlockKind.HANDLER})
#: Blocks behind which nothing comes that a `filter` in them could go on with.
_LAST: Final = frozenset({BlockKind.ROOT, BlockKind.BODY, BlockKind.FOR})


def ends(item: Item) -> bool:
    """Whether an item is a `return`, `stop` or `fail`."""
    return isinstance(item, Leaf) and item.node is not None and item.node.kind in _ENDERS


def goes_on(item: Item, onward: Mapping[str, list[Item]]) -> bool:
    """Whether a way through an item comes out of it. `onward`: the items that lines lead to, by the key of their source.

    Chains of items that no line connects are at once; all of them have to go on, or of a race as many as win.
    """
    if isinstance(item, Leaf):
        return not ends(item)
    if not item.children:
        return True
    # A handler alone is that of an empty block, which never fails.
    chains = [chain for chain in _chains(item, onward) if not all(map(_is_handler, chain))]
    n_open = sum(any(_is_tail(each, item, onward) and goes_on(each, onward) for each in chain) for chain in chains)
    return n_open >= (min(item.first, len(chains)) if item.kind is BlockKind.RACE else len(chains))


def _is_tail(item: Item, region: Region, onward: Mapping[str, list[Item]]) -> bool:
    """Whether no line leads from an item, or from what is in it, to another item of its region; other than to a handler, if it fails."""
    others = {each.key for each in region.children if each is not item and not _is_handler(each)}
    return not any(target.key in others for each in _keys(item) for target in onward.get(each, ()))


def _is_handler(item: Item) -> bool:
    return isinstance(item, Region) and item.kind is BlockKind.HANDLER


def _chains(region: Region, onward: Mapping[str, list[Item]]) -> list[list[Item]]:
    """The items of a region in groups that lines connect."""
    group = {child.key: [child] for child in region.children}
    for child in region.children:
        for key in _keys(child):
            for target in onward.get(key, ()):
                if target.key in group and group[target.key] is not group[child.key]:
                    group[child.key] += group[target.key]
                    group |= {each.key: group[child.key] for each in group[target.key]}
    return list({id(chain): chain for chain in group.values()}.values())


def _keys(item: Item) -> Iterator[str]:
    yield item.key
    for child in () if isinstance(item, Leaf) else item.children:
        yield from _keys(child)


@attrs.define(eq=False)
class Ways:
    """The ways through the flow of an outline."""

    outline: Outline
    #: For each condition, by key, the outcomes that something depends on.
    _used: dict[str, set[int]] = attrs.field(factory=dict[str, set[int]])
    _noted: set[str] = attrs.field(factory=set[str])

    def free(self, flow: Flow, prefix: str, gate: str) -> list[int]:
        """The outcomes of a condition of a flow on which nothing depends; the ids of the flow stand behind `prefix`."""
        if prefix not in self._noted:
            self._noted.add(prefix)
            for node in flow.nodes:
                if node.gate is not None and node.kind is not NodeKind.UNDO:
                    self._used.setdefault(prefix + node.gate.gate, set()).add(node.gate.outcome)
        used = self._used.get(prefix + gate, ())
        return [outcome for outcome in range(len(flow.node(gate).outcomes)) if outcome not in used]

    def origins(self, flow: Flow, prefix: str, edge: Edge) -> Iterator[Item]:
        """The items after which the target of an edge comes because of it.

        They are its source, and the shapes of the outcomes that leave the conditions around the source and skip what is there.
        """
        for start in self._starts(flow, prefix, edge):
            own = _gates(flow, edge.target)
            gates = [gate for gate in _gates(flow, start) if gate not in own]
            node, shown = flow.node(start), self.outline.shown.get(prefix + start)
            if node.kind is NodeKind.GATE and EdgeKind.GATE not in edge.kinds:
                gates.append(start)
            elif shown is not None and not (isinstance(shown, Region) and self._is_passed(flow, prefix, start)):
                yield shown
            for gate in gates:
                leaf = self.outline.shown.get(prefix + gate)
                if isinstance(leaf, Leaf) and flow.node(gate).kind is NodeKind.GATE and not gate.endswith(".when"):
                    yield from (self.shape(leaf, outcome) for outcome in self.free(flow, prefix, gate))

    def _is_passed(self, flow: Flow, prefix: str, start: str) -> bool:
        """Whether a node is the gate of a handler with steps: then what comes after the handler comes after these."""
        return flow.node(start).kind is NodeKind.CATCH and 1 not in self.free(flow, prefix, start)

    def _starts(self, flow: Flow, prefix: str, edge: Edge) -> Iterator[str]:
        """The source of an edge; for the node that stands for a block with ways that end, the last nodes of the block."""
        shown = self.outline.shown.get(prefix + edge.source)
        if flow.node(edge.source).kind is not NodeKind.GROUP or not isinstance(shown, Region) or not _is_open(shown):
            yield edge.source
            return
        for each in flow.edges:
            if each.target == edge.source:
                yield from self._starts(flow, prefix, each)

    def shape(self, leaf: Leaf, outcome: int) -> Leaf:
        """The shape of an outcome of a condition; made once."""
        region = self.outline.parents[leaf.key]
        is_end = leaf.is_filter and outcome == 0 and region.kind in _LAST
        kind, word = (LeafKind.END, "end") if is_end else (LeafKind.WAY, str(outcome))
        shape = self.outline.added(f"{leaf.key}:{word}", kind, region, _place(region, leaf, outcome))
        shape.gate, shape.outcome = leaf.key, outcome
        return shape

    def opened(self, near: Item, origin: Item) -> Item:
        """The item at which a line from an origin starts: `near` around it, or an item in there if a way in `near` ends."""
        for item in (near, *self.outline.around(origin), origin):
            if item is origin or (isinstance(item, Region) and self._is_within(item, near) and not _is_open(item)):
                return item
        return near  # pragma: no cover - the origin is the last of these

    def _is_within(self, item: Item, region: Item) -> bool:
        return item is region or any(each is region for each in self.outline.around(item))


def _place(region: Region, leaf: Leaf, outcome: int) -> int:
    """The place of an outcome's shape in a region: before the first item of an arm that is written after it."""
    assert leaf.node is not None  # noqa: S101 - a condition has one
    is_if = leaf.node.outcomes[:2] == ("no", "yes") and not leaf.is_filter
    for at, child in enumerate(region.children):
        other = next((_outcome_of(each, leaf) for each in leaves_of(child) if _outcome_of(each, leaf) is not None), None)
        if other is not None and (other < outcome if is_if else other > outcome):
            return at
    return len(region.children)


def _outcome_of(leaf: Leaf, gate: Leaf) -> int | None:
    """The outcome of a condition that a shape depends on directly, or None."""
    ref = None if leaf.node is None or leaf.flow is not gate.flow else leaf.node.gate
    return ref.outcome if ref is not None and gate.node is not None and ref.gate == gate.node.id else None


def _is_open(region: Region) -> bool:
    return region.kind in _OPEN and not region.folded and _has_end(region)


def _has_end(region: Region) -> bool:
    """Whether a way ends in a region; the items of a loop end by themselves."""
    return any(
        ends(child) or (isinstance(child, Region) and child.kind is not BlockKind.FOR and _has_end(child))
        for child in region.children
    )


def _gates(flow: Flow, node_id: str) -> list[str]:
    """The conditions around a node, the innermost first."""
    found: list[str] = []
    gate = flow.node(node_id).gate
    while gate is not None:
        found.append(gate.gate)
        gate = flow.node(gate.gate).gate
    return found
