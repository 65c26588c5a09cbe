"""Run the tests of a file in virtual time: actions follow the mocks, then the expectations are evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dagflow.app.simulation.served_tests import run_served
from dagflow.app.simulation.test_stage import Stage, TestOutcome, Unmet
from dagflow.drivers.simulated.simulator import Simulation
from dagflow.errors import DagflowBug, EvaluationError, UsageError
from dagflow.execution.program import Program
from dagflow.execution.results import RunResult
from dagflow.model.action import Interface
from dagflow.model.flow_test import FlowTest
from dagflow.model.status import RunStatus
from dagflow.model.wire.codec import WireError


def run_test(test: FlowTest, program: Program, interface: Interface, *, is_chaotic: bool = False) -> TestOutcome:
    """Run one test.

    Args:
        test: of the flow.
        program: the flow, made ready to run.
        interface: the declarations of the test's file and its host.
        is_chaotic: also crash at every point and go on, and expect the same end. A crash makes the calls under way take longer, so
            another branch may win a race; that is right if a run without a crash, in which they take as long, ends that way.
    """
    try:
        stage = Stage(test, program, interface)
        return run_served(stage, is_chaotic=is_chaotic) if test.is_served else _run(stage, is_chaotic=is_chaotic)
    except WireError as error:
        problems = "; ".join(str(problem) for problem in error.problems)
        return TestOutcome(test=test, error=f"`given` must match the input of the flow: {problems}")
    except EvaluationError as error:
        return TestOutcome(test=test, error=f"a value of the test cannot be computed: {error.message}")
    except (UsageError, DagflowBug) as error:
        return TestOutcome(test=test, error=str(error))


def _run(stage: Stage, *, is_chaotic: bool) -> TestOutcome:
    calm = stage.play()
    outcome = TestOutcome(test=stage.test, result=calm.result, unmet=tuple(stage.unmet), simulation=calm)
    if not is_chaotic or outcome.unmet:
        return outcome
    found = _chaos(stage, calm)
    return attrs.evolve(
        outcome, unmet=tuple(found.unmet), error=found.error, n_crashes=calm.n_points, n_overtaken=found.n_overtaken
    )


@attrs.define(eq=False)
class _Chaos:
    unmet: list[Unmet] = attrs.field(factory=list)
    error: str = ""
    n_overtaken: int = 0


def _chaos(stage: Stage, calm: Simulation) -> _Chaos:
    """Crash at every point, until something is not as it was without a crash."""
    found = _Chaos()
    for point in range(calm.n_points):
        crashed = stage.play((point,))
        unmet = _lasting(stage)
        error = _difference(calm.result, crashed.result, point)
        if (unmet or error) and _is_overtaken(stage, crashed, unmet):
            found.n_overtaken += 1
        elif unmet or error:
            found.unmet = [attrs.evolve(each, after=point) for each in unmet]
            found.error = error
            break
    return found


def _lasting(stage: Stage) -> list[Unmet]:
    """Return the unmet expectations that a crash may not change."""
    return [each for each in stage.unmet if each.expectation.at_ns is None and not each.expectation.counts_time]


def _is_overtaken(stage: Stage, crashed: Simulation, unmet: Sequence[Unmet]) -> bool:
    """Whether a run without a crash, in which calls take as long as they took with it, ends just like that."""
    slow = stage.play(like=crashed.timing)
    is_alike = slow.result.status is crashed.result.status and slow.result.output == crashed.result.output
    return is_alike and [each.expectation for each in unmet] == [each.expectation for each in _lasting(stage)]


def _difference(calm: RunResult, crashed: RunResult, point: int) -> str:
    # It is unknown whether the calls that the crash interrupted have happened.
    is_unknown = {calm.status, crashed.status} == {RunStatus.FAILED, RunStatus.FAILED_DIRTY}
    if calm.status is not crashed.status and not is_unknown:
        return f"after a crash at point {point} the run is {crashed.status.value}, without one it is {calm.status.value}"
    if calm.output != crashed.output:
        return f"after a crash at point {point} the run returns {crashed.output!r}; without a crash it returns {calm.output!r}"
    return ""
