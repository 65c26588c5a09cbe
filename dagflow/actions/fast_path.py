"""The fast path to an action: checks without problems, places and messages, for values as most calls have them.

A result is checked by a function made for its type. Whatever that does not take as it is, it leaves to the general path
(`actions.bound_action`), which converts the value or reports what is wrong with it. So the fast path decides nothing of its own.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, cast

import attrs
import orjson

from dagflow.actions.failures import ActionFailed
from dagflow.actions.shape import Shape, is_unchanged
from dagflow.model.types import (
    BOOL,
    DOUBLE,
    INT,
    JSON,
    NULL,
    STRING,
    EnumType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    ScalarType,
    Type,
)
from dagflow.model.wire.json_reader import MAX_DEPTH
from dagflow.model.wire.text_forms import INT64_MAX, INT64_MIN, SCALAR_CHECKS

#: The result of a check for a value that has to take the general path.
MISS: Final = object()
#: Characters of a text in a result whose JSON is not measured.
_MOST_TEXT: Final = 1_000
_MOST_FIELDS: Final = 64
#: Bytes of JSON of a result. Every value with so little JSON is far below the limits for results.
_MOST_JSON: Final = 64 * 1024
_MOST_MEASURED_TEXT: Final = 16 * 1024
#: Elements of a container, and of one whose elements have members of their own.
_MOST_ELEMENTS: Final = 1_000
_MOST_NESTED: Final = 100
#: Values in free JSON, each text counting by its length, too: what contains one part again and again has no end.
_MOST_PARTS: Final = 2_000
_TEXT_SHIFT: Final = 6
#: Levels of free JSON, and of what is around it: half of what a value may have, each.
_MOST_DEPTH: Final = MAX_DEPTH // 2
_TEXT: Final = frozenset({str})
_LISTS: Final = frozenset({list, tuple})
_MAPS: Final = frozenset({dict})

#: From the result of a function to stored form, or MISS.
Check: TypeAlias = Callable[[Any], Any]
#: A result in stored form, and its JSON if that is known.
Kept: TypeAlias = tuple[object, "bytes | None"]


@attrs.frozen(eq=False)
class FastAction:
    """An action that can be called without an `Invocation`.

    Attributes:
        function: from the arguments in stored form, by name, to an awaitable of its result. Raises ActionFailed: an argument is refused.
        keep: from its result to stored form; None for a result that `keep_any` has to take.
        keep_any: the same for any result. Raises ActionFailed: the result does not match the declared type.
        explain: from an exception to the failure of the attempt.
        key_names: the arguments that are the effect key.
    """

    function: Callable[..., Awaitable[object]]
    keep: Callable[[object], Kept | None]
    keep_any: Callable[[object], Awaitable[object]]
    explain: Callable[[BaseException], ActionFailed]
    key_names: tuple[str, ...] = ()


def keeper_of(shape: Shape) -> Callable[[object], Kept | None]:
    """Return the fast check of results of that shape, see `FastAction.keep`."""
    if _is_free(shape):
        return _keep_json
    check = _check_of(shape) if _depth(shape.type) <= _MOST_DEPTH else None
    if check is None:
        return lambda _: None
    found = check
    if _is_small(shape.type):

        def keep_small(value: object) -> Kept | None:
            kept = found(value)
            return None if kept is MISS else (kept, None)

        return keep_small

    def keep(value: object) -> Kept | None:
        kept = found(value)
        if kept is MISS:
            return None
        try:
            as_json = orjson.dumps(kept)
        except TypeError:  # half a surrogate pair
            return None
        return (kept, as_json) if len(as_json) <= _MOST_JSON else None

    return keep


def _is_small(type_: Type) -> bool:
    """Whether a value that was checked needs not be measured: it has few parts, each of them bounded."""
    match type_:
        case OptionalType(inner):
            return _is_small(inner)
        case RecordType(_, fields):
            return all(not isinstance(field.type, RecordType) and _is_small(field.type) for field in fields)
        case _:
            return type_ in {NULL, BOOL, INT, DOUBLE} or type_ is STRING or isinstance(type_, EnumType)


def _check_of(shape: Shape, most_text: int = 0) -> Check | None:
    type_ = shape.type
    # Of a text that is measured only what JSON cannot have matters, which measuring finds.
    most_text = most_text or (_MOST_TEXT if _is_small(type_) else _MOST_MEASURED_TEXT)
    match type_:
        case RecordType():
            return _record_check(shape, type_, most_text)
        case OptionalType():
            inner = None if shape.element is None else _check_of(shape.element, most_text)
            return None if inner is None else _optional(inner)
        case ListType() | MapType():
            return _container_check(shape, most_text)
        case _ if is_unchanged(shape):
            return _scalar_check(type_, most_text)
        case EnumType() | ScalarType():
            check, out = _scalar_check(type_, most_text), shape.out
            return None if check is None else (lambda value: check(out(value)))
        case _:
            return None


def _scalar_check(type_: Type, most_text: int) -> Check | None:
    if type_ is NULL:
        return lambda value: None if value is None else MISS
    if type_ is BOOL:
        return lambda value: value if value is True or value is False else MISS
    if type_ is INT:
        return lambda value: value if type(value) is int and INT64_MIN <= value <= INT64_MAX else MISS
    if type_ is DOUBLE:
        return lambda value: value if type(value) is float and math.isfinite(value) else MISS
    if type_ is JSON:
        return lambda value: MISS if (kept := _keep_json(value)) is None else kept[0]
    if isinstance(type_, EnumType):
        members = frozenset(type_.values)
        return lambda value: value if type(value) is str and value in members else MISS
    text = _measured_text if most_text > _MOST_TEXT else _short_text
    if type_ is STRING:
        return text
    if isinstance(type_, ScalarType):
        check = SCALAR_CHECKS.get(type_.name)
        return text if check is None else _checked_text(check)
    return None


def _short_text(value: Any) -> Any:
    # ASCII text is valid UTF-8, and its JSON is at most six times as long.
    return value if type(value) is str and len(value) <= _MOST_TEXT and value.isascii() else MISS


def _measured_text(value: Any) -> Any:
    return value if type(value) is str and len(value) <= _MOST_MEASURED_TEXT else MISS


def _checked_text(check: Callable[[str], None]) -> Check:
    def check_text(value: Any) -> Any:
        if type(value) is not str or len(value) > _MOST_TEXT:
            return MISS
        try:
            check(value)
        except ValueError:
            return MISS
        return value

    return check_text


def _optional(inner: Check) -> Check:
    return lambda value: None if value is None else inner(value)


def _container_check(shape: Shape, most_text: int) -> Check | None:
    type_, element = shape.type, shape.element
    if element is None:
        return None
    inner = _check_of(element, most_text)
    if inner is None:
        return None
    check = inner
    most = _MOST_ELEMENTS if _n_levels(element.type) == 0 else _MOST_NESTED if _n_levels(element.type) == 1 else 0
    if not most:
        return None

    def check_list(value: Any) -> Any:
        if type(value) not in _LISTS or len(value) > most:
            return MISS
        kept = [check(each) for each in value]
        return MISS if MISS in kept else kept

    def check_map(value: Any) -> Any:
        if type(value) not in _MAPS or len(value) > most:
            return MISS
        kept = {key: check(each) for key, each in value.items()}
        if not _TEXT.issuperset(map(type, kept)) or max(map(len, kept), default=0) > _MOST_TEXT:
            return MISS
        return MISS if MISS in kept.values() else kept

    if isinstance(type_, ListType):
        return check_list
    return check_map if isinstance(type_, MapType) and type_.key is STRING else None


def _depth(type_: Type) -> int:
    """How many levels the values of a type have, without those of free JSON."""
    match type_:
        case ListType(inner) | MapType(_, inner):
            return 1 + _depth(inner)
        case OptionalType(inner):
            return _depth(inner)
        case RecordType(_, fields):
            return 1 + max((_depth(field.type) for field in fields), default=0)
        case _:
            return 0


def _n_levels(type_: Type) -> int:
    """How many containers of any length are inside one another in the values of a type; free JSON bounds itself."""
    match type_:
        case ListType(inner) | MapType(_, inner):
            return 1 + _n_levels(inner)
        case OptionalType(inner):
            return _n_levels(inner)
        case RecordType(_, fields):
            return max((_n_levels(field.type) for field in fields), default=0)
        case _:
            return int(type_ is JSON)


def _record_check(shape: Shape, type_: RecordType, most_text: int) -> Check | None:
    names = [field.name for field in type_.fields]
    checks = [_check_of(shape.fields[name], most_text) for name in names if name in shape.fields]
    known = [check for check in checks if check is not None]
    if not known or len(known) != len(names) or len(known) > _MOST_FIELDS:
        return None
    if shape.class_ is None:  # a TypedDict; one without all its fields, or with another order, takes the general path
        places = [f"[{name!r}]" for name in names]
        return _made_check("type(value) is not dict or tuple(value) != names", {"names": tuple(names)}, names, places, known)
    if not all(attribute.isidentifier() and not keyword.iskeyword(attribute) for attribute in shape.attributes):
        return None
    places = [f".{attribute}" for attribute in shape.attributes]
    return _made_check("type(value) is not class_", {"class_": shape.class_}, names, places, known)


def _made_check(
    unless: str, known: dict[str, Any], names: Sequence[str], places: Sequence[str], checks: Sequence[Check]
) -> Check:
    """A function without a loop; of the host's code only the names of attributes and fields are in its source.

    Args:
        unless: what is true of a value of another class, with the names that are `known`.
        places: of the fields, as behind the value.
    """
    known["MISS"] = MISS
    lines = ["def check(value):", f"    if {unless}:", "        return MISS", "    try:"]
    for n, (place, check) in enumerate(zip(places, checks, strict=True)):
        known[f"check{n}"] = check
        lines.append(f"        v{n} = check{n}(value{place})")
    lines += ["    except (AttributeError, KeyError):", "        return MISS"]
    lines += [f"    if {' or '.join(f'v{n} is MISS' for n in range(len(names)))}:", "        return MISS"]
    fields = ", ".join(f"{name!r}: v{n}" for n, name in enumerate(names))
    lines.append(f"    return {{{fields}}}")
    exec(compile("\n".join(lines), "<dagflow check>", "exec", dont_inherit=True), known)  # noqa: S102 - see above
    return cast("Check", known["check"])


# ---- free JSON


def _is_free(shape: Shape) -> bool:
    return shape.type is JSON and is_unchanged(shape)


def _keep_json(value: object) -> Kept | None:
    """Free JSON, if all of it is of the very classes that JSON has; a copy, since the host may change its own."""
    if not _is_bounded(value):
        return None
    try:
        as_json = orjson.dumps(value)
    except TypeError:  # half a surrogate pair, or a key that is no text
        return None
    return (orjson.loads(as_json), as_json) if len(as_json) <= _MOST_JSON else None


def _is_bounded(value: object) -> bool:
    """Whether a value is JSON with few parts and of little depth."""
    level: list[Any] = [[value]]
    left = _MOST_PARTS
    for _ in range(_MOST_DEPTH + 1):
        below: list[Any] = []
        for container in level:
            left -= len(container)
            if left < 0:
                return False
            for each in container:
                class_: object = type(each)  # pyright: ignore[reportUnknownVariableType]
                if class_ is str:
                    left -= len(each) >> _TEXT_SHIFT
                elif class_ is int:
                    if not INT64_MIN <= each <= INT64_MAX:
                        return False
                elif class_ is dict:
                    below.append(each.values())
                    left -= sum(map(len, each)) >> _TEXT_SHIFT if _TEXT.issuperset(map(type, each)) else left + 1
                elif class_ is list:
                    below.append(each)
                elif class_ is float:
                    if not math.isfinite(each):
                        return False
                elif class_ is not bool and each is not None:
                    return False
        if not below:
            return left >= 0
        level = below
    return False
