"""`dagflow test`: finds the tests of files, runs them in virtual time, and tells how they went."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from dagflow.app.simulation.coverage import Coverage
from dagflow.app.simulation.test_runner import run_test
from dagflow.cli.commands.test_selector import Selector, selector
from dagflow.cli.exit_codes import FAILED, OK
from dagflow.cli.files import flow_files
from dagflow.cli.output.console import console
from dagflow.cli.output.test_report import TestRun, coverage_data, junit, outcome_data, print_coverage, print_failure, test_name
from dagflow.cli.output.text import json_text, printable
from dagflow.cli.sources import Host, load_flows, load_host
from dagflow.clock import stopwatch
from dagflow.errors import UsageError
from dagflow.execution.program import Program, prepare
from dagflow.lang.compiler import Compilation
from dagflow.model.flow import Flow

#: As pytest has them.
INTERRUPTED, NONE_FOUND = 2, 5
_MOST_FILES: Final = 10_000


def test(arguments: argparse.Namespace) -> int:
    """Run the tests that are meant; 0 if all is as expected, 1 if not, 2 if it was interrupted, 5 if there is none."""
    wanted = selector(arguments.k)
    if arguments.graph is not None and not arguments.coverage:
        raise UsageError("`--graph` requires `--coverage`")
    paths = flow_files(arguments.files) if arguments.files else _found_files()
    host = load_host(arguments.actions, paths[0] if paths else None)
    try:
        return _run_all(arguments, paths, host, wanted)
    except KeyboardInterrupt:
        print("dagflow: interrupted", file=sys.stderr)
        return INTERRUPTED


def _found_files() -> list[str]:
    """The flows of the current directory and below, without hidden directories."""
    found = sorted(str(path) for path in Path().rglob("*.flow") if not any(part.startswith(".") for part in path.parts))
    if len(found) > _MOST_FILES:
        raise UsageError(f"found {len(found)} flow files, more than {_MOST_FILES}; pass the files to test")
    return found


def _run_all(arguments: argparse.Namespace, paths: Sequence[str], host: Host, wanted: Selector) -> int:
    is_json = arguments.format == "json"
    out = Console(highlight=False, soft_wrap=True, stderr=is_json)
    ran: list[TestRun] = []
    broken: list[Compilation] = []
    compiled: list[Compilation] = []
    for path in paths:
        compilation = load_flows(path, host.catalog)
        (broken if compilation.has_errors else compiled).append(compilation)
        if compilation.has_errors:
            out.print(Text(compilation.render() + "\n"))
    flows = [flow for compilation in compiled for flow in _flows_meant(compilation, wanted, is_all=arguments.k is None)]
    coverage = Coverage.of(flows)
    for compilation in compiled:
        for one in _run_file(compilation, wanted, is_chaotic=arguments.chaos):
            ran.append(one)
            if one.outcome.simulation is not None:
                coverage.note(one.outcome.simulation)
            if not is_json:
                _print(out, one)
    if arguments.graph is not None:
        from dagflow.cli.commands.graph import draw_coverage  # noqa: PLC0415 - only this option needs pictures

        draw_coverage(arguments.graph, flows, coverage)
    if arguments.junit is not None:
        _write(arguments.junit, junit(ran))
    if is_json:
        data: dict[str, object] = {"tests": [outcome_data(one) for one in ran], "broken": [one.filename for one in broken]}
        print(json_text(data | ({"coverage": coverage_data(coverage)} if arguments.coverage else {})))
    else:
        if arguments.coverage:
            print_coverage(console(), coverage)
        _print_verdict(out, ran, broken, arguments.k)
    return _code(ran, broken)


def _flows_meant(compilation: Compilation, wanted: Selector, *, is_all: bool) -> list[Flow]:
    """The flows whose coverage counts: where only some tests are meant, those they are for."""
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
