"""Check JSON values against the types of documents, from which the OpenAPI document is made as well."""

from __future__ import annotations

import enum
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NotRequired, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from dagflow.model.typeguards import is_list, is_object
from dagflow.web.problems import FaultDocument, Problem

#: Wrong places in one answer, at most.
_MOST = 20
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


def checked(type_: Any, value: object) -> Any:
    """Return the value, which has the type.

    Raises:
        Problem: it has not; the places say where.
    """
    places: list[FaultDocument] = []
    for place in _wrong(type_, value, "$"):
        places.append(place)
        if len(places) == _MOST:
            break
    if places:
        detail = "; ".join(f"{each['at']} {each['message']}" for each in places)
        raise Problem(422, "does_not_fit", f"the body does not fit: {detail}", places=places)
    return value


def _wrong(type_: Any, value: object, at: str) -> Iterator[FaultDocument]:
    origin, arguments = get_origin(type_), get_args(type_)
    if type_ is object:
        return
    if type_ in _WORDS:
        if not _is_scalar(type_, value):
            yield {"at": at, "message": f"must be {_WORDS[type_]}"}
    elif is_typeddict(type_):
        yield from _wrong_object(type_, value, at)
    elif origin is Literal or origin is Annotated:
        words = arguments if origin is Literal else [each.value for each in cast("type[enum.Enum]", arguments[1])]
        if value not in words or isinstance(value, bool):
            yield {"at": at, "message": f"must be one of {', '.join(map(str, words))}"}
    elif origin is NotRequired:
        yield from _wrong(arguments[0], value, at)
    elif origin in {Union, types.UnionType}:
        yield from _wrong_everywhere(arguments, value, at)
    elif origin is list:
        if not is_list(value):
            yield {"at": at, "message": "must be a list"}
            return
        for index, each in enumerate(value):
            yield from _wrong(arguments[0], each, f"{at}[{index}]")
    elif origin is dict:
        if not is_object(value):
            yield {"at": at, "message": "must be an object"}
            return
        for key, each in value.items():
            yield from _wrong(arguments[1], each, f"{at}.{key}")


def _wrong_object(type_: Any, value: object, at: str) -> Iterator[FaultDocument]:
    if not is_object(value):
        yield {"at": at, "message": "must be an object"}
        return
    hints = get_type_hints(type_, include_extras=True)
    for name, hint in hints.items():
        if name in value:
            yield from _wrong(hint, value[name], f"{at}.{name}")
        elif get_origin(hint) is not NotRequired:
            yield {"at": f"{at}.{name}", "message": "must be there"}
    for name in value.keys() - hints.keys():
        yield {"at": f"{at}.{name[:40]}", "message": f"must not be there; the fields are {', '.join(hints)}"}


def _wrong_everywhere(kinds: tuple[Any, ...], value: object, at: str) -> Iterator[FaultDocument]:
    """The places that are wrong under the last of the alternatives, if none of them fits; null is last."""
    found: list[FaultDocument] = []
    for kind in kinds:
        places = list(_wrong(kind, value, at))
        if not places:
            return
        found = places if kind is not type(None) else found
    yield from found


def _is_scalar(type_: Any, value: object) -> bool:
    if type_ is type(None):
        return value is None
    if type_ is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, type_) and (type_ is bool or not isinstance(value, bool))
