"""The words and the shape of each item of a picture."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import attrs

from dagflow.model.blocks import BlockKind
from dagflow.model.flow import Flow, JoinKind, Node, NodeKind, Trigger, TriggerKind
from dagflow.model.label import label_of
from dagflow.model.lengths import roughly
from dagflow.pictures.outline import Leaf, LeafKind, Region


class Shape(enum.StrEnum):
    """The look of a step."""

    BOX = "box"
    DIAMOND = "diamond"
    #: With a clock.
    WAIT = "wait"
    #: With the two lines at its sides that stand for another flow.
    CALL = "call"
    #: With a point to the right: something goes out.
    SIGNAL = "signal"
    VALUE = "value"
    FINISH = "finish"
    FAILURE = "failure"
    START = "start"
    END = "end"
    #: Here an outcome of a condition goes on.
    WAY = "way"
    #: Several shapes that are not drawn.
    STACK = "stack"


class Style(enum.StrEnum):
    """How a line of words is set."""

    TITLE = "title"
    CONDITION = "condition"
    SUB = "sub"
    JOIN = "join"
    NOTE = "note"


@attrs.frozen
class Words:
    """The words of a shape: paragraphs, each of which may be wrapped."""

    shape: Shape
    lines: tuple[tuple[str, Style], ...] = ()


_SHAPES = {
    NodeKind.GATE: Shape.DIAMOND,
    NodeKind.CATCH: Shape.DIAMOND,
    NodeKind.RACE: Shape.DIAMOND,
    NodeKind.WAIT: Shape.WAIT,
    NodeKind.WAIT_UNTIL: Shape.WAIT,
    NodeKind.WAIT_EVENT: Shape.WAIT,
    NodeKind.CALL: Shape.CALL,
    NodeKind.START: Shape.CALL,
    NodeKind.EMIT: Shape.SIGNAL,
    NodeKind.LET: Shape.VALUE,
    NodeKind.YIELD: Shape.FINISH,
    NodeKind.RETURN: Shape.FINISH,
    NodeKind.STOP: Shape.FINISH,
    NodeKind.FAIL: Shape.FAILURE,
}
_KINDS = {LeafKind.START: Shape.START, LeafKind.END: Shape.END, LeafKind.WAY: Shape.WAY}


def words_of(leaf: Leaf) -> Words:
    """The words of a leaf, with its shape."""
    if leaf.node is None:
        return Words(_KINDS[leaf.kind])
    node = leaf.node
    shape = _SHAPES.get(node.kind, Shape.BOX)
    style = Style.CONDITION if shape is Shape.DIAMOND else Style.TITLE
    lines = [(_join(node), Style.JOIN), (_title(node), style)]
    lines += [(text, Style.SUB) for text in _details(node, leaf.undo)]
    return Words(shape, tuple((text, style) for text, style in lines if text))


def folded_words(region: Region) -> Words:
    """The words of a region that is drawn as one shape."""
    n_steps = sum(leaf.kind is LeafKind.STEP for leaf in region.folded)
    title, more = region_words(region)
    lines = [(title, Style.TITLE), (more, Style.SUB), (f"{n_steps} step{'s' * (n_steps != 1)}", Style.SUB)]
    return Words(Shape.STACK, tuple((text, style) for text, style in lines if text))


def _title(node: Node) -> str:
    text = _text(node)
    match node.kind:
        case NodeKind.GATE if node.id.endswith(".when"):
            return f"when {text}"
        case NodeKind.GATE:
            return f"{node.id}: {text}" if "." not in node.id else text
        case NodeKind.WAIT | NodeKind.WAIT_UNTIL:
            word = "wait until" if node.kind is NodeKind.WAIT_UNTIL else "wait"
            return f"{'' if '.' in node.id else node.id + ': '}{word} {text}"
        case NodeKind.WAIT_EVENT:
            return f"wait for {node.event}" if "." in node.id else node.id
        case NodeKind.RETURN | NodeKind.YIELD | NodeKind.STOP | NodeKind.FAIL:
            return node.kind.value
        case NodeKind.EMIT:
            return f"emit {node.event}"
        case NodeKind.LET:
            return node.id
        case _:
            return label_of(node)


def _details(node: Node, undo: Node | None) -> Iterator[str]:
    """Further details: the called action or flow, and the policy for failures."""
    title = _title(node)
    match node.kind:
        case NodeKind.ACTION if node.action != title:
            yield node.action
        case NodeKind.CALL | NodeKind.START if node.flow.rpartition("#")[2] not in title:
            yield f"{'start ' * (node.kind is NodeKind.START)}{node.flow.rpartition('#')[2]}"
        case NodeKind.WAIT_EVENT if "." not in node.id:
            yield f"wait for {node.event}"
        case NodeKind.LET:
            yield f"= {_text(node)}"
        case NodeKind.RETURN | NodeKind.YIELD | NodeKind.STOP | NodeKind.FAIL:
            yield _text(node)
        case _:
            pass
    policy = [
        f"retry {node.retry.max_attempts - 1}" if node.retry.max_attempts > 1 else "",
        "" if node.timeout_ns is None else f"timeout {roughly(node.timeout_ns)}",
        "" if node.within_ns is None else f"within {roughly(node.within_ns)}",
        "" if node.default is None else f"default {' '.join(node.default.text.split())}",
    ]
    yield " · ".join(part for part in policy if part)
    if undo is not None and undo.action:
        yield f"undo {undo.action}"


def _join(node: Node) -> str:
    """How a step waits for several others; waiting for all of them needs no word."""
    join = node.join
    if join is None or len(join.sources) < 2:
        return "after settled" if join is not None and join.kind is JoinKind.SETTLED else ""
    match join.kind:
        case JoinKind.ALL:
            return f"after all {len(join.sources)}"
        case JoinKind.ANY:
            return f"after any of {len(join.sources)}"
        case JoinKind.N_OF:
            return f"after {join.count} of {len(join.sources)}"
        case JoinKind.SETTLED:
            return f"after {len(join.sources)} settled"


def region_words(region: Region) -> tuple[str, str]:
    """The title of a region, and its details."""
    name = f" {region.name}" if region.name else ""
    match region.kind:
        case BlockKind.ROOT | BlockKind.BODY:
            return "", ""
        case BlockKind.RACE:
            return f"parallel first {region.first}{name}", ""
        case BlockKind.HANDLER:
            return "on error" + (f" as {region.name}" if region.name else ""), ""
        case BlockKind.FOR:
            return _loop_words(region.node)
        case _:
            return f"{region.kind.value}{name}", ""


def _loop_words(node: Node | None) -> tuple[str, str]:
    if node is None or node.loop is None:
        return "for", ""
    loop = node.loop
    name = f"{node.id} = " if "." not in node.id else ""
    more = [f"at most {loop.most}", f"{loop.width} at a time" if loop.width > 1 else "one at a time"]
    more += ["collects errors"] if loop.collects else []
    return f"{name}for {loop.item}{', ' + loop.index if loop.index else ''} in {_text(node)}", " · ".join(more)


def heading_of(flow: Flow) -> tuple[str, str]:
    """The name of a flow with its parameters, and what starts it."""
    if flow.binding:
        params = f"{flow.binding}: {flow.input}"
    else:
        params = ", ".join(f"{field.name}: {field.type}" for field in flow.input.fields)
    starts = ", ".join(_trigger(trigger) for trigger in flow.triggers)
    return f"{flow.name}({params})", f"on {starts}" if starts else ""


def _trigger(trigger: Trigger) -> str:
    match trigger.kind:
        case TriggerKind.EVENT:
            return f"event {trigger.event}"
        case TriggerKind.CRON:
            schedule = trigger.schedule
            return "cron" if schedule is None else schedule.text if schedule.every_ns else f'cron "{schedule.text}"'
        case TriggerKind.WEBHOOK:
            return f"webhook {trigger.webhook}"
        case TriggerKind.MANUAL:
            return "manual"


def _text(node: Node) -> str:
    return " ".join(node.expression.text.split()) if node.expression is not None else ""
