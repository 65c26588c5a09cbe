"""The next slots of schedules, as `check --due` prints them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.text import Text

from dagflow.cli.output.documents import DueDocument
from dagflow.cli.output.text import printable
from dagflow.model.flow import Flow
from dagflow.model.policies import Schedule
from dagflow.schedules.due import upcoming

#: Slots of each schedule.
_SHOWN: Final = 5


def print_due(out: Console, flows: Iterable[Flow], now: int) -> None:
    """Print a line for each schedule of the flows. `now`: nanoseconds since 1970 UTC."""
    for flow in flows:
        for schedule in flow.schedules:
            slots = ", ".join(_slots(schedule, now)) or "never"
            out.print(Text(printable(f"{flow.name}  {schedule.text} ({schedule.zone}): {slots}")))


def plain_due(flows: Iterable[tuple[str, Flow]], now: int) -> list[DueDocument]:
    """Return the next slots of flows, each given with the name of its file."""
    return [
        {"file": file, "flow": flow.name, "schedule": each.text, "zone": each.zone, "due": _slots(each, now)}
        for file, flow in flows
        for each in flow.schedules
    ]


def _slots(schedule: Schedule, now: int) -> list[str]:
    return [slot.name.partition("[")[0] for slot in itertools.islice(upcoming(schedule, now), _SHOWN)]
