"""The rows of CEL's standard library: operators, conversions, strings, time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dagflow.expr.library.overloads import Overload, row

_NUMBERS: Final = ("int", "uint", "double")
_HOUR, _MINUTE, _SECOND = 3_600_000_000_000, 60_000_000_000, 1_000_000_000
_SCANNED: Final = frozenset({"string", "bytes"})


def rows() -> Iterator[Overload]:
    """Every row of the standard library."""
    yield from _equality()
    yield from _order()
    yield from _arithmetic()
    yield from _containers()
    yield from _conversions()
    yield from _strings()
    yield from _time()


def _equality() -> Iterator[Overload]:
    for name, sign in (("_==_", "=="), ("_!=_", "!=")):
        for kind in ("bool", "string", "bytes", "timestamp", "duration", "type"):
            loop = f"(gas.scan({{0}}) {sign} {{1}})" if kind in _SCANNED else ""
            yield row(f"{name}({kind}, {kind}) -> bool", f"({{0}} {sign} {{1}})", in_loop=loop, can_fail=False)
        for left in _NUMBERS:
            for right in _NUMBERS:
                yield row(f"{name}({left}, {right}) -> bool", _compared(left, right, sign), can_fail=False)
    yield row("_==_(A, A) -> bool", "equal(gas, {0}, {1})", can_fail=False)
    yield row("_!=_(A, A) -> bool", "(not equal(gas, {0}, {1}))", can_fail=False)


def _order() -> Iterator[Overload]:
    for sign in ("<", "<=", ">", ">="):
        plain, nanos = f"({{0}} {sign} {{1}})", f"({{0}}.nanos {sign} {{1}}.nanos)"
        for left in _NUMBERS:
            for right in _NUMBERS:
                yield row(f"_{sign}_({left}, {right}) -> bool", _compared(left, right, sign), can_fail=False)
        yield row(f"_{sign}_(bool, bool) -> bool", plain, can_fail=False)
        for kind in ("string", "bytes"):
            loop = f"(gas.scan({{0}}) {sign} {{1}})"
            yield row(f"_{sign}_({kind}, {kind}) -> bool", plain, in_loop=loop, can_fail=False)
        for kind in ("timestamp", "duration"):
            yield row(f"_{sign}_({kind}, {kind}) -> bool", nanos, can_fail=False)


def _compared(left: str, right: str, sign: str) -> str:
    """Beside a double, CEL compares an int as the double nearest to it."""
    first = "float({0})" if right == "double" != left else "{0}"
    second = "float({1})" if left == "double" != right else "{1}"
    return f"({first} {sign} {second})"


def _arithmetic() -> Iterator[Overload]:
    for sign in "+-*":
        yield row(f"_{sign}_(int, int) -> int", f"int64({{0}} {sign} {{1}})")
        yield row(f"_{sign}_(uint, uint) -> uint", f"uint64({{0}} {sign} {{1}})")
        yield row(f"_{sign}_(double, double) -> double", f"({{0}} {sign} {{1}})", can_fail=False)
    yield row("_/_(int, int) -> int", "int64(divide({0}, {1}))")
    yield row("_/_(uint, uint) -> uint", "uint64(divide({0}, {1}))")
    yield row("_/_(double, double) -> double", "divide_double({0}, {1})", can_fail=False)
    yield row("_%_(int, int) -> int", "modulo({0}, {1})")
    yield row("_%_(uint, uint) -> uint", "uint64(modulo({0}, {1}))")
    yield row("-_(int) -> int", "int64(-{0})")
    yield row("-_(double) -> double", "(-{0})", can_fail=False)
    yield row("!_(bool) -> bool", "(not {0})", can_fail=False)
    yield row("_+_(string, string) -> string", "concat(gas, {0}, {1})", can_fail=False)
    yield row("_+_(bytes, bytes) -> bytes", "concat_bytes(gas, {0}, {1})", can_fail=False)
    yield row("_+_(list(A), list(A)) -> list(A)", "concat_list(gas, {0}, {1})", can_fail=False, keeps_elements=True)
    yield row("_+_(timestamp, duration) -> timestamp", "timestamp({0}.nanos + {1}.nanos)")
    yield row("_+_(duration, timestamp) -> timestamp", "timestamp({0}.nanos + {1}.nanos)")
    yield row("_+_(duration, duration) -> duration", "duration({0}.nanos + {1}.nanos)")
    # Not CEL's: "three times the interval".
    yield row("_*_(duration, int) -> duration", "duration({0}.nanos * {1})")
    yield row("_*_(int, duration) -> duration", "duration({0} * {1}.nanos)")
    yield row("_-_(timestamp, timestamp) -> duration", "duration({0}.nanos - {1}.nanos)")
    yield row("_-_(timestamp, duration) -> timestamp", "timestamp({0}.nanos - {1}.nanos)")
    yield row("_-_(duration, duration) -> duration", "duration({0}.nanos - {1}.nanos)")


def _containers() -> Iterator[Overload]:
    for kind in ("string", "int", "uint"):
        template, loop = "({0} in {1})", "({0} in gas.each({1}, 1))"
        yield row(f"@in({kind}, list({kind})) -> bool", template, in_loop=loop, can_fail=False)
        yield row(f"@in({kind}, map({kind}, A)) -> bool", template, can_fail=kind == "string")
    yield row("@in(A, list(A)) -> bool", "contains(gas, {0}, {1})", can_fail=False)
    yield row("@in(A, map(A, B)) -> bool", "has_key({0}, {1})", can_fail=False)
    yield row("_[_](list(A), int) -> A", "at_index({0}, {1})", keeps_elements=True)
    yield row("_[_](map(string, A), string) -> A", "{0}[{1}]")
    yield row("_[_](map(A, B), A) -> B", "at_key({0}, {1})")
    for kind in ("string", "bytes", "list(A)", "map(A, B)"):
        yield row(f"size({kind}) -> int", "len({0})", can_fail=False)
        yield row(f".size({kind}) -> int", "len({0})", can_fail=False)


def _conversions() -> Iterator[Overload]:
    for kind in ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"):
        yield row(f"{kind}({kind}) -> {kind}", "{0}", can_fail=False)
    yield row("int(uint) -> int", "int64(int({0}))")
    yield row("int(double) -> int", "int_of_double({0})")
    yield row("int(string) -> int", "int_of_text({0})", cost=2)
    yield row("int(timestamp) -> int", "({0}.nanos // 1000000000)", can_fail=False)
    yield row("uint(int) -> uint", "uint64({0})")
    yield row("uint(double) -> uint", "uint_of_double({0})")
    yield row("uint(string) -> uint", "uint_of_text({0})", cost=2)
    yield row("double(int) -> double", "float({0})", can_fail=False)
    yield row("double(uint) -> double", "float({0})", can_fail=False)
    yield row("double(string) -> double", "double_of_text({0})", cost=2)
    yield row("bool(string) -> bool", "bool_of_text({0})")
    yield row("string(bool) -> string", "text_of_bool({0})", can_fail=False)
    yield row("string(int) -> string", "str({0})", can_fail=False)
    yield row("string(uint) -> string", "str({0})", can_fail=False)
    yield row("string(double) -> string", "text_of_double({0})", cost=2, can_fail=False)
    yield row("string(bytes) -> string", "decode_utf8(gas, {0})")
    yield row("string(timestamp) -> string", "str({0})", cost=4, can_fail=False)
    yield row("string(duration) -> string", "str({0})", cost=2, can_fail=False)
    yield row("bytes(string) -> bytes", "encode_utf8(gas, {0})", can_fail=False)
    yield row("timestamp(string) -> timestamp", "timestamp_of_text({0})", cost=4)
    yield row("timestamp(int) -> timestamp", "timestamp({0} * 1000000000)")
    yield row("duration(string) -> duration", "duration_of_text({0})", cost=4)
    yield row("dyn(A) -> dyn", "{0}", can_fail=False)
    yield row("type(A) -> type(A)", "type_of({0})", can_fail=False)


def _strings() -> Iterator[Overload]:
    yield row(".contains(string, string) -> bool", "has_part(gas, {0}, {1})", can_fail=False)
    yield row(
        ".startsWith(string, string) -> bool", "{0}.startswith({1})", in_loop="{0}.startswith(gas.scan({1}))", can_fail=False
    )
    yield row(".endsWith(string, string) -> bool", "{0}.endswith({1})", in_loop="{0}.endswith(gas.scan({1}))", can_fail=False)
    yield row(".matches(string, string) -> bool", "matches(gas, {0}, {1})")
    yield row("matches(string, string) -> bool", "matches(gas, {0}, {1})")


def _time() -> Iterator[Overload]:
    for name in (
        "getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate", "getDayOfWeek",
        "getHours", "getMinutes", "getSeconds", "getMilliseconds",
    ):  # fmt: skip
        yield row(f".{name}(timestamp) -> int", f'part(gas, {{0}}, "{name}")', can_fail=False)
        yield row(f".{name}(timestamp, string) -> int", f'part(gas, {{0}}, "{name}", {{1}})')
    for name, unit in (("getHours", _HOUR), ("getMinutes", _MINUTE), ("getSeconds", _SECOND)):
        yield row(f".{name}(duration) -> int", f"duration_part({{0}}, {unit})", can_fail=False)
    yield row(".getMilliseconds(duration) -> int", "duration_millis({0})", can_fail=False)
