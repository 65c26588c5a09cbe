"""Where facts are kept."""

from __future__ import annotations

from dagflow.store.api import Append, Record, RunRow, Store
from dagflow.store.open import open_store

__all__ = ["Append", "Record", "RunRow", "Store", "open_store"]
