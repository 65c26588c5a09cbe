"""What the built-in actions ask of a catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


class ActionRegistrar(Protocol):
    """Takes actions; `registry.Catalog` is one."""

    def action(self, name: str, *, effect: str = "effectful", destination: str = "") -> Callable[[_F], _F]:
        """See `Catalog.action`."""
        ...
