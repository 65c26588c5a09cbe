"""Progress of a run with branches: a tree of its blocks, with the progress of loops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import attrs
from rich.text import Text

from dagflow.cli.output.tables import RunReport
from dagflow.cli.output.text import instant, printable
from dagflow.execution.results import ItemCounts, NodeResult
from dagflow.model.blocks import BlockKind
from dagflow.model.flow import Flow, NodeKind
from dagflow.model.status import NodeStatus
from dagflow.pictures.listing import Branch, branches
from dagflow.pictures.outline import Leaf, Outline, Region, leaves_of, outline_of, regions_of

_BUSY = frozenset({NodeStatus.RUNNING, NodeStatus.READY})
#: The status of a block is the first of these that a step in it has.
_FIRST = (NodeStatus.RUNNING, NodeStatus.READY, NodeStatus.WAITING, NodeStatus.FAILED, NodeStatus.CANCELLED)

#: Returns the sign and the word of a status.
Mark = Callable[[NodeStatus], Text]


@attrs.frozen
class _Row:
    """A line: a step or block, and its status. `around`: the rows of the enclosing blocks."""

    branch: Branch
    status: NodeStatus
    node: NodeResult | None
    ended_at: int
    around: tuple[int, ...]


@attrs.frozen(eq=False)
class Tree:
    """The tree of a flow, made once for all drawings."""

    flow: Flow
    outline: Outline
    lines: tuple[Branch, ...]

    @classmethod
    def of(cls, flow: Flow) -> Tree | None:
        """Return the tree of a flow; None if it has no branches, so that a list shows as much."""
        outline = outline_of(flow)
        if all(region.kind in {BlockKind.ROOT, BlockKind.BODY} for region in regions_of(outline.root)):
            return None
        inside = {
            id(each)
            for region in regions_of(outline.root)
            if region.kind is BlockKind.FOR
            for each in (*regions_of(region), *leaves_of(region))
            if each is not region
        }
        # An item of a loop is a run of its own.
        return cls(outline=outline, flow=flow, lines=tuple(each for each in branches(outline) if id(each.item) not in inside))

    def cells(self, story: RunReport, room: int, mark: Mark) -> list[list[Text]]:
        """Return the lines that fit into the room, each as name, status and note."""
        nodes = {str(node.id): node for node in story.result.nodes}
        rows = list(self._rows(nodes))
        chosen = _in_view(rows, room)
        cells = [_cells(story, row, mark) for number, row in enumerate(rows) if number in chosen]
        for node in story.shown():
            if node.kind is NodeKind.UNDO:
                outcome = Text(story.outcome(node), style="dim")
                cells.append([Text(f"↶ {story.label(node)}"), mark(node.status), outcome])
        return cells

    def _rows(self, nodes: dict[str, NodeResult]) -> Iterator[_Row]:
        places: dict[int, int] = {}
        for branch in self.lines:
            item = branch.item
            node = nodes.get(item.node.id) if item.node is not None else None
            if isinstance(item, Region) and item.kind is BlockKind.HANDLER and (node is None or node.outcome != "failure"):
                continue
            around = [places[id(each)] for each in self.outline.around(item) if id(each) in places]
            if any(each.kind is BlockKind.HANDLER and id(each) not in places for each in self.outline.around(item)):
                continue
            if isinstance(item, Leaf) and node is None:
                continue
            places[id(item)] = len(places)
            below = [node] if node is not None and not _is_handler(item) else _below(item, nodes)
            ended_at = max((each.ended_at or 0 for each in below), default=0)
            yield _Row(branch, _status(below), node, ended_at, tuple(around))


def _is_handler(item: Leaf | Region) -> bool:
    return isinstance(item, Region) and item.kind is BlockKind.HANDLER


def _below(item: Leaf | Region, nodes: dict[str, NodeResult]) -> list[NodeResult]:
    """Return the results of the steps in a block."""
    found = [leaf.node.id for leaf in leaves_of(item) if leaf.node is not None and "/" not in leaf.key]
    loops = regions_of(item) if isinstance(item, Region) else ()
    found += [each.node.id for each in loops if each.kind is BlockKind.FOR and each.node is not None]
    return [nodes[each] for each in found if each in nodes]


def _status(nodes: Sequence[NodeResult]) -> NodeStatus:
    """Return the status of a block: running if a step in it is running, settled if all steps are."""
    statuses = {node.status for node in nodes}
    for status in _FIRST:
        if status in statuses:
            return status
    if NodeStatus.PENDING in statuses or not statuses:
        return NodeStatus.RUNNING if NodeStatus.SUCCEEDED in statuses else NodeStatus.PENDING
    return NodeStatus.SUCCEEDED if NodeStatus.SUCCEEDED in statuses else NodeStatus.PRUNED


def _in_view(rows: Sequence[_Row], room: int) -> Collection[int]:
    """Choose the lines to show: running, then the last to end, then the next; each with the enclosing blocks."""
    if len(rows) <= room:
        return range(len(rows))

    def rank(number: int) -> tuple[int, int]:
        row = rows[number]
        if row.status in _BUSY or row.status is NodeStatus.WAITING:
            return (0, number)
        return (1, -row.ended_at) if row.status.is_settled else (2, number)

    chosen: set[int] = set()
    for number in sorted((each for each in range(len(rows)) if rows[each].node is not None), key=rank):
        wanted = {number, *rows[number].around} - chosen
        if len(chosen) + len(wanted) <= room:
            chosen |= wanted
    return chosen


def _cells(story: RunReport, row: _Row, mark: Mark) -> list[Text]:
    name = Text(row.branch.guide, style="dim")
    name.append(printable(row.branch.words), style="bold not dim" if isinstance(row.branch.item, Region) else "not dim")
    said = "" if row.node is None or _is_handler(row.branch.item) else _said(story, row.node)
    return [name, mark(row.status), Text(said, style="dim")]


def _said(story: RunReport, node: NodeResult) -> str:
    """Return the note on a step: its progress, its attempt, or the time until which it waits."""
    if node.items is not None and node.items.total and not node.status.is_settled:
        return _items(node.items)
    most = story.flow.node(node.id).retry.max_attempts
    match node.status:
        case NodeStatus.RUNNING if node.attempts > 1:
            return f"attempt {node.attempts - node.attempts_before} of {most}"
        case NodeStatus.WAITING if node.due_at is not None and node.kind is NodeKind.ACTION:
            failure = "" if node.failure is None else f", {printable(node.failure.code)}"
            return (
                f"attempt {node.attempts - node.attempts_before} of {most} failed{failure}; again at {instant(node.due_at)} UTC"
            )
        case NodeStatus.SUCCEEDED if node.failure is None and node.items is None:
            return node.outcome
        case _:
            return story.outcome(node)


def _items(items: ItemCounts) -> str:
    n_ended = items.succeeded + items.unsuccessful
    bad = f", {items.unsuccessful} not succeeded" if items.unsuccessful else ""
    return f"{n_ended}/{items.total} items, {items.begun - n_ended} under way{bad}"
