"""`explain`: the page about a code, or the list of all codes."""

from __future__ import annotations

import argparse
import re
from typing import Final

from rich.console import Console
from rich.text import Text

from dagflow.cli.exit_codes import OK
from dagflow.cli.output.text import printable
from dagflow.diagnostic import nearest
from dagflow.errors import UsageError
from dagflow.lang.explanations import Explanation, all_codes, explanation

#: Columns of a paragraph, at most: longer lines are hard to read.
_WIDTH: Final = 88
_CODE: Final = re.compile(r"`[^`]+`")
_STYLES: Final = {"E": "bold red", "W": "bold yellow", "N": "bold cyan"}


def explain(arguments: argparse.Namespace) -> int:
    """Print the pages about the codes given; every code with its title if none is given.

    Raises:
        UsageError: there is no such code.
    """
    pages = [_page(code) for code in arguments.codes]
    out = Console(highlight=False)
    if not pages:
        for page in map(_page, all_codes()):
            out.print(_title(page), soft_wrap=True)
    for number, page in enumerate(pages):
        if number:
            out.print()
        _print(out, page)
    return OK


def _page(code: str) -> Explanation:
    page = explanation(code.strip("[]").upper())
    if page is None:
        meant = nearest(code.upper(), all_codes())
        hint = f"did you mean {meant}? " if meant else ""
        raise UsageError(f"unknown code {printable(code)}; {hint}`dagflow explain` lists all codes")
    return page


def _title(page: Explanation) -> Text:
    return Text.assemble((page.code, _STYLES[page.code[0]]), "  ", _marked(page.title))


def _print(out: Console, page: Explanation) -> None:
    out.print(_title(page), soft_wrap=True)
    out.print()
    for line in _marked(page.rule).wrap(out, min(_WIDTH, out.width)):
        line.rstrip()
        out.print(line, soft_wrap=True)
    for word, text in (("Wrong:", page.wrong), ("Right:", page.right)):
        if text:
            out.print()
            out.print(Text(word, style="bold"))
            out.print()
            for each in text.splitlines():
                out.print(Text(f"    {each}" if each else ""), soft_wrap=True)


def _marked(text: str) -> Text:
    """What stands between backquotes in colour, where there is a terminal."""
    marked = Text(text)
    marked.highlight_regex(_CODE, "cyan")
    return marked
