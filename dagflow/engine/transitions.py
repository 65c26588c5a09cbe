"""The transitions of a node, as one table. A settled node stays settled, except for undo nodes of a run that had succeeded, and in a failed run that is retried.

The effect of an event on a node may depend on more than its status (is an attempt left? is it being cancelled?); that is
decided elsewhere and named by a `Change`; whether the change is legal, and where it leads, is decided here alone.
"""

from __future__ import annotations

import enum
from typing import Final

from dagflow.model.status import NodeStatus


class Change(enum.StrEnum):
    """Everything that moves a node from one status to another."""

    #: All its predecessors are settled, and it stays.
    MAKE_READY = "make ready"
    #: All its predecessors are settled, and the engine decides it alone: a group, a race, a catch.
    PASS = "pass"  # noqa: S105 - not a password
    #: It will not run.
    PRUNE = "prune"
    #: Its result is there.
    SUCCEED = "succeed"
    SET_TIMER = "set timer"
    START_ATTEMPT = "start attempt"
    #: The attempt failed, or its outcome is unknown; there will be another.
    RETRY_LATER = "retry later"
    RETRY_NOW = "retry now"
    #: The event or timer did not come in time.
    GIVE_UP = "give up"
    #: It failed finally, and has a default.
    FALL_BACK = "fall back"
    #: It failed finally.
    FAIL = "fail"
    CANCEL = "cancel"
    #: A caller gave its result.
    SKIP = "skip"
    #: It was not needed and now is: the run is being undone.
    REOPEN = "reopen"


_S = NodeStatus
_C = Change

TRANSITIONS: Final[dict[NodeStatus, dict[Change, NodeStatus]]] = {
    _S.PENDING: {
        _C.MAKE_READY: _S.READY,
        _C.PASS: _S.SUCCEEDED,
        _C.PRUNE: _S.PRUNED,
        _C.SKIP: _S.SUCCEEDED,
    },
    _S.READY: {
        _C.SUCCEED: _S.SUCCEEDED,
        _C.SET_TIMER: _S.WAITING,
        _C.START_ATTEMPT: _S.RUNNING,
        _C.FALL_BACK: _S.READY,
        _C.FAIL: _S.FAILED,
        _C.PRUNE: _S.PRUNED,
        _C.CANCEL: _S.CANCELLED,
    },
    _S.RUNNING: {
        _C.SUCCEED: _S.SUCCEEDED,
        _C.RETRY_LATER: _S.WAITING,
        _C.RETRY_NOW: _S.READY,
        _C.FALL_BACK: _S.READY,
        _C.FAIL: _S.FAILED,
        _C.CANCEL: _S.CANCELLED,
    },
    _S.WAITING: {
        _C.SKIP: _S.SUCCEEDED,
        _C.SUCCEED: _S.SUCCEEDED,
        _C.RETRY_NOW: _S.READY,
        _C.GIVE_UP: _S.CANCELLED,
        _C.FAIL: _S.FAILED,
        _C.CANCEL: _S.CANCELLED,
    },
    _S.PRUNED: {
        _C.REOPEN: _S.PENDING,
    },
}
