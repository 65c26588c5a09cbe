"""The command `dagflow`: it imports a command's module only when that command is called."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import cast

import click
from click.shell_completion import CompletionItem

from dagflow import __version__
from dagflow.cli.declaring import Group
from dagflow.cli.table import COMMANDS, SECTIONS


class LazyGroup(Group):
    """The commands of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names, in the order of the help."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        return cast("click.Command", getattr(import_module(f"dagflow.cli.commands.{module}"), module))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section."""
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", about) for name, (_, about) in commands.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write where to read more, and the exit codes."""
        formatter.write_paragraph()
        formatter.write("Run `dagflow help COMMAND` for the options of a command, with examples.\n")
        formatter.write("Exit codes: 0 success, 1 check or run failed, 2 usage error.\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command, without importing it."""
        found = [CompletionItem(name, help=about) for name, (_, about) in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


def find(words: Sequence[str], parent: click.Context) -> click.Context:
    """Return the context of the command with these words, such as `store verify`.

    Raises:
        click.UsageError: there is none.
    """
    context = parent
    for word in words:
        if not isinstance(context.command, Group):
            raise click.UsageError(f"`{context.command_path}` has no commands; got `{word}`", context)
        command = context.command.get_command(context, word)
        if command is None:
            raise context.command.unknown_command(context, word)
        context = click.Context(command, info_name=word, parent=context, **command.context_settings)
    return context


def _print_version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        print(f"dagflow {__version__}")
        context.exit()


@click.group(cls=LazyGroup)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version and exit."
)
def dagflow() -> None:
    """Check, test, run and resume typed flows."""
