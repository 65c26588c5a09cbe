"""Types that are texts among flows and objects in Python: ids, dates and times of day."""

from __future__ import annotations

import datetime as dt
import uuid  # noqa: TID251 - reads ids, and makes none
from collections.abc import Callable
from typing import Any, Final

from dagflow.actions.shape import Shape
from dagflow.model.types import ScalarType


def _of(class_: type, name: str, parse: Callable[[str], Any], form: Callable[[Any], str]) -> Shape:
    return Shape(
        ScalarType(name),
        lambda value, _: parse(value),
        # A datetime is a date for Python, and is none here.
        lambda value: form(value) if type(value) is class_ or (isinstance(value, class_) and class_ is not dt.date) else value,
    )


def _time_form(value: dt.time) -> Any:
    # With a zone it is no time of day; the codec refuses it.
    return value.isoformat() if value.tzinfo is None else value


#: The shapes of such types, by class.
TEXT_SHAPES: Final = {
    uuid.UUID: _of(uuid.UUID, "Uuid", uuid.UUID, str),
    dt.date: _of(dt.date, "Date", dt.date.fromisoformat, dt.date.isoformat),
    dt.time: _of(dt.time, "Time", dt.time.fromisoformat, _time_form),
}
#: Names of classes of pydantic that are a kind of text among flows; pydantic reads them from text by itself.
_OF_PYDANTIC: Final = {"EmailStr": "Email", "HttpUrl": "Url", "AnyHttpUrl": "Url"}


def pydantic_text(annotation: Any) -> Shape | None:
    """The shape of an address as pydantic has it; None for any other annotation."""
    name = str(getattr(annotation, "__name__", ""))
    if name not in _OF_PYDANTIC or not str(getattr(annotation, "__module__", "")).startswith("pydantic."):
        return None
    return Shape(ScalarType(_OF_PYDANTIC[name]), out=lambda value: value if isinstance(value, str | None) else str(value))
