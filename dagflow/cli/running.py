"""The commands about runs: `run`, `resume`, `cancel`, `runs`, `show`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Collection

import trio

from dagflow.app.archive import Archive
from dagflow.app.interpreter import Interpreter
from dagflow.app.runs import Run
from dagflow.cli.codes import FAILED, INTERRUPTED, OK, USAGE
from dagflow.cli.progress import Progress, follow, progress
from dagflow.cli.render import console, plain_result, run_table, runs_table, verdict
from dagflow.cli.sources import Host, load_flows, load_host, read_value
from dagflow.clock import Clock, SystemClock, VirtualClock
from dagflow.drivers.results import RunResult
from dagflow.errors import DagflowError, UsageError
from dagflow.model.flow import Flow
from dagflow.model.status import RunStatus

_Body = Callable[[Interpreter], Awaitable[int]]


def run(arguments: argparse.Namespace) -> int:
    """Compile a flow, run it to its end, and show how it went."""
    host = load_host(arguments.actions, arguments.file)
    compilation = load_flows(arguments.file, host.catalog)
    flow = compilation.unwrap(arguments.flow)
    if compilation.diagnostics and not arguments.quiet:
        print(compilation.render() + "\n", file=sys.stderr)
    value = read_value(arguments.input)
    if arguments.event is not None and value is None:
        raise UsageError("`--event` needs the event's payload: add `--input '{…}'` or `--input @file.json`")
    if not arguments.quiet:
        _say_where(arguments, host, flow)

    async def body(interpreter: Interpreter) -> int:
        if arguments.event is None:
            started: Run | None = await interpreter.start(flow, value)
        else:
            started = await interpreter.trigger(flow, arguments.event, value)
        if started is None:
            print(f"{flow.name} does not want this event: the condition of its trigger is false", file=sys.stderr)
            return OK
        with progress(quiet=arguments.quiet or arguments.json) as show:
            result = await follow(flow, started.watch(), show)
        return _print_result(arguments, flow, result or started.result())

    return _drive(arguments, host, body, resume=())


def resume(arguments: argparse.Namespace) -> int:
    """Go on with unfinished runs, and show how they went."""
    host = load_host(arguments.actions, None)
    with Archive.open(arguments.store) as archive:
        if arguments.run is None:
            wanted = [row.id for row in archive.runs(unfinished=True, limit=1_000_000)]
        else:
            wanted = [archive.find(arguments.run)]
        flows = {run_id: archive.result(run_id) for run_id in wanted}
    unfinished = [run_id for run_id, (_, result) in flows.items() if not result.status.is_terminal]
    if not unfinished:
        what = (
            f"run {wanted[0]} has ended: {flows[wanted[0]][1].status.value}"
            if arguments.run and wanted
            else "every run has ended"
        )
        print(f"nothing to resume: {what}", file=sys.stderr)
        return OK

    async def body(interpreter: Interpreter) -> int:
        for problem in interpreter.stuck.values():
            print(f"dagflow: {problem}", file=sys.stderr)
        codes = [OK] if not interpreter.stuck else [USAGE]
        with progress(quiet=arguments.quiet or arguments.json) as show:
            results = await _follow_all(interpreter.resumed, {run_id: flow for run_id, (flow, _) in flows.items()}, show)
        codes += [_print_result(arguments, flows[result.run][0], result) for result in results]
        return max(codes)

    return _drive(arguments, host, body, resume=frozenset(unfinished))


async def _follow_all(runs: Collection[Run], flows: dict[str, Flow], show: Progress) -> list[RunResult]:
    results: dict[str, RunResult] = {}

    async def one(started: Run) -> None:
        results[started.id] = await follow(flows[started.id], started.watch(), show) or started.result()

    async with trio.open_nursery() as nursery:
        for started in runs:
            nursery.start_soon(one, started)
    return [results[started.id] for started in runs]


def cancel(arguments: argparse.Namespace) -> int:
    """Cancel one run."""
    host = load_host(arguments.actions, None)
    with Archive.open(arguments.store) as archive:
        run_id = archive.find(arguments.run)
        _, before = archive.result(run_id)
    if before.status.is_terminal:
        print(f"run {run_id} has ended: {before.status.value}")
        return OK

    async def body(interpreter: Interpreter) -> int:
        result = await interpreter.cancel(run_id)
        print(f"run {run_id} {result.status.value}")
        return OK if result.status is RunStatus.CANCELLED else FAILED

    return _drive(arguments, host, body, resume=frozenset({run_id}))


def runs(arguments: argparse.Namespace) -> int:
    """List runs."""
    if arguments.limit < 1:
        raise UsageError("--limit has to be at least 1")
    with Archive.open(arguments.store) as archive:
        rows = archive.runs(unfinished=arguments.unfinished, limit=arguments.limit)
    if arguments.json:
        print(json.dumps([{"run": r.id, "flow": r.flow, "status": r.status.value, "digest": r.digest} for r in rows], indent=2))
    elif rows:
        console().print(runs_table(rows))
    else:
        print("no runs yet", file=sys.stderr)
    return OK


def show(arguments: argparse.Namespace) -> int:
    """Show one run."""
    with Archive.open(arguments.store) as archive:
        flow, result = archive.result(archive.find(arguments.run))
    _print_result(arguments, flow, result)
    return OK


def _print_result(arguments: argparse.Namespace, flow: Flow, result: RunResult) -> int:
    if arguments.json:
        print(json.dumps(plain_result(flow, result), ensure_ascii=False, indent=2))
    else:
        out = console()
        out.print(run_table(flow, result))
        out.print()
        out.print(verdict(result), soft_wrap=True)
    return FAILED if result.status in {RunStatus.FAILED, RunStatus.CANCELLED} else OK


def _drive(arguments: argparse.Namespace, host: Host, body: _Body, *, resume: Collection[str]) -> int:
    """Open the interpreter, run the body, and tell how to go on if it is interrupted."""
    clock: Clock = SystemClock()
    if getattr(arguments, "fast_forward", False):
        clock = VirtualClock(clock.now())

    async def main() -> int:
        async with Interpreter.open(arguments.store, catalog=host.catalog, clock=clock, resume=resume) as interpreter:
            return await body(interpreter)

    try:
        return trio.run(main, strict_exception_groups=True)
    except KeyboardInterrupt:
        print(f"\ninterrupted; nothing is lost: `dagflow resume --store {arguments.store}` goes on", file=sys.stderr)
        return INTERRUPTED
    except BaseExceptionGroup as group:
        ours, rest = group.split(DagflowError)
        if ours is None or rest is not None:
            raise
        raise ours.exceptions[0] from group


def _say_where(arguments: argparse.Namespace, host: Host, flow: Flow) -> None:
    """Where state goes, and what is not really sent."""
    lines = [f"state: {arguments.store}" if arguments.store != ":memory:" else "state: nowhere; a killed run cannot be resumed"]
    if arguments.actions is None:
        used = {node.action for node in flow.nodes}
        outbox = host.settings.outbox
        if "email" in used and not host.settings.sends_mail:
            lines.append(
                f"e-mail: no SMTP server is configured, so mails go to {outbox}/*.eml; set DAGFLOW_SMTP_HOST to send them"
            )
        if "slack" in used and not host.settings.sends_slack:
            lines.append(
                f"slack: not configured, so messages go to {outbox}/slack.jsonl; set DAGFLOW_SLACK_WEBHOOK_URL or DAGFLOW_SLACK_TOKEN to send them"
            )
    if arguments.fast_forward:
        lines.append("time: virtual; waits pass at once")
    print("\n".join(lines) + "\n", file=sys.stderr)
