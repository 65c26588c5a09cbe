"""A session of `dagflow test`: it runs the chosen tests of files and writes the reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs
from rich.console import Console
from rich.text import Text

from dagflow.app.simulation.coverage import Coverage
from dagflow.app.simulation.test_runner import run_test
from dagflow.cli.exit_codes import FAILED, OK
from dagflow.cli.output.console import console, lines
from dagflow.cli.output.documents import TestsDocument
from dagflow.cli.output.test_report import TestRun, coverage_data, junit, outcome_data, print_coverage, print_failure, test_name
from dagflow.cli.output.text import json_text, printable
from dagflow.cli.sources import Host, load_flows
from dagflow.cli.test_selector import Selector
from dagflow.clock import stopwatch
from dagflow.errors import UsageError
from dagflow.execution.program import Program, prepare
from dagflow.lang.compiler import Compilation
from dagflow.model.flow import Flow

#: The exit codes of pytest.
INTERRUPTED, NONE_FOUND = 2, 5
_MOST_FILES: Final = 10_000


@attrs.frozen(kw_only=True)
class TestOptions:
    """The options that decide which tests run, and which reports are written."""

    pattern: str | None
    is_chaotic: bool
    has_coverage: bool
    picture: str | None
    junit: str | None
    is_json: bool


def found_files() -> list[str]:
    """Return the flow files of the current directory and below, without hidden directories."""
    found = sorted(str(path) for path in Path().rglob("*.flow") if not any(part.startswith(".") for part in path.parts))
    if len(found) > _MOST_FILES:
        raise UsageError(f"found {len(found)} flow files, more than {_MOST_FILES}; pass the files to test")
    return found


def run_all(wanted: TestOptions, paths: Sequence[str], host: Host, chosen: Selector) -> int:
    """Run the tests of these files that are chosen, and report them. Returns the exit code."""
    out = lines(is_error=wanted.is_json)
    ran: list[TestRun] = []
    broken: list[Compilation] = []
    compiled: list[Compilation] = []
    for path in paths:
        compilation = load_flows(path, host.catalog)
        (broken if compilation.has_errors else compiled).append(compilation)
        if compilation.has_errors:
            out.print(Text(compilation.render() + "\n"))
    flows = [flow for compilation in compiled for flow in _flows_meant(compilation, chosen, is_all=wanted.pattern is None)]
    coverage = Coverage.of(flows)
    for compilation in compiled:
        for one in _run_file(compilation, chosen, is_chaotic=wanted.is_chaotic):
            ran.append(one)
            if one.outcome.simulation is not None:
                coverage.note(one.outcome.simulation)
            for simulation in one.outcome.served.values():
                coverage.note(simulation)
            if not wanted.is_json:
                _print(out, one)
    if wanted.picture is not None:
        from dagflow.cli.output.picture_files import draw_coverage  # noqa: PLC0415 - only this option needs pictures

        draw_coverage(wanted.picture, flows, coverage)
    if wanted.junit is not None:
        _write(wanted.junit, junit(ran))
    if wanted.is_json:
        document: TestsDocument = {
            "tests": [outcome_data(one) for one in ran],
            "broken": [one.filename for one in broken],
        }
        if wanted.has_coverage:
            document["coverage"] = coverage_data(coverage)
        print(json_text(document))
    else:
        if wanted.has_coverage:
            print_coverage(console(), coverage)
        _print_verdict(out, ran, broken, wanted.pattern)
    return _code(ran, broken)


def _flows_meant(compilation: Compilation, wanted: Selector, *, is_all: bool) -> list[Flow]:
    """Return the flows whose coverage counts: if `-k` selects tests, the flows of those."""
    meant = {each.flow for each in compilation.tests if wanted(test_name(compilation.filename, each))}
    return [flow for flow in compilation.flows.values() if is_all or flow.name in meant]


def _run_file(compilation: Compilation, wanted: Selector, *, is_chaotic: bool) -> Iterator[TestRun]:
    programs: dict[str, Program] = {}
    for each in compilation.tests:
        if not wanted(test_name(compilation.filename, each)):
            continue
        if each.flow not in programs:
            programs[each.flow] = prepare(compilation.flows[each.flow])
        begun = stopwatch()
        outcome = run_test(each, programs[each.flow], compilation.interface, is_chaotic=is_chaotic)
        yield TestRun(file=compilation.filename, outcome=outcome, source=compilation.text, took_ns=stopwatch() - begun)


def _print(out: Console, one: TestRun) -> None:
    mark, style = ("✓", "green") if one.outcome.has_passed else ("✗", "bold red")
    text = Text(f"{mark} ", style=style)
    text.append(printable(one.name), style="not bold default")
    crashes = f", {one.outcome.n_crashes} crashes" if one.outcome.n_crashes else ""
    crashes += f", {one.outcome.n_overtaken} of which change what comes first" if one.outcome.n_overtaken else ""
    text.append(f"  {one.took_ns / 1e6:.1f} ms{crashes}", style="dim")
    out.print(text)
    if not one.outcome.has_passed:
        print_failure(out, one)


def _print_verdict(out: Console, ran: Sequence[TestRun], broken: Sequence[Compilation], wanted: str | None) -> None:
    n_failed = sum(not one.outcome.has_passed for one in ran)
    parts = [f"{len(ran) - n_failed} passed"]
    parts += [f"{n_failed} failed"] if n_failed else []
    parts += [f"{len(broken)} file{'s' * (len(broken) > 1)} with errors"] if broken else []
    is_bad = bool(n_failed or broken)
    none = "no tests found" if wanted is None else f"no test matches `-k {printable(wanted)}`"
    out.print(Text(", ".join(parts) if ran or broken else none, style="red" if is_bad else "green"))


def _code(ran: Sequence[TestRun], broken: Sequence[Compilation]) -> int:
    if broken or any(not one.outcome.has_passed for one in ran):
        return FAILED
    return OK if ran else NONE_FOUND


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
