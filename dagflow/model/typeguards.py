"""Questions about values of which nothing is known yet, asked so that type checkers take the answer whole."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TypeGuard


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether it is a list, of whatever."""
    return isinstance(value, list)


def is_sequence(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    """Whether it is a list or a tuple, of whatever."""
    return isinstance(value, (list, tuple))


def is_set(value: object) -> TypeGuard[AbstractSet[object]]:
    """Whether it is a set, of whatever."""
    return isinstance(value, AbstractSet)


def is_dict(value: object) -> TypeGuard[dict[object, object]]:
    """Whether it is a dictionary, of whatever."""
    return isinstance(value, dict)


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether it is a dictionary that came out of JSON, where keys are texts."""
    return isinstance(value, dict)
