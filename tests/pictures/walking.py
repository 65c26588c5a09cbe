"""Walks through drawn graphs, as a reader follows their lines, whatever the format."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping

import attrs

from dagflow.pictures.chart import JsonGraph
from dagflow.pictures.links import LinkKind
from dagflow.pictures.picture import Subject


@attrs.frozen
class Arrow:
    """A line between two items."""

    source: str
    target: str
    label: str
    is_failure: bool


@attrs.define
class Drawn:
    """A drawn graph: `around`: the block around each item, or ""; `words`: of each item; `blocks`: the items that have a border."""

    around: dict[str, str]
    words: dict[str, str]
    blocks: set[str]
    arrows: list[Arrow]

    def inside(self, block: str) -> list[str]:
        return [item for item, region in self.around.items() if region == block]

    def chain(self, item: str) -> list[str]:
        """An item and the blocks around it, the innermost first."""
        found = [item]
        while item := self.around[item]:
            found.append(item)
        return found

    def child_of(self, block: str, item: str) -> str | None:
        """The item of a block that is or contains an item."""
        found = self.chain(item)
        return next((each for each in found if self.around[each] == block), None)

    def renamed(self, names: Mapping[str, str]) -> Drawn:
        def of(name: str) -> str:
            return names[name] if name else ""

        return Drawn(
            {of(item): of(block) for item, block in self.around.items()},
            {of(item): words for item, words in self.words.items()},
            {of(block) for block in self.blocks},
            [attrs.evolve(each, source=of(each.source), target=of(each.target)) for each in self.arrows],
        )


# ---- reading the formats


def drawn_of(subject: Subject) -> Drawn:
    """The lines that SVG, PNG and the terminal draw."""
    parents = subject.outline.parents
    keys = {region.key for region in parents.values() if region.key}
    return Drawn(
        {key: region.key for key, region in parents.items()},
        dict.fromkeys(parents, ""),
        keys,
        [Arrow(link.source.key, link.target.key, link.label, link.kind is LinkKind.FAILURE) for link in subject.links],
    )


def drawn_of_json(graph: JsonGraph) -> Drawn:
    items = [(each["id"], each["block"], "\n".join(each["words"])) for each in graph["nodes"]]
    blocks = [(each["id"], each["block"], each["label"]) for each in graph["blocks"]]
    return Drawn(
        {name: block for name, block, _ in (*items, *blocks)},
        {name: words for name, _, words in (*items, *blocks)},
        {name for name, _, _ in blocks},
        [Arrow(each["source"], each["target"], each["outcome"], each["kind"] == "failure") for each in graph["edges"]],
    )


_NODE = re.compile(r'(n\d+)[\[({>]+"(.*?)"[\])}]+')
_SUBGRAPH = re.compile(r'subgraph (n\d+)\["(.*)"\]')
_EDGE = re.compile(r'(n\d+) (-->|==>|-\.->)(?:\|"(.*)"\|)? (n\d+)')


def drawn_of_mermaid(text: str) -> Drawn:
    drawn = Drawn({}, {}, set(), [])
    open_blocks = [""]
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    for line in map(str.strip, lines):
        if line == "end":
            open_blocks.pop()
        elif found := _SUBGRAPH.fullmatch(line):
            drawn.around[found[1]], drawn.words[found[1]] = open_blocks[-1], _shown(found[2])
            drawn.blocks.add(found[1])
            open_blocks.append(found[1])
        elif found := _EDGE.fullmatch(line):
            label = _shown(found[3] or "")
            drawn.arrows.append(Arrow(found[1], found[4], label, found[2] == "-.->" and label == "failure"))
        else:
            found = _NODE.fullmatch(line)
            assert found is not None, line
            drawn.around[found[1]], drawn.words[found[1]] = open_blocks[-1], _shown(found[2])
    assert open_blocks == [""]
    return drawn


def _shown(label: str) -> str:
    """The text that a reader sees."""
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", label.replace("<br/>", "\n"))).strip()


_DOT_NODE = re.compile(r'("(?:[^"\\]|\\.)*") \[label=("(?:[^"\\]|\\.)*"), shape=\w+(?:, width=[\d.]+)?\];')
_DOT_EDGE = re.compile(r'("(?:[^"\\]|\\.)*") -> ("(?:[^"\\]|\\.)*") \[style=(\w+)(.*)\];')
_DOT_MORE = re.compile(r', (\w+)=("(?:[^"\\]|\\.)*")')


def drawn_of_dot(text: str) -> Drawn:
    drawn = Drawn({}, {}, set(), [])
    open_blocks = [""]
    for line in map(str.strip, text.splitlines()[4:-1]):
        if line == "}":
            open_blocks.pop()
        elif line.startswith("subgraph "):
            name = _unquoted(line.removeprefix("subgraph ").removesuffix(" {")).removeprefix("cluster_")
            drawn.around[name], drawn.words[name] = open_blocks[-1], ""
            drawn.blocks.add(name)
            open_blocks.append(name)
        elif line.startswith("label="):
            drawn.words[open_blocks[-1]] = _unquoted(line.removeprefix("label=").removesuffix(";")).strip()
        elif found := _DOT_EDGE.fullmatch(line):
            more = {name: _unquoted(value) for name, value in _DOT_MORE.findall(found[4])}
            ends = [
                more.get(key, "").removeprefix("cluster_") or _unquoted(found[at]) for at, key in ((1, "ltail"), (2, "lhead"))
            ]
            drawn.arrows.append(Arrow(ends[0], ends[1], more.get("label", ""), found[3] == "dashed"))
        else:
            found = _DOT_NODE.fullmatch(line)
            assert found is not None, line
            drawn.around[_unquoted(found[1])], drawn.words[_unquoted(found[1])] = open_blocks[-1], _unquoted(found[2])
    assert open_blocks == [""]
    return drawn


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text[1:-1])


# ---- walking


def walk(
    drawn: Drawn,
    decision: Callable[[str], str | None],
    is_broken: Callable[[str], bool],
    ended: set[str],
    handlers: set[str],
) -> set[str]:
    """The items that a reader reaches.

    Args:
        drawn: the graph.
        decision: the word of the outcome of an item that decides, or None.
        is_broken: whether an item is reached and then fails.
        ended: the items that end the flow.
        handlers: the blocks that begin by a line of a failure alone; one of an empty block has none.
    """
    return _Walk(drawn, decision, is_broken, ended, handlers).all()


@attrs.define
class _Walk:
    drawn: Drawn
    decision: Callable[[str], str | None]
    is_broken: Callable[[str], bool]
    ended: set[str]
    handlers: set[str]
    entered: set[str] = attrs.field(factory=set[str])

    def all(self) -> set[str]:
        size = -1
        self._enter(":start")
        while len(self.entered) > size:
            size = len(self.entered)
            for arrow in self.drawn.arrows:
                if arrow.source in self.entered and self._is_passed(arrow):
                    self._enter(arrow.target)
        return self.entered

    def _enter(self, item: str) -> None:
        self.entered.add(item)
        if item in self.drawn.blocks:
            after = {self.drawn.child_of(item, each.target) for each in self._within(item)}
            for child in self.drawn.inside(item):
                if child not in after and child not in self.entered and child not in self.handlers:
                    self._enter(child)

    def _within(self, block: str) -> Iterator[Arrow]:
        """The lines between different items of a block."""
        for arrow in self.drawn.arrows:
            ends = self.drawn.child_of(block, arrow.source), self.drawn.child_of(block, arrow.target)
            if None not in ends and ends[0] != ends[1]:
                yield arrow

    def _is_passed(self, arrow: Arrow) -> bool:
        if arrow.is_failure:
            return self._breaks(arrow.source)
        if arrow.source in self.drawn.blocks:
            return self._is_done(arrow.source)
        if self.is_broken(arrow.source):
            return False
        word = self.decision(arrow.source)
        return word is None or arrow.label in {"", word}

    def _breaks(self, item: str) -> bool:
        """Whether something in an item fails and no handler in there takes it."""
        guarded = {arrow.source for arrow in self.drawn.arrows if arrow.is_failure}
        for each in self.entered:
            if each not in self.drawn.blocks and self.is_broken(each):
                taker = next((around for around in self.drawn.chain(each) if around in guarded), None)
                if taker == item:
                    return True
        return False

    def _is_done(self, block: str) -> bool:
        """Whether a way comes out of each chain of items in a block."""
        groups = {child: {child} for child in self.drawn.inside(block)}
        for arrow in self._within(block):
            one = groups[self.drawn.child_of(block, arrow.source) or ""]
            one |= groups[self.drawn.child_of(block, arrow.target) or ""]
            groups |= dict.fromkeys(one, one)
        chains = {id(chain): chain for chain in groups.values() if not chain <= self.handlers}.values()
        return all(any(child in self.entered and self._comes_out(child, block) for child in chain) for chain in chains)

    def _comes_out(self, item: str, block: str) -> bool:
        """Whether a way out of an item leads to no other item of its block."""
        onward = [arrow for arrow in self._within(block) if self.drawn.child_of(block, arrow.source) == item]
        if any(arrow.source in self.entered and self._is_passed(arrow) for arrow in onward):
            return False
        if item in self.drawn.blocks:
            return not self._breaks(item) and self._is_done(item)
        return item not in self.ended and not self.is_broken(item)
