"""Gives an event to runs in memory, and lets them go on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from dagflow.drivers.local.interface import Driver
from dagflow.drivers.local.loaded_run import LoadedRun
from dagflow.execution.delivery import deliver, judging
from dagflow.execution.matches import Matches
from dagflow.store.api import SentEvent


def handing_out(
    driver: Driver, loaded_runs: Sequence[LoadedRun], event: SentEvent, now: Callable[[], int]
) -> Generator[None, None, int]:
    """Give an event to runs, once to a run and all its parts, and let them go on; returns how many took it.

    Yields where others should have their turn.
    """
    families: dict[LoadedRun, list[LoadedRun]] = {}
    for live in loaded_runs:
        families.setdefault(live.whole, []).append(live)
    matches, n_reached = Matches(event), 0
    for family in families.values():
        n_reached += yield from _handing(driver, family, matches, now)
        if not driver.time_slice.is_short():
            yield
    return n_reached


def _handing(
    driver: Driver, family: Sequence[LoadedRun], matches: Matches, now: Callable[[], int]
) -> Generator[None, None, bool]:
    """All conditions are evaluated first, which may take turns; who gets the event is then decided in one go."""
    try:
        yield from judging([live.progress for live in family], matches, driver.time_slice.is_short)
        family = [live for live in family if live.broken is None]
        n_recorded = [live.progress.n_recorded for live in family]
        is_reached = deliver([live.progress for live in family], matches.event, now(), matches)
    except Exception as error:  # noqa: BLE001 - the fault of one run stops that run alone
        driver.block(family[0], error)
        return False
    for live, n_before in zip(family, n_recorded, strict=True):
        if live.progress.n_recorded > n_before:
            driver.turn(live)
    return is_reached
