"""The slots of a cron schedule: which local times they are, and at which instants.

A slot is a time on the wall clock of the schedule's zone, and each is due once. Where clocks are set forward, a slot that the clock
leaves out is due at the instant at which it jumps. Where they are set back, a slot that the clock shows twice is due the first time. A
schedule whose minutes or hours begin with `*` asks for intervals, and these go by real time: `*/15 * * * *` is due each quarter of an
hour, whatever clocks do, and skips and repeats nothing but names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import attrs
from cronsim import CronSim, CronSimError

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
#: How far back the first step searches for a missed slot; each step after that goes so many times further.
_STEP: Final = 8


@attrs.frozen
class Slot:
    """A slot of a schedule. `due`: nanoseconds since 1970 UTC. `name`: its local time, with the offset and the zone; unique."""

    due: int
    name: str


def upcoming(text: str, zone: str, after: int) -> Iterator[Slot]:
    """The slots of a schedule that are due after an instant, in order; none where it names a day that never comes.

    Args:
        text: five fields, as the compiler takes them.
        zone: the name of the time zone.
        after: nanoseconds since 1970 UTC.
    """
    local = datetime.fromtimestamp(after // _SECOND, ZoneInfo(zone))
    last = after
    try:
        moments = CronSim(text, local)
    except CronSimError:
        return  # a day that no month has
    for found in moments:
        due = round(found.astimezone(UTC).timestamp()) * _SECOND
        if due > last:
            last = due
            yield Slot(due, f"{found.isoformat(timespec='minutes')}[{zone}]")


def last_missed(text: str, zone: str, since: int, until: int) -> Slot | None:
    """The last slot that was due after `since`, and at `until` at the latest; None if none was."""
    reach = _DAY
    while True:
        begin = max(since, until - reach)
        last = None
        for slot in upcoming(text, zone, begin):
            if slot.due > until:
                break
            last = slot
        if last is not None or begin == since:
            return last
        reach *= _STEP
