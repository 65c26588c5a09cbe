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
from dagflow.store.service_rows import ListenerRow, Looked, PublishedRow, RequestRow, ScheduleRow

__all__ = [
    "Append",
    "Blocked",
    "CrashSuspect",
    "Creation",
    "DriverState",
    "ListenerRow",
    "Looked",
    "PublishedRow",
    "Record",
    "RequestRow",
    "RunRow",
    "ScheduleRow",
    "SentEvent",
    "StartName",
    "Store",
    "WaitRow",
    "open_store",
]
