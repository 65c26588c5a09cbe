"""The fast path to an action: for signatures whose values are the same in stored form and in Python.

Most arguments and results are texts, numbers and records of these. They need no conversion, and a few comparisons check a
result. Any other value takes the general path (`actions.performer`), which reports an invalid value.
"""

from __future__ import annotations

import keyword
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, cast

import attrs

from dagflow.actions.failures import ActionFailed
from dagflow.actions.shape import Shape
from dagflow.model.types import BOOL, INT, NULL, STRING, EnumType, OptionalType, RecordType, ScalarType, Type

#: The result of a check for a value that has to take the general path.
MISS: Final = object()
#: The general path measures longer texts, so that no result passes whose JSON is too large to store.
_MOST_TEXT: Final = 1_000
_MOST_FIELDS: Final = 64
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1

#: From the result of a function to stored form, or MISS.
Check: TypeAlias = Callable[[Any], Any]


@attrs.frozen(eq=False)
class FastAction:
    """An action that can be called with its arguments as they are stored.

    Attributes:
        function: the host's, a coroutine function.
        keep: from its result to stored form. Raises ActionFailed: the result does not match the declared type.
        explain: from an exception to the failure of the attempt.
    """

    function: Callable[..., Awaitable[object]]
    keep: Callable[[object], object]
    explain: Callable[[BaseException], ActionFailed]


def is_as_stored(shape: Shape) -> bool:
    """Whether an argument of this shape reaches the function in its stored form."""
    return shape.type in {BOOL, INT, STRING} or isinstance(shape.type, ScalarType)


def check_of(shape: Shape) -> Check | None:
    """The fast check of a result of that shape; None if it has none."""
    if shape.class_ is not None and isinstance(shape.type, RecordType):
        return _record_check(shape.type, shape.class_, shape.attributes)
    return _scalar_check(shape.type)


def _scalar_check(type_: Type) -> Check | None:
    if type_ is NULL:
        return lambda value: None if value is None else MISS
    if type_ is BOOL:
        return lambda value: value if value is True or value is False else MISS
    if type_ is INT:
        return lambda value: value if type(value) is int and _INT_MIN <= value <= _INT_MAX else MISS
    if type_ is STRING:
        return _check_text
    if isinstance(type_, OptionalType):
        inner = _scalar_check(type_.value)
        return None if inner is None else _optional(inner)
    if isinstance(type_, EnumType):
        members = frozenset(type_.values)
        return lambda value: value if type(value) is str and value in members else MISS
    return None


def _check_text(value: Any) -> Any:
    # ASCII text is valid UTF-8, and its JSON is at most six times as long.
    return value if type(value) is str and len(value) <= _MOST_TEXT and value.isascii() else MISS


def _optional(inner: Check) -> Check:
    return lambda value: None if value is None else inner(value)


def _record_check(type_: RecordType, class_: type, attributes: tuple[str, ...]) -> Check | None:
    checks = [_scalar_check(field.type) for field in type_.fields]
    known = [check for check in checks if check is not None]
    if not known or len(known) != len(checks) or len(known) > _MOST_FIELDS:
        return None
    if not all(attribute.isidentifier() and not keyword.iskeyword(attribute) for attribute in attributes):
        return None
    return _made_check(class_, [field.name for field in type_.fields], attributes, known)


def _made_check(class_: type, names: Sequence[str], attributes: Sequence[str], checks: Sequence[Check]) -> Check:
    """A function without a loop; of host's code only the names of attributes are in its source."""
    known: dict[str, Any] = {"class_": class_, "MISS": MISS}
    lines = ["def check(value):", "    if type(value) is not class_:", "        return MISS"]
    for n, (attribute, check) in enumerate(zip(attributes, checks, strict=True)):
        known[f"check{n}"] = check
        lines += [f"    v{n} = check{n}(value.{attribute})", f"    if v{n} is MISS:", "        return MISS"]
    fields = ", ".join(f"{name!r}: v{n}" for n, name in enumerate(names))
    lines.append(f"    return {{{fields}}}")
    exec(compile("\n".join(lines), "<dagflow check>", "exec", dont_inherit=True), known)  # noqa: S102 - see above
    return cast("Check", known["check"])
