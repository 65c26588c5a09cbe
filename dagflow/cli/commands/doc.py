"""`dagflow doc`: a page for each flow, and one for the actions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.model.flow import Flow


@click.command(
    cls=Command, examples=[("dagflow doc *.flow --actions app.py -o docs/flows", "write a page per flow, and an index")]
)
@argument("files", nargs=-1, required=True, metavar="FILE", type=options.FilePath(".flow", ".json"), about="a .flow file")
@click.option("-o", "--output", metavar="DIR", type=click.Path(), help="Write one page per flow to this directory.")
@options.actions
def doc(*, files: tuple[str, ...], output: str | None, actions: str | None) -> int:
    """Generate Markdown pages for flows and actions."""
    from dagflow.app.flow_docs import actions_page, flow_page, index_page
    from dagflow.cli.output.text import printable, printable_lines
    from dagflow.cli.sources import load_flows, load_host
    from dagflow.errors import FlowInvalid, UsageError

    host = load_host(actions, files[0])
    pages: dict[str, str] = {}
    flows: list[Flow] = []
    specs = dict(host.catalog.interface.actions)
    for path in files:
        compilation = load_flows(path, host.catalog)
        if compilation.has_errors:
            raise FlowInvalid(compilation.diagnostics, compilation.render())
        specs |= compilation.interface.actions
        for flow in compilation.flows.values():
            if f"{flow.name}.md" in pages:
                raise UsageError(f"two of these files define a flow `{flow.name}`; document the files separately")
            flows.append(flow)
            pages[f"{flow.name}.md"] = flow_page(flow, compilation.tests, compilation.interface)
    pages["actions.md"] = actions_page(specs.values(), flows)
    if output is None:
        sys.stdout.write(printable_lines("\n".join(pages.values())))
        return OK
    pages["index.md"] = index_page(flows)
    _write(Path(output), pages)
    print(printable(f"wrote {len(pages)} pages to {output}"), file=sys.stderr)
    return OK


def _write(folder: Path, pages: dict[str, str]) -> None:
    """Write the pages, replacing those of an earlier call."""
    from dagflow.cli.output.text import printable_lines
    from dagflow.errors import UsageError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(printable_lines(text), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror or error}") from error
