"""Lowering of the settings that a service applies: `once`, `rate`, `debounce`, `singleton`, `throttle`, `concurrency`, `cancel on`, `priority`.

All of them but `cancel on` are read before a run begins, so they see its input and nothing else.
"""

from __future__ import annotations

from typing import Final, TypeVar, assert_never

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span
from dagflow.expr import tree
from dagflow.lang.check.declarations import readable
from dagflow.lang.check.symbols import Names, Symbol, SymbolKind, View
from dagflow.lang.check.type_checker import Wanted
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.lowering.modifiers import length
from dagflow.lang.lowering.wait_event import event_payload
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax import tree_settings as settings
from dagflow.model.expression import Expression
from dagflow.model.lengths import as_written
from dagflow.model.policies import CancelOn, Concurrency, Debounce, Once, Policies, Rate, Singleton, Throttle, WhileBusy
from dagflow.model.types import BOOL, INT, UNKNOWN, EnumType, OptionalType, Primitive, RecordType, ScalarType, Type

_Limited = TypeVar("_Limited", Rate, Throttle)
#: More than any service runs at a time.
_MOST_RUNS: Final = 1_000_000
#: The maximum that is proposed for a `debounce`, in pauses; and the pause where the author's is no length.
_PAUSES: Final = 10
_PAUSE_NS: Final = 30_000_000_000
_KEYS: Final = frozenset({Primitive.BOOL, Primitive.INT, Primitive.UINT, Primitive.STRING, Primitive.TIMESTAMP})
#: Names that exist only once the run begins, so that nothing before it can depend on them.
_OF_RUNS: Final = frozenset({"now", "run", "trigger", "secrets"})


def lower_policy(
    builder: FlowBuilder, policies: Policies, setting: s.PolicySetting, steps: frozenset[str], seen: dict[str, Span]
) -> Policies:
    """The policies with one more setting.

    Args:
        steps: names of the flow's steps, which a setting cannot read.
        seen: the settings before it, by their subject.
    """
    if not is_first(builder, subject_of(setting), setting.span, seen):
        return policies
    view = View(_input_names(builder), frozenset(), frozenset())
    reader = _Reader(builder, view, steps)
    match setting:
        case settings.ConcurrencySetting():
            limit = _count(builder, "concurrency", setting.count)
            return attrs.evolve(policies, concurrency=Concurrency(limit=limit, key=reader.key(setting.key)))
        case settings.RateSetting():
            return attrs.evolve(policies, rate=_limited(Rate, builder, setting, reader))
        case settings.SingletonSetting():
            singleton = Singleton(busy=WhileBusy(setting.busy.value), key=reader.key(setting.key))
            return attrs.evolve(policies, singleton=singleton)
        case settings.ThrottleSetting():
            return attrs.evolve(policies, throttle=_limited(Throttle, builder, setting, reader))
        case settings.DebounceSetting():
            return attrs.evolve(policies, debounce=_debounce(builder, setting, reader))
        case settings.OnceSetting():
            key = reader.key(setting.key)
            within = None if setting.within is None else length(builder, setting.within, "`within` takes")
            return policies if key is None else attrs.evolve(policies, once=Once(key=key, within_ns=within))
        case settings.CancelSetting():
            found = _cancel(builder, setting, steps)
            return policies if found is None else attrs.evolve(policies, cancel_on=(*policies.cancel_on, found))
        case settings.PrioritySetting():
            priority = reader.expression(setting.value, Wanted(INT, "`priority` takes"))
            return attrs.evolve(policies, priority=priority)
        case _:
            assert_never(setting)


def is_first(builder: FlowBuilder, subject: str, span: Span, seen: dict[str, Span]) -> bool:
    """Whether a setting is the first of its subject; E317 if not."""
    if subject in seen:
        head = Span(span.start, span.start + len(subject))
        builder.report(
            "E317",
            f"`{subject}` is given twice",
            head,
            f"given before on line {builder.line(seen[subject])}",
            "remove one of them",
        )
        return False
    seen[subject] = span
    return True


def step_names(statements: list[s.Statement]) -> frozenset[str]:
    """The names that steps define."""
    names = {name.text for statement in statements if isinstance(name := getattr(statement, "name", None), s.Ident)}
    unnamed = {each.call.callee.text.rpartition(".")[2] for each in statements if isinstance(each, s.CallStep)}
    return frozenset(names | unnamed)


def subject_of(setting: s.PolicySetting) -> str:
    """The subject of a setting that may occur once, by its first words."""
    match setting:
        case settings.ConcurrencySetting():
            return "concurrency"
        case settings.RateSetting():
            return "rate"
        case settings.SingletonSetting():
            return "singleton"
        case settings.ThrottleSetting():
            return "throttle"
        case settings.DebounceSetting():
            return "debounce"
        case settings.OnceSetting():
            return "once"
        case settings.CancelSetting():
            return f'cancel on event "{setting.event.value}"'
        case settings.PrioritySetting():
            return "priority"
        case _:
            assert_never(setting)


