"""A value in stored form as the core of an expression that has it."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from dagflow.errors import DagflowBug
from dagflow.model.decimals import decimal_text
from dagflow.model.types import Field
from dagflow.model.values import NANOS_PER_SECOND, Duration, Timestamp, UInt
from dagflow.model.wire import codec as wire


def default_core(field: Field) -> object:
    """The core of a field's default."""
    return constant_core(wire.decode(field.default, field.type))


def constant_core(value: object) -> object:
    """The core of a constant: what JSON has, and decimal numbers, lengths, instants, unsigned numbers and bytes."""
    match value:
        case None:
            return ("null",)
        case bool():
            return ("bool", value)
        case UInt():
            return ("uint", int(value))
        case int():
            return ("int", value)
        case float():
            return ("double", value)
        case str():
            return ("string", value)
        case bytes():
            return ("bytes", value.hex())
        case Decimal():
            return ("decimal", decimal_text(value))
        case Duration():
            return ("duration", value.nanos)
        case Timestamp():
            # In two numbers: the years 1 to 9999 are more nanoseconds than 64 bits hold, and JSON is to hold both.
            return ("timestamp", *divmod(value.nanos, NANOS_PER_SECOND))
        case list():
            items = cast("list[object]", value)
            return ("list", (False,) * len(items), *map(constant_core, items))
        case dict():
            entries = cast("dict[object, object]", value)
            if all(isinstance(key, str) for key in entries):
                return ("record", tuple(entries), *map(constant_core, entries.values()))
            pairs = [constant_core(part) for entry in entries.items() for part in entry]
            return ("map", (False,) * len(entries), *pairs)
        case _:  # pragma: no cover - nothing else is a constant
            raise DagflowBug(f"a constant of the type {type(value).__name__}; please report the flow")
