"""`dagflow actions`: the actions of a catalogue, with their signatures."""

from __future__ import annotations

import sys

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command
from dagflow.cli.exit_codes import OK


@click.command(
    cls=Command,
    examples=[
        ("dagflow actions", "list the built-in actions"),
        ("dagflow actions --actions app.py --export > app.flow", "write an interface file"),
    ],
)
@click.option("--export", is_flag=True, help="Print an interface file, for use with `--actions FILE.flow`.")
@options.actions
@options.as_json
def actions(*, export: bool, actions: str | None, is_json: bool) -> int:
    """List the actions that flows can call."""
    from rich.text import Text

    from dagflow.app.documents.actions import action_data
    from dagflow.cli.output.action_list import signature
    from dagflow.cli.output.console import console
    from dagflow.cli.output.text import json_text, printable, printable_lines
    from dagflow.cli.sources import load_host
    from dagflow.lang.exporters.declarations import interface_text
    from dagflow.lang.format.formatter import format as format_text

    host = load_host(actions, None)
    if export:
        sys.stdout.write(printable_lines(format_text(interface_text(host.catalog.interface))))
        return OK
    specs = sorted(host.catalog.interface.actions.values(), key=lambda spec: spec.name)
    if is_json:
        print(json_text([action_data(spec) for spec in specs]))
        return OK
    out = console()
    for number, spec in enumerate(specs):
        if number:
            out.print()
        doc = spec.doc.split("\n", 1)[0]
        out.print(Text(printable(signature(spec)), style="bold"), soft_wrap=True)
        out.print(Text(printable(f"    {spec.effect.value}" + (f". {doc}" if doc else "")), style="dim"), soft_wrap=True)
    return OK
