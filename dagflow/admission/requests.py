"""Requests for runs: a trigger asks a flow for a run before the run exists."""

from __future__ import annotations

import enum

import attrs


class Stage(enum.StrEnum):
    """Where a request stands.

    `DELAYED`, `DEBOUNCED` and `WAITING` requests have no run yet, `RUNNING` and `ENDED` ones have one, and `DROPPED` and `SUPERSEDED`
    ones never get one.
    """

    #: Its timestamp is in the future.
    DELAYED = "delayed"
    #: The pause of `debounce` is not over.
    DEBOUNCED = "debounced"
    #: `singleton`, `throttle`, `concurrency` or a paused flow holds it back.
    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    #: A policy refused it; the reason says which.
    DROPPED = "dropped"
    #: A later request with the same `debounce` or `singleton` key took its place.
    SUPERSEDED = "superseded"

    @property
    def is_open(self) -> bool:
        """Whether the request may still get a run."""
        return self in _OPEN


_OPEN = frozenset({Stage.DELAYED, Stage.DEBOUNCED, Stage.WAITING})


class DropReason(enum.StrEnum):
    """Why a request was dropped."""

    ONCE = "once"
    RATE = "rate"
    SINGLETON = "singleton"
    OVERLAP = "overlap"
    BACKLOG = "backlog"
    #: It was withdrawn while it had no run.
    CANCELLED = "cancelled"


@attrs.frozen(kw_only=True)
class Keys:
    """The values of the `by` expressions of a flow's policies, each as canonical JSON; "" where a policy has no key.

    `schedule` is that of a request that a slot asks for, as of `model.policies.Schedule`; "" for every other request.
    `rerun` is for a rerun from a step: the earlier run and the step, as a JSON array. The machine does not look at it.
    """

    once: str = ""
    rate: str = ""
    debounce: str = ""
    singleton: str = ""
    throttle: str = ""
    concurrency: str = ""
    schedule: str = ""
    rerun: str = ""


@attrs.frozen(kw_only=True)
class Request:
    """One request for a run. Instants are nanoseconds since 1970 UTC.

    Attributes:
        id: unique among the requests of its flow.
        at: when it arrived.
        number: of two requests that arrive at one instant, the smaller number came first; the number of its event, 0 without one.
        not_before: the timestamp it is meant for; 0 for at once.
        keys: how policies tell it from others.
        priority: of two requests that wait, the higher one begins first; a point is worth `PRIORITY_NS` of waiting.
    """

    id: str
    at: int
    number: int = 0
    not_before: int = 0
    keys: Keys = attrs.field(factory=Keys)
    priority: float = 0.0

    @property
    def since(self) -> int:
        """When it began to wait for a run."""
        return max(self.at, self.not_before)


@attrs.frozen(kw_only=True)
class Held:
    """A request with its stage, as the store keeps it.

    Attributes:
        since: when the first of the requests that it superseded arrived, for DEBOUNCED; when its run began, for RUNNING and ENDED.
    """

    request: Request
    stage: Stage
    since: int = 0

    def order(self) -> tuple[bool, int, int, int, str]:
        """Runs first, as they began: which request `singleton` lets by depends on them."""
        request = self.request
        return self.stage.is_open, self.since, request.since, request.number, request.id