def _input_names(builder: FlowBuilder, *others: str) -> Names:
    names = Names()
    for name, symbol in builder.names.symbols.items():
        if name not in _OF_RUNS or name in others:
            names.define(symbol)
    return names


@attrs.frozen
class _Reader:
    """Checks the expressions of settings; says better than "unknown" why a step cannot be read."""

    builder: FlowBuilder
    view: View
    steps: frozenset[str]

    def expression(self, expr: tree.Expr, wanted: Wanted | None = None) -> Expression | None:
        found = self.builder.diagnostics
        n_before = len(found)
        expression = self.builder.checker.expression(expr, self.view, wanted)
        found[n_before:] = [self._explained(each) for each in found[n_before:]]
        return expression

    def key(self, expr: tree.Expr | None) -> Expression | None:
        """The key that distinguishes runs: one value that compares exactly."""
        if expr is None:
            return None
        expression = self.expression(expr)
        if expression is None:
            return None
        type_ = expression.type
        if isinstance(type_, OptionalType):
            # Reported as for any other value that may be missing.
            return self.expression(expr, Wanted(type_.value, "`by` takes"))
        if type_ is not UNKNOWN and not _is_key(type_):
            self.builder.report(
                "E307", f"`by` takes a single value, got {readable(type_)}", expr.span, "not a text, a whole number, a bool or a timestamp",
                "give what tells runs apart, such as an id",
            )  # fmt: skip
            return None
        if not expression.reads:
            self.builder.report(
                "E316", "this key is the same for every run", expr.span, "reads nothing of the input",
                "give what tells runs apart, such as an id",
            )  # fmt: skip
        return expression

    def _explained(self, diagnostic: Diagnostic) -> Diagnostic:
        if diagnostic.code != "E202":
            return diagnostic
        word = self.builder.text(diagnostic.span)
        if word in self.steps:
            label = f"`{word}` is a step; a setting is read before the first one"
        elif word in _OF_RUNS:
            label = f"`{word}` is not known before a run begins"
        else:
            return diagnostic
        return attrs.evolve(diagnostic, title=f"`{word}` cannot be read here", label=label, help="read the input", fix=None)


def _is_key(type_: Type) -> bool:
    return isinstance(type_, EnumType | ScalarType) or type_ in _KEYS


def _count(builder: FlowBuilder, word: str, count: settings.Count) -> int:
    if not 1 <= count.value <= _MOST_RUNS:
        label = "more than any service runs" if count.value else "nothing would ever run"
        builder.report("E316", f"`{word}` takes 1 to {_MOST_RUNS:,}", count.span, label, "write a number in this range")
    return max(count.value, 1)


def _limited(
    policy: type[_Limited], builder: FlowBuilder, setting: settings.RateSetting | settings.ThrottleSetting, reader: _Reader
) -> _Limited | None:
    limit = _count(builder, subject_of(setting), setting.count)
    period = length(builder, setting.period, "`per` takes")
    key = reader.key(setting.key)
    return None if period is None else policy(limit=limit, period_ns=period, key=key)


def _debounce(builder: FlowBuilder, setting: settings.DebounceSetting, reader: _Reader) -> Debounce | None:
    quiet = length(builder, setting.quiet, "`debounce` takes")
    key = reader.key(setting.key)
    if setting.maximum is None:
        _report_endless(builder, setting, quiet)
        return None
    longest = length(builder, setting.maximum, "`max` takes")
    if quiet is None or longest is None:
        return None
    if longest < quiet:
        builder.report(
            "E316", "this `max` is shorter than the pause", setting.maximum.span, "over before the pause is",
            f"give more than `{builder.text(setting.quiet.span)}`",
        )  # fmt: skip
    return Debounce(quiet_ns=quiet, max_ns=longest, key=key)


def _report_endless(builder: FlowBuilder, setting: settings.DebounceSetting, quiet: int | None) -> None:
    clause = f"max {as_written(_PAUSES * (quiet or _PAUSE_NS))}"
    end = setting.span.end
    builder.report(
        "E504", "this `debounce` could last for ever", Span(setting.span.start, setting.span.start + len("debounce")),
        "no run begins as long as requests come", f"write `{clause}` behind it, or another limit",
        Fix(f"insert `{clause}`", is_safe=False, edits=(Edit(Span(end, end), f" {clause}"),)),
    )  # fmt: skip


def _cancel(builder: FlowBuilder, setting: settings.CancelSetting, steps: frozenset[str]) -> CancelOn | None:
    """`cancel on`: its `when` reads the event, the input and the run it is about."""
    payload = event_payload(builder, setting.event, setting.bind)
    names = _input_names(builder, "now", "run", "trigger")
    bind = setting.bind
    if bind is not None:
        names.define(Symbol(bind.name.text, SymbolKind.CONSTANT, payload, bind.name.span, builder.line(bind.name.span)))
    reader = _Reader(builder, View(names, frozenset(), frozenset()), steps)
    when = None if setting.when is None else reader.expression(setting.when, Wanted(BOOL, "`when` takes"))
    if not isinstance(payload, RecordType):
        return None
    return CancelOn(event=setting.event.value, payload=payload, binding="" if bind is None else bind.name.text, when=when)
