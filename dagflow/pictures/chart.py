"""A picture as text for other tools: Mermaid, Graphviz DOT, JSON. All show the items and lines of the picture itself.

Every label is escaped as text, so nothing in a flow becomes markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypedDict, TypeGuard

from dagflow.model.flow import Flow
from dagflow.model.label import label_of
from dagflow.pictures.labels import Shape, folded_words, region_words, words_of
from dagflow.pictures.links import Link, LinkKind
from dagflow.pictures.outline import Item, Leaf, Region, items_of
from dagflow.pictures.picture import Subject
from dagflow.pictures.ways import ends

#: Mermaid refuses to draw more edges.
MOST_EDGES: Final = 500
#: How many shapes a folded chart has; the next is tried while it has too many edges.
_SIZES: Final = (0, 400, 240, 120, 60, 30, 1)
_MERMAID: Final = {
    Shape.DIAMOND: ("{", "}"),
    Shape.WAIT: ("([", "])"),
    Shape.CALL: ("[[", "]]"),
    Shape.SIGNAL: (">", "]"),
    Shape.FINISH: ("([", "])"),
    Shape.FAILURE: ("([", "])"),
    Shape.STACK: ("[[", "]]"),
    Shape.START: ("((", "))"),
    Shape.END: ("(((", ")))"),
    Shape.WAY: ("((", "))"),
}
_DOT: Final = {
    Shape.DIAMOND: "diamond",
    Shape.WAIT: "oval",
    Shape.SIGNAL: "cds",
    Shape.FINISH: "oval",
    Shape.FAILURE: "oval",
    Shape.STACK: "box3d",
    Shape.START: "point",
    Shape.END: "doublecircle",
    Shape.WAY: "circle",
}
_ARROWS: Final = {LinkKind.ORDER: "-->", LinkKind.AFTER: "==>", LinkKind.DATA: "-.->", LinkKind.FAILURE: "-.->"}
_STYLES: Final = {LinkKind.ORDER: "solid", LinkKind.AFTER: "bold", LinkKind.DATA: "dotted", LinkKind.FAILURE: "dashed"}


class JsonNode(TypedDict):
    """A shape in `dagflow graph --json`. `block`: the id of the block around it, or ""; `shape`: `step`, `start`, `end` or `way`."""

    id: str
    shape: str
    kind: str
    label: str
    words: list[str]
    action: str
    effect: str
    type: str
    gate: str
    line: int
    block: str


class JsonBlock(TypedDict):
    """A block in `dagflow graph --json`. `block`: the id of the block around it, or ""."""

    id: str
    kind: str
    label: str
    block: str


class JsonEdge(TypedDict):
    """A line in `dagflow graph --json`, between shapes and blocks. `outcome`: the word of the outcome it stands for, or ""."""

    source: str
    target: str
    kind: str
    outcome: str


class JsonGraph(TypedDict):
    """A flow's picture in `dagflow graph --json`."""

    flow: str
    nodes: list[JsonNode]
    blocks: list[JsonBlock]
    edges: list[JsonEdge]


# ---- Mermaid


def _small_enough(flow: Flow) -> Subject:
    """The least folded picture that Mermaid draws, or the most folded one."""
    found = (Subject.of(flow, most) for most in _SIZES)
    return next((subject for subject in found if len(subject.links) <= MOST_EDGES), Subject.of(flow, _SIZES[-1]))


def to_mermaid(flow: Flow) -> str:
    """The flow as a Mermaid flowchart; its blocks are subgraphs, folded where it would have more edges than Mermaid draws."""
    subject = _small_enough(flow)
    names = {item.key: f"n{number}" for number, item in enumerate(items_of(subject.outline.root))}
    lines = ["flowchart TD"]
    _mermaid_part(subject.outline.root, names, "  ", lines)
    for link in _sorted(subject):
        label = f'|"{_mermaid(link.label)}"|' if link.label else ""
        lines.append(f"  {names[link.source.key]} {_ARROWS[link.kind]}{label} {names[link.target.key]}")
    return "\n".join(lines) + "\n"


def _mermaid_part(region: Region, names: dict[str, str], indent: str, lines: list[str]) -> None:
    for child in region.children:
        name = names[child.key]
        if _is_frame(child):
            lines.append(f'{indent}subgraph {name}["{_mermaid(_title(child))}"]')
            _mermaid_part(child, names, f"{indent}  ", lines)
            lines.append(f"{indent}end")
        else:
            shape, words = _face(child)
            left, right = _MERMAID.get(shape, ("[", "]"))
            lines.append(f'{indent}{name}{left}"{_mermaid(words) or " "}"{right}')


