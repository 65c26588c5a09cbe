"""The events that runs of some flows may still take, and why an event never reaches any of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dagflow.diagnostic import nearest
from dagflow.model.flow import Flow, NodeKind

#: So many names are read; more are only counted.
_SHOWN: Final = 10


def awaited_by(flows: Iterable[Flow]) -> set[str]:
    """The events that a wait of these flows is for, or one of a loop in them, or of a flow they call."""
    return {event for flow in {id(flow): flow for flow in flows}.values() for event in _events(flow)}


def unheard(event: str, flows: Iterable[Flow]) -> str:
    """Return why no run ever takes an event: no wait of these flows, whose runs have not ended, is for it. "" if one is."""
    known = sorted(awaited_by(flows))
    if event in known:
        return ""
    if not known:
        return f"no run waits for {event!r}, nor for any other event"
    shown = ", ".join(map(repr, known[:_SHOWN])) + (f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else "")
    meant = nearest(event, known)
    return f"no run waits for {event!r}, only for {shown}" + (f"; did you mean {meant!r}?" if meant else "")


def _events(flow: Flow) -> Iterator[str]:
    for node in flow.nodes:
        if node.kind is NodeKind.WAIT_EVENT:
            yield node.event
        if node.loop is not None:
            yield from _events(node.loop.body)
    for callee in flow.callees:
        yield from _events(callee.flow)
