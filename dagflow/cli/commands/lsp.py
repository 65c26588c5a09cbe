"""`dagflow lsp`: the language server, on standard input and output or on a port of this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from dagflow.cli.exit_codes import OK
from dagflow.cli.options import add_actions, command
from dagflow.errors import UsageError

if TYPE_CHECKING:
    from dagflow.model.action import Interface

_MISSING: Final = "the language server needs pygls: pip install 'dagflow[lsp]'"


def add_lsp(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lsp`."""
    parser = command(commands, "lsp", lsp, "start the language server, on standard input and output")
    parser.add_argument("--port", type=int, metavar="PORT", help="listen on this port of 127.0.0.1 instead")
    parser.add_argument("--stdio", action="store_true", help="use standard input and output, which is the default")
    add_actions(parser)


def lsp(arguments: argparse.Namespace) -> int:
    """Serve one editor until it goes.

    Raises:
        UsageError: pygls is not installed.
    """
    from dagflow.cli.sources import load_host  # noqa: PLC0415 - costs all actions, which other commands may not need

    try:
        from dagflow.lsp.features import make_server  # noqa: PLC0415 - optional, and dear to import
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"pygls", "lsprotocol"}:
            raise UsageError(_MISSING) from error
        raise

    def load() -> Interface:
        return load_host(arguments.actions, None).catalog.interface

    server = make_server(load)
    if arguments.port is not None:
        server.start_tcp("127.0.0.1", arguments.port)
    else:
        server.start_io()
    return OK
