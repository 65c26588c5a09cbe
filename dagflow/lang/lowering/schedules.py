"""Lowering of `on cron` and `on every`: when they are due, and what becomes of slots that overlap or are late."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.lowering.cron import CronProblem, check_zone, parse_cron
from dagflow.lang.lowering.modifiers import length
from dagflow.lang.syntax import tree as s
from dagflow.model.lengths import as_written
from dagflow.model.policies import Catchup, Schedule, WhileBusy

#: The kinds of triggers that have a schedule.
SCHEDULES: Final = frozenset({"cron", "every"})
_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
#: Slots that start runs at once after a long downtime.
_MOST_SLOTS: Final = 10_000


def lower_schedule(builder: FlowBuilder, setting: s.OnSetting) -> Schedule | None:
    """The schedule of a trigger; None if it has none, or an error in it has been reported."""
    if setting.kind not in SCHEDULES:
        return None
    schedule = _cron(builder, setting) if setting.kind == "cron" else _every(builder, setting)
    overlap, catchup = setting.overlap, setting.catchup
    within = None if catchup is None or catchup.within is None else length(builder, catchup.within, "`within` takes")
    if schedule is None:
        return None
    if within is not None and catchup is not None and catchup.within is not None:
        _check_number(builder, schedule, within, catchup.within.span)
    return attrs.evolve(
        schedule,
        overlap=None if overlap is None or overlap.word.value == "allow" else WhileBusy(overlap.word.value),
        catchup=Catchup.LAST if catchup is None else Catchup(catchup.word.value),
        within_ns=within or 0,
    )


def _check_number(builder: FlowBuilder, schedule: Schedule, within: int, span: Span) -> None:
    """A service that comes back asks for a run for each slot of this length of time."""
    each = schedule.every_ns or _DAY // (len(schedule.minutes) * len(schedule.hours))
    if within > _MOST_SLOTS * each:
        builder.report(
            "E316", f"`catchup all` must reach back {_MOST_SLOTS:,} slots at most", span, f"about {within // each:,} slots",
            f"write `within {as_written(_MOST_SLOTS * each // _SECOND * _SECOND)}` or less",
        )  # fmt: skip


def _every(builder: FlowBuilder, setting: s.OnSetting) -> Schedule | None:
    if setting.interval is None:
        return None
    every = length(builder, setting.interval, "`every` takes")
    if every is None:
        return None
    if every < _SECOND:
        builder.report(
            "E316", "`every` must be 1 second or more", setting.interval.span, "more often than a schedule may be due",
            "write for example `every 1m`",
        )  # fmt: skip
        return None
    return Schedule(text=f"every {as_written(every)}", every_ns=every)


def _cron(builder: FlowBuilder, setting: s.OnSetting) -> Schedule | None:
    if setting.subject is None:
        return None
    zone = "UTC"
    if setting.zone is not None:
        zone = setting.zone.value
        problem = check_zone(zone)
        if problem is not None:
            _report_cron(builder, setting.zone, problem)
    try:
        return parse_cron(setting.subject.value, zone)
    except CronProblem as problem:
        _report_cron(builder, setting.subject, problem)
        return None


def _report_cron(builder: FlowBuilder, text: s.Text, problem: CronProblem) -> None:
    """E505, on the part of the text that is wrong, where the text is written as it reads."""
    start = builder.source.text.find(text.value, text.span.start, text.span.end)
    span = text.span
    fix = None
    if start >= 0 and text.value:
        # A missing part is missing at the end, which may be the end of the file.
        span = Span(start + problem.start, min(start + problem.end, max(start + problem.start, len(builder.source.text))))
        if problem.fix is not None:
            fix = Fix(f"`{problem.fix}`", is_safe=False, edits=(Edit(span, problem.fix),))
    builder.report("E505", problem.title, span, problem.label, problem.help, fix)
