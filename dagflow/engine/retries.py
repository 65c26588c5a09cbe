"""Retries: whether another attempt follows a failed one, and when."""

from __future__ import annotations

from typing import Final

from dagflow.engine.commands import StartAttempt
from dagflow.engine.events import AttemptFailed
from dagflow.engine.state import State
from dagflow.model.flow import RetryPolicy

#: The code of an attempt that exceeded its time limit; its outcome is unknown.
TIMEOUT: Final = "timeout"


def delay_ns(policy: RetryPolicy, n_failed: int, jitter: float) -> int:
    """How long to wait after the `n_failed`-th failure: the upper half of the backed-off interval, spread by `jitter`.

    A constant interval comes from the author, so it is used exactly.
    """
    interval = float(min(policy.initial_interval_ns, policy.max_interval_ns))
    for _ in range(n_failed - 1):
        interval = min(interval * policy.backoff, float(policy.max_interval_ns))
    if policy.backoff == 1.0:
        return int(interval)
    return int(interval * (0.5 + 0.5 * jitter))


def retry_due(state: State, failed: AttemptFailed, *, is_counted: bool = True) -> int | None:
    """When to try again after this failure; None if it is final. `is_counted`: it is in the state already."""
    node = failed.node
    policy = state.plan.retries[node]
    n_failed = state.n_failed[node] + (not is_counted)
    if failed.is_fatal or n_failed >= policy.max_attempts:
        return None
    if state.plan.at_most_once[node] and failed.code == TIMEOUT:
        return None
    if policy.only and failed.code not in policy.only:
        return None
    delay = failed.retry_after_ns
    due = failed.at + (delay_ns(policy, n_failed, failed.jitter) if delay is None else delay)
    within = state.plan.withins_ns[node]
    if within is not None and due >= state.first_started_at[node] + within:
        return None
    return due


def next_attempt(state: State, node: int) -> StartAttempt:
    """The command for the attempt after the last one."""
    timeout, within = state.plan.timeouts_ns[node], state.plan.withins_ns[node]
    attempt = state.attempts[node] + 1
    if within is None:
        return StartAttempt(node, attempt, timeout)
    if attempt == state.series.get(node, 1):
        return StartAttempt(node, attempt, within if timeout is None else min(timeout, within))
    return StartAttempt(node, attempt, timeout, state.first_started_at[node] + within)


def open_attempt(state: State, node: int) -> StartAttempt:
    """The command of the running attempt, without the time it had: a `timeout` counts from when it resumes."""
    within = state.plan.withins_ns[node]
    give_up_at = None if within is None else state.first_started_at[node] + within
    return StartAttempt(node, state.attempts[node], state.plan.timeouts_ns[node], give_up_at)
