"""The contents of a picture as a tree: the steps of a flow in the blocks they were written in.

A compiled flow knows nodes and edges, so its blocks (`parallel`, `if`, `for`, `do`, handlers) are read again from its text.
Without a text, only loops are drawn as blocks. A node that stands for a block in the graph has no shape beside that block.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import TypeAlias

import attrs

from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.parser import parse_file
from dagflow.model.flow import Flow, Node, NodeKind


class RegionKind(enum.StrEnum):
    """The kind of block that a region is."""

    ROOT = "root"
    BODY = "body"
    PARALLEL = "parallel"
    RACE = "race"
    DO = "do"
    IF = "if"
    SWITCH = "switch"
    FOR = "for"
    HANDLER = "handler"


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
    kind: RegionKind
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


# ---- reading the blocks


@attrs.define(eq=False)
class _Block:
    """A block of the text. `guards`: for a handler, the block or the place of the step it handles the failures of."""

    start: int
    end: int
    kind: RegionKind
    name: str = ""
    first: int = 0
    guards: _Block | int = -1
    inner: list[_Block] = attrs.field(factory=list["_Block"], repr=False)
    region: Region | None = None


@attrs.define(eq=False)
class _Blocks:
    """The blocks of a flow's text, and where its filters begin."""

    filters: set[int] = attrs.field(factory=set[int])

    def of(self, flow: Flow) -> list[_Block]:
        if not flow.source:
            return []
        file, _ = parse_file(flow.source)
        decl = next((item for item in file.items if isinstance(item, s.FlowDecl) and item.name.text == flow.name), None)
        if decl is None:
            return []
        inner = self._all(decl.body.statements)
        if decl.handler is None:
            return inner
        body = _Block(decl.body.span.start, decl.body.span.end, RegionKind.BODY, inner=inner)
        return [body, self._handler(decl.handler, body)]

    def _all(self, statements: tuple[s.Statement, ...]) -> list[_Block]:
        return [block for statement in statements for block in self._one(statement)]

    def _one(self, statement: s.Statement) -> list[_Block]:
        match statement:
            case s.Filter() | s.WaitEventStep():
                if isinstance(statement, s.Filter):
                    self.filters.add(statement.span.start)
                return [] if statement.otherwise is None else self._all(statement.otherwise.statements)
            case s.If():
                inner = self._arms(statement)
                return [_Block(statement.span.start, statement.span.end, RegionKind.IF, _name(statement.name), inner=inner)]
            case s.Switch():
                inner = [block for case in statement.cases for block in self._all(case.block.statements)]
                inner += [] if statement.otherwise is None else self._all(statement.otherwise.statements)
                return [_Block(statement.span.start, statement.span.end, RegionKind.SWITCH, _name(statement.name), inner=inner)]
            case s.Group() | s.For():
                return self._group(statement)
            case s.CallStep() if statement.mods.handler is not None:
                return [self._handler(statement.mods.handler, statement.span.start)]
            case _:
                return []

    def _arms(self, statement: s.If) -> list[_Block]:
        inner = self._all(statement.then.statements)
        match statement.otherwise:
            case s.If():
                return inner + self._arms(statement.otherwise)
            case s.Block():
                return inner + self._all(statement.otherwise.statements)
            case None:
                return inner

    def _group(self, statement: s.Group | s.For) -> list[_Block]:
        first = 0
        if isinstance(statement, s.For):
            kind = RegionKind.FOR
        elif statement.first is not None:
            kind, first = RegionKind.RACE, statement.first
        else:
            kind = RegionKind.PARALLEL if statement.is_parallel else RegionKind.DO
        inner = self._all(statement.block.statements)
        block = _Block(statement.span.start, statement.block.span.end, kind, _name(statement.name), first, inner=inner)
        return [block] if statement.handler is None else [block, self._handler(statement.handler, block)]

    def _handler(self, handler: s.Handler, guards: _Block | int) -> _Block:
        inner = self._all(handler.block.statements)
        return _Block(handler.span.start, handler.span.end, RegionKind.HANDLER, _name(handler.name), guards=guards, inner=inner)


def _name(name: s.Ident | None) -> str:
    return "" if name is None else name.text


# ---- putting the nodes into them


def outline_of(flow: Flow) -> Outline:
    """The tree of a flow."""
    root = Region(key="", kind=RegionKind.ROOT, flow=flow)
    outline = Outline(flow, root)
    blocks = _Blocks()
    found = blocks.of(flow)
    _Planter(outline, blocks.filters).plant(flow, "", root, found)
    outline.relate()
    return outline


@attrs.define(eq=False)
class _Planter:
    outline: Outline
    filters: set[int]
    #: Steps and blocks that a handler may be for, by where they begin.
    begun: dict[int, Item] = attrs.field(factory=dict[int, Item])

    def plant(self, flow: Flow, prefix: str, ground: Region, blocks: list[_Block]) -> None:
        """Put the nodes of a flow, or of the body of a loop, into the regions of its blocks."""
        undos = {node.undoes: node for node in flow.nodes if node.kind is NodeKind.UNDO}
        for node in flow.nodes:
            key, start = prefix + node.id, node.span.start
            undo = undos.get(node.id)
            match node.kind:
                case NodeKind.UNDO | NodeKind.UNWIND:
                    continue
                case NodeKind.FOR | NodeKind.CATCH:
                    kind = RegionKind.FOR if node.kind is NodeKind.FOR else RegionKind.HANDLER
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
                        self.plant(node.loop.body, f"{key}/", own, [] if block is None else block.inner)
                    elif block is not None:
                        block.region = own
                        self._guard(block, own)
                case NodeKind.GROUP | NodeKind.RACE if around := _innermost(blocks, start)[0]:
                    self.outline.shown[key] = self._region(around, ground)
                case _:
                    leaf = Leaf(key, node=node, flow=flow, undo=undo, is_filter=start in self.filters)
                    self._plant_leaf(leaf, _innermost(blocks, start)[0], ground, start)

    def _plant_leaf(self, leaf: Leaf, around: list[_Block], ground: Region, start: int) -> None:
        self._region(around, ground).children.append(leaf)
        self.outline.shown[leaf.key] = leaf
        self.begun.setdefault(start, leaf)

    def _region(self, blocks: list[_Block], ground: Region) -> Region:
        """The region of the last of these blocks, one inside the other; made, with those around, if it has not been needed before."""
        for block in blocks:
            if block.region is None:
                name = block.name or str(1 + sum(isinstance(child, Region) for child in ground.children))
                block.region = Region(f"{ground.key}:{name}", block.kind, block.name, first=block.first)
                ground.children.append(block.region)
            ground = block.region
        return ground

    def _guard(self, block: _Block, handler: Region) -> None:
        """Note the item that a handler guards; an empty block cannot fail, so its handler guards nothing."""
        if isinstance(block.guards, _Block):
            is_loop = block.guards.kind is RegionKind.FOR
            guarded = self.begun.get(block.guards.start) if is_loop else block.guards.region
        else:
            guarded = self.begun.get(block.guards)
        if guarded is not None:
            self.outline.guarded[handler.key] = guarded


def _innermost(blocks: list[_Block], start: int, kind: RegionKind | None = None) -> tuple[list[_Block], _Block | None]:
    """The blocks around a place, the outermost first, and the block of that kind that begins there, if one is wanted."""
    around: list[_Block] = []
    while True:
        block = next((block for block in blocks if block.start <= start < block.end), None)
        if block is None:
            return around, None
        if block.kind is kind and block.start == start:
            return around, block
        around.append(block)
        blocks = block.inner
