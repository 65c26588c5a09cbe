"""`dagflow graph`: a flow or a run as a picture, or as text that other tools draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Choice, Command, argument
from dagflow.cli.exit_codes import OK
from dagflow.cli.table import FORMATS

if TYPE_CHECKING:
    pass


@click.command(
    cls=Command,
    examples=[
        ("dagflow graph lead.flow -o lead.svg", "draw a flow"),
        ("dagflow graph last -o run.svg", "draw the newest run"),
        ("dagflow graph lead.flow --diff old/lead.flow -o diff.svg", "draw the changes"),
    ],
)
@argument(
    "file",
    metavar="FILE|RUN",
    type=options.FilePath(".flow", ".json"),
    about=f"{options.FLOW_OR_JSON}, or a run: {options.RUN_HELP}",
)
@options.flow_name
@click.option(
    "--format",
    "form",
    type=Choice(FORMATS),
    metavar="|".join(FORMATS),
    help="Default: by the suffix of --output; else `terminal` on a terminal, `mermaid` in a pipe.",
)
@click.option(
    "--run",
    metavar="RUN",
    type=options.RunId(),
    help=f"Show the status of this run on the flow of the file: {options.RUN_HELP}.",
)
@click.option("--diff", metavar="OTHER", type=options.FilePath(".flow", ".json"), help="Show the changes since this file.")
@click.option(
    "--theme",
    type=Choice(["light", "dark", "auto"]),
    metavar="light|dark|auto",
    default="light",
    help="Colours for svg and png. Default: light.",
)
@click.option("--unfold", is_flag=True, help="Draw every step, even of a very large flow.")
@options.output_file("Write the picture to this file.")
@options.store
@options.actions
@options.as_json
def graph(
    *,
    file: str,
    flow: str | None,
    form: str | None,
    run: str | None,
    diff: str | None,
    theme: str,
    unfold: bool,
    output: str | None,
    store: str,
    actions: str | None,
    is_json: bool,
) -> int:
    """Draw the graph of a flow or a run."""
    from dagflow.cli.drawing import picture_of, svg_of, text_of, write_terminal
    from dagflow.cli.output.picture_files import format_of, png_of, write_picture
    from dagflow.errors import UsageError

    if is_json and form is not None:
        raise UsageError("`--json` and `--format` cannot be combined")
    form = "json" if is_json else form or format_of(output)
    wanted = picture_of(file, flow, run, diff, store=store, actions=actions)
    match form:
        case "json" | "dot" | "mermaid":
            write_picture(output, text_of(wanted, form).encode())
        case "terminal":
            write_terminal(wanted, output, unfold=unfold)
        case "svg":
            write_picture(output, svg_of(wanted, theme, unfold=unfold).encode())
        case _:
            write_picture(output, png_of(svg_of(wanted, theme, unfold=unfold)), is_binary=True)
    return OK
