"""The part of a catalogue that the built-in actions need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


class ActionRegistrar(Protocol):
    """A registry of actions; `catalog.Catalog` is one."""

    def action(
        self, name: str, *, effect: str = "effectful", destination: str = "", runs: Literal["trio"] | None = None
    ) -> Callable[[_F], _F]:
        """See `Catalog.action`."""
        ...
