"""`dagflow lsp`: the language server, on standard input and output or on a port of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, Count
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.model.action import Interface

_MISSING: Final = "the language server needs pygls: pip install 'dagflow[lsp]'"


@click.command(cls=Command)
@click.option("--port", type=Count(), metavar="PORT", help="Listen on this port of 127.0.0.1 instead.")
@click.option("--stdio", is_flag=True, expose_value=False, help="Use standard input and output, which is the default.")
@options.actions
def lsp(*, port: int | None, actions: str | None) -> int:
    """Start the language server, on standard input and output.

    It serves one editor until that closes the connection.
    """
    from dagflow.cli.sources import load_host
    from dagflow.errors import UsageError

    try:
        from dagflow.lsp.features import make_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"pygls", "lsprotocol"}:
            raise UsageError(_MISSING) from error
        raise

    def load() -> Interface:
        return load_host(actions, None).catalog.interface

    server = make_server(load)
    if port is not None:
        server.start_tcp("127.0.0.1", port)
    else:
        server.start_io()
    return OK
