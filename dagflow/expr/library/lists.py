"""The rows of lists as a whole. Names and meanings are those of CEL's `lists` extension, and of Kubernetes where CEL has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dagflow.expr.library.overloads import Overload, row

_NUMBERS: Final = ("int", "uint", "double")
_ORDERED: Final = (*_NUMBERS, "decimal", "string", "bytes", "bool", "timestamp", "duration")


def rows() -> Iterator[Overload]:
    """Every row."""
    for kind in (*_NUMBERS, "decimal", "duration"):
        yield row(f".sum(list({kind})) -> {kind}", f"total_{kind}(gas, {{0}})", can_fail=kind != "double")
    yield row(".sum(list(dyn)) -> dyn", "total(gas, {0})", is_for_unknown=True)
    for kind in (*_NUMBERS, "dyn"):
        yield row(f".avg(list({kind})) -> double", "average(gas, {0})", is_for_unknown=kind == "dyn")
    for kind in (*_ORDERED, "dyn"):
        is_any = kind == "dyn"
        yield row(f".min(list({kind})) -> {kind}", "smallest(gas, {0})", keeps_elements=True, is_for_unknown=is_any)
        yield row(f".max(list({kind})) -> {kind}", "largest(gas, {0})", keeps_elements=True, is_for_unknown=is_any)
        yield row(
            f".sort(list({kind})) -> list({kind})",
            "in_order(gas, {0})",
            can_fail=is_any,
            keeps_elements=True,
            is_for_unknown=is_any,
        )
        # What the macro `sortBy` becomes.
        by = f"@sortBy(list(A), list({kind})) -> list(A)"
        yield row(by, "in_order_of(gas, {0}, {1})", can_fail=is_any, keeps_elements=True, is_for_unknown=is_any)
    yield row(".distinct(list(A)) -> list(A)", "distinct(gas, {0})", keeps_elements=True)
    yield row(".flatten(list(list(A))) -> list(A)", "flattened(gas, {0})", can_fail=False)
    yield row(".slice(list(A), int, int) -> list(A)", "sliced(gas, {0}, {1}, {2})", keeps_elements=True)
    yield row("lists.range(int) -> list(int)", "numbered(gas, {0})")
    # The functions of the other macros take keys, and the elements or values of the same places.
    yield row("@groupBy(list(A), list(B)) -> map(A, list(B))", "grouped(gas, {0}, {1})")
    yield row("@toMap(list(A), list(B)) -> map(A, B)", "by_keys(gas, {0}, {1})")
    yield row("@zip(list(A), list(B)) -> list(A)", "as_long_as({0}, {1})")
    yield row("@list(dyn) -> list(dyn)", "a_list({0})")
    # The functions of `merge`: with all entries, and with the present ones.
    yield row("@merge(dyn, dyn) -> dyn", "merged(gas, {0}, {1})")
    yield row("@mergePresent(dyn, dyn) -> dyn", "merged_present(gas, {0}, {1})")
