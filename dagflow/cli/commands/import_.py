"""`dagflow import`: a JSON workflow as a flow."""

from __future__ import annotations

import sys

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import OK


@click.command(
    "import",
    cls=Command,
    examples=[("dagflow import workflow.json -o lead.flow", "write the flow to a new file")],
)
@argument("file", metavar="FILE", type=options.FilePath(".json"), about="a .json file, or - for standard input")
@options.output_file("Write the flow to this file, which must not exist.")
def import_(*, file: str, output: str | None) -> int:
    """Convert a JSON workflow to a flow.

    The file is canonical JSON (`dagflow export`), a workflow-kit workflow, or a list of actions.
    """
    from dagflow.cli.files import write_new
    from dagflow.cli.output.text import printable, printable_lines
    from dagflow.cli.sources import imported, name_of, read_text
    from dagflow.errors import UsageError

    if file.endswith(".flow"):
        raise UsageError(f"{file} is already a flow; to convert it to JSON, use `dagflow export`")
    text, notes = imported(read_text(file), name_of(file))
    if notes:
        print(f"{notes}\n", file=sys.stderr)
    if output is None:
        sys.stdout.write(printable_lines(text))
        return OK
    target = write_new(output, text)
    print(printable(f"wrote {target}; try `dagflow check {target}`"), file=sys.stderr)
    return OK
