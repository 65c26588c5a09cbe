"""The actions every catalogue may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagflow.actions.log import add_log
from dagflow.actions.settings import Settings

if TYPE_CHECKING:
    from dagflow.actions.registry import Catalog


def add_builtins(catalog: Catalog, settings: Settings) -> None:
    """Add `email`, `slack`, `http.request` and `log`."""
    add_log(catalog)
