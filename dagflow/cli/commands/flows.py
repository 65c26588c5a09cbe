"""`dagflow flows`: the published flows of a store, listed, paused, resumed and retired."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from dagflow.cli import options
from dagflow.cli.declaring import Group, argument
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.app.outcomes import Version
    from dagflow.client import Client

flow_name = argument("flow", metavar="FLOW", about="the name of a published flow")


@click.group(cls=Group)
def flows() -> None:
    """List, pause, resume and retire published flows."""


@flows.command("list", examples=[("dagflow flows list", "list the published flows of the process that serves dagflow.db")])
@options.tenant
@options.store
@options.as_json
def list_(*, tenant: str, store: str, is_json: bool) -> int:
    """List the published flows."""
    from rich.text import Text

    from dagflow.app.documents.runs import plain_version
    from dagflow.cli.output.columns import aligned
    from dagflow.cli.output.console import console
    from dagflow.cli.output.text import instant, json_text, printable
    from dagflow.client import Client

    versions = Client(store, tenant=tenant).flows()
    if is_json:
        print(json_text([plain_version(version) for version in versions]))
        return OK
    if not versions:
        print("no published flows; `dagflow publish FILE` publishes some", file=sys.stderr)
        return OK
    rows = [
        [
            Text(printable(version.flow)),
            Text(str(version.number)),
            Text(version.state),
            Text(instant(version.published_at)),
            Text(printable(version.author)),
        ]
        for version in versions
    ]
    out = console()
    out.print(aligned(["flow", "version", "state", "published (UTC)", "author"], rows, out.width, elastic={0: 12, 4: 6}))
    for version in versions:
        if version.problem:
            out.print(Text(printable(f"{version.flow} begins no runs: {version.problem}")), soft_wrap=True)
    return OK


@flows.command(examples=[("dagflow flows pause orders", "store requests and begin none of them")])
@flow_name
@options.tenant
@options.store
@options.as_json
def pause(*, flow: str, tenant: str, store: str, is_json: bool) -> int:
    """Begin no more runs of a flow; requests are stored."""
    return _changed(flow, lambda client: client.pause(flow), tenant=tenant, store=store, is_json=is_json)


@flows.command()
@flow_name
@options.tenant
@options.store
@options.as_json
def resume(*, flow: str, tenant: str, store: str, is_json: bool) -> int:
    """Go on with a flow that was paused."""
    return _changed(flow, lambda client: client.resume(flow), tenant=tenant, store=store, is_json=is_json)


@flows.command()
@flow_name
@options.tenant
@options.store
@options.as_json
def retire(*, flow: str, tenant: str, store: str, is_json: bool) -> int:
    """Accept no more requests for a flow; its runs go on."""
    return _changed(flow, lambda client: client.retire(flow), tenant=tenant, store=store, is_json=is_json)


def _changed(flow: str, change: Callable[[Client], Version], *, tenant: str, store: str, is_json: bool) -> int:
    from dagflow.app.documents.runs import plain_version
    from dagflow.cli.output.text import json_text, printable
    from dagflow.client import Client

    version = change(Client(store, tenant=tenant))
    if is_json:
        print(json_text(plain_version(version)))
    else:
        print(f"{printable(flow)} is {version.state}", file=sys.stderr)
    return OK
