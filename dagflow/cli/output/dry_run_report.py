"""Dry runs as text and as documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.text import Text

from dagflow.app.documents.dry_runs import called
from dagflow.app.simulation.dry_run import DryRun, DryRunStep
from dagflow.app.why import Reason
from dagflow.cli.output.reasons import decision_lines
from dagflow.cli.output.test_report import shown
from dagflow.cli.output.text import printable
from dagflow.model.flow import Flow, NodeKind
from dagflow.model.label import label_of
from dagflow.model.lengths import as_written
from dagflow.model.status import RunStatus
from dagflow.model.types import NULL

#: Nodes that are no steps of the flow's text.
_INNER = frozenset({NodeKind.CATCH, NodeKind.RACE, NodeKind.UNWIND, NodeKind.GROUP})


def print_dry_run(out: Console, flow: Flow, found: DryRun) -> None:
    """Print the steps that would run, and why the others would not."""
    result = found.simulation.result
    took = (result.ended_at or result.started_at) - result.started_at
    ends = {RunStatus.SUCCEEDED: "succeed", RunStatus.FAILED: "fail"}.get(result.status, f"end as {result.status.value}")
    n_calls = len(found.simulation.calls)
    out.print(
        Text(f"{flow.name} would {ends} after {as_written(took)}, with {n_calls} call{'s' * (n_calls != 1)}", style="bold")
    )
    loops = dict(_loops(flow))
    for step in found.steps:
        if step.node.kind not in _INNER:
            out.print(Text(printable(_line(step, loops))))
    if result.failures:
        out.print(Text(printable(f"  cause: {result.failures[0].code}: {result.failures[0].message}"), style="red"))
    if result.output is not None:
        out.print(Text(f"  result: {shown(result.output)}"))
    pruned = [reason for reason in found.pruned if reason.node.kind not in _INNER | {NodeKind.UNDO}]
    if pruned:
        out.print(Text("would not run", style="bold"))
    alike: dict[str, list[Reason]] = {}
    for reason in pruned:
        alike.setdefault(reason.because, []).append(reason)
    for because, reasons in alike.items():
        out.print(Text(printable(f"  {', '.join(reason.label for reason in reasons)}: {because}")))
        for line in [line for each in reasons[0].decisions[-1:] if not each.let_through for line in decision_lines(each)]:
            out.print(Text(f"  {line}", style="dim"))
    sample_value = sorted({step.node.action for step in found.steps if step.is_made_up})
    if sample_value:
        out.print(
            Text(f"placeholder results used for: {', '.join(sample_value)} (override with --result NAME=JSON)", style="dim")
        )


def _loops(flow: Flow) -> Iterator[tuple[str, str]]:
    """Yield the ids and labels of the unnamed loops of a flow, at any depth, and of the flows it calls."""
    for node in (each for body in (flow, *(callee.flow for callee in flow.callees)) for each in body.nodes):
        if node.loop is not None:
            if "." in node.id:
                yield node.id, f"for {node.loop.item}"
            yield from _loops(node.loop.body)


def _line(step: DryRunStep, loops: Mapping[str, str]) -> str:
    part = ""
    if step.part:
        # `for.acae77[0]/hold` is a path of ids, each with the number of an item.
        names = [each.partition("[") for each in step.part.split("/")]
        part = "/".join(f"{loops.get(name, name)}{sign}{number}" for name, sign, number in names) + ": "
    return f"{'+' + as_written(step.at_ns):>14}  {part}{label_of(step.node)}  {_what(step)}".rstrip()


def _what(step: DryRunStep) -> str:
    node, result = step.node, step.result
    if node.kind in {NodeKind.ACTION, NodeKind.CALL, NodeKind.START, NodeKind.EMIT, NodeKind.UNDO}:
        gives = (
            "" if result.output is None or node.type is NULL or node.kind is NodeKind.EMIT else f" -> {shown(result.output)}"
        )
        return f"{called(step)}({_arguments(step.given)}){gives}" if called(step) else ""
    if result.failure is not None:
        return f"{result.failure.code}: {result.failure.message}"
    if result.outcome:
        return result.outcome
    return "" if result.output is None else shown(result.output)


def _arguments(given: Mapping[str, object] | None) -> str:
    return ", ".join(f"{name}: {shown(value)}" for name, value in (given or {}).items())
