"""The classes that every command is declared with: its help, its examples, and the options that all commands have."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import click

if TYPE_CHECKING:
    ParamType: TypeAlias = click.ParamType[Any, Any]
    _Choice: TypeAlias = click.Choice[str]
else:  # older versions of click have the same classes, which are not generic
    ParamType = click.ParamType
    _Choice = click.Choice

Decorated = TypeVar("Decorated", bound="Callable[..., Any] | click.Command")
#: Columns of the help, at most.
_WIDTH: Final = 100
#: Set by the scripts of `dagflow completion` when they ask for completions.
COMPLETE_VARIABLE: Final = "_DAGFLOW_COMPLETE"
CONTEXT_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": _WIDTH}


class Invocation:
    """The options that decide how an error of a command is reported; the `obj` of its contexts."""

    __slots__ = ("has_actions", "is_json")

    def __init__(self) -> None:
        self.is_json = False
        self.has_actions = True


class Argument(click.Argument):
    """An argument with a line of help."""

    def __init__(self, param_decls: Sequence[str], *, about: str = "", **attrs: Any) -> None:
        super().__init__(param_decls, **attrs)
        self.about = about

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the argument as the usage line shows it: `FILE`, `[FILE]` or `[FILE]...`."""
        word = self.word if self.required else f"[{self.word}]"
        return [word + "..." * (self.nargs != 1)]

    @property
    def word(self) -> str:
        """The argument in help and messages."""
        return self.metavar or (self.name or "").upper()


def argument(name: str, **attrs: Any) -> Callable[[Decorated], Decorated]:
    """Declare an argument with `about`, its line of help."""
    return click.argument(name, cls=Argument, **attrs)


def _set_color(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.color = {"always": True, "never": False}.get(value)


def color_option() -> click.Option:
    """Return `--color`, which `dagflow.cli.output.console` obeys."""
    return click.Option(
        ["--color"],
        type=Choice(["auto", "always", "never"]),
        metavar="WHEN",
        callback=_set_color,
        expose_value=False,
        is_eager=True,
        help="Use colours: auto, always or never. Default: auto, which follows NO_COLOR, FORCE_COLOR and the terminal.",
    )


class Choice(_Choice):
    """One of several words; anything else is reported with all of them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the word. Raises BadParameter: it is none of them."""
        if value in self.choices:
            return value
        words = [*self.choices]
        return self.fail(f"must be {', '.join(words[:-1])} or {words[-1]}; got `{value}`", param, ctx)


class Count(ParamType):
    """A whole number of at least 1."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number. Raises BadParameter: it is none, or too small."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"must be a whole number; got `{value}`", param, ctx)
        if number < 1:
            self.fail(f"must be at least 1; got {number}", param, ctx)
        return number


class Command(click.Command):
    """A command with examples, and with the options that all commands have.

    Args:
        examples: command lines, each with its effect.
    """

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **attrs: Any) -> None:
        super().__init__(*args, **{"context_settings": CONTEXT_SETTINGS, **attrs})
        self.examples = examples
        self.params.append(color_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Raises UsageError: they are wrong."""
        with _context_of_errors(ctx):
            return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments and the options."""
        write_parameters(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                formatter.write_dl([*self.examples], col_max=60)
        super().format_epilog(ctx, formatter)


class Group(click.Group):
    """Commands that belong together, each a `Command`."""

    command_class = Command

    def __init__(self, *args: Any, **attrs: Any) -> None:
        settings = {"context_settings": CONTEXT_SETTINGS, "subcommand_metavar": "COMMAND ...", "no_args_is_help": False}
        super().__init__(*args, **{**settings, **attrs})
        self.params.append(color_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Raises UsageError: they are wrong."""
        with _context_of_errors(ctx):
            return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return [*self.commands]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        write_parameters(self, ctx, formatter)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant. Raises UsageError: there is none of this name."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            raise self.unknown_command(ctx, args[0])
        return super().resolve_command(ctx, args)

    def unknown_command(self, ctx: click.Context, name: str) -> click.UsageError:
        """Return the error about a name that no command has."""
        remedy = f"`{ctx.command_path} --help` lists the commands"
        return click.UsageError(unknown("command", name, self.list_commands(ctx), remedy), ctx)


@contextmanager
def _context_of_errors(ctx: click.Context) -> Generator[None]:
    """Say which command an error is about; click's parser leaves that out of some."""
    try:
        yield
    except click.UsageError as error:
        if error.ctx is None:
            error.ctx = ctx
        raise


def unknown(what: str, word: str, known: Sequence[str], remedy: str) -> str:
    """Return the message about a word that is none of those known."""
    from dagflow.diagnostic import nearest  # noqa: PLC0415 - only after a mistake

    meant = nearest(word, [*known])
    return f"unknown {what} `{word}`; " + (f"did you mean `{meant}`? " if meant else "") + remedy


def write_parameters(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the arguments and the options of a command; the older versions of click know no help for arguments."""
    arguments = [(each.word, each.about) for each in command.params if isinstance(each, Argument) and each.about]
    if arguments:
        with formatter.section("Arguments"):
            formatter.write_dl(arguments)
    records = [each.get_help_record(ctx) for each in command.get_params(ctx) if isinstance(each, click.Option)]
    with formatter.section("Options"):
        formatter.write_dl([each for each in records if each is not None])
