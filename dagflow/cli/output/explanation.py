"""The pages about codes, as text and as documents."""

from __future__ import annotations

import re
from typing import Final, Literal

from rich.console import Console
from rich.text import Text

from dagflow.cli.output.documents import ExplanationDocument
from dagflow.cli.output.text import printable
from dagflow.diagnostic import nearest
from dagflow.errors import UsageError
from dagflow.lang.explanations import Explanation, all_codes, explanation

#: Columns of a paragraph, at most: longer lines are hard to read.
_WIDTH: Final = 88
_CODE: Final = re.compile(r"`[^`]+`")
_STYLES: Final = {"E": "bold red", "W": "bold yellow", "N": "bold cyan"}


_SEVERITIES: Final[dict[str, Literal["error", "warning", "note"]]] = {"E": "error", "W": "warning", "N": "note"}


def page_data(page: Explanation) -> ExplanationDocument:
    """Return a page as a document."""
    return {
        "code": page.code,
        "severity": _SEVERITIES[page.code[0]],
        "title": page.title,
        "rule": page.rule,
        "wrong": page.wrong,
        "right": page.right,
    }


def page_of(code: str) -> Explanation:
    """Return the page about a code. Raises UsageError: there is no such code."""
    page = explanation(code.strip("[]").upper())
    if page is None:
        meant = nearest(code.upper(), all_codes())
        hint = f"did you mean {meant}? " if meant else ""
        raise UsageError(f"unknown code {printable(code)}; {hint}`dagflow explain` lists all codes")
    return page


def title_of(page: Explanation) -> Text:
    """Return the code and the title of a page."""
    return Text.assemble((page.code, _STYLES[page.code[0]]), "  ", _marked(page.title))


def print_page(out: Console, page: Explanation) -> None:
    """Print a page."""
    out.print(title_of(page), soft_wrap=True)
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
    """Colour the code between backquotes."""
    marked = Text(text)
    marked.highlight_regex(_CODE, "cyan")
    return marked
