"""Schedules: what they mean, and that whatever is wrong with one is said at its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.lang.lowering.cron import CronProblem, check_zone, parse_cron
from dagflow.model.policies import Schedule

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


def problem(text: str) -> CronProblem:
    with pytest.raises(CronProblem) as caught:
        parse_cron(text, "UTC")
    return caught.value


@st.composite
def fields(draw: st.DrawFn, least: int, most: int) -> tuple[str, set[int]]:
    """A field and the numbers it stands for."""
    parts: list[str] = []
    values: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(least, most))
        last = draw(st.integers(first, most))
        step = draw(st.integers(1, most - least))
        form, meant = draw(
            st.sampled_from(
                [
                    ("*", range(least, most + 1)),
                    (f"*/{step}", range(least, most + 1, step)),
                    (f"{first}", range(first, first + 1)),
                    (f"{first}-{last}", range(first, last + 1)),
                    (f"{first}-{last}/{step}", range(first, last + 1, step)),
                ]
            )
        )
        parts.append(form)
        values.update(meant)
    return ",".join(parts), values


def outcome(text: str, zone: str) -> Schedule | CronProblem:
    try:
        return parse_cron(text, zone)
    except CronProblem as found:
        return found


@given(st.tuples(*(fields(least, most) for least, most in RANGES)))
def test_a_schedule_stands_for_the_numbers_it_names(parts: tuple[tuple[str, set[int]], ...]) -> None:
    text = " ".join(form for form, _ in parts)
    schedule = outcome(text, "Europe/Paris")
    if isinstance(schedule, CronProblem):
        assert schedule.title == "this schedule never fires"
        assert min(parts[2][1]) > 29
        return
    found = (schedule.minutes, schedule.hours, schedule.days, schedule.months, schedule.weekdays)
    assert [set(each) for each in found] == [values for _, values in parts]
    assert all(list(each) == sorted(each) for each in found)
    assert schedule.is_either_day == (not any(form.startswith("*") for form in (parts[2][0], parts[4][0])))
    assert (schedule.text, schedule.zone) == (text, "Europe/Paris")


@given(st.text(alphabet="0123456789*/,- @MONJAWLdaily#?²", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_schedule_or_a_problem_within_it(text: str) -> None:
    found = outcome(text, "UTC")
    if isinstance(found, CronProblem):
        assert 0 <= found.start <= found.end <= max(len(text), found.start + 1)
        assert found.title
        assert found.label


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [("0 0 * * MON-FRI", (1, 2, 3, 4, 5)), ("0 0 * * fri-sun", (0, 5, 6)), ("0 0 * * 7", (0,)), ("0 0 * * 5-7", (0, 5, 6))],
)
def test_names_and_both_sundays(text: str, weekdays: tuple[int, ...]) -> None:
    assert parse_cron(text, "UTC").weekdays == weekdays
    assert parse_cron("0 0 1 jan,DEC *", "UTC").months == (1, 12)


@pytest.mark.parametrize(
    ("text", "marked", "title", "label"),
    [
        ("0 25 * * *", "25", "hour 25 does not exist", "hours are 0 to 23"),
        ("0 0 0 * *", "0", "day 0 does not exist", "days are 1 to 31"),
        ("0 0 * * 8", "8", "weekday 8 does not exist", "weekdays are 0 to 7, Sunday is both"),
        (f"{'9' * 5000} * * * *", "9" * 5000, f"minute {'9' * 19}… does not exist", "minutes are 0 to 59"),
        ("0 9 * *", "0 9 * *", "this schedule has 4 fields, it needs 5", "nothing for weekday"),
        ("0 9", "0 9", "this schedule has 2 fields, it needs 5", "nothing for day, month and weekday"),
        ("", "", "this schedule has 0 fields, it needs 5", "nothing for minute, hour, day, month and weekday"),
        ("0 0 9 * * MON", "MON", "this schedule has 6 fields, it needs 5", "one too many"),
        ("0 0 9 * * MON 2026", "MON 2026", "this schedule has 7 fields, it needs 5", "2 too many"),
        ("@daily", "@daily", "`@daily` is not a schedule", "schedules have five fields"),
        ("@reboot", "@reboot", "`@reboot` is not a schedule", "schedules have five fields"),
        ("0 0 31 2,4 *", "31 2,4", "this schedule never fires", "no month of these has more than 30 days"),
        ("0 22-2 * * *", "22-2", "this range goes backwards", "22 comes after 2"),
        ("*/0 * * * *", "0", "a step of 0 never moves", "steps of minutes are 1 to 59"),
        ("*/90 * * * *", "90", "a step of 90 does not fit minutes", "steps of minutes are 1 to 59"),
        ("*/x * * * *", "x", "`x` is not a step", "steps of minutes are 1 to 59"),
        ("5/10 * * * *", "5/10", "`5/10` has no end", "a step needs a range"),
        ("1,,2 * * * *", ",", "this minute is empty", "a number is missing here"),
        ("1- * * * *", " ", "this minute is not whole", "a number is missing here"),
        ("0 0 ? * MON", "?", "`?` is not a day", "from another schedule syntax"),
        ("0 0 L * *", "L", "`L` is not a day", "from another schedule syntax"),
        ("0 0 * * MON#2", "MON#2", "`MON#2` is not a weekday", "from another schedule syntax"),
        ("0 0 MON * *", "MON", "`MON` is not a day", "this is the field of the day, a weekday stands in the fifth"),
        ("0 0 * * JAN", "JAN", "`JAN` is not a weekday", "this is the field of the weekday, a month stands in the fourth"),
        ("0 0 * * MOM", "MOM", "`MOM` is not a weekday", "weekdays are 0 to 6, or SUN to SAT"),
        ("0 x * * *", "x", "`x` is not an hour", "hours are 0 to 23"),
        (",".join(["1"] * 201) + " * * * *", ",".join(["1"] * 201), "this minute has too many parts", "201 parts in one field"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place(text: str, marked: str, title: str, label: str) -> None:
    found = problem(text)
    assert (text[found.start : found.end], found.title, found.label) == (marked, title, label)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0 9 * *", "0 9 * * *"),
        ("0 0 * * SAT-MON", "SAT,SUN-MON"),
        ("0 0 * * FRI-MON", "FRI-SAT,SUN-MON"),
        ("0 22-2 * * *", "22-23,0-2"),
        ("0 23-0 * * *", "23,0"),
        ("0 0 1 nov-feb *", "nov-DEC,JAN-feb"),
        ("5/10 * * * *", "5-59/10"),
        ("@daily", "0 0 * * *"),
        ("0 0 ? * *", "*"),
        ("0 0 * * MOM", "MON"),
    ],
)
def test_a_fix_is_a_schedule(text: str, meant: str) -> None:
    found = problem(text)
    assert found.fix == meant
    parse_cron(text[: found.start] + meant + text[found.end :], "UTC")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Pari", "Europe/Paris"),
        ("paris", "Europe/Paris"),
        ("New York", "America/New_York"),
        ("../etc", None),
        ("", None),
    ],
)
def test_unknown_zones(name: str, meant: str | None) -> None:
    found = check_zone(name)
    assert found is not None
    assert found.fix == meant
    assert meant is None or check_zone(meant) is None
