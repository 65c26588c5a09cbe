"""The slots of a cron schedule: which local times they are, and at which instants.

A slot is a time on the wall clock of the schedule's zone, and each is due once. Where clocks are set forward, a slot that the clock
leaves out is due at the instant at which it jumps. Where they are set back, a slot that the clock shows twice is due the first time. A
schedule whose minutes or hours begin with `*` asks for intervals, and these go by real time: `*/15 * * * *` is due each quarter of an
hour, whatever clocks do, and skips and repeats nothing but names. So are those of an interval, which are the multiples of its length
since 1970 UTC: when the flow was published does not matter.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import attrs
from cronsim import CronSim, CronSimError

from dagflow.model.policies import Catchup, Schedule

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
#: How far back the first step searches for a missed slot; each step after that goes so many times further.
_STEP: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: A slot is late from so many nanoseconds behind its due time on.
LATE_NS: Final = 60 * _SECOND


@attrs.frozen
class Slot:
    """A slot of a schedule. `due`: nanoseconds since 1970 UTC. `name`: its local time, with the offset and the zone; unique."""

    due: int
    name: str


def upcoming(schedule: Schedule, after: int) -> Iterator[Slot]:
    """The slots of a schedule that are due after an instant, in order; none where it names a day that never comes.

    Args:
        schedule: as compiled; the values that match are read from its text.
        after: nanoseconds since 1970 UTC.
    """
    if schedule.every_ns:
        yield from _multiples(schedule, after)
        return
    zone = schedule.zone
    local = datetime.fromtimestamp(after // _SECOND, ZoneInfo(zone))
    last = after
    try:
        moments = CronSim(schedule.text, local)
    except CronSimError:
        return  # a day that no month has
    for found in moments:
        due = round(found.astimezone(UTC).timestamp()) * _SECOND
        if due > last:
            last = due
            yield Slot(due, f"{found.isoformat(timespec='minutes')}[{zone}]")


def _multiples(schedule: Schedule, after: int) -> Iterator[Slot]:
    for due in itertools.count((after // schedule.every_ns + 1) * schedule.every_ns, schedule.every_ns):
        yield _multiple(schedule, due)


def _multiple(schedule: Schedule, due: int) -> Slot:
    at = _EPOCH + timedelta(microseconds=due // 1_000)
    return Slot(due, f"{at.isoformat()}[{schedule.zone}]")


def last_missed(schedule: Schedule, since: int, until: int) -> Slot | None:
    """The last slot that was due after `since`, and at `until` at the latest; None if none was."""
    if schedule.every_ns:
        due = until // schedule.every_ns * schedule.every_ns
        return _multiple(schedule, due) if due > since else None
    reach = _DAY
    while True:
        begin = max(since, until - reach)
        last = None
        for slot in upcoming(schedule, begin):
            if slot.due > until:
                break
            last = slot
        if last is not None or begin == since:
            return last
        reach *= _STEP


def to_ask(schedule: Schedule, since: int, now: int) -> tuple[Slot | None, int]:
    """Return the slot to start a run for, of those that were due after `since`, and from when on to look for the next one.

    `catchup` decides: with `all` it is the first one that is not too old, otherwise the last one, with `none` unless it is late.
    """
    if schedule.catchup is Catchup.ALL:
        slot = next(upcoming(schedule, max(since, now - schedule.within_ns - 1)), None)
        return (None, now) if slot is None or slot.due > now else (slot, slot.due)
    slot = last_missed(schedule, since, now)
    is_late = slot is not None and now - slot.due >= LATE_NS
    return None if is_late and schedule.catchup is Catchup.NONE else slot, now
