"""The modifiers behind a step: `after`, `retry`, `timeout`, `within`, `default`."""

from __future__ import annotations

from typing import Final, cast

import attrs

from dagflow.diagnostic import Edit, Fix, Span, nearest
from dagflow.expr import tree
from dagflow.lang.check.type_checker import Wanted
from dagflow.lang.lowering.builder import FlowBuilder, Length
from dagflow.lang.syntax import tree as s
from dagflow.model.flow import Join, JoinKind, RetryPolicy
from dagflow.model.types import DURATION
from dagflow.model.values import Duration

#: `attempts ≤ 20`, so that no policy keeps a run busy for ever.
MOST_ATTEMPTS: Final = 20

_KINDS: Final = {
    s.DepsKind.ALL: JoinKind.ALL,
    s.DepsKind.ANY: JoinKind.ANY,
    s.DepsKind.N_OF: JoinKind.N_OF,
    s.DepsKind.SETTLED: JoinKind.SETTLED,
}


def refuse_modifiers(builder: FlowBuilder, mods: s.Modifiers, allowed: frozenset[str], word: str) -> None:
    """E316 for modifiers a statement cannot have; E317 for one given twice."""
    seen: set[str] = set()
    for name, span in mods.spans:
        # The author may have written a shorter word, which the parser repaired.
        head = Span(span.start, min(span.start + len(name), span.end))
        if name not in allowed:
            fix = Fix("delete", is_safe=False, edits=(Edit(span, ""),))
            builder.report("E316", f"`{name}` does not fit {word}", head, "it would have no effect", "remove it", fix)
        elif name in seen:
            builder.report("E317", f"`{name}` is given twice", head, "the step has one already", "remove one of them")
        seen.add(name)


def word_span(builder: FlowBuilder, step: s.CallStep | s.WaitEventStep, word: str) -> Span:
    """Where the word of a statement stands, behind the name it may have."""
    begin = step.span.start if step.name is None else step.name.span.end
    start = builder.source.text.find(word, begin, step.span.end)
    # A misspelt word has been mended, and is not in the text.
    return Span(begin, begin + 1) if start < 0 else Span(start, start + len(word))


def lower_join(builder: FlowBuilder, deps: s.Deps) -> Join:
    """The join of an `after`; unknown names are reported and left out."""
    sources: dict[str, None] = {}
    for name in deps.names:
        if name.text in builder.broken:
            continue
        if name.text in builder.names.lines and not _is_elsewhere(builder, name):
            if name.text in sources:
                builder.report("W404", f"`{name.text}` is named twice", name.span, "it counts once", "remove one of them")
            sources[name.text] = None
        elif name.text not in builder.names.lines:
            _report_unknown(builder, name)
    kind = _KINDS[deps.kind]
    n_named = len({name.text for name in deps.names})
    if kind is JoinKind.N_OF and not 1 <= deps.count <= n_named:
        names = ", ".join(name.text for name in deps.names)
        fix = Fix(f"`after {names}`", is_safe=True, edits=(Edit(deps.span, names),))
        what = "never be satisfied" if deps.count > n_named else "not wait for anything"
        builder.report(
            "E404",
            f"this join can {what}",
            deps.span,
            f"{deps.count} of {n_named} steps",
            f"wait for {'both' if n_named == 2 else 'all of them'}",
            fix,
        )
    return Join(kind, tuple(sources), deps.count if kind is JoinKind.N_OF else 0)


def _is_elsewhere(builder: FlowBuilder, name: s.Ident) -> bool:
    """E402 for a step that stands inside of a loop this one is outside of, or the other way round."""
    hidden = builder.names.hidden(name.text)
    if hidden is not None:
        row, line = hidden.variable.text, builder.line(hidden.word)
        whole = hidden.name
        is_beside = len(builder.names.around) == _n_around(builder, name.text, hidden)
        fix = None
        if whole is not None and is_beside:
            fix = Fix(f"`after {whole.text}`", is_safe=True, edits=(Edit(name.span, whole.text),))
        what = f"`{whole.text}` (line {line})" if whole is not None else f"the `for` on line {line}"
        builder.report(
            "E402", "cannot wait for a step inside another loop", name.span, f"runs once per {row} of {what}",
            "wait for the whole loop" if whole is not None and is_beside else "give the loop a name, `rows = for …`, and wait for that"
            if is_beside else "put both in one loop, or let this loop wait for that one", fix,
        )  # fmt: skip
        return True
    if len(builder.names.loops.get(name.text, ())) == len(builder.names.around):
        return False
    line = builder.line(builder.names.around[-1].word)
    builder.report(
        "E402", "cannot wait for a step outside of the loop", name.span, f"the `for` on line {line} begins when what stands above it is over",
        "leave this out, or put the loop below that step",
    )  # fmt: skip
    return True


def _n_around(builder: FlowBuilder, name: str, loop: s.For) -> int:
    """How many loops are around a loop in which a name is defined."""
    return next(n for n, each in enumerate(builder.names.loops[name]) if each is loop)


