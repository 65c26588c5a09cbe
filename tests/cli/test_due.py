"""`check --due`."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cli.support import Dagflow

FLOW = """flow digest {
  on cron "30 9 * * MON-FRI" in "Europe/Paris"
  on every 1h
  on cron "0 0 30 2 1"
  on manual
  log(message: "x")
}
"""


def test_each_schedule_has_its_line(dagflow: Dagflow, folder: Path) -> None:
    (folder / "digest.flow").write_text(FLOW)
    begin = datetime.now(UTC)
    said = dagflow("check", "--due", "digest.flow")
    assert said.code == 0
    _, cron, every, either = said.out.splitlines()
    words, _, slots = cron.partition("): ")
    assert words == "digest  30 9 * * MON-FRI (Europe/Paris"
    found = [datetime.fromisoformat(slot) for slot in slots.split(", ")]
    assert len(found) == 5
    assert begin < found[0] < begin + timedelta(days=4)
    assert {(each.hour, each.minute) for each in found} == {(9, 30)}
    assert max(each.weekday() for each in found) <= 4
    hours = [datetime.fromisoformat(slot) for slot in every.partition("): ")[2].split(", ")]
    assert [later - earlier for earlier, later in itertools.pairwise(hours)] == [timedelta(hours=1)] * 4
    assert begin < hours[0] <= datetime.now(UTC) + timedelta(hours=1)
    assert either.startswith("digest  0 0 30 2 1 (UTC): ")


def test_as_data(dagflow: Dagflow, folder: Path) -> None:
    (folder / "digest.flow").write_text(FLOW)
    data = dagflow("check", "--due", "--json", "digest.flow").json
    assert isinstance(data, dict)
    cron, every, _ = data["due"]
    assert (cron["file"], cron["flow"], cron["schedule"], cron["zone"]) == (
        "digest.flow",
        "digest",
        "30 9 * * MON-FRI",
        "Europe/Paris",
    )
    assert [len(cron["due"]), every["schedule"], len(every["due"])] == [5, "every 1h", 5]
