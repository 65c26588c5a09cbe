"""Labels of nodes: the name a person gave a node, or else the words it was written with."""

from __future__ import annotations

from typing import Final

from dagflow.model.flow import Node, NodeKind

_MOST_LABEL: Final = 60


def label_of(node: Node) -> str:
    """The label of a node: its name, or for a node without a name its source."""
    match node.kind:
        case NodeKind.CATCH:
            scope = "the flow" if not node.catches else f"`{node.catches.partition('.')[0]}`"
            return f"on error of {scope}"
        case NodeKind.GATE if node.id.endswith(".when"):
            return f"when {text_of(node)}"
        case NodeKind.RACE:
            join = node.join
            return "first" if join is None else f"first {join.count} of {len(join.sources)}"
        case NodeKind.WAIT_EVENT if "." in node.id:
            return f'wait event "{node.event}"'
        case NodeKind.GROUP if "." in node.id:
            last = node.id.rpartition(".")[2]
            return "end of `parallel first`" if last == "end" else f"branch {last} is done"
        case NodeKind.UNWIND:
            return "failed or cancelled"
        case NodeKind.UNDO:
            return f"undo {node.undoes.partition('.')[0]}"
        case NodeKind.FOR if "." in node.id and node.loop is not None:
            return shortened(f"for {node.loop.item} in {text_of(node)}")
        case NodeKind.CALL | NodeKind.START if "." in node.id:
            return f"{'start ' * (node.kind is NodeKind.START)}{node.flow.rpartition('#')[2]}"
        case NodeKind.EMIT:
            return f'emit "{node.event}"'
        case _ if "." not in node.id:
            return node.id
        case _:
            word = node.id.partition(".")[0]
            if node.kind is NodeKind.WAIT_UNTIL:
                word = "wait until"
            return shortened(f"{word} {text_of(node)}".strip())


def text_of(node: Node) -> str:
    """The source of the node's expression on one line; empty where it has none."""
    return " ".join(node.expression.text.split()) if node.expression is not None else ""


def shortened(text: str) -> str:
    """The text, cut at 60 characters."""
    return text if len(text) <= _MOST_LABEL else text[: _MOST_LABEL - 1] + "…"
