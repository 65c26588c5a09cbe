"""`dagflow dry-run`: the steps that would run, with their arguments, and why the others would not."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import FAILED, OK


@click.command(
    cls=Command,
    examples=[
        ("""dagflow dry-run lead.flow --input '{"lead": {…}}'""", "with sample results"),
        ("""dagflow dry-run lead.flow --input @lead.json --result 'risk={"score": 0.9}'""", "with the result of an action"),
    ],
)
@options.flow_path
@options.flow_name
@options.event_name
@options.flow_input
@click.option(
    "--result",
    "results",
    multiple=True,
    metavar="NAME=JSON",
    help="The result of an action or a step. Default: a sample value of its type.",
)
@options.actions
@options.as_json
def dry_run(
    *,
    file: str,
    flow: str | None,
    event: str | None,
    input: str | None,  # noqa: A002 - the option is called so
    results: tuple[str, ...],
    actions: str | None,
    is_json: bool,
) -> int:
    """Show what a run would do, without running it.

    The exit code is 1 if the run would not succeed. With `--json`, the document is `null` if the flow ignores the event.
    """
    from dagflow.app.documents.dry_runs import dry_run_data
    from dagflow.app.simulation import dry_run as simulation
    from dagflow.cli.output import console
    from dagflow.cli.output.dry_run_report import print_dry_run
    from dagflow.cli.output.text import json_text
    from dagflow.cli.sources import example_input, load_flows, load_host, one_standard_input, problem_lines, read_value
    from dagflow.clock import SystemClock
    from dagflow.errors import UsageError
    from dagflow.model.status import RunStatus
    from dagflow.model.wire.codec import WireError

    one_standard_input(file, input)
    host = load_host(actions, file)
    compilation = load_flows(file, host.catalog)
    wanted = compilation.unwrap(flow)
    value = read_value(input)
    try:
        found = simulation.dry_run(
            wanted,
            compilation.interface,
            value,
            event=event,
            results=_results(results),
            start=SystemClock().now(),
        )
    except WireError as error:
        given = "--input is missing" if value is None else "--input does not match"
        example = example_input(wanted.input) if value is None and event is None else ""
        raise UsageError(f"{given}:{problem_lines(error)}{example}") from error
    if found is None:
        print(f"{wanted.name} ignores this event: the `when` condition of its trigger is false", file=sys.stderr)
        if is_json:
            print("null")
        return OK
    if is_json:
        print(json_text(dry_run_data(found)))
    else:
        print_dry_run(console.lines(), wanted, found)
    return OK if found.simulation.result.status is RunStatus.SUCCEEDED else FAILED


def _results(given: Iterable[str]) -> dict[str, object]:
    from dagflow.errors import UsageError
    from dagflow.model.wire.json_reader import JsonTextError, parse_json

    found: dict[str, object] = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not sign:
            raise UsageError(f'--result {each}: write NAME=JSON, such as email=\'{{"message_id": "m"}}\'')
        try:
            found[name] = parse_json(text)
        except JsonTextError as error:
            raise UsageError(f"--result {name} is not valid JSON: {error}") from error
    return found
