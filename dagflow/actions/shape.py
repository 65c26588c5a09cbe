"""The meaning of an annotation: a type of the language, with conversions of values in both directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from dagflow.model.types import Type

#: Returns the content of the secret of that name.
Reveal: TypeAlias = Callable[[str], str]


def _same(value: Any) -> Any:
    return value


def _same_in(value: Any, _reveal: Reveal) -> Any:
    return value


@attrs.frozen(eq=False)
class Shape:
    """The meaning of an annotation.

    Attributes:
        into: from stored form to the value that the function expects. Raises ValueError, or what the class of the value raises.
        out: from the result of the function to stored form.
        class_: the class of a record, if its objects have attributes. attributes: its names of the fields.
        fields: of a record, the shapes by name.
        element: of a list, a map or an optional value, the shape of what is inside.
        is_one: whether a Python value is of this shape; of a record alone.
    """

    type: Type
    into: Callable[[Any, Reveal], Any] = _same_in
    out: Callable[[Any], Any] = _same
    class_: Any = None
    attributes: tuple[str, ...] = ()
    fields: Mapping[str, Shape] = attrs.field(factory=dict[str, "Shape"])
    element: Shape | None = None
    is_one: Callable[[Any], bool] = lambda _: False


def is_unchanged(shape: Shape) -> bool:
    """Whether results of this shape are in stored form as they are."""
    return shape.out is _same


def is_given_as_stored(shape: Shape) -> bool:
    """Whether arguments of this shape reach the function in stored form."""
    return shape.into is _same_in
