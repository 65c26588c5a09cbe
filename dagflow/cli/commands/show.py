"""`dagflow show`: one run, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.app.documents.types import ShownRunDocument
    from dagflow.execution.results import RunResult
    from dagflow.model.flow import Flow


@click.command(
    cls=Command,
    examples=[
        ("dagflow show last", "show the newest run"),
        ("dagflow show last --timeline -o run.html", "draw when each of its steps ran"),
    ],
)
@options.run_id
@click.option("--timeline", is_flag=True, help="Draw when each step ran and waited.")
@click.option("-o", "--output", metavar="FILE", help="Write the timeline to a .svg, .png or .html file.")
@click.option("--traceback", is_flag=True, help="Show Python tracebacks of failed actions.")
@options.actions
@options.store
@options.as_json
def show(
    *, run: str, traceback: bool, timeline: bool, output: str | None, actions: str | None, store: str, is_json: bool
) -> int:
    """Show a run step by step."""
    from dagflow.app.archive import Archive
    from dagflow.app.documents.runs import plain_result
    from dagflow.app.redaction import redactor_for, shown_result
    from dagflow.cli.output.tables import RunReport, print_report
    from dagflow.cli.output.text import instant, json_text, printable
    from dagflow.cli.sources import load_host
    from dagflow.errors import UsageError

    if (is_json and timeline) or (output is not None and not timeline):
        raise UsageError("`-o` must come with `--timeline`, and `--json` without it")
    with Archive.open(store) as archive:
        run_id = archive.find(run)
        flow, result = archive.result(run_id)
        blocked = archive.blocked(run_id)
        history = archive.history(run_id) if timeline else []
    if timeline:
        from dagflow.cli.output.timeline import print_timeline

        print_timeline(flow, result, history, output)
        return OK
    if is_json:
        document: ShownRunDocument = {**plain_result(flow, result), "blocked": None if blocked is None else blocked.reason}
        print(json_text(document))
        return OK
    # Secrets that the host binds in its code are known to its catalogue alone.
    catalog = None if actions is None else load_host(actions, None).catalog
    seen = shown_result(result, redactor_for(flow, catalog))
    print_report(RunReport(flow, seen))
    if blocked is not None:
        print(printable(f"blocked since {instant(blocked.at)} UTC: {blocked.reason}"))
    if traceback:
        _print_tracebacks(flow, seen)
    return OK


def _print_tracebacks(flow: Flow, result: RunResult) -> None:
    """Print the tracebacks of actions that raised an unexpected exception."""
    from dagflow.cli.output.text import printable, printable_lines
    from dagflow.model.label import label_of

    found = [failure for failure in result.failures if failure.traceback]
    for failure in found:
        print(f"\n{printable(label_of(flow.node(failure.node)))}, attempt {failure.attempt}:")
        print(printable_lines(failure.traceback))
    if not found:
        print("\nno tracebacks: no action raised an unexpected exception")
