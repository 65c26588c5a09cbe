"""A mapping whose keys are parts of the syntax tree themselves: two statements that read the same are two keys."""

from __future__ import annotations

from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_Default = TypeVar("_Default")


class ByIdentity(Generic[_Key, _Value]):
    """Values by the identity of a key, which the mapping keeps alive, so that no other object ever takes its place."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[int, tuple[_Key, _Value]] = {}

    def __setitem__(self, key: _Key, value: _Value) -> None:
        self._entries[id(key)] = key, value

    def __getitem__(self, key: _Key) -> _Value:
        return self._entries[id(key)][1]

    def __contains__(self, key: object) -> bool:
        return id(key) in self._entries

    def get(self, key: _Key, default: _Default) -> _Value | _Default:
        """Return the value of a key, or the default."""
        entry = self._entries.get(id(key))
        return default if entry is None else entry[1]
