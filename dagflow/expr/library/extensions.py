"""The rows of CEL's extensions: optionals, strings, math, encoders."""

from __future__ import annotations

from collections.abc import Iterator

from dagflow.expr.library.overloads import Overload, row


def rows() -> Iterator[Overload]:
    """Every row of the extensions."""
    yield from _optionals()
    yield from _strings()
    yield from _math()
    yield from _bits()
    yield row("base64.encode(bytes) -> string", "encode_base64(gas, {0})", can_fail=False)
    yield row("base64.decode(string) -> bytes", "decode_base64(gas, {0})")


def _optionals() -> Iterator[Overload]:
    yield row("optional.of(A) -> optional_type(A)", "some({0})", can_fail=False)
    yield row("optional.none() -> optional_type(A)", "NONE", can_fail=False)
    yield row("optional.ofNonZeroValue(A) -> optional_type(A)", "some_unless_zero({0})", can_fail=False)
    yield row("optional.unwrap(list(optional_type(A))) -> list(A)", "unwrap(gas, {0})")
    yield row(".unwrapOpt(list(optional_type(A))) -> list(A)", "unwrap(gas, {0})")
    yield row(".hasValue(optional_type(A)) -> bool", "{0}.is_present", can_fail=False)
    yield row(".value(optional_type(A)) -> A", "value_of({0})")
    yield row(".first(list(A)) -> optional_type(A)", "find_index({0}, 0)", can_fail=False, keeps_elements=True)
    yield row(".last(list(A)) -> optional_type(A)", "last({0})", can_fail=False, keeps_elements=True)


def _strings() -> Iterator[Overload]:
    yield row(".charAt(string, int) -> string", "char_at({0}, {1})")
    for name in ("indexOf", "lastIndexOf"):
        function = "index_of" if name == "indexOf" else "last_index_of"
        yield row(f".{name}(string, string) -> int", f"{function}(gas, {{0}}, {{1}})")
        yield row(f".{name}(string, string, int) -> int", f"{function}(gas, {{0}}, {{1}}, {{2}})")
    yield row(".substring(string, int) -> string", "substring(gas, {0}, {1})")
    yield row(".substring(string, int, int) -> string", "substring(gas, {0}, {1}, {2})")
    yield row(".replace(string, string, string) -> string", "replace(gas, {0}, {1}, {2})", can_fail=False)
    yield row(".replace(string, string, string, int) -> string", "replace(gas, {0}, {1}, {2}, {3})", can_fail=False)
    yield row(".split(string, string) -> list(string)", "split(gas, {0}, {1})", can_fail=False)
    yield row(".split(string, string, int) -> list(string)", "split(gas, {0}, {1}, {2})", can_fail=False)
    yield row(".join(list(string)) -> string", "join(gas, {0})")
    yield row(".join(list(string), string) -> string", "join(gas, {0}, {1})")
    yield row(".trim(string) -> string", "trim(gas, {0})", can_fail=False)
    yield row(".lowerAscii(string) -> string", "lower_ascii(gas, {0})", can_fail=False)
    yield row(".upperAscii(string) -> string", "upper_ascii(gas, {0})", can_fail=False)
    yield row(".reverse(string) -> string", "reverse(gas, {0})", can_fail=False)
    yield row(".reverse(list(A)) -> list(A)", "reverse_list(gas, {0})", can_fail=False, keeps_elements=True)
    yield row(".format(string, list(dyn)) -> string", "format_text(gas, {0}, {1})")
    yield row("strings.quote(string) -> string", "quote(gas, {0})", can_fail=False)


def _math() -> Iterator[Overload]:
    for name, kind in (("ceil", 1), ("floor", -1), ("trunc", 0)):
        yield row(f"math.{name}(double) -> double", f"whole({{0}}, {kind})", can_fail=False)
    yield row("math.round(double) -> double", "round_half_away({0})", can_fail=False)
    yield row("math.abs(int) -> int", "int64(abs({0}))")
    yield row("math.abs(uint) -> uint", "{0}", can_fail=False)
    yield row("math.abs(double) -> double", "abs({0})", can_fail=False)
    yield row("math.sign(int) -> int", "sign_int({0})", can_fail=False)
    yield row("math.sign(uint) -> uint", "uint64(0 < {0})", can_fail=False)
    yield row("math.sign(double) -> double", "sign_double({0})", can_fail=False)
    for number in ("int", "uint", "double"):
        yield row(f"math.sqrt({number}) -> double", "square_root({0})", can_fail=False)
        for name in ("greatest", "least"):
            yield row(f"math.{name}(list({number})) -> {number}", f"{name}(gas.each({{0}}, 1))")
    for name in ("greatest", "least"):
        yield row(f"math.{name}(list(dyn)) -> dyn", f"{name}(gas.each({{0}}, 1))")
    yield row("math.isNaN(double) -> bool", "is_nan({0})", can_fail=False)
    yield row("math.isInf(double) -> bool", "is_infinite({0})", can_fail=False)
    yield row("math.isFinite(double) -> bool", "is_finite({0})", can_fail=False)


def _bits() -> Iterator[Overload]:
    for name, sign in (("And", "&"), ("Or", "|"), ("Xor", "^")):
        yield row(f"math.bit{name}(int, int) -> int", f"({{0}} {sign} {{1}})", can_fail=False)
        yield row(f"math.bit{name}(uint, uint) -> uint", f"uint64({{0}} {sign} {{1}})", can_fail=False)
    yield row("math.bitNot(int) -> int", "(~{0})", can_fail=False)
    yield row("math.bitNot(uint) -> uint", "uint64({0} ^ 18446744073709551615)", can_fail=False)
    for name, function in (("Left", "shift_left"), ("Right", "shift_right")):
        yield row(f"math.bitShift{name}(int, int) -> int", f"{function}({{0}}, {{1}})")
        yield row(f"math.bitShift{name}(uint, int) -> uint", f"{function}_uint({{0}}, {{1}})")
