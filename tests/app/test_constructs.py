"""Each construct of the language, from text to history, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import orjson
import pytest

from dagflow.actions.failures import Invocation
from dagflow.drivers.simulated.simulator import DEFAULT_START, Script, Simulation, simulate
from dagflow.errors import StoreError, UsageError
from dagflow.execution.bindings import Origin
from dagflow.execution.instance import RunInstance
from dagflow.execution.program import prepare
from dagflow.ids import RunId
from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface
from dagflow.model.flow import Flow
from dagflow.model.status import NodeStatus, PruneReason, RunStatus
from dagflow.model.values import Timestamp
from dagflow.model.wire.codec import WireError
from dagflow.store.api import Record
from tests.drivers.harness import failing

SECOND = 1_000_000_000
DECLARATIONS = """
type Tier = "gold" | "silver" | "none"
event "made" { n: int, at: timestamp }
action work(n: int) -> int idempotent
action tell(text: string, n: int = 0) -> string effectful
action hush(secret: Secret<string>) -> string effectful
"""


def flow_of(body: str, head: str = 'flow f(n: int, tier: Tier = "none", at: timestamp?) -> int?') -> Flow:
    compilation = compile_text(f"{DECLARATIONS}\n{head} {{\n on manual\n {body}\n}}", Interface())
    assert not compilation.has_errors, compilation.render()
    return compilation.unwrap()


def play(body: str, given: Mapping[str, object] | None = None, **scripts: Script) -> Simulation:
    def work(invocation: Invocation) -> object:
        return invocation.arguments["n"]

    def tell(invocation: Invocation) -> object:
        return invocation.arguments["text"]

    return simulate(flow_of(body), {"n": 1} | dict(given or {}), actions={"work": work, "tell": tell} | scripts)


def outputs(simulation: Simulation) -> dict[str, object]:
    return {node.id: node.output for node in simulation.result.nodes if node.status is NodeStatus.SUCCEEDED}


@pytest.mark.parametrize(("n", "arm"), [(1, "a"), (2, "a"), (3, "b"), (9, "c")])
def test_switch(n: int, arm: str) -> None:
    done = play(
        "switch n { case 1, 2 { a = work(n: 1) } case 3 { b = work(n: 2) } else { c = work(n: 3) } }\n d = work(n: 4)", {"n": n}
    )
    assert {"a", "b", "c"} & set(outputs(done)) == {arm}
    assert done.result.nodes[-1].status is NodeStatus.SUCCEEDED


def test_switch_over_an_enum_and_its_words() -> None:
    done = play('switch tier { case "gold" { a = work(n: 1) } case "silver", "none" { b = work(n: 2) } }', {"tier": "silver"})
    assert done.result.nodes[0].outcome
    assert set(outputs(done)) >= {"b"}


@pytest.mark.parametrize(("at", "ended"), [("2026-01-02T00:00:00Z", 86_400 * SECOND), ("1999-01-01T00:00:00Z", 0)])
def test_wait_until(at: str, ended: int) -> None:
    done = play("wait until at ?? now", {"at": at})
    assert done.result.ended_at == DEFAULT_START + ended


def test_now_is_when_the_step_became_ready() -> None:
    done = play(
        "wait 90s\n let a = now\n b = work(n: 1)\n let c = now - run.started_at\n tell(text: string(c))",
        work=Script(result=1, takes_ns=SECOND),
    )
    assert outputs(done)["a"] == Timestamp(DEFAULT_START + 90 * SECOND)
    assert outputs(done)["tell"] == "91s"


def test_what_a_run_knows_of_itself() -> None:
    done = simulate(
        flow_of('tell(text: "${run.flow} ${run.id} ${trigger.kind} ${trigger.name}")'),
        {"n": 1},
        actions={"tell": lambda invocation: invocation.arguments["text"]},
        trigger=Origin(kind="event", name="x/y"),
    )
    assert outputs(done)["tell"] == f"f {'0' * 32} event x/y"


def test_secrets_travel_as_handles() -> None:
    done = play("hush(secret: secrets.token)", hush=Script(result="done"))
    assert repr(done.calls[0].invocation.arguments["secret"]) == "Secret('token')"
    assert b"token" not in b"".join(record.payload or b"" for record in done.history)


def test_events_are_recorded() -> None:
    done = play('wait 1s\n emit "made" (n: n + 1, at: now)')
    records = [record for record in done.history if record.kind == "event_emitted"]
    assert [orjson.loads(record.payload or b"") for record in records] == [{"n": 2, "at": "2026-01-01T00:00:01Z"}]


def test_ends() -> None:
    assert play('stop "enough"\n').result.reason == "enough"
    assert play("stop").result.reason == ""
    assert play("return n + 1").result.output == 2
    failed = play('fail "too ${string(n)}"').result
    assert failed.status is RunStatus.FAILED
    assert [(failure.code, failure.message) for failure in failed.failures] == [("failed", "too 1")]


def test_return_in_a_branch_ends_the_others() -> None:
    done = play("parallel { a = work(n: 1)\n do b { wait 1s\n return 7 } }", work=Script(result=1, takes_ns=60 * SECOND))
    assert done.result.output == 7
    assert done.result.node("a").status is NodeStatus.CANCELLED
    assert done.result.ended_at == DEFAULT_START + SECOND


def test_a_filter_ends_its_block_and_only_its_block() -> None:
    done = play("do b { filter n > 5\n a = work(n: 1) }\n c = work(n: 2)\n filter n > 5\n d = work(n: 3)")
    assert (done.result.node("a").reason, done.result.node("d").reason) == (PruneReason.GATE, PruneReason.GATE)
    assert done.result.node("c").output == 2
    assert done.result.status is RunStatus.SUCCEEDED


def test_a_condition_that_fails_fails_the_run() -> None:
    done = play("filter 10 / (n - 1) > 0\n a = work(n: 1)")
    assert [failure.code for failure in done.result.failures] == ["divide_by_zero"]
    assert done.result.node("a").status is NodeStatus.PRUNED


def test_handlers_know_what_failed() -> None:
    text = '{}do b {{ a = work(n: 1) }} on error as e {{ t = tell(text: "${{e.step}} ${{e.code}} ${{e.message}} ${{string(e.attempt)}}") }}'
    done = play(text.format(""), work=Script(failures=(failing("x"),)))
    assert outputs(done)["t"] == "a x it was x 1"
    assert done.result.status is RunStatus.SUCCEEDED
    assert play(text.format(""), work=Script(result=1)).result.node("t").reason is PruneReason.GATE


def test_handlers_in_handlers_know_their_own() -> None:
    done = play(
        """
        do outer {
          do inner { a = work(n: 1) } on error as e { fail "${e.step} again" }
        } on error as f { t = tell(text: f.message) }
        """,
        a=Script(failures=(failing("x"),)),
    )
    assert outputs(done)["t"] == "a again"


def test_the_flow_s_own_handler() -> None:
    text = (
        f"{DECLARATIONS}\nflow f(n: int) {{ on manual\n a = work(n: n) }} on error as e {{ t = tell(text: e.step + e.code) }}"
    )
    flow = compile_text(text, Interface()).unwrap()
    tell = Script(result="told")
    done = simulate(flow, {"n": 1}, actions={"work": Script(failures=(failing("x"),)), "tell": tell})
    assert (done.result.status, done.result.node("t").output) == (RunStatus.FAILED, "told")
    done = simulate(flow, {"n": 1}, actions={"work": Script(result=1), "tell": tell})
    assert (done.result.status, done.result.node("t").reason) == (RunStatus.SUCCEEDED, PruneReason.GATE)


def test_after_any_reads_what_was_there_also_after_a_crash() -> None:
    body = "parallel { a = work(n: 1)\n b = work(n: 2) }\n c = work(n: (a ?? 10) + (b ?? 20)) after any(a, b)"
    scripts = {"a": Script(result=1, takes_ns=SECOND), "b": Script(result=2, takes_ns=2 * SECOND)}
    scripts["c"] = Script(result=lambda invocation: invocation.arguments["n"], takes_ns=5 * SECOND)
    flow = flow_of(body)
    calm = simulate(flow, {"n": 1}, actions=scripts)
    assert outputs(calm)["c"] == 21
    for point in range(calm.n_points):
        crashed = simulate(flow, {"n": 1}, actions=scripts, crash_at={point})
        assert {call.invocation.arguments["n"] for call in crashed.calls if call.invocation.node == "c"} == {21}


def test_when_and_default() -> None:
    done = play(
        "a = work(n: 1) when n > 5\n b = work(n: 2) default n + 40\n return (a ?? 0) + b", b=Script(failures=(failing(),))
    )
    assert done.result.output == 41
    assert done.result.node("a").reason is PruneReason.GATE


def test_cancelled_from_outside() -> None:
    done = simulate(flow_of("wait 1h"), {"n": 1}, cancel_at=DEFAULT_START + SECOND)
    assert (done.result.status, done.result.ended_at) == (RunStatus.CANCELLED, DEFAULT_START + SECOND)


def test_what_the_simulator_refuses() -> None:
    with pytest.raises(UsageError, match="'work' has no script"):
        simulate(flow_of("work(n: 1)"), {"n": 1})
    with pytest.raises(WireError):
        simulate(flow_of("work(n: 1)"), {"n": "1"})


@pytest.mark.parametrize(
    ("at", "payload", "match"),
    [(0, None, "without its value"), (2, None, "without its value")],
)
def test_a_history_that_lacks_a_value_is_refused(at: int, payload: bytes | None, match: str) -> None:
    done = play("a = work(n: 1)")
    history: list[Record] = list(done.history)
    history[at] = attrs.evolve(history[at], payload=payload)
    with pytest.raises(StoreError, match=match):
        RunInstance(prepare(flow_of("a = work(n: 1)")), RunId("0" * 32)).restore(history)


def test_standing() -> None:
    progress = RunInstance(prepare(flow_of("wait 1h")), RunId("0" * 32))
    progress.begin({"n": 1}, Origin(), 5)
    assert progress.standing() == (RunStatus.SLEEPING, 5 + 3600 * SECOND)
    progress.cancel(6)
    progress.cancel(7)
    assert progress.standing() == (RunStatus.CANCELLED, None)
