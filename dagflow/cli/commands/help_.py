"""`dagflow help`: the help of a command."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from dagflow.cli.declaring import Command, ParamType, argument
from dagflow.cli.exit_codes import OK
from dagflow.cli.group import find
from dagflow.cli.table import COMMANDS


class CommandName(ParamType):
    """The name of a command."""

    name = "command"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin like this."""
        return [CompletionItem(name, help=about) for name, (_, about) in COMMANDS.items() if name.startswith(incomplete)]


@click.command("help", cls=Command, examples=[("dagflow help store verify", "")])
@argument("words", nargs=-1, metavar="COMMAND", type=CommandName(), about="a command; default: list the commands")
@click.pass_context
def help_(context: click.Context, *, words: tuple[str, ...]) -> int:
    """Show the help of a command."""
    print(find(words, context.find_root()).get_help())
    return OK
