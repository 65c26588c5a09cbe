"""The checked forms of expressions as JSON: nested arrays, quick to read, where they are shallow; a flat list where they are deep.

A flat form writes a tuple as `[n]` followed by its n items, so that no reader or writer recurses, whatever the depth. It stands in
an object, `{"flat": […]}`, which no nested form holds.
"""

from __future__ import annotations

import math
from typing import Final, cast

from dagflow.model.typeguards import is_list, is_object, is_sequence

#: Arrays inside each other; JSON readers and Python allow several hundred.
_MOST_NESTED: Final = 60


def write_core(core: object) -> object:
    """The form as JSON data. Raises TypeError if it holds anything but tuples, texts, numbers, bools and None."""
    flat, depth = _flatten(core)
    return core if depth <= _MOST_NESTED else {"flat": flat}


def read_core(data: object) -> object:
    """The form `write_core` wrote. Raises TypeError or ValueError if it is damaged."""
    if is_list(data):
        return _tuple(data)
    if is_object(data):
        return _unflatten(data["flat"])
    return data


def _tuple(items: list[object]) -> tuple[object, ...]:
    # By `type`, since every JSON list is one exactly, and this is most of reading a flow.
    return tuple([_tuple(cast("list[object]", item)) if type(item) is list else item for item in items])


def _flatten(core: object) -> tuple[list[object], int]:
    flat: list[object] = []
    waiting = [(core, 0)]
    deepest = 0
    while waiting:
        item, depth = waiting.pop()
        if is_sequence(item) and isinstance(item, tuple):
            flat.append([len(item)])
            deepest = max(deepest, depth + 1)
            waiting.extend((part, depth + 1) for part in reversed(item))
        elif item is None or isinstance(item, (str, bool, int)) or (isinstance(item, float) and math.isfinite(item)):
            flat.append(item)
        else:
            raise TypeError(f"an expression's core holds a {type(item).__name__}")
    return flat, deepest


def _unflatten(flat: object) -> object:
    """Read from the back, so that the items of a tuple are there when its mark comes."""
    if not is_list(flat):
        raise TypeError("a core is a list")
    items: list[object] = []
    for item in reversed(flat):
        if is_list(item):
            (length,) = item
            if not isinstance(length, int) or not 0 <= length <= len(items):
                raise ValueError("a core lacks items")
            cut = len(items) - length
            items[cut:] = [tuple(reversed(items[cut:]))]
        elif isinstance(item, dict):
            raise TypeError("a core holds an object")
        else:
            items.append(item)
    (core,) = items
    return core
