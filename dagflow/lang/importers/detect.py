"""Any JSON that is a workflow: canonical JSON, actions and edges of workflow-kit, or an action list, told apart by their keys."""

from __future__ import annotations

from dagflow.diagnostic import Diagnostic, Span
from dagflow.lang.canonical.codec import from_data
from dagflow.lang.importers.action_list import import_action_list
from dagflow.lang.importers.workflow_kit.convert import import_workflow_kit
from dagflow.model.typeguards import is_object
from dagflow.model.wire.json_reader import JsonTextError, locate_json


def import_json(text: str, *, filename: str = "") -> tuple[str | None, list[Diagnostic]]:
    """Make the text of a `.flow` file from a JSON workflow.

    Args:
        text: the JSON.
        filename: the name of the text in diagnostics.

    Returns:
        The text, or None if there is an error; and the errors, or the notes, in the order of the JSON, each with a JSON pointer.
    """
    try:
        located = locate_json(text)
    except JsonTextError as error:
        return None, [not_json(error, filename)]
    if is_object(located.value) and "dagflow" in located.value:
        return from_data(located, filename)
    if is_object(located.value) and "edges" in located.value:
        return import_workflow_kit(located, filename)
    return import_action_list(text, filename=filename)


def not_json(error: JsonTextError, filename: str) -> Diagnostic:
    """E110 for what does not parse as JSON."""
    span = error.span if error.span.end > error.span.start else Span(error.span.start, error.span.start)
    return Diagnostic(
        code="E110",
        title="not valid JSON",
        span=span,
        label=error.message,
        help=error.hint,
        file=filename,
        pointer=error.pointer,
    )
