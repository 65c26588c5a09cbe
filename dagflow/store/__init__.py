"""Where facts are kept."""

from __future__ import annotations

from dagflow.store.api import Append, Blocked, Creation, Driving, Record, RunRow, SentEvent, StartName, Store, Suspect, WaitRow
from dagflow.store.open import open_store

__all__ = [
    "Append",
    "Blocked",
    "Creation",
    "Driving",
    "Record",
    "RunRow",
    "SentEvent",
    "StartName",
    "Store",
    "Suspect",
    "WaitRow",
    "open_store",
]
