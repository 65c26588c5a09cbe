"""Run the tests of served flows: what requests and runs came to, also where the service crashes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial

import attrs
import orjson

from dagflow.app.simulation.served import Served, ServedRun
from dagflow.app.simulation.test_stage import START, Stage, TestOutcome
from dagflow.app.simulation.test_values import defaults_of
from dagflow.drivers.simulated.simulator import Simulation
from dagflow.model.flow_test import Expectation
from dagflow.model.status import RunStatus
from dagflow.model.values import Duration
from dagflow.model.wire import codec as wire


def run_served(stage: Stage, *, is_chaotic: bool) -> TestOutcome:
    """Run a served test.

    Args:
        stage: of the test.
        is_chaotic: also let the service crash before everything that happens, and each run at every point, and expect the same.
    """
    calm = _play(stage, restarts=False)
    runs = {id_: run.simulation for id_, run in calm.runs.items()}
    outcome = TestOutcome(test=stage.test, unmet=tuple(stage.unmet), served=runs)
    if not is_chaotic or outcome.unmet:
        return outcome
    restarted = _play(stage, restarts=True)
    unmet = tuple(attrs.evolve(each, after=0) for each in stage.unmet)
    n_crashes, n_overtaken, error = restarted.n_steps, 0, ""
    for run in calm.runs.values():
        for point in range(run.simulation.n_points):
            n_crashes += 1
            found = _difference(run, run.played((point,)), point)
            n_overtaken += found is None
            error = error or found or ""
    return attrs.evolve(outcome, unmet=unmet, error=error, n_crashes=n_crashes, n_overtaken=n_overtaken)


def _difference(run: ServedRun, crashed: Simulation, point: int) -> str | None:
    """How a run ends otherwise after a crash, or ""; None if it does only because calls took longer."""
    calm, other = run.simulation.result, crashed.result
    # It is unknown whether the calls that the crash interrupted have happened.
    is_unknown = {calm.status, other.status} == {RunStatus.FAILED, RunStatus.FAILED_DIRTY}
    if (calm.status is other.status or is_unknown) and calm.output == other.output:
        return ""
    slow = run.played(like=crashed.timing).result
    if slow.status is other.status and slow.output == other.output:
        return None
    return f"after a crash at point {point} a run is {other.status.value}, without one it is {calm.status.value}"


def _play(stage: Stage, *, restarts: bool) -> Served:
    stage.unmet = []
    timed: dict[int, list[Expectation]] = {}
    late: list[Expectation] = []
    for expectation in stage.test.expectations:
        if expectation.at_ns is None:
            late.append(expectation)
        else:
            timed.setdefault(START + expectation.at_ns, []).append(expectation)
    ats = [*(send.at for send in stage.sends), *timed]
    sends = tuple(sorted(stage.sends, key=lambda send: send.at))
    looks = {at: partial(_check, stage, found) for at, found in sorted(timed.items())}
    served = Served(stage.program, stage.play_run, START, max(ats, default=START), sends, looks, restarts)
    served.serve()
    _check(stage, late, served)
    stage.unmet.sort(key=lambda each: each.expectation.span.start)
    return served


def _check(stage: Stage, expectations: Collection[Expectation], served: Served) -> None:
    for expectation in expectations:
        stage.check(expectation, dict(_bindings(stage, served, expectation.condition.reads)), lambda: "")


def _bindings(stage: Stage, served: Served, names: Collection[str]) -> Iterator[tuple[str, object]]:
    for name in names:
        function, _, rest = name.partition('("')
        of = rest[:-2]
        if function == "calls":
            yield name, _calls(stage, served, of)
        elif function == "emitted":
            yield name, _emitted(stage, served, of)
        elif function == "dropped":
            yield name, served.drops[of]
        else:
            yield name, served.counts()


def _calls(stage: Stage, served: Served, action: str) -> list[Mapping[str, object]]:
    """The completed calls of all runs up to now, in their order."""
    defaults = {each.name: defaults_of(each) for each in stage.test.actions}
    calls = [each for run in served.runs.values() for each in run.simulation.calls if not each.is_lost]
    return [
        {"at": Duration(call.at - START), **defaults.get(action, {}), **call.invocation.arguments}
        for call in sorted(calls, key=lambda call: call.at)
        if call.invocation.action == action and call.at <= served.now
    ]


def _emitted(stage: Stage, served: Served, event: str) -> list[object]:
    payload = stage.interface.events[event].payload
    sent = [each for run in served.runs.values() for each in run.simulation.emitted if each.name == event]
    return [
        wire.decode(orjson.loads(each.payload), payload)
        for each in sorted(sent, key=lambda each: each.at)
        if each.at <= served.now
    ]
