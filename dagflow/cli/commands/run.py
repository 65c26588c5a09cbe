"""The commands about runs: `run`, `resume`, `cancel`, `runs`, `show`."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

import trio
from rich.text import Text

from dagflow.actions.catalog import Catalog
from dagflow.app.archive import Archive
from dagflow.app.interpreter import Interpreter
from dagflow.app.recovery import Quarantined
from dagflow.app.run_handle import Run
from dagflow.cli.exit_codes import FAILED, OK, USAGE
from dagflow.cli.output.console import console
from dagflow.cli.output.json_data import plain_result, plain_rows
from dagflow.cli.output.live import Progress, follow, progress
from dagflow.cli.output.tables import RunReport, run_table, runs_table, verdict
from dagflow.cli.output.text import counted, instant, json_text, printable, printable_lines
from dagflow.cli.secrets import redactor_for, shown_result
from dagflow.cli.signals import until_stopped
from dagflow.cli.sources import Host, example_input, load_flows, load_host, read_value
from dagflow.clock import Clock, SystemClock, VirtualClock
from dagflow.errors import DagflowError, StoreError, UsageError
from dagflow.execution.results import RunResult
from dagflow.ids import RunId
from dagflow.model.flow import Flow
from dagflow.model.label import label_of
from dagflow.model.status import RunStatus
from dagflow.model.wire.codec import WireError

_Body = Callable[[Interpreter], Awaitable[int]]
#: As `Interpreter.open` and SQLite call a store that keeps nothing.
_MEMORY: Final = ":memory:"


def run(arguments: argparse.Namespace) -> int:
    """Compile a flow, run it to its end, and show how it went."""
    if arguments.file == "-" and arguments.input in {"-", "@-"}:
        raise UsageError("the flow and its input cannot both come from standard input; pass one of them as a file")
    host = load_host(arguments.actions, arguments.file)
    compilation = load_flows(arguments.file, host.catalog)
    flow = compilation.unwrap(arguments.flow)
    if compilation.diagnostics and not arguments.quiet:
        print(compilation.render() + "\n", file=sys.stderr)
    value = read_value(arguments.input)
    if arguments.event is not None and value is None:
        raise UsageError("`--event` requires the event's payload: add `--input '{…}'` or `--input @file.json`")
    if not arguments.quiet:
        _say_where(arguments, host, flow)

    async def body(interpreter: Interpreter) -> int:
        started = await _started(interpreter, flow, arguments.event, value, arguments.id)
        if started is None:
            print(f"{flow.name} ignores this event: the `when` condition of its trigger is false", file=sys.stderr)
            if arguments.json:
                print("null")
            return OK
        with progress(is_quiet=arguments.quiet or arguments.json, hint=_hint(arguments)) as show:
            redactor = redactor_for(flow, host.catalog)
            result = await follow(flow, started, show, redactor)
        if arguments.json:
            print(json_text(plain_result(flow, result)))
        else:
            _print_story(RunReport(flow, shown_result(result, redactor)))
        return _code(result)

    return _drive(arguments, host, body, resume=())


async def _started(interpreter: Interpreter, flow: Flow, event: str | None, value: object, start_id: str | None) -> Run | None:
    try:
        if event is not None:
            return await interpreter.trigger(flow, event, value, id=start_id)
        return await interpreter.start(flow, value, id=start_id)
    except WireError as error:
        what = f"the payload of event {event!r}" if event is not None else f"the input of flow `{flow.name}`"
        if value is None:
            example = "" if event is not None else example_input(flow.input)
            raise UsageError(f"--input is missing; it must match {what}:{listed(error)}{example}") from error
        raise UsageError(f"--input must match {what}:{listed(error)}") from error


def listed(error: WireError) -> str:
    """The problems of a value, a line for each."""
    return "".join(f"\n  {problem}" for problem in error.problems)


def resume(arguments: argparse.Namespace) -> int:
    """Go on with unfinished runs, and show how they went."""
    host = load_host(arguments.actions, None)
    with Archive.open(arguments.store) as archive:
        if arguments.run is None:
            wanted = [row.id for row in archive.runs(unfinished=True, limit=1_000_000)]
        else:
            wanted = [archive.find(arguments.run)]
        stories = _stories(archive, wanted, is_one=arguments.run is not None)
    unfinished: dict[str, Flow] = {
        run_id: story.flow for run_id, story in stories.items() if not story.result.status.is_terminal
    }
    if not unfinished:
        ended = "every run has ended" if not wanted else "every unfinished run is blocked"
        if stories:
            ended = f"run {wanted[0]} has ended: {stories[wanted[0]].result.status.value}"
        print(f"nothing to resume: {ended}", file=sys.stderr)
        if arguments.json:
            print("[]")
        return OK

    return go_on(arguments, host, unfinished, unquarantine=() if arguments.run is None else wanted)


def _stories(archive: Archive, wanted: Collection[RunId], *, is_one: bool) -> dict[RunId, RunReport]:
    """How these runs stand. One that is damaged is told of and left out, unless it is the one that was asked for."""
    stories: dict[RunId, RunReport] = {}
    for run_id in wanted:
        try:
            stories[run_id] = RunReport(*archive.result(run_id))
        except StoreError as error:
            if is_one:
                raise
            print(f"dagflow: run {run_id} is blocked: {printable(str(error))}", file=sys.stderr)
    return stories


def go_on(
    arguments: argparse.Namespace,
    host: Host,
    unfinished: Mapping[str, Flow],
    first: Callable[[Interpreter], Awaitable[None]] | None = None,
    *,
    unquarantine: Collection[str] = (),
) -> int:
    """Go on with these runs, and show how they went; with those of `unquarantine` even if they were quarantined.

    `first`: done before. The runs then go on until nothing is left but waiting, and those that have got further are shown.
    """

    async def body(interpreter: Interpreter) -> int:
        before = {run.id: run.result() for run in interpreter.resumed}
        if first is not None:
            await first(interpreter)
        for run_id, problem in interpreter.blocked.items():
            hint = "" if isinstance(problem, Quarantined) else "; see --actions"
            print(f"dagflow: run {run_id} is blocked: {printable(str(problem))}{hint}", file=sys.stderr)
        is_quiet = arguments.quiet or arguments.json
        with progress(is_quiet=is_quiet, n_runs=len(unfinished), hint=_hint(arguments)) as show:
            until = None if first is None else interpreter.rest
            results = await _follow_all(interpreter.resumed, unfinished, show, host.catalog, until)
        if until is not None:
            results = [result for result in results if result != before[result.run]]
        if arguments.json:
            print(json_text([plain_result(unfinished[result.run], result) for result in results]))
        else:
            for number, result in enumerate(results):
                print("\n" * bool(number), end="")
                flow = unfinished[result.run]
                _print_story(RunReport(flow, shown_result(result, redactor_for(flow, host.catalog))))
        n_waiting = sum(not result.status.is_terminal for result in results)
        if n_waiting and not is_quiet:
            print(f"{counted(n_waiting, 'run')} not ended; to resume: `{_resume_command(arguments)}`", file=sys.stderr)
        ended = [result for result in results if result.status.is_terminal]
        return max([USAGE if interpreter.blocked else OK, *map(_code, ended)])

    return _drive(arguments, host, body, resume=frozenset(unfinished), unquarantine=unquarantine)


async def _follow_all(
    runs: Collection[Run],
    flows: Mapping[str, Flow],
    show: Progress,
    catalog: Catalog,
    until: Callable[[], Awaitable[None]] | None = None,
) -> list[RunResult]:
    """Follow the runs to their ends, or until that is over; returns how each stands."""

    async def one(started: Run) -> None:
        flow = flows[started.id]
        await follow(flow, started, show, redactor_for(flow, catalog))

    async with trio.open_nursery() as following:
        for started in runs:
            following.start_soon(one, started)
        if until is not None:
            await until()
            following.cancel_scope.cancel()
    return [started.result() for started in runs]


def cancel(arguments: argparse.Namespace) -> int:
    """Cancel one run."""
    with Archive.open(arguments.store) as archive:
        run_id = archive.find(arguments.run)
        _, before = archive.result(run_id)
    if before.status.is_terminal:
        print(f"run {run_id} has ended: {before.status.value}", file=sys.stderr)
        return OK

    async def body(interpreter: Interpreter) -> int:
        result = await interpreter.cancel(run_id)
        print(f"run {run_id} {result.status.value}")
        return OK if result.status is RunStatus.CANCELLED else FAILED

    # Not resumed, so nothing of it starts while it is being cancelled; only what undoes its steps needs actions.
    return _drive(arguments, load_host(arguments.actions, None), body, resume=())


def runs(arguments: argparse.Namespace) -> int:
    """List runs."""
    if arguments.limit < 1:
        raise UsageError(f"--limit must be at least 1; got {arguments.limit}")
    with Archive.open(arguments.store) as archive:
        parent = "" if arguments.parent is None else archive.find(arguments.parent)
        rows = archive.runs(unfinished=arguments.unfinished, limit=arguments.limit, parent=parent)
        quarantined = archive.quarantined()
    if arguments.json:
        print(json_text(plain_rows(rows, quarantined)))
    elif rows:
        out = console()
        out.print(runs_table(rows, out.width, quarantined))
        for row in rows:
            if row.blocked and row.id not in quarantined:
                out.print(Text(printable(f"run {row.id} is blocked: {row.blocked}")), soft_wrap=True)
    else:
        none = "no runs yet" if arguments.parent is None else f"run {parent} has no child runs"
        print("no unfinished runs" if arguments.unfinished else none, file=sys.stderr)
    return OK


def show(arguments: argparse.Namespace) -> int:
    """Show one run."""
    with Archive.open(arguments.store) as archive:
        run_id = archive.find(arguments.run)
        flow, result = archive.result(run_id)
        blocked = archive.blocked(run_id)
    if arguments.json:
        print(json_text(plain_result(flow, result) | {"blocked": None if blocked is None else blocked.reason}))
    else:
        # Secrets that the host binds in its code are known to its catalogue alone.
        catalog = None if arguments.actions is None else load_host(arguments.actions, None).catalog
        seen = shown_result(result, redactor_for(flow, catalog))
        _print_story(RunReport(flow, seen))
        if blocked is not None:
            print(printable(f"blocked since {instant(blocked.at)} UTC: {blocked.reason}"))
        if arguments.traceback:
            _print_tracebacks(flow, seen)
    return OK


def _print_tracebacks(flow: Flow, result: RunResult) -> None:
    """Where actions failed that raised what was not expected."""
    told = [failure for failure in result.failures if failure.traceback]
    for failure in told:
        print(f"\n{printable(label_of(flow.node(failure.node)))}, attempt {failure.attempt}:")
        print(printable_lines(failure.traceback))
    if not told:
        print("\nno tracebacks: no action raised an unexpected exception")


def _print_story(story: RunReport) -> None:
    out = console()
    out.print(run_table(story, out.width))
    out.print()
    out.print(verdict(story), soft_wrap=True)


def _code(result: RunResult) -> int:
    return OK if result.status is RunStatus.SUCCEEDED else FAILED


def _drive(
    arguments: argparse.Namespace, host: Host, body: _Body, *, resume: Collection[str], unquarantine: Collection[str] = ()
) -> int:
    """Open the interpreter, run the body, and tell how to go on if it is interrupted."""
    clock: Clock = SystemClock()
    if getattr(arguments, "fast_forward", False):
        clock = VirtualClock(clock.now())

    async def main() -> int:
        async with Interpreter.open(
            arguments.store, catalog=host.catalog, clock=clock, resume=resume, unquarantine=unquarantine
        ) as interpreter:
            stopped_by, code = await until_stopped(interpreter, body)
        return code if stopped_by is None else _interrupted(arguments, stopped_by)

    try:
        # Ctrl-C is heard where the command waits, never in the middle of a step of the engine.
        return trio.run(main, strict_exception_groups=True, restrict_keyboard_interrupt_to_checkpoints=True)
    except KeyboardInterrupt:
        return _interrupted(arguments)
    except BaseExceptionGroup as group:
        if group.split(KeyboardInterrupt)[0] is not None:
            return _interrupted(arguments)
        ours, rest = group.split(DagflowError)
        if ours is None or rest is not None:
            raise
        raise _first(ours) from group


def _first(group: BaseExceptionGroup[DagflowError]) -> DagflowError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _interrupted(arguments: argparse.Namespace, stopped_by: int = signal.SIGINT) -> int:
    if arguments.store == _MEMORY:
        print("\ninterrupted; the run is lost, because :memory: stores nothing", file=sys.stderr)
    else:
        print(f"\ninterrupted; to resume: `{_resume_command(arguments)}`", file=sys.stderr)
    return 128 + stopped_by


def _hint(arguments: argparse.Namespace) -> str:
    if arguments.fast_forward or arguments.store == _MEMORY:
        return ""
    return f"waiting; you can press Ctrl-C and resume later with `{_resume_command(arguments)}`"


def _resume_command(arguments: argparse.Namespace) -> str:
    words = ["dagflow", "resume", "--store", arguments.store]
    if getattr(arguments, "actions", None) is not None:
        words += ["--actions", arguments.actions]
    return printable(shlex.join(words))


def _say_where(arguments: argparse.Namespace, host: Host, flow: Flow) -> None:
    """Where state goes, and what is not really sent."""
    lines = [
        f"state: {arguments.store}"
        if arguments.store != _MEMORY
        else "state: in memory only; an interrupted run cannot be resumed"
    ]
    if arguments.actions is None:
        used = {node.action for node in flow.nodes}
        outbox = host.settings.outbox
        if "email" in used and not host.settings.sends_mail:
            lines.append(
                f"email: no mail server is configured, so mails are written to {outbox}/*.eml; to send them, set DAGFLOW_SMTP_HOST"
            )
        if "slack" in used and not host.settings.sends_slack:
            lines.append(
                f"slack: no workspace is configured, so messages are written to {outbox}/slack.jsonl; to send them, set DAGFLOW_SLACK_WEBHOOK_URL"
            )
    if arguments.fast_forward:
        lines.append("time: virtual, so waits are skipped")
    print("\n".join(map(printable, lines)) + "\n", file=sys.stderr)
