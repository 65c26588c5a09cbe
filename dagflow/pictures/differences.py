"""Two versions of a flow in one picture: added, removed and changed steps."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dagflow.model.flow import Argument, Flow, Node, NodeKind
from dagflow.pictures.labels import heading_of
from dagflow.pictures.links import Link, untangled, wire
from dagflow.pictures.marks import Mark, Overlay, Tone
from dagflow.pictures.outline import Item, Leaf, LeafKind, Outline, Region, leaves_of, outline_of, regions_of
from dagflow.pictures.picture import Subject, lay_out
from dagflow.pictures.svg import to_svg
from dagflow.pictures.svg_measure import SvgLooks
from dagflow.pictures.themes import Theme


def draw_difference(before: Flow, after: Flow, theme: Theme = Theme.LIGHT) -> str:
    """Both versions of a flow as one SVG."""
    subject, overlay = compare(before, after)
    return to_svg(lay_out(subject, SvgLooks(), overlay), heading_of(after), overlay, theme)


def compare(before: Flow, after: Flow) -> tuple[Subject, Overlay]:
    """Both versions of a flow as one picture, with a mark for each step that differs. Removed steps are inserted."""
    comparison = _Comparison(outline_of(before), outline_of(after))
    return comparison.subject(), comparison.overlay()


@attrs.define(eq=False)
class _Comparison:
    """Attributes: names: the new key of each renamed item, by the old one. items: all that is drawn, by key."""

    old: Outline
    new: Outline
    names: dict[str, str] = attrs.field(factory=dict[str, str])
    items: dict[str, Item] = attrs.field(factory=dict[str, Item])
    marks: dict[str, Mark] = attrs.field(factory=dict[str, Mark])

    def subject(self) -> Subject:
        links, before = wire(self.new), wire(self.old)
        self.items = {item.key: item for item in _all(self.new.root)}
        self.names = {_former(item): item.key for item in self.items.values() if _former(item)}
        known = set(self.items)
        self._mark_new()
        self._put_in(self.old.root)
        self.new.relate()
        self.new.shown |= {key: item for key, item in self.items.items() if key not in known}
        for link in before:
            source, target = self.items.get(self._now(link.source.key)), self.items.get(self._now(link.target.key))
            is_gone = {self._now(link.source.key), self._now(link.target.key)} - known
            if is_gone and source is not None and target is not None and source is not target:
                links.append(Link(source, target, link.kind, link.label, link.outcome))
        return Subject(self.new, tuple(untangled(self.new, links)))

    def overlay(self) -> Overlay:
        counts = {
            tone: sum(mark.tone is tone for mark in self.marks.values()) for tone in (Tone.ADDED, Tone.REMOVED, Tone.CHANGED)
        }
        words = [f"{count} {tone.value}" for tone, count in counts.items() if count]
        return Overlay(title=", ".join(words) or "no difference", marks=self.marks)

    def _now(self, key: str) -> str:
        return self.names.get(key, key)

    def _mark_new(self) -> None:
        earlier = {item.key: item for item in _all(self.old.root)}
        former = {now: then for then, now in self.names.items()}
        for key, item in self.items.items():
            node, then = _node(item), earlier.get(former.get(key, key))
            if node is None:
                continue
            known = None if then is None else _node(then)
            if known is None or then is None:
                self.marks[key] = Mark(Tone.ADDED, "+", ("added",))
                continue
            changes = list(_changes(known, node, self.names)) + list(_undo_changes(then, item))
            if changes:
                self.marks[key] = Mark(Tone.CHANGED, "~", (f"changed: {', '.join(changes)}",))

    def _put_in(self, region: Region) -> None:
        """Put the removed items of an earlier region into the matching later region, each behind its former predecessor."""
        previous: Item | None = None
        for child in list(region.children):
            key = self._now(child.key)
            is_gone = key not in self.items and (
                (isinstance(child, Leaf) and self._now(child.gate) not in self.items) or child.node is not None or all(self._now(leaf.key) not in self.items for leaf in leaves_of(child))
            )  # fmt: skip
            if is_gone:
                self._insert(region, child, previous)
            if isinstance(child, Region):
                self._put_in(child)
            previous = self.items.get(key, previous)

    def _insert(self, region: Region, child: Item, previous: Item | None) -> None:
        ground = self._ground(region)
        at = next((number for number, each in enumerate(ground.children, start=1) if each is previous), None)
        if isinstance(child, Region):
            copy: Item = attrs.evolve(child, children=[])
        else:
            copy = child
        if at is None:
            at = (
                1
                if ground.children and isinstance(ground.children[0], Leaf) and ground.children[0].kind is LeafKind.START
                else 0
            )
        ground.children.insert(at, copy)
        self.items[child.key] = copy
        if _node(child) is not None:
            self.marks[child.key] = Mark(Tone.REMOVED, "−", ("removed",))

    def _ground(self, region: Region) -> Region:
        """The region that stands for an earlier one, or for the nearest around it that is still there."""
        for each in (region, *reversed(self.old.around(region))):
            found = self.items.get(self._now(each.key))
            if isinstance(found, Region):
                return found
        return self.new.root


def _all(root: Region) -> Iterator[Item]:
    for region in regions_of(root):
        yield region
        yield from (child for child in region.children if isinstance(child, Leaf))


def _node(item: Item) -> Node | None:
    return item.node


def _former(item: Item) -> str:
    """The key an item had before it was renamed, or ""."""
    node = item.node
    if node is None or not node.was:
        return ""
    prefix, slash, _ = item.key.rpartition("/")
    return f"{prefix}{slash}{node.was}"


def _changes(then: Node, now: Node, names: dict[str, str]) -> Iterator[str]:
    """The differences of a step, each in a word."""
    if then.id != now.id:
        yield f"was {then.id}"
    if (then.kind, then.action, then.event, then.flow) != (now.kind, now.action, now.event, now.flow):
        yield "what it does"
    old, new = _texts(then.arguments), _texts(now.arguments)
    yield from (name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name))
    if _text(then) != _text(now) or _cases(then) != _cases(now):
        yield {NodeKind.GATE: "condition", NodeKind.FOR: "list"}.get(now.kind, "value")
    if then.loop is not None and now.loop is not None:
        options = [(loop.item, loop.index, loop.most, loop.width, loop.collects) for loop in (then.loop, now.loop)]
        if options[0] != options[1]:
            yield "options"
    if then.retry != now.retry:
        yield "retry"
    if (then.timeout_ns, then.within_ns) != (now.timeout_ns, now.within_ns):
        yield "time limits"
    if (then.default is None) != (now.default is None) or (
        then.default and now.default and then.default.text != now.default.text
    ):
        yield "default"
    if then.join != now.join:
        yield "after"
    if _gate(then, names) != _gate(now, {}):
        yield "moved"


def _undo_changes(then: Item, now: Item) -> Iterator[str]:
    one, other = then.undo, now.undo
    if (one is None) != (other is None) or (
        one is not None and other is not None and (one.action, _texts(one.arguments)) != (other.action, _texts(other.arguments))
    ):
        yield "undo"


def _gate(node: Node, names: dict[str, str]) -> tuple[str, int] | None:
    return None if node.gate is None else (names.get(node.gate.gate, node.gate.gate), node.gate.outcome)


def _texts(arguments: tuple[Argument, ...]) -> dict[str, str]:
    return {argument.name: argument.value.text for argument in arguments}


def _text(node: Node) -> str:
    return "" if node.expression is None else node.expression.text


def _cases(node: Node) -> list[list[str]]:
    return [[value.text for value in case] for case in node.cases]
