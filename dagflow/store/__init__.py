"""Where facts are kept."""

from __future__ import annotations

from dagflow.store.api import (
    Append,
    Blocked,
    CrashSuspect,
    Creation,
    DriverState,
    Record,
    RunRow,
    SentEvent,
    StartName,
    Store,
    WaitRow,
)
from dagflow.store.open import open_store

__all__ = [
    "Append",
    "Blocked",
    "CrashSuspect",
    "Creation",
    "DriverState",
    "Record",
    "RunRow",
    "SentEvent",
    "StartName",
    "Store",
    "WaitRow",
    "open_store",
]
