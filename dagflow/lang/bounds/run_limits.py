"""E503: the upper bounds of a run against the host's limits; reported at the loop or call with the largest share."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.lang.bounds.bounds import Bounds, Share, Total, bounds, ceiling, rough_bounds
from dagflow.lang.diagnostics import Source
from dagflow.lang.limits import RunLimits
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.walk import statements_of
from dagflow.model.flow import Flow, Node, NodeKind
from dagflow.model.lengths import as_written


def check_run_limits(flow: Flow, decl: s.FlowDecl, source: Source, limits: RunLimits) -> Iterator[Diagnostic]:
    """Report the bounds of a sound flow that exceed a limit."""
    if _is_far_below(flow, limits):
        return
    found = rough_bounds(flow)
    if limits.parallel is not None and found.parallel > limits.parallel:
        found = bounds(flow)
    check = _RunLimitCheck(flow, decl, source)
    for total, limit, words, unit in (
        (found.steps, limits.steps, "run {} steps", "steps"),
        (found.runs_started, limits.runs_started, "start {} runs", "runs"),
        (found.events_sent, limits.events_sent, "send {} events", "events"),
        (found.expression_cost, limits.expression_cost, "take {} steps in expressions", "steps"),
    ):
        if limit is not None and total.value > limit:
            yield check.of_total(total, limit, words, unit)
    if limits.parallel is not None and found.parallel > limits.parallel:
        yield check.of_width(found, limits.parallel)
    if limits.duration_ns is not None and found.duration_ns > limits.duration_ns:
        yield check.of_time(found, limits.duration_ns)


def _is_far_below(flow: Flow, limits: RunLimits) -> bool:
    """Whether even all nodes together stay within the limits, as in most flows: there is nothing to count then."""
    found = ceiling(flow)
    if found is None:
        return False
    n_nodes, cost = found
    counts = (limits.steps, limits.parallel, limits.runs_started, limits.events_sent)
    return (
        all(limit is None or n_nodes <= limit for limit in counts)
        and (limits.expression_cost is None or cost <= limits.expression_cost)
        and (limits.duration_ns is None or flow.timeout_ns <= limits.duration_ns)
    )


@attrs.frozen
class _RunLimitCheck:
    flow: Flow
    decl: s.FlowDecl
    source: Source

    def of_total(self, total: Total, limit: int, words: str, unit: str) -> Diagnostic:
        title = f"this flow may {words.format(total.value)}, the limit is {limit}"
        share = max(total.shares, key=lambda each: each.count * each.each, default=None)
        if share is None:
            return _found(
                title, self.decl.name.span, f"{total.value} {unit}", "split it: one flow emits an event that starts the next"
            )
        node = self.flow.node(share.node)
        if node.kind is not NodeKind.FOR:
            times = "" if share.count == 1 else f", for each of {share.count} attempts"
            label = f"{share.each} {unit} in the flow it calls{times}"
            return _found(title, self._place(node), label, "make fewer calls, or start the flow as a separate run")
        return self._of_loop(title, share, node, limit - (total.value - share.count * share.each), unit)

    def _of_loop(self, title: str, share: Share, node: Node, left: int, unit: str) -> Diagnostic:
        """A loop that may go on for `left` at most."""
        option = self._option(node, "max")
        span = self._place(node) if option is None else option.span
        label = f"{share.each} {unit} for each of {share.count} items"
        most = left // share.each
        if most < 1 or option is None:
            return _found(title, span, label, "do less per item, or emit an event per item that starts another flow")
        fix = Fix(f"`max {most}`", is_safe=False, edits=(Edit(span, f"max {most}"),))
        return _found(title, span, label, f"lower the maximum to {most}", fix)

    def of_width(self, found: Bounds, limit: int) -> Diagnostic:
        title = f"this flow may run {found.parallel} steps at the same time, the limit is {limit}"
        loops = [node for node in self.flow.nodes if node.loop is not None and node.loop.width > 1]
        node = max(loops, key=_width, default=None)
        option = None if node is None else self._option(node, "parallel")
        if node is None or node.loop is None or option is None:
            return _found(title, self.decl.name.span, "its branches together", "run some of them in sequence")
        inside = max(1, bounds(attrs.evolve(node.loop.body, callees=self.flow.callees)).parallel)
        width = (limit - (found.parallel - min(node.loop.width, node.loop.most) * inside)) // inside
        label = f"{node.loop.width} items at a time"
        if width < 1:
            return _found(title, option.span, label, "reduce the parallelism")
        fix = Fix(f"`parallel {width}`", is_safe=False, edits=(Edit(option.span, f"parallel {width}"),))
        return _found(title, option.span, label, f"work on {width} at a time", fix)

    def of_time(self, found: Bounds, limit: int) -> Diagnostic:
        title = f"this flow may last {as_written(found.duration_ns)}, the limit is {as_written(limit)}"
        setting = next((each for each in self.decl.settings if isinstance(each, s.TimeoutSetting)), None)
        span = self.decl.name.span if setting is None else setting.value.span
        fix = None
        if setting is not None:
            fix = Fix(f"`timeout {as_written(limit)}`", is_safe=False, edits=(Edit(span, as_written(limit)),))
        label = "the limit of the run" if setting is not None else "it has no `timeout` of its own"
        return _found(title, span, label, f"write `timeout {as_written(limit)}`, or limit its steps", fix)

    def _option(self, node: Node, word: str) -> s.ForOption | None:
        loops = (each for each in statements_of(self.decl) if isinstance(each, s.For) and each.span == node.span)
        return next((option for loop in loops for option in loop.options if option.word == word), None)

    def _place(self, node: Node) -> Span:
        """The first line of a step."""
        text = self.source.text[node.span.start : node.span.end]
        return Span(node.span.start, node.span.start + len(text.partition("\n")[0].rstrip()))


def _width(node: Node) -> int:
    return 0 if node.loop is None else min(node.loop.width, node.loop.most)


def _found(title: str, span: Span, label: str, help_: str, fix: Fix | None = None) -> Diagnostic:
    return Diagnostic(code="E503", title=title, span=span, label=label, help=help_, fix=fix)
