"""Runs and events that wait for a commit, taken by turns of their tenants where not all fit into one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

_Item = TypeVar("_Item", bound=Hashable)


class FairMarks(Generic[_Item]):
    """A set of items by tenant, those of each in the order in which they came."""

    __slots__ = ("_by_tenant", "_n")

    def __init__(self) -> None:
        self._by_tenant: dict[str, dict[_Item, None]] = {}
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def has(self, tenant: str, item: _Item) -> bool:
        """Whether the item is marked."""
        return item in self._by_tenant.get(tenant, ())

    def add(self, tenant: str, item: _Item) -> bool:
        """Mark an item; whether it was not marked before."""
        marks = self._by_tenant.get(tenant)
        if marks is None:
            marks = self._by_tenant[tenant] = {}
        elif item in marks:
            return False
        marks[item] = None
        self._n += 1
        return True

    def discard(self, tenant: str, item: _Item) -> bool:
        """Take an item out; whether it was marked."""
        marks = self._by_tenant.get(tenant)
        if marks is None or item not in marks:
            return False
        del marks[item]
        self._n -= 1
        if not marks:
            del self._by_tenant[tenant]
        return True

    def first(self, most: int) -> list[tuple[str, _Item]]:
        """Return so many items, with their tenants: all in the order of their tenants, or one of each tenant in turn."""
        if self._n <= most:
            return [(tenant, item) for tenant, marks in self._by_tenant.items() for item in marks]
        found: list[tuple[str, _Item]] = []
        turns: list[tuple[str, Iterator[_Item]]] = [(tenant, iter(marks)) for tenant, marks in self._by_tenant.items()]
        while turns:
            left: list[tuple[str, Iterator[_Item]]] = []
            for tenant, items in turns:
                for item in items:
                    found.append((tenant, item))
                    left.append((tenant, items))
                    break
                if len(found) == most:
                    self._rotate(tenant)
                    return found
            turns = left
        return found

    def _rotate(self, last: str) -> None:
        """The tenant that was last begins next time behind the tenants that had no turn."""
        tenants = list(self._by_tenant)
        place = tenants.index(last) + 1
        for tenant in tenants[:place]:
            self._by_tenant[tenant] = self._by_tenant.pop(tenant)
