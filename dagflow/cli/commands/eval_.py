"""`dagflow eval`: the value, the type and the cost of an expression."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument
from dagflow.cli.exit_codes import OK

if TYPE_CHECKING:
    from dagflow.app.evaluating import Evaluated
    from dagflow.cli.output.documents import EvaluationDocument


_OPTION: Final = re.compile(r"-h|--[a-z-]*(=.*)?", re.DOTALL)


class ExpressionCommand(Command):
    """A command whose argument may begin with a minus, as in `-1 + 2`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move what looks like no option behind a `--`."""
        moved: list[str] = []
        kept: list[str] = []
        for number, word in enumerate(args):
            is_value = number > 0 and args[number - 1] == "--input"
            is_moved = word.startswith("-") and not is_value and not _OPTION.fullmatch(word)
            (moved if is_moved and "--" not in args else kept).append(word)
        return super().parse_args(ctx, [*kept, *(["--", *moved] if moved else [])])


@click.command(
    "eval",
    cls=ExpressionCommand,
    examples=[
        ("dagflow eval '[1, 2, 3].map(n, n * n)'", ""),
        ("""dagflow eval 'lead.score > 50' --input '{"lead": {"score": 70}}'""", ""),
    ],
)
@argument("expression", metavar="EXPR", about="an expression, as a flow would have it")
@click.option("--input", metavar="JSON|@FILE|-", help="A JSON object with the names that the expression may read.")
@options.as_json
def eval_(*, expression: str, input: str | None, is_json: bool) -> int:  # noqa: A002 - the option is called so
    """Evaluate an expression and print its value, type and cost."""
    from rich.text import Text

    from dagflow.app.evaluating import evaluate_text
    from dagflow.cli.output import console
    from dagflow.cli.output.test_report import shown
    from dagflow.cli.output.text import counted, json_text, printable
    from dagflow.cli.sources import read_value
    from dagflow.clock import SystemClock
    from dagflow.errors import UsageError
    from dagflow.lang.diagnostics import render

    names = read_value(input)
    if names is not None and not isinstance(names, dict):
        raise UsageError('--input must be a JSON object with the names that the expression may read, such as {"lead": {…}}')
    given = cast("Mapping[str, object]", names or {})
    found = evaluate_text(expression, given, SystemClock().now())
    if found.warnings:
        print(render(found.warnings, expression, "expression") + "\n", file=sys.stderr)
    if is_json:
        print(json_text(_data(found)))
        return OK
    out = console.lines()
    out.print(Text(shown(found.value), style="bold"))
    out.print(Text(printable(f"type: {found.type}")))
    out.print(Text(f"cost: {counted(found.cost, 'step')} at most"))
    for text, value in found.parts.items():
        out.print(Text(f"  {printable(text)} is {shown(value)}", style="dim"))
    return OK


def _data(found: Evaluated) -> EvaluationDocument:
    from dagflow.model.types import JSON
    from dagflow.model.wire import codec as wire

    return {
        "value": wire.encode(found.value, JSON),
        "type": found.type,
        "cost": found.cost,
        "parts": {text: wire.encode(value, JSON) for text, value in found.parts.items()},
    }
