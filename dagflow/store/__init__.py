"""Where facts are kept."""

from __future__ import annotations

from dagflow.store.api import Append, Creation, Record, RunRow, SentEvent, Store
from dagflow.store.open import open_store

__all__ = ["Append", "Creation", "Record", "RunRow", "SentEvent", "Store", "open_store"]
