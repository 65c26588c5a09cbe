"""A compiled flow as text for other tools: Mermaid, Graphviz DOT, JSON. Every label is escaped as text."""

from __future__ import annotations

from typing import Final, NotRequired, TypedDict

from dagflow.model.flow import Edge, EdgeKind, Flow, Loop, Node, NodeKind
from dagflow.model.label import label_of, shortened, text_of

_SHAPES: Final = {
    NodeKind.GATE: ("{", "}", "diamond"),
    NodeKind.CATCH: ("{", "}", "diamond"),
    NodeKind.RACE: ("{", "}", "diamond"),
    NodeKind.WAIT: ("([", "])", "oval"),
    NodeKind.WAIT_UNTIL: ("([", "])", "oval"),
    NodeKind.WAIT_EVENT: ("([", "])", "oval"),
    NodeKind.FOR: ("[/", "/]", "box3d"),
    NodeKind.CALL: ("[[", "]]", "box"),
    NodeKind.START: ("[[", "]]", "box"),
    NodeKind.UNWIND: ("{", "}", "diamond"),
    NodeKind.UNDO: (">", "]", "cds"),
    NodeKind.RETURN: ("[[", "]]", "box"),
    NodeKind.STOP: ("[[", "]]", "box"),
    NodeKind.FAIL: ("[[", "]]", "box"),
}
_BOX: Final = ("[", "]", "box")


class JsonNode(TypedDict):
    """A node in `dagflow graph --json`."""

    id: str
    kind: str
    label: str
    action: str
    effect: str
    type: str
    gate: str
    line: int
    body: NotRequired[JsonGraph]


class JsonEdge(TypedDict):
    """An edge in `dagflow graph --json`."""

    source: str
    target: str
    kinds: list[str]
    outcome: str


class JsonGraph(TypedDict):
    """A flow's graph in `dagflow graph --json`."""

    flow: str
    nodes: list[JsonNode]
    edges: list[JsonEdge]


def to_mermaid(flow: Flow) -> str:
    """The flow as a Mermaid flowchart; the body of a loop is a region of its own."""
    lines = ["flowchart TD"]
    _mermaid_part(flow, "n", "  ", lines)
    return "\n".join(lines) + "\n"


def _mermaid_part(flow: Flow, prefix: str, indent: str, lines: list[str]) -> None:
    names = {node.id: f"{prefix}{i}" for i, node in enumerate(flow.nodes)}
    for node in flow.nodes:
        name = names[node.id]
        left, right, _ = _SHAPES.get(node.kind, _BOX)
        lines.append(f'{indent}{name}{left}"{_mermaid(_full_label(node))}"{right}')
        if node.loop is not None:
            lines.append(f'{indent}subgraph {name}b["{_mermaid(_region(node, node.loop))}"]')
            _mermaid_part(node.loop.body, f"{name}x", indent + "  ", lines)
            lines += [f"{indent}end", f"{indent}{name} --> {name}b"]
    for edge in flow.edges:
        arrow = "-.->" if EdgeKind.GATE in edge.kinds else "==>" if EdgeKind.AFTER in edge.kinds else "-->"
        word = _outcome(flow, edge)
        label = f'|"{_mermaid(word)}"|' if word else ""
        lines.append(f"{indent}{names[edge.source]} {arrow}{label} {names[edge.target]}")


def to_dot(flow: Flow) -> str:
    """The flow as a Graphviz digraph; the body of a loop is a cluster."""
    lines = [f"digraph {_dot(flow.name)} {{", "  rankdir=TB;", '  node [fontname="sans-serif"];']
    _dot_part(flow, "", "  ", lines)
    return "\n".join([*lines, "}"]) + "\n"


def _dot_part(flow: Flow, prefix: str, indent: str, lines: list[str]) -> None:
    for node in flow.nodes:
        _, _, shape = _SHAPES.get(node.kind, _BOX)
        lines.append(f"{indent}{_dot(prefix + node.id)} [label={_dot(_full_label(node))}, shape={shape}];")
        if node.loop is not None:
            inner = f"{prefix}{node.id}/"
            lines.append(f"{indent}subgraph {_dot('cluster_' + inner)} {{")
            lines.append(f"{indent}  label={_dot(_region(node, node.loop))};")
            _dot_part(node.loop.body, inner, indent + "  ", lines)
            lines.append(f"{indent}}}")
            begun = {edge.target for edge in node.loop.body.edges}
            heads = [head.id for head in node.loop.body.nodes if head.id not in begun]
            lines += [f"{indent}{_dot(prefix + node.id)} -> {_dot(inner + head)} [style=dotted];" for head in heads]
    for edge in flow.edges:
        style = "dashed" if EdgeKind.GATE in edge.kinds else "bold" if EdgeKind.AFTER in edge.kinds else "solid"
        word = _outcome(flow, edge)
        label = f", label={_dot(word)}" if word else ""
        lines.append(f"{indent}{_dot(prefix + edge.source)} -> {_dot(prefix + edge.target)} [style={style}{label}];")


def _region(node: Node, loop: Loop) -> str:
    at_once = f", {loop.width} at a time" if loop.width > 1 else ""
    return f"for each {loop.item} of {shortened(text_of(node))}, at most {loop.most}{at_once}"


def to_json(flow: Flow) -> JsonGraph:
    """The flow as plain data."""
    return {
        "flow": flow.name,
        "nodes": [_json_node(flow, node) for node in flow.nodes],
        "edges": [
            {"source": e.source, "target": e.target, "kinds": [kind.value for kind in e.kinds], "outcome": _outcome(flow, e)}
            for e in flow.edges
        ],
    }


def _json_node(flow: Flow, node: Node) -> JsonNode:
    plain: JsonNode = {
        "id": node.id,
        "kind": node.kind.value,
        "label": label_of(node),
        "action": node.action,
        "effect": node.effect.value,
        "type": str(node.type),
        "gate": "" if node.gate is None else node.gate.gate,
        "line": flow.source.count("\n", 0, node.span.start) + 1,
    }
    if node.loop is not None:
        plain["body"] = to_json(node.loop.body)
    return plain


def _full_label(node: Node) -> str:
    label = label_of(node)
    return f"{label}\n{node.action}" if node.action and node.action != label else label


def _outcome(flow: Flow, edge: Edge) -> str:
    if edge.outcome is None:
        return ""
    outcomes = flow.node(edge.source).outcomes
    return outcomes[edge.outcome] if edge.outcome < len(outcomes) else ""


def _mermaid(text: str) -> str:
    """Mermaid reads entities in quoted labels, so every sign that could mean something becomes one."""
    return "".join(
        "<br/>" if sign == "\n" else sign if sign.isalnum() or sign in " _-.,/" else f"#{ord(sign)};" for sign in text
    )


def _dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
