"""Log messages about runs: standard `logging`, with the run, its flow, the step and the code as fields of each record.

Loggers: `dagflow.runs` (INFO: begun, ended), `dagflow.attempts` (WARNING: one failed), `dagflow.store`
(ERROR: the store, or dagflow itself, broke), `dagflow.loop` (WARNING: what keeps all others waiting); `dagflow.interpreter` says which runs are blocked. The log is for people; what
happened is in the history.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from dagflow.actions.failures import ActionFailed
from dagflow.errors import DagflowError, StoreError

if TYPE_CHECKING:
    from dagflow.drivers.local.loaded_run import Call, LoadedRun

#: A host that says nothing about logging gets nothing on its standard error.
logging.getLogger("dagflow").addHandler(logging.NullHandler())
_runs: Final = logging.getLogger("dagflow.runs")
_attempts: Final = logging.getLogger("dagflow.attempts")
_store: Final = logging.getLogger("dagflow.store")
_loop: Final = logging.getLogger("dagflow.loop")


def run_started(live: LoadedRun) -> None:
    """A run begins that is part of no other."""
    if _runs.isEnabledFor(logging.INFO):
        flow = live.progress.program.flow.name
        _runs.info("run %s of %s begins", live.run, flow, extra={"run": live.run, "flow": flow, "tenant": live.progress.tenant})


def run_ended(live: LoadedRun) -> None:
    """A run that is part of no other has ended, and the store has it."""
    if live.parent is None and _runs.isEnabledFor(logging.INFO):
        flow, status = live.progress.program.flow.name, live.progress.standing()[0].value
        _runs.info(
            "run %s of %s: %s",
            live.run,
            flow,
            status,
            extra={"run": live.run, "flow": flow, "tenant": live.progress.tenant, "status": status},
        )


def attempt_failed(call: Call, failure: ActionFailed, due: int | None) -> None:
    """An attempt failed; `due`: the instant of the next one, None if there is none."""
    if not _attempts.isEnabledFor(logging.WARNING):
        return
    where = _where(call)
    extra = where | {"code": failure.code, "retry_at_ns": due, "traceback": failure.traceback}
    rest = f"\n{failure.traceback}" if failure.traceback else ""
    _attempts.warning(
        "attempt %s of %s (%s) in run %s failed: %s: %s%s",
        *(where["attempt"], where["step"], where["action"], where["run"], failure.code, failure.message, rest),
        extra=extra,
    )


def attempt_overran(call: Call, by_ns: int) -> None:
    """An attempt could not be stopped when its time was over, and its outcome counts."""
    message = (
        "attempt %s of %s (%s) in run %s ended %.1f s after its time was over: it kept the event loop busy, or shielded itself"
    )
    where = _where(call)
    named = where["attempt"], where["step"], where["action"], where["run"]
    _attempts.warning(message, *named, by_ns / 1e9, extra=where | {"overrun_ns": by_ns})


def _where(call: Call) -> dict[str, object]:
    progress, command = call.live.progress, call.command
    node = progress.program.codes[command.node].node
    run: dict[str, object] = {"run": call.live.run, "flow": progress.program.flow.name, "tenant": progress.tenant}
    return run | {"step": node.id, "action": node.action, "attempt": command.attempt}


def stopped(error: DagflowError) -> None:
    """Nothing goes on until it is opened again."""
    what = "the store failed" if isinstance(error, StoreError) else "dagflow cannot go on"
    _store.error("%s: %s", what, error, exc_info=error)


def thread_left_behind(n_abandoned: int, n_most: int) -> None:
    """A plain function continues although its attempt has been abandoned."""
    message = "a plain function goes on after its attempt was stopped: %s of at most %s threads are lost to such functions"
    _loop.warning(message, n_abandoned, n_most, extra={"abandoned": n_abandoned, "limit": n_most})


def loop_was_blocked(seconds: float, actions: list[str]) -> None:
    """Something ran on the event loop for long, without awaiting anything."""
    known = ", ".join(actions) or "none"
    message = "the event loop was blocked for %.1f s, so that all runs waited; async actions under way: %s"
    _loop.warning(message, seconds, known, extra={"seconds": seconds, "actions": actions})
