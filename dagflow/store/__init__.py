"""Stores of histories."""

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
from dagflow.store.service_rows import Looked, PublishedRow, RequestRow

__all__ = [
    "Append",
    "Blocked",
    "CrashSuspect",
    "Creation",
    "DriverState",
    "Looked",
    "PublishedRow",
    "Record",
    "RequestRow",
    "RunRow",
    "SentEvent",
    "StartName",
    "Store",
    "WaitRow",
    "open_store",
]
