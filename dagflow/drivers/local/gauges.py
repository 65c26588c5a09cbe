"""The gauges of a driver, read from any thread: only lengths and single items are read."""

from __future__ import annotations

from collections.abc import Sized

from dagflow.drivers.local.admitting import Admitting
from dagflow.drivers.local.attempts import Attempts
from dagflow.drivers.local.event_router import Dispatch
from dagflow.drivers.local.observer import Gauges
from dagflow.drivers.local.threads import Threads


def gauges_of(
    loaded_runs: Sized, attempts: Attempts, dispatch: Dispatch, admitting: Admitting | None, threads: Threads, now: int
) -> Gauges:
    """How much there is now."""
    n_calls, n_waiting = attempts.loads
    n_requests, requested_at = (0, None) if admitting is None else admitting.waiting_requests()
    return Gauges(
        runs_in_memory=len(loaded_runs),
        calls_under_way=n_calls,
        calls_waiting=n_waiting,
        threads_in_use=threads.n_in_use,
        threads_abandoned=threads.n_abandoned,
        events_waiting=dispatch.n_queued,
        oldest_event_seconds=_age(dispatch.oldest_at, now),
        requests_waiting=n_requests,
        oldest_request_seconds=_age(requested_at, now),
    )


def _age(at: int | None, now: int) -> float:
    return 0.0 if at is None else max(0, now - at) / 1e9
