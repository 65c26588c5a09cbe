"""A compiled flow as text for other tools: Mermaid, Graphviz DOT, JSON. Every label is escaped as text."""

from __future__ import annotations

from typing import Final, TypedDict

from dagflow.model.flow import Edge, EdgeKind, Flow, Node, NodeKind

_SHAPES: Final = {
    NodeKind.GATE: ("{", "}", "diamond"),
    NodeKind.CATCH: ("{", "}", "diamond"),
    NodeKind.RACE: ("{", "}", "diamond"),
    NodeKind.WAIT: ("([", "])", "oval"),
    NodeKind.WAIT_UNTIL: ("([", "])", "oval"),
    NodeKind.WAIT_EVENT: ("([", "])", "oval"),
    NodeKind.RETURN: ("[[", "]]", "box"),
    NodeKind.STOP: ("[[", "]]", "box"),
    NodeKind.FAIL: ("[[", "]]", "box"),
}
_BOX: Final = ("[", "]", "box")
_MOST_LABEL: Final = 60


class JsonNode(TypedDict):
    """A node in `--format json`."""

    id: str
    kind: str
    label: str
    action: str
    effect: str
    type: str
    gate: str
    line: int


class JsonEdge(TypedDict):
    """An edge in `--format json`."""

    source: str
    target: str
    kinds: list[str]
    outcome: str


class JsonGraph(TypedDict):
    """A flow's graph in `--format json`."""

    flow: str
    nodes: list[JsonNode]
    edges: list[JsonEdge]


def label_of(node: Node) -> str:
    """What a person calls a node: its name, or for one without a name the words it was written with."""
    match node.kind:
        case NodeKind.CATCH:
            scope = "the flow" if not node.catches else f"`{node.catches.partition('.')[0]}`"
            return f"on error of {scope}"
        case NodeKind.GATE if node.id.endswith(".when"):
            return f"when {_text(node)}"
        case NodeKind.RACE:
            join = node.join
            return "first" if join is None else f"first {join.count} of {len(join.sources)}"
        case NodeKind.WAIT_EVENT if "." in node.id:
            return f'wait event "{node.event}"'
        case NodeKind.GROUP if "." in node.id:
            last = node.id.rpartition(".")[2]
            return "end of `parallel first`" if last == "end" else f"branch {last} is done"
        case NodeKind.EMIT:
            return f'emit "{node.event}"'
        case _ if "." not in node.id:
            return node.id
        case _:
            word = node.id.partition(".")[0]
            if node.kind is NodeKind.WAIT_UNTIL:
                word = "wait until"
            return _short(f"{word} {_text(node)}".strip())


def _text(node: Node) -> str:
    return " ".join(node.expression.text.split()) if node.expression is not None else ""


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LABEL else text[: _MOST_LABEL - 1] + "…"


def to_mermaid(flow: Flow) -> str:
    """The flow as a Mermaid flowchart."""
    names = {node.id: f"n{i}" for i, node in enumerate(flow.nodes)}
    lines = ["flowchart TD"]
    for node in flow.nodes:
        left, right, _ = _SHAPES.get(node.kind, _BOX)
        lines.append(f'  {names[node.id]}{left}"{_mermaid(_full_label(node))}"{right}')
    for edge in flow.edges:
        arrow = "-.->" if EdgeKind.GATE in edge.kinds else "==>" if EdgeKind.AFTER in edge.kinds else "-->"
        word = _outcome(flow, edge)
        label = f'|"{_mermaid(word)}"|' if word else ""
        lines.append(f"  {names[edge.source]} {arrow}{label} {names[edge.target]}")
    return "\n".join(lines) + "\n"


def to_dot(flow: Flow) -> str:
    """The flow as a Graphviz digraph."""
    lines = [f"digraph {_dot(flow.name)} {{", "  rankdir=TB;", '  node [fontname="sans-serif"];']
    for node in flow.nodes:
        _, _, shape = _SHAPES.get(node.kind, _BOX)
        lines.append(f"  {_dot(node.id)} [label={_dot(_full_label(node))}, shape={shape}];")
    for edge in flow.edges:
        style = "dashed" if EdgeKind.GATE in edge.kinds else "bold" if EdgeKind.AFTER in edge.kinds else "solid"
        word = _outcome(flow, edge)
        label = f", label={_dot(word)}" if word else ""
        lines.append(f"  {_dot(edge.source)} -> {_dot(edge.target)} [style={style}{label}];")
    return "\n".join([*lines, "}"]) + "\n"


def to_json(flow: Flow) -> JsonGraph:
    """The flow as plain data."""
    return {
        "flow": flow.name,
        "nodes": [
            {
                "id": node.id,
                "kind": node.kind.value,
                "label": label_of(node),
                "action": node.action,
                "effect": node.effect.value,
                "type": str(node.type),
                "gate": "" if node.gate is None else node.gate.gate,
                "line": flow.source.count("\n", 0, node.span.start) + 1,
            }
            for node in flow.nodes
        ],
        "edges": [
            {"source": e.source, "target": e.target, "kinds": [kind.value for kind in e.kinds], "outcome": _outcome(flow, e)}
            for e in flow.edges
        ],
    }


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
