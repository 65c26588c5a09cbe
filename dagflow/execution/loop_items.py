"""The items of a loop, before they begin and after they have ended."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dagflow.engine import events
from dagflow.errors import DagflowBug
from dagflow.execution.evaluate import BAD_VALUE, Unevaluable, evaluated
from dagflow.execution.program import Code
from dagflow.model.flow import Loop
from dagflow.model.typeguards import is_list


@attrs.define(eq=False)
class LoopItems:
    """The items of a loop.

    Attributes:
        keys: the key of each. refused: items that must not begin, with the reason.
        yields: of items that ended well and yielded something. failures: of items that did not end well, as records.
    """

    items: list[object]
    keys: list[object]
    refused: dict[int, str] = attrs.field(factory=dict)
    yields: dict[int, object] = attrs.field(factory=dict)
    failures: dict[int, Mapping[str, object]] = attrs.field(factory=dict)

    def bindings(self, loop: Loop, index: int) -> dict[str, object]:
        """Return the values that the body of the loop reads of an item."""
        return _bindings(loop, index, self.items[index])


def list_items(code: Code, loop: Loop, bindings: Mapping[str, object]) -> LoopItems:
    """Evaluate a loop's list and its items' keys. Raises Unevaluable."""
    if code.expression is None:
        raise DagflowBug(f"the loop {code.node.id!r} lacks its list")
    items = evaluated(code.expression, bindings, "the list")
    if not is_list(items):
        raise Unevaluable(BAD_VALUE, "what the loop goes over is not a list")
    if code.key is None or len(items) > loop.most:
        return LoopItems(items, list(range(len(items))))
    listed = LoopItems(items, [])
    seen: dict[object, int] = {}
    for index, item in enumerate(items):
        key = evaluated(code.key, {**bindings, **_bindings(loop, index, item)}, "the key")
        listed.keys.append(key)
        first = seen.setdefault(key, index)
        if first != index:
            listed.refused[index] = f"the items {first} and {index} have the same key, {key!r}"
    return listed


def loop_value(loop: Loop, listed: LoopItems) -> object:
    """Return the value of a loop whose items have ended."""
    yields = [value for _, value in sorted(listed.yields.items(), key=lambda entry: entry[0])]
    if not loop.collects:
        return yields
    failed = [{"key": listed.keys[index], "error": error} for index, error in sorted(listed.failures.items())]
    return {"ok": yields, "failed": failed}


def failure_record(event: events.ItemEnded) -> Mapping[str, object]:
    """The failure of an item as a flow reads it."""
    return {"step": event.step, "code": event.code, "message": event.message, "attempt": event.attempt}


def _bindings(loop: Loop, index: int, item: object) -> dict[str, object]:
    return {loop.item: item, loop.index: index} if loop.index else {loop.item: item}
