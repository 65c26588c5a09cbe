"""Tests in the language of flows that are served: many runs, by triggers, settings and slots."""

from __future__ import annotations

import pytest

from dagflow.app.simulation.test_runner import run_test
from dagflow.app.simulation.test_stage import TestOutcome
from dagflow.execution.program import prepare
from dagflow.lang.compiler import compile_text
from tests.app.host import Host

HEAD = """
event "order" { id: string, who: string, n: int? }
event "gone" { who: string }
event "done" { id: string }
"""
PAY = (
    HEAD
    + """
flow pay(id: string, who: string) -> string {
  on event "order" as o when o.who != "nobody" with (id: o.id, who: o.who)
  SETTINGS
  cancel on event "gone" as g when g.who == who
  sent = mail(to: id) undo mail(to: "no ${id}")
  wait 1h
  emit "done" (id: id)
  return id
}
test "t" for pay {
  served
  ITEMS
}
"""
)


def outcome(items: str, settings: str = "", *, chaos: bool = True, text: str = PAY) -> TestOutcome:
    compiled = compile_text(text.replace("SETTINGS", settings).replace("ITEMS", items), Host().catalog.interface)
    assert not compiled.has_errors, compiled.render()
    (test,) = compiled.tests
    return run_test(test, prepare(compiled.flows[test.flow]), compiled.interface, is_chaotic=chaos)


def sent(*orders: str) -> str:
    """`0s a1` is an order of `a` at the beginning."""
    return "\n".join(
        f'at {at} send "order" (id: "{order}", who: "{order[0]}")' for at, order in (each.split() for each in orders)
    )


@pytest.mark.parametrize(
    ("settings", "orders", "expected"),
    [
        ("", ["0s a1", "1s a2"], "runs.requested == 2 && runs.started == 2 && runs.succeeded == 2"),
        ("rate 2 per 1m", ["0s a1", "1s a2", "59s a3", "60s a4"], 'runs.started == 3 && dropped("rate") == 1'),
        ("once by id", ["0s a1", "1d a1"], 'runs.started == 1 && dropped("once") == 1'),
        ("debounce 10s by who max 1m", ["0s a1", "5s a2", "5s b1"], "runs.started == 2 && runs.superseded == 1"),
        (
            "throttle 1 per 10m",
            ["0s a1", "0s a2", "0s a3"],
            'calls("mail").map(c, c.at) == [0s, 10m, 20m] && calls("mail").map(c, c.to) == ["a1", "a2", "a3"]',
        ),
        ("concurrency 1", ["0s a1", "0s a2"], 'calls("mail").map(c, c.at) == [0s, 1h]'),
        ("singleton by who skip", ["0s a1", "1m a2", "1m b1"], 'runs.started == 2 && dropped("singleton") == 1'),
        (
            "singleton by who queue",
            ["0s a1", "1m a2", "2m a3"],
            'runs.superseded == 1 && calls("mail").map(c, c.to) == ["a1", "a3"]',
        ),
        (
            "singleton by who replace",
            ["0s a1", "1m a2", "1m b1"],
            'runs.cancelled == 1 && runs.succeeded == 2 && "no a1" in calls("mail").map(c, c.to) && size(emitted("done")) == 2',
        ),
    ],
)
def test_settings(settings: str, orders: list[str], expected: str) -> None:
    found = outcome(f"{sent(*orders)}\nexpect {expected}", settings)
    assert found.has_passed, found
    assert found.n_crashes > 5


def test_how_things_stand_in_between() -> None:
    orders = sent("0s a1", "1m a2", "2m b1")
    items = f"""{orders}
      at 0s expect runs.running == 1 && runs.waiting == 0 && size(calls("mail")) == 1
      at 90s expect runs.running == 1 && runs.waiting == 1
      at 1h expect runs.succeeded == 1 && runs.running == 1
      expect runs.succeeded == 3 && size(emitted("done")) == 3"""
    assert outcome(items, "concurrency 1").has_passed


def test_events_that_start_nothing_and_events_that_cancel() -> None:
    items = """at 0s send "order" (id: "1", who: "nobody")
      at 1s send "order" (id: "2", who: "a")
      at 2s send "order" (id: "3", who: "a")
      at 3s send "gone" (who: "a")
      expect runs.requested == 2 && runs.cancelled == 1 && dropped("cancelled") == 1"""
    assert outcome(items, "concurrency 1").has_passed


def test_what_is_not_so_says_what_is() -> None:
    found = outcome(f'{sent("0s a1")}\nat 1m expect runs.started == 2\nexpect dropped("rate") == 1', "rate 5 per 1m")
    assert not found.has_passed
    assert [dict(each.got) for each in found.unmet] == [{"runs.started": 1}, {'dropped("rate")': 0}]


def test_a_request_whose_key_has_no_value() -> None:
    text = (
        HEAD
        + """
    flow f(n: int) {
      on event "order" as o with (n: o.n ?? 0)
      concurrency 1 by 10 / n
      wait 1s
    }
    test "t" for f {
      served
      at 0s send "order" (id: "a", who: "a")
      at 0s send "order" (id: "b", who: "a", n: 1)
      expect runs.started == 1 && dropped("invalid") == 1
    }"""
    )
    assert outcome("", text=text).has_passed


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ('cron "0 9 * * *"', 'runs.started == 3 && dropped("overlap") == 0'),
        ('cron "0 9 * * *" overlap skip', 'runs.started == 2 && dropped("overlap") == 1'),
        ('cron "0 9 * * *" overlap replace', "runs.started == 3 && runs.cancelled == 2"),
        ("every 12h overlap queue", "runs.started == 4 && runs.superseded == 2"),
        ('cron "0 9 * * *" in "America/New_York" when now > timestamp("2026-01-02T00:00:00Z")', "runs.started == 2"),
    ],
)
def test_slots(trigger: str, expected: str) -> None:
    """Three days from 1 January 2026 on; a run takes 30 hours."""
    text = f"""flow daily {{
      on {trigger}
      m = mail(to: "a")
      wait 30h
    }}
    test "t" for daily {{
      served
      at 3d expect size(calls("mail")) > 0
      expect {expected}
    }}"""
    found = outcome("", text=text)
    assert found.has_passed, found
