"""The text that `dagflow check` prints about a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from dagflow.cli.output.text import counted, printable
from dagflow.cli.sources import Checked

#: Codes that `check` offers to explain.
_MOST_CODES: Final = 8


def print_notes(out: Console, notes: Sequence[str]) -> None:
    """Print a line for each fix."""
    for note in notes:
        out.print(Text(note))


def print_codes(out: Console, codes: Sequence[str]) -> None:
    """Print where to read about the errors; of many kinds, the first and how many more there are."""
    errors = list(dict.fromkeys(code for code in codes if code.startswith("E")))
    shown, n_more = errors[:_MOST_CODES], len(errors) - _MOST_CODES
    if errors:
        more = f"; {n_more} more kinds of errors are above" if n_more > 0 else ""
        out.print(Text(f"for details, run `dagflow explain {' '.join(shown)}`{more}"))


def print_checked(out: Console, checked: Checked) -> None:
    """Print the diagnostics of a file, and its verdict."""
    if checked.rendered:
        for block in checked.rendered.split("\n\n"):
            out.print(_styled(block))
            out.print()
    kinds = Counter(each["code"][0] for each in checked.plain)
    others = ", ".join(counted(kinds[letter], word) for letter, word in (("W", "warning"), ("N", "note")) if kinds[letter])
    if checked.n_errors:
        verdict = counted(checked.n_errors, "error") + (f", {others}" if others else "")
    else:
        verdict = f"ok: {', '.join(checked.flows) or 'no flow'}" + (f" ({others})" if others else "")
    out.print(Text(printable(f"{checked.name}: {verdict}"), style="red" if checked.n_errors else "green"))


def _styled(block: str) -> Text:
    """Colour the first line and the carets of a diagnostic."""
    text = Text(block)
    style = {"e": "bold red", "w": "bold yellow"}.get(block[:1], "bold cyan")
    lines = block.split("\n")
    text.stylize(style, 0, len(lines[0]))
    offset = 0
    for line in lines:
        if line.lstrip().startswith("|"):
            text.stylize(style, offset, offset + len(line))
        offset += len(line) + 1
    return text
