"""`dagflow completion`: the scripts with which shells complete commands."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from dagflow.cli.declaring import COMPLETE_VARIABLE, Choice, Command, argument
from dagflow.cli.exit_codes import OK

_SHELLS: Final = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(
    cls=Command,
    examples=[
        ('eval "$(dagflow completion bash)"', "in ~/.bashrc"),
        ('eval "$(dagflow completion zsh)"', "in ~/.zshrc"),
        ("dagflow completion fish | source", "in ~/.config/fish/config.fish"),
    ],
)
@argument("shell", type=Choice([*_SHELLS]), metavar="SHELL", about="bash, zsh or fish")
@click.pass_context
def completion(context: click.Context, *, shell: str) -> int:
    """Print a script that completes commands in your shell.

    It completes commands, options, their values, flow files, and the names of the flows in a file.
    """
    print(_SHELLS[shell](context.find_root().command, {}, "dagflow", COMPLETE_VARIABLE).source())
    return OK
