"""`dagflow new`: a flow from a template, with prompts on a terminal."""

from __future__ import annotations

import sys

import click
from click.shell_completion import CompletionItem

from dagflow.cli import options
from dagflow.cli.declaring import Command, ParamType, argument
from dagflow.cli.exit_codes import OK

_TRIES = 5


class Template(ParamType):
    """The name of a template."""

    name = "template"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the templates that begin like this."""
        from dagflow.app.flow_templates import starters

        return [CompletionItem(each.name, help=each.summary) for each in starters() if each.name.startswith(incomplete)]


@click.command(
    cls=Command,
    examples=[
        ("dagflow new lead_approval", "write lead_approval.flow"),
        ("dagflow new --list", "list the templates"),
    ],
)
@argument("name", required=False, metavar="NAME", about="the name of the flow; prompted for on a terminal")
@click.option("--template", metavar="NAME", type=Template(), help="The template; see --list.")
@click.option("--list", "is_list", is_flag=True, help="List the templates.")
@options.output_file("Write to this file; - for standard output. Default: NAME.flow.")
def new(*, name: str | None, template: str | None, is_list: bool, output: str | None) -> int:
    """Create a flow from a template, with tests."""
    from dagflow.app.flow_templates import started, starters
    from dagflow.cli.files import write_new
    from dagflow.cli.output.text import printable
    from dagflow.errors import UsageError

    if is_list:
        for each in starters():
            print(f"{each.name:<10}  {each.summary}")
        return OK
    is_asking = sys.stdin.isatty() and sys.stderr.isatty()
    if name is None:
        if not is_asking:
            raise UsageError("missing NAME; example: `dagflow new lead_approval`")
        name = _named()
    if template is None:
        template = _chosen() if is_asking else starters()[0].name
    text = started(name, template)
    if output == "-":
        sys.stdout.write(text)
        return OK
    target = write_new(output or f"{name}.flow", text)
    print(printable(f"wrote {target}; try `dagflow test {target}`, then `dagflow dry-run {target}`"), file=sys.stderr)
    return OK


def _named() -> str:
    from dagflow.app.flow_templates import can_name
    from dagflow.errors import UsageError

    for _ in range(_TRIES):
        name = _ask("Name of the flow?", "my_flow")
        if can_name(name):
            return name
        print("a name must consist of lower-case letters, digits and `_`, such as `lead_approval`", file=sys.stderr)
    raise UsageError("no valid name was entered; use `dagflow new NAME`")


def _chosen() -> str:
    from dagflow.app.flow_templates import starters
    from dagflow.errors import UsageError

    known = starters()
    for number, each in enumerate(known, 1):
        print(f"  {number}  {each.name:<10}  {each.summary}", file=sys.stderr)
    for _ in range(_TRIES):
        answer = _ask("Template?", "1")
        for number, each in enumerate(known, 1):
            if answer in {str(number), each.name}:
                return each.name
        print(f"enter a number from 1 to {len(known)}", file=sys.stderr)
    raise UsageError("no template was chosen; use --template NAME")


def _ask(question: str, default: str) -> str:
    print(f"{question} [{default}] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() or default
