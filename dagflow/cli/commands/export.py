"""`export`: a file of flows as canonical JSON."""

from __future__ import annotations

import json
import sys

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import OK


@click.command(cls=Command, examples=[("dagflow export lead.flow -o lead.json", "write the JSON to a new file")])
@argument("file", metavar="FILE", type=options.FilePath(".flow"), about="a .flow file, or - for standard input")
@click.option(
    "--flow",
    metavar="NAME",
    type=options.flow_names(),
    help="Export only this flow, the flows it calls, and the declarations.",
)
@options.output_file("Write the JSON to this file, which must not exist.")
def export(*, file: str, flow: str | None, output: str | None) -> int:
    """Print a flow file as canonical JSON.

    `grammar/flow.schema.json` describes the form, and `dagflow import` converts it back.
    """
    from dagflow.cli.files import write_new
    from dagflow.cli.output.text import printable
    from dagflow.cli.sources import name_of, read_text
    from dagflow.errors import UsageError
    from dagflow.lang.canonical.codec import to_data

    if file.endswith(".json"):
        raise UsageError(f"{file} is already JSON; to convert it to a flow, use `dagflow import`")
    data = to_data(read_text(file), flow=flow, filename=name_of(file))
    # Every letter that is not ASCII is escaped, so that no terminal and no encoding changes the document.
    text = json.dumps(data, indent=2) + "\n"
    if output is None:
        sys.stdout.write(text)
        return OK
    target = write_new(output, text)
    print(printable(f"wrote {target}; `dagflow import {target}` converts it back"), file=sys.stderr)
    return OK
