"""Results of tests as text, as documents and as JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

import attrs
from rich.console import Console
from rich.text import Text

from dagflow.app.simulation.coverage import Coverage, Goal
from dagflow.app.simulation.test_stage import TestOutcome, Unmet
from dagflow.cli.output.columns import aligned
from dagflow.cli.output.documents import CoverageDocument, TestDocument, UnmetDocument
from dagflow.cli.output.tables import RunReport
from dagflow.cli.output.text import compact, printable, printable_lines, sign
from dagflow.model.flow_test import FlowTest
from dagflow.model.lengths import as_written
from dagflow.model.values import Duration

_MOST_VALUE = 300


@attrs.frozen(kw_only=True)
class TestRun:
    """A test that ran. `file`: the name of its file; `took_ns`: real time."""

    file: str
    outcome: TestOutcome
    source: str = attrs.field(repr=False)
    took_ns: int

    @property
    def name(self) -> str:
        """The name that reports print and `-k` selects."""
        return test_name(self.file, self.outcome.test)


def test_name(file: str, test: FlowTest) -> str:
    """Return the full name of a test."""
    return f"{file}::{test.flow}::{test.name}"


def print_failure(out: Console, one: TestRun) -> None:
    """Print the expectations that do not hold, with the values they read, and the timeline of the run."""
    outcome = one.outcome
    if outcome.error:
        out.print(Text(f"    {printable(outcome.error)}"))
    for unmet in outcome.unmet:
        for line in _told(one, unmet):
            out.print(Text(f"    {line}"))
    if outcome.result is not None:
        for row in timeline(one):
            out.print(Text(f"    {row}", style="dim"))


def _told(one: TestRun, unmet: Unmet) -> list[str]:
    expectation = unmet.expectation
    line = one.source.count("\n", 0, expectation.span.start) + 1
    at = "" if expectation.at_ns is None else f" at {as_written(expectation.at_ns)}"
    crash = "" if unmet.after is None else f", after a crash at point {unmet.after}"
    said = [f"{printable(one.file)}:{line}: expected{at}{crash}: {printable(expectation.condition.text)}"]
    said += [f"  got {printable(text)}: {shown(value)}" for text, value in unmet.got.items()]
    if unmet.error:
        said.append(f"  it has no value: {printable(unmet.error)}")
    return said


def shown(value: object) -> str:
    """Return a value as one line of limited length."""
    if isinstance(value, Duration):
        return as_written(value.nanos)
    text = compact(value)
    return text if len(text) <= _MOST_VALUE else text[:_MOST_VALUE] + "…"


def timeline(one: TestRun) -> list[str]:
    """Return the timeline of a run: time, step and outcome, then the pruned steps."""
    simulation = one.outcome.simulation
    if simulation is None:
        return []
    story = RunReport(simulation.progress.program.flow, simulation.result)
    start = simulation.result.started_at
    nodes = story.shown()
    begun = sorted((node for node in nodes if node.started_at is not None), key=lambda node: node.started_at or 0)
    rows = [
        f"{'+' + as_written((node.started_at or start) - start):>12}  {sign(node.status)}  {story.label(node)}"
        f"{f' (attempt {node.attempts})' if node.attempts > 1 else ''}  {story.outcome(node)}".rstrip()
        for node in begun
    ]
    rows += [
        f"{'':>12}  {sign(node.status)}  {story.label(node)}  {story.outcome(node)}"
        for node in nodes
        if node.started_at is None
    ]
    ended = simulation.result.ended_at or start
    return [*rows, f"{'+' + as_written(ended - start):>12}  the run {simulation.result.status.value}"]


def outcome_data(one: TestRun) -> TestDocument:
    """Return a test as a document."""
    outcome = one.outcome
    return {
        "file": one.file,
        "flow": outcome.test.flow,
        "name": outcome.test.name,
        "line": outcome.test.line,
        "passed": outcome.has_passed,
        "took_ms": round(one.took_ns / 1e6, 3),
        "crashes": outcome.n_crashes,
        "overtaken": outcome.n_overtaken,
        "status": None if outcome.result is None else outcome.result.status.value,
        "error": outcome.error or None,
        "unmet": [_unmet_data(one, unmet) for unmet in outcome.unmet],
        "timeline": [] if outcome.has_passed else timeline(one),
    }


def _unmet_data(one: TestRun, unmet: Unmet) -> UnmetDocument:
    return {
        "line": one.source.count("\n", 0, unmet.expectation.span.start) + 1,
        "expected": unmet.expectation.condition.text,
        "got": {text: shown(value) for text, value in unmet.got.items()},
        "error": unmet.error or None,
        "after_crash_at": unmet.after,
    }


def junit(ran: Sequence[TestRun]) -> str:
    """Return all tests as JUnit XML, with a suite for each file."""
    root = ET.Element("testsuites")
    for file in dict.fromkeys(one.file for one in ran):
        mine = [one for one in ran if one.file == file]
        n_failed = sum(not one.outcome.has_passed for one in mine)
        seconds = sum(one.took_ns for one in mine) / 1e9
        suite = ET.SubElement(
            root, "testsuite", name=file, tests=str(len(mine)), failures=str(n_failed), errors="0", time=f"{seconds:.6f}"
        )
        for one in mine:
            outcome = one.outcome
            case = ET.SubElement(
                suite, "testcase", classname=printable(f"{file}::{outcome.test.flow}"), name=printable(outcome.test.name),
                time=f"{one.took_ns / 1e9:.6f}",
            )  # fmt: skip
            if not outcome.has_passed:
                told = [line for unmet in outcome.unmet for line in _told(one, unmet)]
                message = printable(outcome.error) if outcome.error else told[0]
                failure = ET.SubElement(case, "failure", message=message)
                failure.text = printable_lines("\n".join([*told, *timeline(one)]))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def coverage_data(coverage: Coverage) -> dict[str, CoverageDocument]:
    """Return the coverage of each flow as documents."""
    flows: dict[str, CoverageDocument] = {}
    for name in dict.fromkeys(goal.flow for goal in coverage.goals):
        goals = [goal for goal in coverage.goals if goal.flow == name]
        missing = [goal for goal in goals if not coverage.is_reached(goal)]
        flows[name] = {
            "kinds": {
                kind: {
                    "reached": sum(g.kind == kind and g not in missing for g in goals),
                    "all": sum(g.kind == kind for g in goals),
                }
                for kind in dict.fromkeys(goal.kind for goal in goals)
            },
            "missing": [{"line": g.line, "step": g.node, "kind": g.kind, "aspect": g.aspect} for g in missing],
        }
    return flows


def print_coverage(out: Console, coverage: Coverage) -> None:
    """Print a line for each flow, and a line for its uncovered parts."""
    kinds = ("step", "gate", "error", "timeout", "default")
    rows: list[list[Text]] = []
    notes: list[Text] = []
    for name in dict.fromkeys(goal.flow for goal in coverage.goals):
        goals = [goal for goal in coverage.goals if goal.flow == name]
        cells = [_share(coverage, [goal for goal in goals if goal.kind == kind]) for kind in kinds]
        rows.append([Text(printable(name)), *cells])
        missing = [_missing(goal) for goal in goals if not coverage.is_reached(goal)]
        notes.append(Text(f"not covered: {'; '.join(missing)}" if missing else ""))
    if rows:
        out.print(
            aligned(["flow", "steps", "gates", "errors", "timeouts", "defaults"], rows, out.width, elastic={0: 12}, notes=notes)
        )


def _share(coverage: Coverage, goals: Sequence[Goal]) -> Text:
    n_reached = sum(coverage.is_reached(goal) for goal in goals)
    style = "dim" if not goals else "green" if n_reached == len(goals) else "yellow"
    return Text(f"{n_reached}/{len(goals)}" if goals else "-", style=style)


def _missing(goal: Goal) -> str:
    aspect = "" if goal.aspect == "ran" else f": {goal.aspect}"
    return printable(f"line {goal.line} {goal.label}{aspect}")
