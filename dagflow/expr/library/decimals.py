"""The rows of decimal numbers. CEL has none; the names are those of its numbers, and of Java's `BigDecimal` where it has more."""

from __future__ import annotations

from collections.abc import Iterator

from dagflow.expr.library.overloads import Overload, row

_WHOLE = ("int", "uint")


def rows() -> Iterator[Overload]:
    """Every row. A whole number is exact as a decimal one, so the two mix; a double is not."""
    pairs = [("decimal", "decimal"), *(("decimal", kind) for kind in _WHOLE), *((kind, "decimal") for kind in _WHOLE)]
    for left, right in pairs:
        is_mixed = left != right
        yield row(f"_+_({left}, {right}) -> decimal", "add_decimals({0}, {1})", needs_decimal=is_mixed)
        yield row(f"_-_({left}, {right}) -> decimal", "subtract_decimals({0}, {1})", needs_decimal=is_mixed)
        yield row(f"_*_({left}, {right}) -> decimal", "multiply_decimals({0}, {1})", needs_decimal=is_mixed)
        for sign in ("==", "!=", "<", "<=", ">", ">="):
            yield row(f"_{sign}_({left}, {right}) -> bool", f"({{0}} {sign} {{1}})", can_fail=False, needs_decimal=is_mixed)
    yield row("-_(decimal) -> decimal", "negate_decimal({0})", can_fail=False)
    yield row("math.abs(decimal) -> decimal", "absolute_decimal({0})", can_fail=False)
    yield row(".round(decimal, int, string) -> decimal", "round_decimal({0}, {1}, {2})", cost=2)
    for kind in ("decimal", *_WHOLE):
        yield row(f".divide(decimal, {kind}, int, string) -> decimal", "divide_decimals({0}, {1}, {2}, {3})", cost=3)
    yield row("decimal(decimal) -> decimal", "{0}", can_fail=False)
    yield row("decimal(string) -> decimal", "decimal_number({0})", cost=2)
    for kind in _WHOLE:
        yield row(f"decimal({kind}) -> decimal", "decimal_number({0})", can_fail=False)
    yield row("decimal(double) -> decimal", "decimal_number({0})", cost=2)
    yield row("int(decimal) -> int", "int_of_decimal({0})")
    yield row("double(decimal) -> double", "float({0})", can_fail=False)
    yield row("string(decimal) -> string", "decimal_text({0})", cost=2, can_fail=False)
