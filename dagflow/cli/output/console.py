"""The consoles that commands print to, and whether they use colours."""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

import click
from rich.console import Console

#: Columns where there is no terminal to ask.
_WIDTH: Final = 160


def console(*, is_error: bool = False) -> Console:
    """Return standard output or error as a console as wide as the terminal, and wide enough for a table where there is none."""
    stream = sys.stderr if is_error else sys.stdout
    return _made(stream, is_error=is_error, width=None if stream.isatty() else _WIDTH, soft_wrap=False)


def lines(*, is_error: bool = False) -> Console:
    """Return standard output or error as a console that never breaks a line."""
    return _made(sys.stderr if is_error else sys.stdout, is_error=is_error, width=None, soft_wrap=True)


def _made(stream: TextIO, *, is_error: bool, width: int | None, soft_wrap: bool) -> Console:
    has_color = has_colors(stream)
    return Console(
        stderr=is_error,
        highlight=False,
        width=width,
        soft_wrap=soft_wrap,
        no_color=not has_color,
        force_terminal=stream.isatty(),
        # Rich detects the capabilities of a terminal; a pipe gets the colours that every terminal supports.
        color_system=None if not has_color else "auto" if stream.isatty() else "standard",
    )


def has_colors(stream: TextIO) -> bool:
    """Whether to colour the output to a stream: as `--color` says, or else NO_COLOR, FORCE_COLOR and the terminal."""
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