def _report_unknown(builder: FlowBuilder, name: s.Ident) -> None:
    symbol = builder.names.symbols.get(name.text)
    if symbol is not None:
        builder.report(
            "E202", f"`{name.text}` is not a step", name.span, "there from the beginning; nothing to wait for", "name a step"
        )
        return
    meant = nearest(name.text, list(builder.names.lines))
    line = builder.names.lines.get(meant or "")
    fix = Fix(f"`{meant}`", is_safe=True, edits=(Edit(name.span, meant),)) if meant else None
    help_ = f"did you mean `{meant}` (line {line})?" if meant else "`after` names steps of this flow"
    builder.report("E202", f"unknown name `{name.text}`", name.span, "not a step of this flow", help_, fix)


def lower_retry(builder: FlowBuilder, retry: s.Retry) -> RetryPolicy:
    """The policy of a `retry`: its count is of retries, so of attempts one more."""
    word = retry.span
    count = retry.count
    if not 1 <= count < MOST_ATTEMPTS:
        builder.report(
            "E316",
            f"a step is retried 1 to {MOST_ATTEMPTS - 1} times",
            word,
            f"{count} is out of this range",
            f"write `retry {MOST_ATTEMPTS - 1}` at most" if count else "leave it out; `retry 0` is for a single step",
        )
        count = min(max(count, 1), MOST_ATTEMPTS - 1)
    policy = RetryPolicy(max_attempts=count + 1, only=tuple(text.value for text in retry.only))
    if retry.every is not None:
        every = length(builder, retry.every, "`every` takes")
        return policy if every is None else attrs.evolve(policy, initial_interval_ns=every, max_interval_ns=every, backoff=1.0)
    if retry.initial is None or retry.maximum is None:
        return policy
    initial, maximum = length(builder, retry.initial, "`from` takes"), length(builder, retry.maximum, "`to` takes")
    if initial is None or maximum is None:
        return policy
    if initial > maximum:
        span = retry.initial.span.to(retry.maximum.span)
        builder.report("E316", "this interval goes backwards", span, "`from` is the first pause, `to` the longest", "swap them")
    return attrs.evolve(policy, initial_interval_ns=initial, max_interval_ns=maximum)


def check_lines(builder: FlowBuilder, step: s.CallStep) -> None:
    """W406 for a `timeout` or `retry` on a line of its own, no deeper than its step: a setting of the flow looks the same."""
    for word, span in step.mods.spans:
        if word not in {"timeout", "retry"}:
            continue
        at, own, line = builder.source.place(span.start), _indent(builder, step.span), builder.line(step.span)
        is_first = not builder.source.line(at.line)[: at.column - 1].strip()
        if is_first and at.column - 1 <= own and at.line > line:
            fix = Fix("indent it", is_safe=False, edits=(Edit(Span(span.start, span.start), " " * (own + 3 - at.column)),))
            builder.report(
                "W406", f"this `{word}` looks like a setting of the flow", Span(span.start, span.start + len(word)),
                f"belongs to the step on line {line}, and stands no deeper",
                "if it is meant for that step, indent it; settings of the flow stand above the first step", fix,
            )  # fmt: skip


def _indent(builder: FlowBuilder, span: Span) -> int:
    """How far the line is indented on which something begins."""
    line = builder.source.line(builder.line(span))
    return len(line) - len(line.lstrip())


def time_limit(builder: FlowBuilder, node: str, expr: tree.Expr | None, word: str) -> int | None:
    """The `timeout` or `within` of a step, which is noted down."""
    nanos = None if expr is None else length(builder, expr, f"`{word}` takes")
    if nanos is not None and expr is not None:
        builder.lengths.setdefault(node, []).append(Length(expr.span, nanos, f"this `{word}`"))
    return nanos


def lower_own_retry(builder: FlowBuilder, node: str, retry: s.Retry) -> RetryPolicy:
    """The `retry` of a step, whose first pause is noted down; `retry 0` opts out of that of the flow."""
    if retry.count == 0:
        rest = retry.every or retry.initial or next(iter(retry.only), None)
        if rest is not None:
            builder.report(
                "E316", "`retry 0` does not try again", rest.span, "there is no pause and no failure this could be for",
                "remove it, or write how often to try again",
            )  # fmt: skip
        return RetryPolicy()
    policy = lower_retry(builder, retry)
    pause = retry.every or retry.initial
    if pause is not None:
        builder.lengths.setdefault(node, []).append(Length(pause.span, policy.initial_interval_ns, "the first pause"))
    return policy


def length(builder: FlowBuilder, expr: tree.Expr, words: str) -> int | None:
    """A constant length of time above zero, in nanoseconds."""
    value = builder.checker.constant(expr, Wanted(DURATION, words))
    if value is None:
        return None
    nanos = cast("Duration", value).nanos
    if nanos <= 0:
        builder.report(
            "E316",
            "this length of time has to be above zero",
            expr.span,
            "nothing would ever happen in it",
            "write for example `30s`",
        )
        return None
    return nanos
