"""Where commands print."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console

#: Columns where there is no terminal to ask.
_WIDTH: Final = 160


def console() -> Console:
    """Standard output: as wide as the terminal, and wide enough for a table where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
