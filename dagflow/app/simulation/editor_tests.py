"""Run the tests of a text for an editor, and report their results in a few lines."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dagflow.app.simulation.test_runner import run_test
from dagflow.app.simulation.test_stage import TestOutcome
from dagflow.errors import UsageError
from dagflow.execution.program import Program, prepare
from dagflow.lang.compiler import Compilation


@attrs.frozen
class TestSummary:
    """The result of a test: whether all expectations were met, and a line for each that was not."""

    name: str
    flow: str
    line: int
    has_passed: bool
    problems: tuple[str, ...] = ()


def run_tests(compilation: Compilation, flow: str | None = None, test: str | None = None) -> list[TestSummary]:
    """Run the tests of a text, in virtual time and without any effect.

    Args:
        compilation: of the text.
        flow: whose tests; of all flows if not given.
        test: the name of one; all if not given.

    Raises:
        UsageError: the text has errors, or no such test.
    """
    if compilation.has_errors:
        raise UsageError("the text has errors; correct them first")
    wanted = [each for each in compilation.tests if flow in {None, each.flow} and test in {None, each.name}]
    if not wanted:
        raise UsageError("there is no such test")
    programs: dict[str, Program] = {}
    found: list[TestSummary] = []
    for each in wanted:
        if each.flow not in programs:
            programs[each.flow] = prepare(compilation.flows[each.flow])
        outcome = run_test(each, programs[each.flow], compilation.interface)
        found.append(TestSummary(each.name, each.flow, each.line, outcome.has_passed, tuple(_problems(outcome))))
    return found


def _problems(outcome: TestOutcome) -> Iterator[str]:
    if outcome.error:
        yield outcome.error
    for unmet in outcome.unmet:
        got = ", ".join(f"{text} is {value!r}" for text, value in unmet.got.items())
        why = unmet.error or got
        yield f"not so: {unmet.expectation.condition.text}" + (f" ({why})" if why else "")
