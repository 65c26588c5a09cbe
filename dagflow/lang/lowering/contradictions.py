"""Settings that contradict: beside another one they can never have an effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.lowering.builder import FlowBuilder, deletion
from dagflow.lang.syntax import tree as s
from dagflow.model.expression import Expression
from dagflow.model.policies import Policies, WhileBusy

_NOT_FOR_EVER: Final = "give `once` a `within`"


@attrs.frozen
class _Useless:
    """A setting without effect, and the other one that is why."""

    word: str
    other: str
    reason: str
    instead: str


def report_contradictions(
    builder: FlowBuilder, policies: Policies, spans: Mapping[str, Span], triggers: Iterable[s.OnSetting]
) -> None:
    """Report each setting that another one, or the lack of another one, leaves without effect. `spans`: of the settings, by their subject."""
    for setting in triggers:
        if policies.singleton is not None and setting.overlap is not None:
            builder.report(
                "E322",
                "`overlap` has no effect beside `singleton`",
                setting.overlap.span,
                f"line {builder.line(spans['singleton'])} governs the runs of every trigger",
                "remove one of the two",
                Fix("delete", is_safe=False, edits=(Edit(setting.overlap.span, ""),)),
            )
    seen: set[str] = set()
    for each in _useless(policies):
        if each.word in seen:
            continue
        seen.add(each.word)
        span = spans[each.word]
        builder.report(
            "E322",
            f"`{each.word}` has no effect beside `{each.other}`",
            Span(span.start, span.start + len(each.word)),
            each.reason.format(line=builder.line(spans[each.other])),
            f"remove `{each.word}`, or {each.instead}",
            deletion(builder, span),
        )

    if policies.priority is not None and policies.throttle is None and policies.concurrency is None:
        span = spans["priority"]
        builder.report(
            "E316",
            "`priority` must stand beside `throttle` or `concurrency`",
            Span(span.start, span.start + len("priority")),
            "of these settings none makes requests wait in a queue",
            "add one of the two, or remove `priority`",
            deletion(builder, span),
        )


def _useless(policies: Policies) -> Iterator[_Useless]:
    once, singleton = policies.once, policies.singleton
    concurrency = policies.concurrency
    if singleton is not None and concurrency is not None and _shares(concurrency.key, singleton.key):
        reason = "line {line} lets one run at a time be under way already"
        yield _Useless("concurrency", "singleton", reason, "give `singleton` another `by`")
    if once is None or once.within_ns is not None:
        return
    reason = "line {line} lets one run for each value of this key begin, ever"
    for word, policy in (("singleton", singleton), ("throttle", policies.throttle), ("concurrency", concurrency)):
        if policy is not None and _is_same(policy.key, once.key):
            yield _Useless(word, "once", reason, _NOT_FOR_EVER)
    is_skipping = singleton is not None and singleton.busy is WhileBusy.SKIP
    # Requests count for `rate` that claim nothing, since they are merged or skipped.
    if policies.rate is not None and policies.debounce is None and not is_skipping and _is_same(policies.rate.key, once.key):
        yield _Useless("rate", "once", reason, _NOT_FOR_EVER)


def _shares(key: Expression | None, coarser: Expression | None) -> bool:
    """Whether two requests with the same `key` always have the same `coarser` one, of which None is the same for all."""
    return coarser is None or _is_same(key, coarser)


def _is_same(key: Expression | None, other: Expression | None) -> bool:
    return key is not None and other is not None and key.core == other.core
