"""When each step of a run was called and waited."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from typing import cast

import attrs
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rich.console import Console

import dagflow
from dagflow.app.timelines import timeline_of
from dagflow.cli.output.text import length
from dagflow.cli.output.timeline import drawn
from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Simulation, simulate
from dagflow.pictures.marks import Tone
from dagflow.pictures.timeline import Timeline
from dagflow.pictures.timeline_svg import draw_timeline, page_of
from tests.app.flowtext import flow_texts
from tests.drivers.harness import failing

SECOND = 10**9
FLOW = """
action shop.charge(amount: int) -> int idempotent
action shop.pack(item: int) -> int idempotent
flow order(n: int) -> int {
  on manual
  paid = shop.charge(amount: n) retry 2 every 2s
  rows = for i in [1, 2] max 2 { p = shop.pack(item: i) }
  wait 10s
  sent = shop.pack(item: 3)
  return sent
}
"""


def simulated(**options: object) -> tuple[dagflow.Flow, Simulation]:
    flow = dagflow.compile(FLOW).unwrap()
    charge = Script(result=1, takes_ns=SECOND, failures=(failing("away"),))
    actions = {"shop.charge": charge, "shop.pack": Script(result=1, takes_ns=3 * SECOND)}
    return flow, simulate(flow, {"n": 1}, actions=actions, seed=None, **options)  # type: ignore[arg-type]


def shown(timeline: Timeline) -> dict[str, list[tuple[float, float, Tone, str]]]:
    return {
        row.label: [
            ((each.start - timeline.start) / SECOND, (each.end - timeline.start) / SECOND, each.tone, each.words)
            for each in row.stretches
        ]
        for row in timeline.rows
    }


def test_attempts_pauses_waits_and_loops_have_their_time() -> None:
    flow, done = simulated()
    timeline = timeline_of(flow, done.result, done.history, now=0)
    assert timeline.title.endswith(": succeeded")
    assert shown(timeline) == {
        "paid": [
            (0, 1, Tone.BAD, "attempt 1: failed"),
            (1, 3, Tone.OFF, "pause before attempt 2"),
            (3, 4, Tone.GOOD, "attempt 2: succeeded"),
        ],
        "rows": [(4, 10, Tone.GOOD, "succeeded")],
        "wait 10s": [(10, 20, Tone.WAITING, "waited")],
        "sent": [(20, 23, Tone.GOOD, "attempt 1: succeeded")],
    }


def test_a_run_that_goes_on_reaches_until_now() -> None:
    flow, done = simulated()
    begun = tuple(record for record in done.history if record.kind == "attempt_started")[:1]
    result = attrs.evolve(
        done.result, ended_at=None, status=dagflow.RunStatus.RUNNING, make_nodes=lambda: done.result.nodes[:1]
    )
    timeline = timeline_of(flow, result, begun, now=result.started_at + 7 * SECOND)
    assert shown(timeline) == {"paid": [(0, 7, Tone.BUSY, "attempt 1: under way")]}


def test_what_was_stopped_is_shown_so() -> None:
    flow, done = simulated(cancel_at=DEFAULT_START + 15 * SECOND)
    timeline = timeline_of(flow, done.result, done.history, now=0)
    assert shown(timeline)["wait 10s"] == [(10, 15, Tone.STOPPED, "waited")]
    assert "sent" not in shown(timeline)


def test_a_terminal_shows_each_tone_with_a_character_of_its_own() -> None:
    flow, done = simulated()
    out = Console(width=80, color_system=None, file=io.StringIO())
    out.print(drawn(timeline_of(flow, done.result, done.history, now=0), 80))
    lines = cast("io.StringIO", out.file).getvalue().splitlines()
    assert lines[1].split() == ["0", "23s"]
    assert lines[2].startswith("paid      ▓▓·····███ ")
    assert lines[2].rstrip().endswith("succeeded 4s")
    assert lines[4].strip("wait 10s").startswith("░")
    assert lines[-1].split("  ") == ["█ succeeded", "▓ failed", "░ waiting", "· pause"]
    assert all(len(line) <= 80 for line in lines)


def test_a_picture_and_a_page_escape_their_words() -> None:
    flow, done = simulated()
    timeline = attrs.evolve(timeline_of(flow, done.result, done.history, now=0), title="</title><script>alert(1)</script>")
    svg = draw_timeline(timeline, length)
    root = ET.fromstring(svg)
    assert {each.tag.rpartition("}")[2] for each in root.iter()} == {"svg", "title", "style", "rect", "text", "path"}
    bars = [each for each in root.iter() if each.tag.endswith("rect") and "shape" in each.get("class", "")]
    assert len(bars) == sum(len(row.stretches) for row in timeline.rows)
    page = page_of(svg, timeline.title)
    assert "<script" not in page
    assert "default-src 'none'" in page


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_all_bars_lie_in_the_run_and_do_not_overlap(data: st.DataObject) -> None:
    compilation = dagflow.compile(data.draw(flow_texts()))
    assume(not compilation.has_errors)
    flow = compilation.unwrap()
    fails = (failing("oops"),) * data.draw(st.integers(0, 2))
    scripts = {
        name: Script(result=1, takes_ns=data.draw(st.integers(0, 3)) * SECOND, failures=fails)
        for name in ("work", "pay", "look")
    }
    done = simulate(flow, {"a": 1, "b": data.draw(st.booleans())}, actions=scripts, seed=data.draw(st.integers(0, 99)))
    timeline = timeline_of(flow, done.result, done.history, now=0)
    for row in timeline.rows:
        places = [place for each in row.stretches for place in (each.start, each.end)]
        assert places == sorted(places)
        assert timeline.start <= places[0]
        assert places[-1] <= timeline.end
