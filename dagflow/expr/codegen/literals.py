"""Literals as Python: a value is written by `repr`, and only if it is one the checker makes."""

from __future__ import annotations

from decimal import Decimal

from dagflow.expr.codegen.fragment import Core, Fragment, damaged
from dagflow.expr.runtime.arithmetic import MAX_INT, MAX_UINT, MIN_INT
from dagflow.model.decimals import parse_decimal


def literal(core: Core, value: object) -> Fragment:
    """The fragment of a number, text, bool or bytes; raises StoreError for a value of another kind or out of range."""
    match core[0], value:
        case "bool", bool():
            return Fragment(repr(value), is_constant=True)
        case "int", int() if type(value) is int and MIN_INT <= value <= MAX_INT:
            return Fragment(f"({value})" if value < 0 else str(value), is_constant=True)
        case "uint", int() if type(value) is int and 0 <= value <= MAX_UINT:
            return Fragment(f"UInt({value})", is_constant=True)
        case "double", float() if abs(value) < float("inf"):
            return Fragment(f"({value!r})", is_constant=True)
        case "string", str():
            return Fragment(repr(value), is_constant=True)
        case "bytes", str():
            try:
                return Fragment(repr(bytes.fromhex(value)), is_constant=True)
            except ValueError:
                raise damaged(core) from None
        case _:
            raise damaged(core)


def decimal_of_core(core: Core, text: str) -> Decimal:
    """The decimal number of a checked form; raises StoreError for a text that is none."""
    try:
        return parse_decimal(text)
    except ValueError:
        raise damaged(core) from None
