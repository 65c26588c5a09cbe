"""The contents of a picture as a tree: the steps of a flow in the blocks they were written in.

A node that stands for a block in the graph has no shape beside that block.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import attrs

from dagflow.model.blocks import Block, BlockKind
from dagflow.model.flow import Flow, Node, NodeKind


class LeafKind(enum.StrEnum):
    """The kinds of shapes."""

    STEP = "step"
    #: Where a run begins.
    START = "start"
    #: Where a `filter` ends the flow, or an item of a loop.
    END = "end"
    #: An outcome of a condition with which the flow simply goes on.
    WAY = "way"


@attrs.define(eq=False)
class Leaf:
    """A shape.

    Attributes:
        key: the id of its node, after those of the loops around it, as `rows/contact`; unique in the picture.
        node: the node it shows, for STEP. flow: the flow of that node, or the body of a loop.
        undo: the node that undoes the step, if there is one.
        is_filter: a gate that ends its block.
        gate, outcome: for WAY and END, the key of the condition, and which of its outcomes leads here.
    """

    key: str
    kind: LeafKind = LeafKind.STEP
    node: Node | None = None
    flow: Flow | None = attrs.field(default=None, repr=False)
    undo: Node | None = attrs.field(default=None, repr=False)
    is_filter: bool = False
    gate: str = ""
    outcome: int = 0


@attrs.define(eq=False)
class Region:
    """A block with its items, in declared order.

    Attributes:
        key: unique in the picture.
        name: the name that the author wrote, or "".
        node: the FOR or CATCH node it stands for. flow: the flow that is a node of. first: of a RACE, how many branches win.
        undo: of a loop, the node that undoes its items.
        folded: the shapes that are not drawn, where the region is drawn as one shape.
    """

    key: str
    kind: BlockKind
    name: str = ""
    node: Node | None = None
    flow: Flow | None = attrs.field(default=None, repr=False)
    first: int = 0
    undo: Node | None = attrs.field(default=None, repr=False)
    children: list[Item] = attrs.field(factory=list["Item"], repr=False)
    folded: tuple[Leaf, ...] = ()


Item: TypeAlias = Leaf | Region


@attrs.define(eq=False)
class Outline:
    """The tree of a flow.

    Attributes:
        shown: for each node, by its key, the item that stands for it; nodes that are not shown are missing.
        guarded: for each handler, by its key, the item whose failures it handles.
        parents: the region around each item, by the item's key.
    """

    flow: Flow
    root: Region
    shown: dict[str, Item] = attrs.field(factory=dict[str, "Item"])
    guarded: dict[str, Item] = attrs.field(factory=dict[str, "Item"])
    parents: dict[str, Region] = attrs.field(factory=dict[str, Region])

    def leaves(self) -> Iterator[Leaf]:
        """All shapes, in declared order."""
        return leaves_of(self.root)

    def around(self, item: Item) -> list[Region]:
        """The regions around an item, the outermost first."""
        return self.around_key(item.key)

    def around_key(self, key: str) -> list[Region]:
        """The regions around the item of that key, the outermost first."""
        found: list[Region] = []
        region = self.parents.get(key)
        while region is not None:
            found.append(region)
            region = self.parents.get(region.key)
        return found[::-1]

    def added(self, key: str, kind: LeafKind, region: Region, at: int) -> Leaf:
        """A shape of a region that stands for no node; made once, as its child number `at`."""
        known = next((child for child in region.children if child.key == key), None)
        if isinstance(known, Leaf):
            return known
        leaf = Leaf(key, kind)
        region.children.insert(at, leaf)
        self.parents[key] = region
        return leaf

    def relate(self) -> None:
        """Update `parents`, after the children of regions changed."""
        self.parents = {child.key: region for region in regions_of(self.root) for child in region.children}


def leaves_of(item: Item) -> Iterator[Leaf]:
    """The shapes in an item, in declared order."""
    if isinstance(item, Leaf):
        yield item
        return
    for child in item.children:
        yield from leaves_of(child)


def regions_of(region: Region) -> Iterator[Region]:
    """A region and all in it, each before those in it."""
    yield region
    for child in region.children:
        if isinstance(child, Region):
            yield from regions_of(child)


def items_of(item: Item) -> Iterator[Item]:
    """Everything in an item, at any depth."""
    for child in () if isinstance(item, Leaf) else item.children:
        yield child
        yield from items_of(child)


def outline_of(flow: Flow) -> Outline:
    """The tree of a flow."""
    root = Region(key="", kind=BlockKind.ROOT, flow=flow)
    outline = Outline(flow, root)
    _Planter(outline).plant(flow, "", root, _growing(flow.blocks))
    outline.relate()
    return outline


@attrs.define(eq=False)
class _Growing:
    """A block and the region it becomes, once something in it is shown. `beside`: itself and the blocks around the same block."""

    kind: BlockKind
    start: int
    end: int
    name: str
    first: int
    guards: int
    inner: Sequence[_Growing] = attrs.field(repr=False)
    beside: Sequence[_Growing] = attrs.field(default=(), repr=False)
    region: Region | None = None


def _growing(blocks: Sequence[Block]) -> Sequence[_Growing]:
    found = [
        _Growing(
            each.kind, each.span.start, each.span.end, each.name, each.first, -1 if each.guards is None else each.guards.start,
            _growing(each.inner),
        )
        for each in blocks
    ]  # fmt: skip
    for each in found:
        each.beside = found
    return found


@attrs.define(eq=False)
class _Planter:
    outline: Outline
    #: Steps and blocks that a handler may be for, by where they begin.
    begun: dict[int, Item] = attrs.field(factory=dict[int, Item])

    def plant(self, flow: Flow, prefix: str, ground: Region, blocks: Sequence[_Growing]) -> None:
        """Put the nodes of a flow, or of the body of a loop, into the regions of its blocks."""
        undos = {node.undoes: node for node in flow.nodes if node.kind is NodeKind.UNDO}
        for node in flow.nodes:
            key, start = prefix + node.id, node.span.start
            undo = undos.get(node.id)
            match node.kind:
                case NodeKind.UNDO | NodeKind.UNWIND:
                    continue
                case NodeKind.FOR | NodeKind.CATCH:
                    kind = BlockKind.FOR if node.kind is NodeKind.FOR else BlockKind.HANDLER
                    around, block = _innermost(blocks, start, kind)
                    if block is None and node.loop is None:
                        # The handler's block is unknown, so the node is shown as the condition it is.
                        self._plant_leaf(Leaf(key, node=node, flow=flow), around, ground, start)
                        continue
                    own = Region(key, kind, node.binding, node, flow, undo=undo)
                    self._region(around, ground).children.append(own)
                    self.outline.shown[key] = own
                    if node.loop is not None:
                        self.begun[start] = own
                        self.plant(node.loop.body, f"{key}/", own, () if block is None else block.inner)
                    elif block is not None:
                        block.region = own
                        self._guard(block, own)
                case NodeKind.GROUP | NodeKind.RACE if around := _innermost(blocks, start)[0]:
                    self.outline.shown[key] = self._region(around, ground)
                case _:
                    leaf = Leaf(key, node=node, flow=flow, undo=undo, is_filter=node.is_filter)
                    self._plant_leaf(leaf, _innermost(blocks, start)[0], ground, start)

    def _plant_leaf(self, leaf: Leaf, around: list[_Growing], ground: Region, start: int) -> None:
        self._region(around, ground).children.append(leaf)
        self.outline.shown[leaf.key] = leaf
        self.begun.setdefault(start, leaf)

    def _region(self, blocks: Sequence[_Growing], ground: Region) -> Region:
        """The region of the last of these blocks, one inside the other; made, with those around, if it has not been needed before."""
        for block in blocks:
            if block.region is None:
                name = block.name or str(1 + sum(isinstance(child, Region) for child in ground.children))
                block.region = Region(f"{ground.key}:{name}", block.kind, block.name, first=block.first)
                ground.children.append(block.region)
            ground = block.region
        return ground

    def _guard(self, handler: _Growing, own: Region) -> None:
        """Note the item that a handler guards; an empty block cannot fail, so its handler guards nothing."""
        guards = handler.guards
        block = next((each for each in handler.beside if each.start == guards and each.kind is not BlockKind.HANDLER), None)
        is_group = block is not None and block.kind is not BlockKind.FOR
        guarded = block.region if block is not None and is_group else self.begun.get(guards)
        if guarded is not None:
            self.outline.guarded[own.key] = guarded


def _innermost(blocks: Sequence[_Growing], start: int, kind: BlockKind | None = None) -> tuple[list[_Growing], _Growing | None]:
    """The blocks around a place, the outermost first, and the block of that kind that begins there, if one is wanted."""
    around: list[_Growing] = []
    while True:
        block = next((block for block in blocks if block.start <= start < block.end), None)
        if block is None:
            return around, None
        if block.kind is kind and block.start == start:
            return around, block
        around.append(block)
        blocks = block.inner
