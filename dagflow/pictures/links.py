"""The lines of a picture. Blocks already show most of the order that a graph's edges express, so few lines are drawn.

Theory. An edge that comes from the order of statements, or from a condition, is drawn between the outermost items that it
connects: a line to a block applies to everything in it, a line from a block means that all of it has finished. No line leaves a
`return`, `stop` or `fail`; out of a block that contains one, lines start at the ways that go on. Every outcome of a condition has a
line: where nothing depends on an outcome, it leads to a shape of its own. Lines that follow from others are omitted. A dependency
that an author names in an `after` is always drawn, between the steps themselves; a value dependency only where no other line
shows the order.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from dagflow.model.blocks import BlockKind
from dagflow.model.flow import Edge, EdgeKind, Flow, NodeKind
from dagflow.pictures.outline import Item, Leaf, LeafKind, Outline, Region, items_of, regions_of
from dagflow.pictures.ways import Ways, ends, goes_on

_DECIDING: Final = frozenset({NodeKind.GATE, NodeKind.WAIT_EVENT, NodeKind.CATCH})


class LinkKind(enum.StrEnum):
    """Why a line is drawn."""

    #: One after the other, or under a condition.
    ORDER = "order"
    AFTER = "after"
    DATA = "data"
    #: From the item that may fail to its handler.
    FAILURE = "failure"


@attrs.frozen(eq=False)
class Link:
    """A line.

    Attributes:
        label: the word of the outcome it stands for, or "".
        outcome: the index of that outcome, or None.
    """

    source: Item
    target: Item
    kind: LinkKind
    label: str = ""
    outcome: int | None = None


def wire(outline: Outline) -> list[Link]:
    """Return the lines of a picture, by their targets; add the start of runs, and block ends at filters, to the outline.

    Regions whose steps are intertwined with steps outside are taken apart, so that every line can go down.
    """
    while True:
        links = _Wiring(outline).links()
        knot = _knot(outline, links)
        if knot is None:
            return links
        if not _undone(outline, knot):
            return untangled(outline, links)


@attrs.define(eq=False)
class _Wiring:
    outline: Outline
    ways: Ways = attrs.field(init=False)
    #: The items that come after something, by key, whether a line leads to them or not.
    followed: set[str] = attrs.field(factory=set[str])

    def __attrs_post_init__(self) -> None:
        self.ways = Ways(self.outline)

    def links(self) -> list[Link]:
        found: dict[tuple[str, str, LinkKind], Link] = {}
        loose: list[Link] = []
        for flow, prefix in _flows(self.outline.flow):
            for link in (link for edge in flow.edges for link in self._of(flow, prefix, edge)):
                if link.kind is LinkKind.DATA:
                    loose.append(link)
                    continue
                key = link.source.key, link.target.key, link.kind
                if key not in found or (link.label and not found[key].label):
                    found[key] = link
        order = [link for link in found.values() if link.kind is LinkKind.ORDER]
        rest = [link for link in found.values() if link.kind is LinkKind.AFTER]
        order = list(_without_implied(self.outline, order, rest, list(self._failures())))
        order += self._past_conditions(order)
        order += self._ways_on([*order, *rest])
        order = self._without_ended(order, rest)
        rest += self._unimplied([*order, *rest, *self._failures()], loose)
        return [*order, *rest, *self._failures(), *self._start([*order, *rest])]

    def _of(self, flow: Flow, prefix: str, edge: Edge) -> Iterator[Link]:
        source = self.outline.shown.get(prefix + edge.source)
        target = self.outline.shown.get(prefix + edge.target)
        if source is None or target is None or self._is_inside(source, target) or self._is_inside(target, source):
            return
        if isinstance(target, Region) and target.kind is BlockKind.HANDLER:
            return  # drawn from the guarded item
        outcome = self._outcome(flow, prefix, edge)
        words = flow.node(edge.source).outcomes
        label = words[outcome] if outcome is not None and outcome < len(words) else ""
        if EdgeKind.AFTER in edge.kinds:
            yield Link(source, target, LinkKind.AFTER, label, outcome)
        elif EdgeKind.SEQ not in edge.kinds and EdgeKind.GATE not in edge.kinds:
            yield Link(source, target, LinkKind.DATA)
        else:
            for origin in self.ways.origins(flow, prefix, edge):
                near, far = self._lifted(origin, target)
                near = self.ways.opened(near, origin)
                self.followed.add(far.key)
                if ends(near):
                    continue
                if near is source and isinstance(near, Leaf):
                    yield Link(near, far, LinkKind.ORDER, label, outcome)
                else:
                    yield Link(near, far, LinkKind.ORDER)

    def _outcome(self, flow: Flow, prefix: str, edge: Edge) -> int | None:
        """The outcome of a condition along an edge: for an edge that only orders, the one nothing depends on."""
        node = flow.node(edge.source)
        if edge.outcome is not None or node.kind not in _DECIDING:
            return edge.outcome
        free = self.ways.free(flow, prefix, edge.source)
        return free[0] if len(free) == 1 and EdgeKind.SEQ in edge.kinds else None

    def _is_inside(self, item: Item, region: Item) -> bool:
        return item is region or any(each is region for each in self.outline.around(item))

    def _lifted(self, source: Item, target: Item) -> tuple[Item, Item]:
        """The outermost items around each of the two that are not around both."""
        near, far = [*self.outline.around(source), source], [*self.outline.around(target), target]
        at = 0
        while near[at] is far[at]:
            at += 1
        return near[at], far[at]

    def _past_conditions(self, order: list[Link]) -> list[Link]:
        """Lines past a step with a `when`, since its successors do not depend on the condition."""
        onward: dict[str, list[Link]] = {}
        for link in order:
            onward.setdefault(link.source.key, []).append(link)
        found: list[Link] = []
        for link in order:
            node = link.source.node if isinstance(link.source, Leaf) else None
            if node is None or node.kind is not NodeKind.GATE or not node.id.endswith(".when") or link.outcome != 1:
                continue
            if not any(each.outcome == 0 for each in onward[link.source.key]):
                found += [
                    Link(link.source, each.target, LinkKind.ORDER, node.outcomes[0], 0)
                    for each in onward.get(link.target.key, ())
                ]
        return found

    def _unimplied(self, order: list[Link], loose: list[Link]) -> Iterator[Link]:
        """The values that are read where no line says that one step is before the other."""
        onward: dict[str, list[Item]] = {}
        for link in order:
            onward.setdefault(link.source.key, []).append(link.target)
        seen: set[tuple[str, str]] = set()
        for link in loose:
            key = link.source.key, link.target.key
            if key not in seen and not self._is_before(link.source, link.target, onward):
                seen.add(key)
                yield link

    def _is_before(self, source: Item, target: Item, onward: Mapping[str, list[Item]]) -> bool:
        goals = {each.key for each in (target, *self.outline.around(target))}
        waiting: list[Item] = [source, *self.outline.around(source)]
        common = {each.key for each in self.outline.around(source)} & goals
        seen: set[str] = set()
        while waiting:
            item = waiting.pop()
            if item.key in seen or item.key in common:
                continue
            seen.add(item.key)
            if item.key in goals:
                return True
            for each in onward.get(item.key, ()):
                # A line to a block applies to everything in it, and lines may start in it.
                waiting += [each, *items_of(each)]
            waiting += self.outline.around(item)
        return False

    def _failures(self) -> Iterator[Link]:
        for key, guarded in self.outline.guarded.items():
            yield Link(guarded, self.outline.shown[key], LinkKind.FAILURE, "failure")

    def _ways_on(self, links: list[Link]) -> Iterator[Link]:
        """Lines to shapes of their own, for the outcomes of conditions that no line stands for."""
        shown: dict[str, set[int]] = {}
        for link in links:
            if link.outcome is not None:
                shown.setdefault(link.source.key, set()).add(link.outcome)
        for leaf in list(self.outline.leaves()):
            if leaf.node is None or leaf.node.kind not in _DECIDING:
                continue
            is_gate = leaf.node.kind is NodeKind.GATE
            for outcome, word in enumerate(leaf.node.outcomes if is_gate or leaf.key in shown else ()):
                if outcome not in shown.get(leaf.key, ()):
                    yield Link(leaf, self.ways.shape(leaf, outcome), LinkKind.ORDER, word, outcome)

    def _without_ended(self, order: list[Link], rest: list[Link]) -> list[Link]:
        """The lines without those from blocks in which every way ends."""
        onward: dict[str, list[Item]] = {}
        for link in (*order, *rest, *self._failures()):
            onward.setdefault(link.source.key, []).append(link.target)
        return [link for link in order if isinstance(link.source, Leaf) or goes_on(link.source, onward)]

    def _start(self, order: list[Link]) -> Iterator[Link]:
        root = self.outline.root
        reached = self.followed | {link.target.key for link in (*order, *self._failures())}
        start = self.outline.added(":start", LeafKind.START, root, 0)
        for item in root.children:
            # A handler of an empty block is never reached.
            is_begun = item.kind is LeafKind.STEP if isinstance(item, Leaf) else item.kind is not BlockKind.HANDLER
            if is_begun and item.key not in reached:
                yield Link(start, item, LinkKind.ORDER)


def _flows(flow: Flow, prefix: str = "") -> Iterator[tuple[Flow, str]]:
    yield flow, prefix
    for node in flow.nodes:
        if node.loop is not None:
            yield from _flows(node.loop.body, f"{prefix}{node.id}/")


def _without_implied(outline: Outline, links: list[Link], others: list[Link], failures: list[Link]) -> Iterator[Link]:
    """The lines that do not follow from two or more; one by another outcome of a condition does not."""
    onward: dict[str, list[Link]] = {}
    for link in (*links, *others):
        onward.setdefault(link.source.key, []).append(link)
    through = {key: list(found) for key, found in onward.items()}
    for link in failures:
        through.setdefault(link.source.key, []).append(link)
    for link in links:
        # Who goes into a block comes out by the lines that start in it.
        goal = outline.around(link.target)
        for region in outline.around(link.source):
            if not any(region is each for each in goal):
                through.setdefault(region.key, []).append(link)
    below = _below(through)
    for link in links:
        rest = (
            each for each in onward[link.source.key]
            if each is not link and (each.outcome == link.outcome or each.outcome is None)
        )  # fmt: skip
        if not any(link.target.key in below.get(each.target.key, ()) for each in rest):
            yield link


def _below(onward: Mapping[str, list[Link]]) -> dict[str, set[str]]:
    """For each item all that come after it, by key."""
    below: dict[str, set[str]] = {}
    for start in list(onward):
        stack = [start]
        while stack:
            key = stack[-1]
            missing = [
                link.target.key for link in onward.get(key, ()) if link.target.key not in below and link.target.key not in stack
            ]
            if missing:
                stack.append(missing[0])
                continue
            stack.pop()
            below[key] = {one for link in onward.get(key, ()) for one in (link.target.key, *below.get(link.target.key, ()))}
    return below


# ---- knots: regions of which each waits for part of the other


def _knot(outline: Outline, links: Iterable[Link]) -> list[Item] | None:
    """Items of one region that wait for each other in a circle, or None."""
    for region in regions_of(outline.root):
        onward: dict[str, set[str]] = {child.key: set() for child in region.children}
        n_before = dict.fromkeys(onward, 0)
        for link in links:
            ends = _ends_in(outline, region, link)
            if ends is not None and ends[1].key not in onward[ends[0].key]:
                onward[ends[0].key].add(ends[1].key)
                n_before[ends[1].key] += 1
        ready = [key for key, count in n_before.items() if count == 0]
        for key in ready:
            for other in sorted(onward[key]):
                n_before[other] -= 1
                if n_before[other] == 0:
                    ready.append(other)
        if len(ready) < len(onward):
            return [child for child in region.children if n_before[child.key] > 0]
    return None


def _ends_in(outline: Outline, region: Region, link: Link) -> tuple[Item, Item] | None:
    """Between which children of a region a line goes, if it does."""
    near, far = ([*outline.around(item), item] for item in (link.source, link.target))
    for at, (one, other) in enumerate(zip(near, far, strict=False)):
        if one is not other:
            return (one, other) if near[at - 1] is region else None
    return None  # pragma: no cover - no line goes from an item to itself or into it


def _undone(outline: Outline, knot: list[Item]) -> bool:
    """Take apart the regions of a knot; return whether it had any."""
    is_done = False
    for item in knot:
        if isinstance(item, Region) and item.node is None and item.kind is not BlockKind.BODY:
            around = outline.parents[item.key]
            at = around.children.index(item)
            around.children[at : at + 1] = item.children
            for key, shown in list(outline.shown.items()):
                if shown is item:
                    del outline.shown[key]
            for key, guarded in list(outline.guarded.items()):
                if guarded is item:
                    del outline.guarded[key]
            is_done = True
    outline.relate()
    return is_done


def untangled(outline: Outline, links: list[Link]) -> list[Link]:
    """Leave out the lines that close a circle, the last ones first, so that the rest can be drawn."""
    while (knot := _knot(outline, links)) is not None:
        keys = {item.key for item in knot}
        region = outline.parents[knot[0].key]
        at = max(
            number for number, link in enumerate(links)
            if (ends := _ends_in(outline, region, link)) is not None and ends[0].key in keys and ends[1].key in keys
        )  # fmt: skip
        links = links[:at] + links[at + 1 :]
    return links
