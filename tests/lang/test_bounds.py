"""What a run can come to at most, and what is said where a host allows less."""

from __future__ import annotations

import pytest
from hypothesis import assume, given

from dagflow.lang.bounds.bounds import Bounds, bounds, ceiling
from dagflow.lang.compiler import Compilation, compile_text
from dagflow.lang.diagnostics import apply_fixes
from dagflow.lang.limits import Limits, RunLimits
from dagflow.model.action import Interface
from tests.app.flowtext import flow_texts
from tests.lang.golden import check, prelude

INTERFACE = prelude()
SECOND = 10**9
DAY = 86_400 * SECOND
HEAD = "flow f(order: Order, names: list<string>, n: int, at: timestamp)"


def bounds_of(body: str, more: str = "") -> Bounds:
    return bounds(check(f"{HEAD} {{\n{body}\n}}\n{more}", INTERFACE).unwrap("f"))


STEP = 'log(message: "x")'


@pytest.mark.parametrize(
    ("body", "steps", "parallel"),
    [
        ("filter n > 3", 0, 0),
        (f"a = {STEP}\nb = {STEP}", 2, 1),
        (f"parallel {{\na = {STEP}\nb = {STEP}\nc = {STEP}\n}}\nd = {STEP}", 4, 3),
        (f"parallel {{\ndo {{\na = {STEP}\nb = {STEP}\n}}\nc = {STEP}\n}}\nd = {STEP} after c", 4, 2),
        (f"if n > 1 {{\na = {STEP}\nb = {STEP}\n}} else {{ c = {STEP} }}\nd = {STEP}", 3, 1),
        (f"if n > 1 {{\nparallel {{\na = {STEP}\nb = {STEP}\n}}\n}} else {{ c = {STEP} }}", 2, 2),
        (f'switch order.tier {{ case "gold" {{ a = {STEP} }}\ncase "silver", "standard" {{ }} }}', 1, 1),
        (f"parallel {{\na = {STEP}\nb = {STEP}\n}}\nc = {STEP} after any(a, b)", 3, 3),
        (f"parallel first 1 {{\na = {STEP}\nb = {STEP}\n}}\nc = {STEP}", 3, 2),
        (f'a = {STEP} undo log(message: "back")\nb = {STEP}', 3, 1),
        (f"do {{\na = {STEP}\n}} on error {{ b = {STEP} }}\nc = {STEP}", 3, 1),
        (f'wait 1s\nw = wait event "shop/order.placed" within 1d else {{ a = {STEP} }}', 3, 1),
        (f"for name in names max 7 parallel 3 {{\na = {STEP}\nb = {STEP}\n}}", 15, 3),
        (f"for name in names max 2 parallel 9 {{\nparallel {{\na = {STEP}\nb = {STEP}\n}}\n}}", 5, 4),
    ],
)  # fmt: skip
def test_steps_and_parallelism(body: str, steps: int, parallel: int) -> None:
    found = bounds_of(body)
    assert (found.steps.value, found.parallel) == (steps, parallel)


@pytest.mark.parametrize(
    ("body", "waiting", "n_open", "duration"),
    [
        ("wait 2d", 2 * DAY, 0, 2 * DAY),
        ("wait 1h + 30m", 5400 * SECOND, 0, 5400 * SECOND),
        ("wait at - now", 30 * DAY, 0, 30 * DAY),
        ("wait until at", 30 * DAY, 0, 30 * DAY),
        ("timeout 1d\nwait 2d", DAY, 0, DAY),
        ('wait duration(order.note ?? "1s")', 30 * DAY, 0, 30 * DAY),
        (f"a = {STEP}\nb = {STEP}", 0, 2, 30 * DAY),
        (f"a = {STEP} timeout 10s\nb = {STEP} within 1m", 70 * SECOND, 0, 70 * SECOND),
        (f"a = {STEP} timeout 10s retry 2 every 5s", 40 * SECOND, 0, 40 * SECOND),
        (f"a = {STEP} retry 3 from 1s to 2s", 5 * SECOND, 4, 30 * DAY),
        ("parallel {\nwait 1h\nwait 2h\n}\nwait 1s", 7201 * SECOND, 0, 7201 * SECOND),
        ("for name in names max 7 parallel 3 {\nwait 1s\n}", 3 * SECOND, 0, 3 * SECOND),
        ('w = wait event "shop/order.placed" within 1d', DAY, 0, DAY),
        ("wait duration(string(1 / 0))", 0, 0, 0),
    ],
)  # fmt: skip
def test_time(body: str, waiting: int, n_open: int, duration: int) -> None:
    found = bounds_of(body)
    assert (found.waiting_ns, found.n_open, found.duration_ns) == (waiting, n_open, duration)


def test_what_is_called_counts_and_what_is_started_does_not() -> None:
    callee = """flow g(n: int) -> int {
  timeout 2h
  l = crm.lookup(email: "a@example.com")
  emit "crm/lead.changed" (lead: l)
  return n
}"""
    body = "a = g(n: 1)\nb = g(n: 2) retry 2 every 1s\nc = start g(n: 3)\nrows = for x in names max 5 { d = start g(n: 4) }"
    found = bounds_of(body, callee)
    assert str(found.steps) == "17 = 4 + 1 × 2 (a) + 3 × 2 (b) + 5 × 1 (rows)"
    assert (found.runs_started.value, found.events_sent.value) == (6, 4)
    assert (found.waiting_ns, found.n_open) == ((2 + 3 * 2) * 3600 * SECOND + 2 * SECOND, 0)


