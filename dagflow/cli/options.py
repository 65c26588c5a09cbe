"""What several commands can be told in the same words."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

RUN_HELP: Final = "a run id, a unique prefix of one, or `last` for the newest"
_STORE: Final = "dagflow.db"


def command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    function: Callable[[argparse.Namespace], int],
    help_: str,
) -> argparse.ArgumentParser:
    """Add a command, which does what the function does."""
    parser = commands.add_parser(name, help=help_, description=help_[0].upper() + help_[1:] + ".")
    parser.set_defaults(command=function)
    return parser


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Add `--actions`."""
    parser.add_argument(
        "--actions",
        metavar="MODULE",
        help="your dagflow.Catalog, as MODULE or FILE.py, with :NAME if there are several, or an interface file FILE.flow; default: the built-in actions",
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add `--store`."""
    parser.add_argument(
        "--store",
        default=_STORE,
        metavar="PATH",
        help=f"SQLite file for runs (default: {_STORE}; :memory: stores nothing)",
    )
