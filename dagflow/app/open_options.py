"""The options of opening an interpreter, as types, for functions that pass them on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypedDict

from dagflow.clock import Clock
from dagflow.drivers.local.observer import Observer
from dagflow.store.api import Store


class DrivingOptions(TypedDict, total=False):
    """The options of `Interpreter.open` about driving runs, which a service has too."""

    concurrency: int
    jitter: Callable[[], float]
    wakes_per_second: int | None
    retries_per_second: int | None
    resume: Collection[str] | None
    unquarantine: Collection[str]
    drain_seconds: float
    observers: Sequence[Observer]


class InterpreterOptions(DrivingOptions, total=False):
    """The options of `Interpreter.open`, where they are explained."""

    clock: Clock | None
    store: Store | None
    is_reachable: bool
    takeover: bool
