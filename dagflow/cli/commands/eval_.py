"""`dagflow eval`: the value, the type and the cost of an expression."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import cast

from rich.console import Console
from rich.text import Text

from dagflow.app.evaluating import Evaluated, evaluate_text
from dagflow.cli.exit_codes import OK
from dagflow.cli.output.test_report import shown
from dagflow.cli.output.text import counted, json_text, printable
from dagflow.cli.sources import read_value
from dagflow.clock import SystemClock
from dagflow.errors import UsageError
from dagflow.lang.diagnostics import render
from dagflow.model.types import JSON
from dagflow.model.wire import codec as wire


def evaluate(arguments: argparse.Namespace) -> int:
    """Evaluate an expression on what `--input` gives."""
    names = read_value(arguments.input)
    if names is not None and not isinstance(names, dict):
        raise UsageError('--input must be a JSON object with the names that the expression may read, such as {"lead": {…}}')
    given = cast("Mapping[str, object]", names or {})
    found = evaluate_text(arguments.expression, given, SystemClock().now())
    if found.warnings:
        print(render(found.warnings, arguments.expression, "expression") + "\n", file=sys.stderr)
    if arguments.json:
        print(json_text(_data(found)))
        return OK
    out = Console(highlight=False, soft_wrap=True)
    out.print(Text(shown(found.value), style="bold"))
    out.print(Text(printable(f"type: {found.type}")))
    out.print(Text(f"cost: {counted(found.cost, 'step')} at most"))
    for text, value in found.parts.items():
        out.print(Text(f"  {printable(text)} is {shown(value)}", style="dim"))
    return OK


def _data(found: Evaluated) -> dict[str, object]:
    return {
        "value": wire.encode(found.value, JSON),
        "type": found.type,
        "cost": found.cost,
        "parts": {text: wire.encode(value, JSON) for text, value in found.parts.items()},
    }
