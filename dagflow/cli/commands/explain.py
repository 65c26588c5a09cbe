"""`explain`: the page about a code, or the list of all codes."""

from __future__ import annotations

import re
from typing import Final, Literal

import click
from click.shell_completion import CompletionItem
from rich.console import Console
from rich.text import Text

from dagflow.cli import options
from dagflow.cli.declaring import Command, ParamType, argument
from dagflow.cli.exit_codes import OK
from dagflow.cli.output.console import lines
from dagflow.cli.output.documents import ExplanationDocument
from dagflow.cli.output.text import json_text, printable
from dagflow.diagnostic import nearest
from dagflow.errors import UsageError
from dagflow.lang.explanations import Explanation, all_codes, explanation

#: Columns of a paragraph, at most: longer lines are hard to read.
_WIDTH: Final = 88
_CODE: Final = re.compile(r"`[^`]+`")
_STYLES: Final = {"E": "bold red", "W": "bold yellow", "N": "bold cyan"}


_SEVERITIES: Final[dict[str, Literal["error", "warning", "note"]]] = {"E": "error", "W": "warning", "N": "note"}


class Code(ParamType):
    """A diagnostic code."""

    name = "code"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the codes that begin like this, each with its title."""
        return [CompletionItem(code, help=_page(code).title) for code in all_codes() if code.startswith(incomplete.upper())]


@click.command(cls=Command, examples=[("dagflow explain E308", "the rule, a failing and a passing example")])
@argument("codes", nargs=-1, metavar="CODE", type=Code(), about="a diagnostic code such as E308; default: list all codes")
@options.as_json
def explain(*, codes: tuple[str, ...], is_json: bool) -> int:
    """Explain a diagnostic code."""
    pages = [_page(code) for code in codes]
    if is_json:
        print(json_text([_plain(page) for page in pages or map(_page, all_codes())]))
        return OK
    out = lines()
    if not pages:
        for page in map(_page, all_codes()):
            out.print(_title(page), soft_wrap=True)
    for number, page in enumerate(pages):
        if number:
            out.print()
        _print(out, page)
    return OK


def _plain(page: Explanation) -> ExplanationDocument:
    return {
        "code": page.code,
        "severity": _SEVERITIES[page.code[0]],
        "title": page.title,
        "rule": page.rule,
        "wrong": page.wrong,
        "right": page.right,
    }


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
    """Colour the code between backquotes."""
    marked = Text(text)
    marked.highlight_regex(_CODE, "cyan")
    return marked
