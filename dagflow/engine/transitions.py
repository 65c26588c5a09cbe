"""What can happen to a node: one table. What is settled stays so, but for one thing: what undoes a run that ended well.

What a fact means for a node may depend on more than its status (is an attempt left? is it being cancelled?); that is
decided elsewhere and named by a `Change`; whether the change is legal, and where it leads, is decided here alone.
"""

from __future__ import annotations

import enum
from typing import Final

from dagflow.model.status import NodeStatus


class Change(enum.StrEnum):
    """Everything that moves a node from one status to another."""

    #: All it comes after is settled, and it stays.
    MAKE_READY = "make ready"
    #: All it comes after is settled, and the engine itself has the answer: a group, a race, a catch.
    PASS = "pass"  # noqa: S105 - not a password
    #: It will not run.
    PRUNE = "prune"
    #: Its answer is there.
    SUCCEED = "succeed"
    SET_TIMER = "set timer"
    START_ATTEMPT = "start attempt"
    #: The attempt failed, or nobody knows; there will be another.
    RETRY_LATER = "retry later"
    RETRY_NOW = "retry now"
    #: What it waited for did not come in time.
    GIVE_UP = "give up"
    #: It failed for good, and has a default.
    FALL_BACK = "fall back"
    #: It failed for good.
    FAIL = "fail"
    CANCEL = "cancel"
    #: It was not needed, and now it is: the run is being undone.
    REOPEN = "reopen"


_S = NodeStatus
_C = Change

TRANSITIONS: Final[dict[NodeStatus, dict[Change, NodeStatus]]] = {
    _S.PENDING: {
        _C.MAKE_READY: _S.READY,
        _C.PASS: _S.SUCCEEDED,
        _C.PRUNE: _S.PRUNED,
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
