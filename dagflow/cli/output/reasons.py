"""The reasons why a step ran or did not run, as lines and as a document."""

from __future__ import annotations

from collections.abc import Iterator

from dagflow.app.why import Decision, Reason
from dagflow.cli.output.test_report import shown
from dagflow.cli.output.text import printable


def reason_lines(reason: Reason) -> Iterator[str]:
    """Render a reason: one sentence, the step, and the conditions around it."""
    yield f"{printable(reason.label)} ({reason.node.status.value}): {printable(reason.because)}"
    yield f"  line {reason.line}: {printable(reason.text)}"
    for decision in reason.decisions:
        yield from decision_lines(decision)


def decision_lines(decision: Decision) -> Iterator[str]:
    """Render a condition: its outcome and the values it read."""
    yield f"  line {decision.line} ({decision.said or 'not reached'}): {printable(decision.text)}"
    yield from (f"    {printable(text)} was {shown(value)}" for text, value in decision.values.items())
