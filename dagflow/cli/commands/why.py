"""`dagflow why RUN STEP`: the conditions around a step, with the values that decided them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from dagflow.app.archive import Archive
from dagflow.app.why import Decision, Reason
from dagflow.cli.exit_codes import OK
from dagflow.cli.output.test_report import shown
from dagflow.cli.output.text import json_text, plain, printable


def why(arguments: argparse.Namespace) -> int:
    """Say why a step of a run did or did not run."""
    with Archive.open(arguments.store) as archive:
        reason = archive.reason(archive.find(arguments.run), arguments.step)
    if arguments.json:
        print(json_text(reason_data(reason)))
        return OK
    out = Console(highlight=False, soft_wrap=True)
    for line in told(reason):
        out.print(Text(line))
    return OK


def told(reason: Reason) -> Iterator[str]:
    """The reason as lines."""
    yield f"{printable(reason.label)} ({reason.node.status.value}): {printable(reason.because)}"
    yield f"  line {reason.line}: {printable(reason.text)}"
    for decision in reason.decisions:
        yield from decision_lines(decision)


def decision_lines(decision: Decision) -> Iterator[str]:
    """Render a condition: its outcome and the values it read."""
    yield f"  line {decision.line} ({decision.said or 'not reached'}): {printable(decision.text)}"
    yield from (f"    {printable(text)} was {shown(value)}" for text, value in decision.values.items())


def reason_data(reason: Reason) -> dict[str, object]:
    """The reason as plain data."""
    return {
        "step": reason.node.id,
        "status": reason.node.status.value,
        "because": reason.because,
        "line": reason.line,
        "text": reason.text,
        "conditions": [
            {
                "line": decision.line, "text": decision.text, "said": decision.said or None, "wanted": decision.wanted,
                "values": {text: plain(value) for text, value in decision.values.items()},
            }
            for decision in reason.decisions
        ],
    }  # fmt: skip
