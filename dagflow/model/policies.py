"""The policies of a flow: how many of its runs begin, how often, in which order, and when.

A service applies them. An `Interpreter` by itself starts each run on request, and applies `cancel_on` alone.
"""

from __future__ import annotations

import enum

import attrs

from dagflow.model.expression import Expression
from dagflow.model.types import RecordType


@attrs.frozen(kw_only=True)
class Concurrency:
    """At most `limit` runs at a time: of the flow, or of those for which `key` has the same value. The others wait."""

    limit: int
    key: Expression | None = None


@attrs.frozen(kw_only=True)
class Rate:
    """At most `limit` requests are accepted in any `period_ns` nanoseconds: of the flow, or of those for which `key` has the same value.

    The others are dropped.
    """

    limit: int
    period_ns: int
    key: Expression | None = None


@attrs.frozen(kw_only=True)
class Throttle:
    """At most `limit` runs begin in any `period_ns` nanoseconds: of the flow, or of those for which `key` has the same value.

    The others wait.
    """

    limit: int
    period_ns: int
    key: Expression | None = None


@attrs.frozen(kw_only=True)
class Debounce:
    """A run begins when no further request has arrived for `quiet_ns` nanoseconds, with the last request.

    Attributes:
        key: only requests with the same value of it count as further ones.
        max_ns: how long the first one waits at most.
    """

    quiet_ns: int
    max_ns: int
    key: Expression | None = None


class WhileBusy(enum.StrEnum):
    """What `singleton` does with a request that comes while another one of its key runs or waits."""

    #: It is dropped.
    SKIP = "skip"
    #: It waits until the run has ended, in place of the one that waits.
    QUEUE = "queue"
    #: As `QUEUE`, and the run is cancelled.
    REPLACE = "replace"


class Catchup(enum.StrEnum):
    """Which slots of a schedule start a run although they are late, because no service ran when they were due."""

    NONE = "none"
    #: The last one.
    LAST = "last"
    #: All that are not too old.
    ALL = "all"


@attrs.frozen(kw_only=True)
class Schedule:
    """When a cron trigger is due, by the clock on the wall in a place, or an interval trigger, by real time.

    Attributes:
        text: as written: minute, hour, day of the month, month, day of the week; of an interval `every` and its length.
        zone: the name of the time zone.
        minutes, hours, days, months: the values that match, ascending. weekdays: likewise, 0 is Sunday. All empty for an interval.
        is_either_day: a day matches if it is one of `days` or one of `weekdays`; otherwise it has to be both.
        every_ns: the interval in nanoseconds, counted from 1970 UTC; 0 for a cron.
        overlap: the handling of a slot while the request or the run of an earlier one is open; None lets both run.
        catchup: the handling of late slots. within_ns: for `ALL`, how late in nanoseconds.
    """

    text: str
    zone: str = "UTC"
    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    is_either_day: bool = False
    every_ns: int = 0
    overlap: WhileBusy | None = None
    catchup: Catchup = Catchup.LAST
    within_ns: int = 0

    @property
    def key(self) -> str:
        """Tells it from the other schedules of its flow."""
        return f"{self.text} {self.zone}"


@attrs.frozen(kw_only=True)
class Singleton:
    """One run at a time: of the flow, or of those for which `key` has the same value."""

    busy: WhileBusy
    key: Expression | None = None


@attrs.frozen(kw_only=True)
class Once:
    """One run for each value of `key`: within `within_ns` nanoseconds of the first, or, without, for ever."""

    key: Expression
    within_ns: int | None = None


@attrs.frozen(kw_only=True)
class CancelOn:
    """An event that cancels runs.

    Attributes:
        payload: the type of the event's payload. binding: the name `when` reads it by, or "".
        when: which runs it cancels; reads the event and the run's input. None: all of the flow.
    """

    event: str
    payload: RecordType | None = None
    binding: str = ""
    when: Expression | None = None


@attrs.frozen(kw_only=True)
class Policies:
    """All of them, in the order in which a request passes them. `priority`: of two runs that wait to begin, the one for which it is higher is first."""

    once: Once | None = None
    rate: Rate | None = None
    debounce: Debounce | None = None
    singleton: Singleton | None = None
    throttle: Throttle | None = None
    concurrency: Concurrency | None = None
    cancel_on: tuple[CancelOn, ...] = ()
    priority: Expression | None = None
