"""When schedules are due, and what becomes of slots where clocks are set."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow.lang.lowering.cron import parse_cron
from dagflow.model.policies import Catchup, Schedule
from dagflow.schedules.due import LATE_NS, Slot, last_missed, to_ask, upcoming

SECOND = 10**9


def instant(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * SECOND


def names(cron: str, zone: str, after: str, until: str) -> list[str]:
    slots = itertools.takewhile(
        lambda slot: slot.due < instant(until), upcoming(Schedule(text=cron, zone=zone), instant(after))
    )
    return [slot.name.partition("[")[0] for slot in slots]


@pytest.mark.parametrize(
    ("zone", "cron", "day", "slots"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-29", ["03-29T03:00+02:00"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25", ["10-25T02:30+02:00"]),
        ("America/New_York", "30 2 * * *", "2026-03-08", ["03-08T03:00-04:00"]),
        ("America/New_York", "30 1 * * *", "2026-11-01", ["11-01T01:30-04:00"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-04", ["10-04T02:30+11:00"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-05", ["04-05T01:45+11:00"]),
        ("America/Santiago", "15 0 * * *", "2026-09-06", ["09-06T01:00-03:00"]),
        ("America/Santiago", "15 23 * * *", "2026-04-04", ["04-04T23:15-03:00"]),
        ("Africa/Cairo", "15 0 * * *", "2026-04-24", ["04-24T01:00+03:00"]),
        ("Africa/Cairo", "15 23 * * *", "2026-10-29", ["10-29T23:15+03:00"]),
    ],
)
def test_a_slot_is_due_once_where_clocks_are_set(zone: str, cron: str, day: str, slots: list[str]) -> None:
    """The day in that zone, which is 23 or 25 hours long; before and behind it the schedule is due as on any day."""
    begin = datetime.fromisoformat(f"{day}T12:00:00+00:00") - timedelta(hours=36)
    found = names(cron, zone, begin.isoformat(), (begin + timedelta(days=3)).isoformat())
    assert [name.removeprefix("2026-") for name in found if name.startswith(day)] == slots
    assert len(found) == 3


@pytest.mark.parametrize(
    ("zone", "day", "n_slots"),
    [("Europe/Berlin", "2026-03-29", 46), ("Europe/Berlin", "2026-10-25", 50), ("Australia/Lord_Howe", "2026-04-05", 49)],
)
def test_intervals_go_by_real_time(zone: str, day: str, n_slots: int) -> None:
    begin = datetime.fromisoformat(f"{day}T12:00:00+00:00") - timedelta(hours=36)
    slots = [
        slot
        for slot in itertools.islice(upcoming(Schedule(text="*/30 * * * *", zone=zone), round(begin.timestamp()) * SECOND), 200)
        if slot.name.startswith(day)
    ]
    assert len(slots) == n_slots
    assert {later.due - earlier.due for earlier, later in itertools.pairwise(slots)} == {1800 * SECOND}
    assert len({slot.name for slot in slots}) == n_slots


numbers = {"minute": (0, 59), "hour": (0, 23), "day": (1, 28), "month": (1, 12), "weekday": (0, 6)}


def fields(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    spans = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.integers(1, 6).map(lambda step: f"*/{step}")
    return (
        st.sampled_from(["*", "*"])
        | number.map(str)
        | spans
        | steps
        | st.lists(number, min_size=1, max_size=3).map(lambda found: ",".join(map(str, found)))
    )


crons = st.tuples(*(fields(*bounds) for bounds in numbers.values())).map(" ".join)


def is_slot(schedule: Schedule, at: datetime) -> bool:
    weekday = (at.weekday() + 1) % 7
    is_day, is_weekday = at.day in schedule.days, weekday in schedule.weekdays
    return (
        at.minute in schedule.minutes
        and at.hour in schedule.hours
        and at.month in schedule.months
        and (is_day or is_weekday if schedule.is_either_day else is_day and is_weekday)
    )


@settings(max_examples=200, deadline=None)
@given(crons, st.integers(0, 10**6))
def test_due_times_are_those_the_compiler_read(cron: str, minutes: int) -> None:
    """Day by day, against the sets of numbers that the compiler makes of the text."""
    schedule = parse_cron(cron, "UTC")
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    slots = upcoming(Schedule(text=cron), round(begin.timestamp()) * SECOND)
    due = next(slots)
    at = datetime.fromtimestamp(due.due // SECOND, UTC)
    assert is_slot(schedule, at)
    between = min(round((at - begin).total_seconds()) // 60, 3000)
    assert not any(is_slot(schedule, begin + timedelta(minutes=n)) for n in range(1, between))


def test_only_the_last_missed_slot_is_found() -> None:
    since, until = instant("2026-01-01T00:00:00+00:00"), instant("2026-05-01T10:30:00+00:00")
    assert last_missed(Schedule(text="0 9 * * *"), since, until) == Slot(
        instant("2026-05-01T09:00:00+00:00"), "2026-05-01T09:00+00:00[UTC]"
    )
    assert last_missed(Schedule(text="0 9 1 1 *"), since, until) == Slot(
        instant("2026-01-01T09:00:00+00:00"), "2026-01-01T09:00+00:00[UTC]"
    )
    assert last_missed(Schedule(text="0 9 1 12 *"), since, until) is None
    assert last_missed(Schedule(text="30 10 * * *"), until - 1, until) is not None
    assert last_missed(Schedule(text="30 10 * * *"), until, until) is None


def test_a_day_that_no_month_has_is_never_due() -> None:
    assert list(upcoming(Schedule(text="0 0 30 2 *"), 0)) == []


def test_an_interval_is_due_at_its_multiples() -> None:
    schedule, begin = Schedule(text="every 15m", every_ns=900 * SECOND), instant("2026-01-01T00:07:00+00:00")
    found = list(itertools.islice(upcoming(schedule, begin), 3))
    assert [slot.name for slot in found] == [f"2026-01-01T00:{minute}:00+00:00[UTC]" for minute in (15, 30, 45)]
    assert [slot.due for slot in found] == [begin + minutes * 60 * SECOND for minutes in (8, 23, 38)]
    assert next(upcoming(schedule, found[0].due)) == found[1]
    assert last_missed(schedule, begin, found[1].due) == found[1]
    assert last_missed(schedule, found[1].due, found[2].due - 1) is None


@given(st.integers(1, 10**6), st.integers(0, 10**12), st.integers(0, 10**12))
def test_the_last_multiple_is_the_last_of_all(every: int, since: int, passed: int) -> None:
    schedule = Schedule(text="every", every_ns=every * SECOND)
    slot = last_missed(schedule, since, since + passed)
    if slot is None:
        assert next(upcoming(schedule, since)).due > since + passed
    else:
        assert since < slot.due <= since + passed < next(upcoming(schedule, slot.due)).due


def asked(schedule: Schedule, since: int, now: int) -> list[int]:
    """How many seconds ago each slot was due for which a run is asked for."""
    found: list[int] = []
    while True:
        slot, since = to_ask(schedule, since, now)
        if slot is None:
            return found
        found.append((now - slot.due) // SECOND)


@pytest.mark.parametrize(
    ("catchup", "within", "late", "slots"),
    [
        (Catchup.LAST, 0, 90, [90]),
        (Catchup.LAST, 0, 30, [30]),
        (Catchup.NONE, 0, 30, [30]),
        (Catchup.NONE, 0, LATE_NS // SECOND - 1, [59]),
        (Catchup.NONE, 0, LATE_NS // SECOND, []),
        (Catchup.ALL, 10_000, 90, [7290, 3690, 90]),
        (Catchup.ALL, 3690, 90, [3690, 90]),
        (Catchup.ALL, 3689, 90, [90]),
        (Catchup.ALL, 60, 90, []),
    ],
)
def test_which_late_slots_are_asked_for(catchup: Catchup, within: int, late: int, slots: list[int]) -> None:
    """Every hour; nothing ran for the last ten."""
    now = instant("2026-01-02T12:00:00+00:00") + late * SECOND
    for plain in (Schedule(text="0 * * * *"), Schedule(text="every 1h", every_ns=3600 * SECOND)):
        schedule = attrs.evolve(plain, catchup=catchup, within_ns=within * SECOND)
        assert asked(schedule, now - 10 * 3600 * SECOND, now) == slots