def _mermaid(text: str) -> str:
    """Mermaid reads entities in quoted labels, so every sign that could mean something becomes one."""
    return "".join(
        "<br/>" if sign == "\n" else sign if sign.isalnum() or sign in " _-.,/" else f"#{ord(sign)};" for sign in text
    )


# ---- DOT


def to_dot(flow: Flow) -> str:
    """The flow as a Graphviz digraph; its blocks are clusters."""
    subject = Subject.of(flow, 0)
    lines = [f"digraph {_dot(flow.name)} {{", "  rankdir=TB;", "  compound=true;", '  node [fontname="sans-serif"];']
    _dot_part(subject.outline.root, "  ", lines)
    lines += [f"  {_dot_edge(link)}" for link in _sorted(subject)]
    return "\n".join([*lines, "}"]) + "\n"


def _dot_part(region: Region, indent: str, lines: list[str]) -> None:
    for child in region.children:
        if _is_frame(child):
            lines += [f"{indent}subgraph {_dot('cluster_' + child.key)} {{", f"{indent}  label={_dot(_title(child))};"]
            _dot_part(child, f"{indent}  ", lines)
            lines.append(f"{indent}}}")
        else:
            shape, words = _face(child)
            small = ", width=0.12" if shape in {Shape.END, Shape.WAY} else ""
            lines.append(f"{indent}{_dot(child.key)} [label={_dot(words)}, shape={_DOT.get(shape, 'box')}{small}];")


def _dot_edge(link: Link) -> str:
    """A line; to Graphviz, one at a block is one at a node in it that is cut at the cluster's border."""
    more = [f"style={_STYLES[link.kind]}"] + ([f"label={_dot(link.label)}"] if link.label else [])
    source, target = link.source, link.target
    if _is_frame(source):
        more.append(f"ltail={_dot('cluster_' + source.key)}")
        inside = list(_shapes(source))
        source = next((each for each in reversed(inside) if not ends(each)), inside[-1])
    if _is_frame(target):
        more.append(f"lhead={_dot('cluster_' + target.key)}")
        target = next(_shapes(target))
    return f"{_dot(source.key)} -> {_dot(target.key)} [{', '.join(more)}];"


def _dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


# ---- JSON


def to_json(flow: Flow) -> JsonGraph:
    """The flow as plain data."""
    subject = Subject.of(flow, 0)
    parents = subject.outline.parents
    items = list(items_of(subject.outline.root))
    return {
        "flow": flow.name,
        "nodes": [_json_node(item, flow, parents[item.key].key) for item in items if isinstance(item, Leaf)],
        "blocks": [
            {"id": item.key, "kind": item.kind.value, "label": _title(item), "block": parents[item.key].key}
            for item in items if isinstance(item, Region)
        ],
        "edges": [
            {"source": link.source.key, "target": link.target.key, "kind": link.kind.value, "outcome": link.label}
            for link in _sorted(subject)
        ],
    }  # fmt: skip


def _json_node(leaf: Leaf, flow: Flow, block: str) -> JsonNode:
    node = leaf.node
    prefix = leaf.key.removesuffix("" if node is None else node.id)
    gate = leaf.gate if node is None else "" if node.gate is None else prefix + node.gate.gate
    return {
        "id": leaf.key,
        "shape": leaf.kind.value,
        "kind": "" if node is None else node.kind.value,
        "label": "" if node is None else label_of(node),
        "words": [text for text, _ in words_of(leaf).lines],
        "action": "" if node is None else node.action,
        "effect": "" if node is None else node.effect.value,
        "type": "" if node is None else str(node.type),
        "gate": gate,
        "line": 0 if node is None else flow.source.count("\n", 0, node.span.start) + 1,
        "block": block,
    }


# ---- what all of them say of an item


def _sorted(subject: Subject) -> list[Link]:
    """The lines by the places of their ends, so that those of one condition are together."""
    places = {item.key: place for place, item in enumerate(items_of(subject.outline.root))}
    return sorted(subject.links, key=lambda link: (places[link.source.key], places[link.target.key]))


def _is_frame(item: Item) -> TypeGuard[Region]:
    """Whether an item has a border with shapes in it."""
    return isinstance(item, Region) and bool(item.children)


def _shapes(item: Item) -> Iterator[Item]:
    """The items without a border in an item, in declared order."""
    if not _is_frame(item):
        yield item
        return
    for child in item.children:
        yield from _shapes(child)


def _face(item: Item) -> tuple[Shape, str]:
    """The shape of an item without a border, and its words in lines."""
    words = words_of(item) if isinstance(item, Leaf) else folded_words(item)
    return words.shape, "\n".join(text for text, _ in words.lines)


def _title(region: Region) -> str:
    undo = f"undo {region.undo.action}" if region.undo is not None and region.undo.action else ""
    return "\n".join(text for text in (*region_words(region), undo) if text) or " "
