"""`dagflow publish`: flows are published in the process that drives a store."""

from __future__ import annotations

import sys

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import OK


@click.command(
    cls=Command,
    examples=[
        ("dagflow publish orders.flow --author ann", "publish the flows of a file in the process that serves dagflow.db")
    ],
)
@argument("files", nargs=-1, required=True, metavar="FILE", type=options.FilePath(".flow"), about="a .flow file")
@click.option("--author", default="", metavar="NAME", help="Kept with the version.")
@click.option("--comment", default="", metavar="TEXT", help="Kept with the version.")
@options.tenant
@options.store
@options.as_json
def publish(*, files: tuple[str, ...], author: str, comment: str, tenant: str, store: str, is_json: bool) -> int:
    """Publish the flows of files: from now on their triggers start runs.

    `dagflow serve` must drive the runs of the store. A flow that is published already gets a new version; its runs keep theirs.
    """
    from dagflow.app.documents.runs import plain_version
    from dagflow.cli.output.text import json_text, printable
    from dagflow.cli.sources import read_text
    from dagflow.client import Client

    client = Client(store, tenant=tenant)
    versions = [
        client.publish(text, name=name, author=author, comment=comment)
        for text in map(read_text, files)
        for name in _flow_names(text)
    ]
    if is_json:
        print(json_text([plain_version(version) for version in versions]))
        return OK
    for version in versions:
        print(f"{printable(version.flow)} is published as version {version.number}, {version.state}", file=sys.stderr)
    return OK


def _flow_names(text: str) -> list[str | None]:
    """The flows of a text, in order; None for the whole of a text without any, so that the compiler reports it."""
    from dagflow.lang.syntax.parser import parse_file
    from dagflow.lang.syntax.tree import FlowDecl

    file, _ = parse_file(text)
    return [item.name.text for item in file.items if isinstance(item, FlowDecl)] or [None]
