"""`explain`: the page about a code, or the list of all codes."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from dagflow.cli import options
from dagflow.cli.declaring import Command, ParamType, argument
from dagflow.cli.exit_codes import OK


class Code(ParamType):
    """A diagnostic code."""

    name = "code"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the codes that begin like this, each with its title."""
        from dagflow.cli.output.explanation import page_of
        from dagflow.lang.explanations import all_codes

        return [CompletionItem(code, help=page_of(code).title) for code in all_codes() if code.startswith(incomplete.upper())]


@click.command(cls=Command, examples=[("dagflow explain E308", "the rule, a failing and a passing example")])
@argument("codes", nargs=-1, metavar="CODE", type=Code(), about="a diagnostic code such as E308; default: list all codes")
@options.as_json
def explain(*, codes: tuple[str, ...], is_json: bool) -> int:
    """Explain a diagnostic code."""
    from dagflow.cli.output.console import lines
    from dagflow.cli.output.explanation import page_data, page_of, print_page, title_of
    from dagflow.cli.output.text import json_text
    from dagflow.lang.explanations import all_codes

    pages = [page_of(code) for code in codes]
    if is_json:
        print(json_text([page_data(page) for page in pages or map(page_of, all_codes())]))
        return OK
    out = lines()
    if not pages:
        for page in map(page_of, all_codes()):
            out.print(title_of(page), soft_wrap=True)
    for number, page in enumerate(pages):
        if number:
            out.print()
        print_page(out, page)
    return OK
