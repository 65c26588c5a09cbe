"""Code lenses above declarations: run a test, draw a flow, show the upper bounds of a run."""

from __future__ import annotations

import enum

import attrs

from dagflow.diagnostic import Span
from dagflow.errors import UsageError
from dagflow.ide.analysis import Analysis
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax import tree_tests as t
from dagflow.model.flow import Flow


class LensKind(enum.StrEnum):
    """The kinds of lenses."""

    RUN_TEST = "run test"
    RUN_TESTS = "run tests"
    GRAPH = "graph"


@attrs.frozen
class Lens:
    """A lens. `flow` and `test` name its subject."""

    kind: LensKind
    span: Span
    title: str
    flow: str
    test: str = ""


def lenses(analysis: Analysis) -> list[Lens]:
    """The lenses of a text, in order."""
    found: list[Lens] = []
    tests = [item for item in analysis.file.items if isinstance(item, t.TestDecl)]
    for item in analysis.file.items:
        if isinstance(item, s.FlowDecl):
            name, own = item.name.text, [each for each in tests if each.flow.text == item.name.text]
            found.append(Lens(LensKind.GRAPH, item.name.span, "graph", name))
            if own:
                title = f"run {len(own)} tests" if len(own) != 1 else "run 1 test"
                found.append(Lens(LensKind.RUN_TESTS, item.name.span, title, name))
        elif isinstance(item, t.TestDecl):
            found.append(Lens(LensKind.RUN_TEST, item.name.span, "run test", item.flow.text, item.name.value))
    return found


def drawable(analysis: Analysis, flow: str) -> Flow:
    """The flow of that name, to be drawn.

    Raises:
        UsageError: the text has no such flow, or has errors.
    """
    known = analysis.compilation.flows.get(flow)
    if known is None:
        reason = "the text has errors" if analysis.compilation.has_errors else "there is none of this name"
        raise UsageError(f"flow `{flow}` cannot be drawn: {reason}")
    return known
