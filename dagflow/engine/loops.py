"""Loops: begin items in order, a limited number at a time, and end the loop with its items."""

from __future__ import annotations

from dagflow.engine import events
from dagflow.engine.commands import CancelItem, StartItem
from dagflow.engine.scopes import fail_node
from dagflow.engine.state import Failure, Loop, State
from dagflow.engine.transitions import Change
from dagflow.errors import DagflowBug
from dagflow.model.status import NodeStatus, RunStatus


def list_items(state: State, event: events.ItemsListed) -> None:
    """The items are known: begin the first ones."""
    state.change(event.node, Change.START_ATTEMPT)
    state.loops[event.node] = Loop(event.count)
    _go_on(state, event.node)


def end_item(state: State, event: events.ItemEnded) -> None:
    """An item has ended: begin another, or end the loop."""
    node, index = event.node, event.index
    loop = state.loops.get(node)
    if loop is None or index not in loop.open:
        raise DagflowBug(f"the item {index} is not open: {state.story(node)}")
    del loop.open[index]
    if event.status is not RunStatus.SUCCEEDED:
        loop.unsuccessful[index] = event.status
        state.is_dirty |= event.status is RunStatus.FAILED_DIRTY
        if not state.plan.collects[node] and loop.failure is None and not state.is_cancelling[node]:
            where = f"item {index}, {event.step}" if event.step else f"item {index}"
            loop.failure = Failure(node, event.attempt, event.code, f"{where}: {event.message}")
            state.commands += [CancelItem(node, other) for other in loop.open]
    _go_on(state, node)


def open_commands(state: State) -> list[StartItem | CancelItem]:
    """The open commands about items, for a driver that has lost them."""
    found: list[StartItem | CancelItem] = []
    for node, loop in state.loops.items():
        if state.status[node] is not NodeStatus.RUNNING:
            continue
        found += [StartItem(node, index) for index in loop.open]
        if loop.failure is not None or state.is_cancelling[node]:
            found += [CancelItem(node, index) for index in loop.open]
    return found


def _go_on(state: State, node: int) -> None:
    loop = state.loops[node]
    is_stopping = loop.failure is not None or state.is_cancelling[node]
    while not is_stopping and loop.n_begun < loop.total and len(loop.open) < state.plan.widths[node]:
        loop.open[loop.n_begun] = None
        state.commands.append(StartItem(node, loop.n_begun))
        loop.n_begun += 1
    if loop.open:
        return
    if state.is_cancelling[node]:
        state.change(node, Change.CANCEL)
    elif loop.failure is not None:
        fail_node(state, loop.failure)
    else:
        state.change(node, Change.SUCCEED)
