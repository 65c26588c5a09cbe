"""Steps whose outcome nobody knows are undone with the others, or the run says that something may have been left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from dagflow.actions.failures import Invocation
from dagflow.app.interpreter import Interpreter
from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Simulation, simulate
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.flow import Flow
from dagflow.model.status import RunStatus
from tests.app.host import Host
from tests.engine.flows import SECOND

PAY = """
action pay.charge(order: string) -> {id: string} idempotent
action pay.refund(order: string) idempotent
action pay.refund_by_id(id: string) idempotent
action quick() idempotent
"""
BY_ORDER, BY_ID = "pay.refund(order: order)", "pay.refund_by_id(id: charge.id)"
#: Ways in which a call of ten seconds is broken off before the run fails.
BROKEN_OFF = {
    "its time was up": 'charge = pay.charge(order: order) timeout 1s undo {}\n fail "no"',
    "its time was up and that was handled": 'charge = pay.charge(order: order) timeout 1s undo {} on error {{ quick() }}\n fail "no"',
    "its race was lost": 'parallel first 1 {{\n charge = pay.charge(order: order) undo {}\n wait 1s\n }}\n fail "no"',
    "another step failed": 'parallel {{\n charge = pay.charge(order: order) undo {}\n do {{ wait 1s\n fail "no" }}\n }}',
    "the run was cancelled": "charge = pay.charge(order: order) undo {}\n wait 1h",
    "its item was cancelled": 'for x in [1, 2] max 2 parallel 2 {{\n if x == 1 {{ charge = pay.charge(order: order) undo {} }} else {{ wait 1s\n fail "no" }}\n }}',
}


def flow_of(body: str, undo: str) -> Flow:
    text = f"{PAY}\nflow f(order: string) {{\n on manual\n {body.format(undo)}\n}}"
    compilation = compile_text(text, Interface())
    assert not compilation.has_errors, compilation.render()
    return compilation.unwrap("f")


def play(body: str, undo: str, crash_at: tuple[int, ...] = ()) -> Simulation:
    scripts = {
        "pay.charge": Script(result={"id": "c1"}, takes_ns=10 * SECOND),
        **dict.fromkeys(("pay.refund", "pay.refund_by_id", "quick"), Script()),
    }
    cancel_at = DEFAULT_START + 2 * SECOND if body.endswith("wait 1h") else None
    return simulate(flow_of(body, undo), {"order": "7"}, actions=scripts, cancel_at=cancel_at, crash_at=crash_at)


def calls(simulation: Simulation, action: str) -> list[Invocation]:
    return [call.invocation for call in simulation.calls if call.invocation.action == action and not call.is_lost]


@pytest.mark.parametrize("how", BROKEN_OFF)
def test_what_may_have_happened_is_undone(how: str) -> None:
    calm = play(BROKEN_OFF[how], BY_ORDER)
    for point in (None, *range(calm.n_points)):
        done = calm if point is None else play(BROKEN_OFF[how], BY_ORDER, (point,))
        assert done.result.status is (RunStatus.CANCELLED if "cancelled" in how and "item" not in how else RunStatus.FAILED)
        assert [each.arguments["order"] for each in calls(done, "pay.refund")] == ["7"], point


@pytest.mark.parametrize("how", BROKEN_OFF)
def test_the_run_says_so_where_that_cannot_be_called(how: str) -> None:
    done = play(BROKEN_OFF[how], BY_ID)
    assert done.result.status is RunStatus.FAILED_DIRTY
    assert calls(done, "pay.refund_by_id") == []
    told = str([record.payload for history in done.histories.values() for record in history])
    assert "unknown_outcome" in told
    assert "nobody knows whether `charge` had its effect, and its undo reads what it gave: look, and undo it by hand" in told


def test_a_value_that_was_taken_instead_is_not_what_the_step_gave() -> None:
    done = play('charge = pay.charge(order: order) timeout 1s default {{"id": "none"}} undo {}\n fail "no"', BY_ID)
    assert done.result.status is RunStatus.FAILED_DIRTY
    assert calls(done, "pay.refund_by_id") == []


async def test_a_call_that_waits_for_its_turn_has_done_nothing(tmp_path: Path) -> None:
    """One call of two is under way when the run is cancelled; the other one has begun on paper only."""
    host = Host()

    @host.catalog.action("back", effect="idempotent")
    async def back(n: int) -> None:
        host.calls.append(f"back {n}")

    flow = host.flow(
        "flow f() {\n on manual\n parallel {\n a = held(n: 1) undo back(n: 1)\n b = held(n: 2) undo back(n: 2)\n }\n}", "f"
    )
    async with Interpreter.open(tmp_path / "runs.db", catalog=host.catalog, concurrency=1) as interpreter:
        run = await interpreter.start(flow)
        await host.began.wait()
        with trio.fail_after(20):
            result = await run.cancel()
    assert result.status is RunStatus.CANCELLED
    assert host.calls == ["held 1", "back 1"]