def test_how_a_number_comes_about() -> None:
    found = bounds_of(
        f'a = {STEP}\nrows = for name in names max 5000 parallel 20 {{\nb = {STEP}\nc = {STEP}\nyield 1\n}}\nlog(message: "${{rows.size()}}")'
    )
    assert str(found.steps) == "10003 = 3 + 5000 × 2 (rows)"
    assert str(found.events_sent) == "0"
    assert found.expression_cost.own > 0


def test_the_keys_of_items_cost_something_too() -> None:
    without = bounds_of("for name in names max 100 { wait 1s }").expression_cost.value
    with_key = bounds_of('for name in names max 100 key name + "x" { wait 1s }').expression_cost.value
    assert with_key - without == 100 * 3


def limited(body: str, **run: int) -> Compilation:
    return compile_text(f"{HEAD} {{\n{body}\n}}", INTERFACE, filename="a.flow", limits=Limits(run=RunLimits(**run)))


LOOP = f"rows = for name in names max 5000 parallel 20 {{\n  b = {STEP}\n  c = {STEP}\n}}\na = {STEP}"


@pytest.mark.parametrize(
    ("run", "title", "label", "fix"),
    [
        ({"steps": 1000}, "this flow may run 10002 steps, the limit is 1000", "2 steps for each of 5000 items", "`max 499`"),
        ({"parallel": 8}, "this flow may run 20 steps at the same time, the limit is 8", "20 items at a time", "`parallel 8`"),
        ({"steps": 1}, "this flow may run 10002 steps, the limit is 1", "2 steps for each of 5000 items", None),
        ({"duration_ns": DAY}, "this flow may last 30d, the limit is 1d", "it has no `timeout` of its own", None),
        ({"expression_cost": 9000}, "this flow may take 10002 steps in expressions, the limit is 9000", "2 steps for each of 5000 items", "`max 4499`"),
    ],
)  # fmt: skip
def test_a_host_may_allow_less(run: dict[str, int], title: str, label: str, fix: str | None) -> None:
    compilation = limited(LOOP, **run)
    (found,) = compilation.diagnostics
    assert (found.code, found.title, found.label, found.fix and found.fix.text) == ("E503", title, label, fix)
    if fix is not None:
        text = apply_fixes(compilation.text, compilation.diagnostics, only_safe=False)
        assert not compile_text(text, INTERFACE, limits=Limits(run=RunLimits(**run))).diagnostics


@pytest.mark.parametrize(
    ("body", "run", "label"),
    [
        (f"a = {STEP}\nb = {STEP}", {"steps": 1}, "2 steps"),
        ("timeout 9d\nwait until at", {"duration_ns": DAY}, "the limit of the run"),
        (f"parallel {{\na = {STEP}\nb = {STEP}\n}}", {"parallel": 1}, "its branches together"),
        (f"for x in names max 9 parallel 2 {{\nparallel {{\na = {STEP}\nb = {STEP}\n}}\n}}", {"parallel": 1}, "2 items at a time"),
        ('emit "shop/order.placed" (order: order)', {"events_sent": 0}, "1 events"),
        ("g(n: 1)", {"steps": 1}, "1 steps in the flow it calls"),
        ("g(n: 1) retry 2 every 1s", {"steps": 1}, "1 steps in the flow it calls, for each of 3 attempts"),
    ],
)  # fmt: skip
def test_where_too_much_is_said(body: str, run: dict[str, int], label: str) -> None:
    text = f"{HEAD} {{\n{body}\n}}\nflow g(n: int) {{\ntimeout 1h\n{STEP}\n}}"
    found = compile_text(text, INTERFACE, limits=Limits(run=RunLimits(**run))).diagnostics
    assert [(each.code, each.label) for each in found if each.label == label] == [("E503", label)], found


def test_within_the_limits_nothing_is_said() -> None:
    assert not limited(LOOP, steps=10_002, parallel=20, duration_ns=30 * DAY, runs_started=0, events_sent=0).diagnostics


def test_of_ways_that_exclude_each_other_one_counts() -> None:
    body = f"if n > 1 {{\na = {STEP}\nb = {STEP}\n}} else {{\nc = {STEP}\nd = {STEP}\n}}"
    assert not limited(body, steps=2).diagnostics
    assert [found.title for found in limited(body, steps=1).diagnostics] == ["this flow may run 2 steps, the limit is 1"]


@given(flow_texts())
def test_all_nodes_together_are_never_less_than_what_a_run_can_come_to(text: str) -> None:
    compilation = compile_text(text, Interface())
    assume(not compilation.has_errors)
    flow = compilation.unwrap()
    most = ceiling(flow)
    if most is None:
        assert any(node.loop is not None or node.flow for node in flow.nodes)
        return
    found = bounds(flow)
    assert max(found.steps.value, found.parallel, found.runs_started.value, found.events_sent.value) <= most[0]
    assert found.expression_cost.value <= most[1]
