"""The statuses of a run and of its nodes. The glossary has the terms of other systems."""

from __future__ import annotations

import enum


class RunStatus(enum.StrEnum):
    """Where a run is."""

    QUEUED = "queued"
    RUNNING = "running"
    #: Nothing to do until a timer fires or an event comes.
    SLEEPING = "sleeping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: Failed or cancelled, and something that was to be undone could not be: a person has to look.
    FAILED_DIRTY = "failed_dirty"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing happens any more, unless the run is part of another one that has to be undone."""
        return self in {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.FAILED_DIRTY}


class NodeStatus(enum.StrEnum):
    """Where a node of a run is. *Settled* is one of the last four, which are terminal."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    #: For time: its own wait, or the next attempt.
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PRUNED = "pruned"
    CANCELLED = "cancelled"

    @property
    def is_settled(self) -> bool:
        """Whether it can never change again."""
        return self in {NodeStatus.SUCCEEDED, NodeStatus.FAILED, NodeStatus.PRUNED, NodeStatus.CANCELLED}


class PruneReason(enum.StrEnum):
    """Why a node was never started."""

    #: Its gate had the other outcome, or was itself pruned.
    GATE = "gate"
    #: Too few of the steps named in its `after` succeeded.
    JOIN = "join unsatisfiable"
    #: Another step of its block failed and the block's `on error` took over.
    SCOPE_FAILED = "block failed"
    #: Enough other branches of its `parallel first` were done.
    RACE_LOST = "race lost"
    #: The step it would reverse was not done.
    NOTHING_TO_UNDO = "nothing to undo"
    #: The run ended (`stop`, `return`, a failure, cancellation) before its turn.
    RUN_ENDED = "run ended"
