"""Statements and settings as plain data: the inner half of canonical JSON (`canonical`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, assert_never

import attrs

from dagflow.diagnostic import Span
from dagflow.errors import DagflowBug
from dagflow.expr.tree import Expr
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax import tree_settings as settings

Plain: TypeAlias = dict[str, object]

#: The words of `after`, as JSON has them.
JOINS: Final = {s.DepsKind.ALL: "all", s.DepsKind.ANY: "any", s.DepsKind.SETTLED: "settled", s.DepsKind.N_OF: "some"}


@attrs.frozen
class StepWriter:
    """Makes data of statements.

    Attributes:
        flat: the text of a place on one line, in canonical spacing.
        comments: the comments on lines of their own before the word at an offset, except for its documentation.
    """

    flat: Callable[[Span], str]
    comments: Callable[[int], list[str]]

    def cel(self, expr: Expr) -> Plain:
        """An expression as text, and where it stands."""
        return {"cel": self.flat(expr.span), "span": place(expr.span)}

    def maybe_cel(self, expr: Expr | None) -> Plain | None:
        """The same for an expression that may be missing."""
        return None if expr is None else self.cel(expr)

    def head(self, kind: str, span: Span, doc: str = "", name: s.Ident | None = None) -> Plain:
        """What every part begins with."""
        comments = self.comments(span.start)
        return present({
            "kind": kind, "id": None if name is None else name.text, "doc": doc or None, "comments": comments or None, "span": place(span),
        })  # fmt: skip

    def fields(self, fields: Sequence[s.FieldDecl]) -> list[Plain]:
        """Parameters, or the fields of a record."""
        return [
            present({
                "name": field.name.text, "type": self.flat(field.type.span), "default": self.maybe_cel(field.default),
                "doc": field.doc or None, "comments": self.comments(field.span.start) or None, "span": place(field.span),
            })
            for field in fields
        ]  # fmt: skip

    def arguments(self, args: Sequence[s.Arg]) -> list[Plain]:
        """Arguments in their order; one that the author gave no name has none here."""
        return [present({"name": None if arg.name is None else arg.name.text, "value": self.cel(arg.value)}) for arg in args]

    def block(self, block: s.Block) -> list[Plain]:
        """The statements of a block."""
        return [self.statement(statement) for statement in block.statements]

    def maybe_block(self, block: s.Block | None) -> list[Plain] | None:
        """The same of a block that may not be there."""
        return None if block is None else self.block(block)

    def handler(self, handler: s.Handler | None) -> Plain | None:
        """`on error as e {…}`."""
        if handler is None:
            return None
        return present({"as": None if handler.name is None else handler.name.text, "steps": self.block(handler.block)})

    def statement(self, statement: s.Statement) -> Plain:
        """Any statement."""
        match statement:
            case s.CallStep() | s.WaitStep() | s.WaitEventStep() | s.Emit():
                return present(self._step(statement))
            case s.Filter() | s.If() | s.Switch():
                return present(self._choice(statement))
            case s.Group() | s.For():
                return present(self._group(statement))
            case s.Let():
                type_ = None if statement.type is None else self.flat(statement.type.span)
                head = self.head("let", statement.span, statement.doc, statement.name)
                return present({**head, "type": type_, "value": self.cel(statement.value)})
            case s.Return():
                return {**self.head("return", statement.span, statement.doc), "value": self.cel(statement.value)}
            case s.Yield():
                return {**self.head("yield", statement.span, statement.doc), "value": self.cel(statement.value)}
            case s.Stop():
                return present({**self.head("stop", statement.span, statement.doc), "reason": self.maybe_cel(statement.reason)})
            case s.Fail():
                return {**self.head("fail", statement.span, statement.doc), "reason": self.cel(statement.reason)}
            case s.Broken():  # pragma: no cover - what does not parse is refused before
                raise DagflowBug("an unparsed statement reached the export; please report the flow")
            case _:
                assert_never(statement)

    def _step(self, step: s.CallStep | s.WaitStep | s.WaitEventStep | s.Emit) -> Plain:
        match step:
            case s.CallStep():
                head = self.head("start" if step.is_start else "call", step.span, step.doc, step.name)
                own: Plain = {"action": step.call.callee.text, "arguments": self.arguments(step.call.args)}
            case s.WaitStep():
                head = self.head("wait", step.span, step.doc, step.name)
                own = {"until" if step.is_until else "for": self.cel(step.value)}
            case s.WaitEventStep():
                head = self.head("wait_event", step.span, step.doc, step.name)
                own = {"event": step.event.value, **self._bind(step.bind), "else": self.maybe_block(step.otherwise)}
            case s.Emit():
                head = self.head("emit", step.span, step.doc)
                own = {"event": step.event.value, "arguments": self.arguments(step.args)}
            case _:
                assert_never(step)
        return {**head, **own, **self._modifiers(step.mods)}

    def _choice(self, choice: s.Filter | s.If | s.Switch) -> Plain:
        match choice:
            case s.Filter():
                return {
                    **self.head("filter", choice.span, choice.doc, choice.name), "condition": self.cel(choice.condition),
                    "else": self.maybe_block(choice.otherwise),
                }  # fmt: skip
            case s.If():
                otherwise = (
                    self.statement(choice.otherwise)
                    if isinstance(choice.otherwise, s.If)
                    else self.maybe_block(choice.otherwise)
                )
                return {
                    **self.head("if", choice.span, choice.doc, choice.name), "condition": self.cel(choice.condition),
                    "then": self.block(choice.then), "else": otherwise,
                }  # fmt: skip
            case s.Switch():
                cases = [
                    present({
                        "values": [self.cel(value) for value in case.values], "steps": self.block(case.block),
                        "comments": self.comments(case.span.start) or None,
                    })
                    for case in choice.cases
                ]  # fmt: skip
                return {
                    **self.head("switch", choice.span, choice.doc, choice.name), "subject": self.cel(choice.subject),
                    "cases": cases, "else": self.maybe_block(choice.otherwise),
                }  # fmt: skip
            case _:
                assert_never(choice)

    def _group(self, group: s.Group | s.For) -> Plain:
        match group:
            case s.Group():
                own: Plain = {"first": group.first}
                head = self.head("parallel" if group.is_parallel else "do", group.span, group.doc, group.name)
            case s.For():
                head = self.head("for", group.span, group.doc, group.name)
                options = {option.word: option for option in group.options}
                own = {
                    "variable": group.variable.text, "index": None if group.index is None else group.index.text, "items": self.cel(group.items),
                    "max": options["max"].count if "max" in options else None,
                    "parallel": options["parallel"].count if "parallel" in options else None,
                    "key": self.maybe_cel(options["key"].value) if "key" in options else None,
                    "collect_errors": True if "collect" in options else None,
                }  # fmt: skip
            case _:
                assert_never(group)
        return {**head, **own, "steps": self.block(group.block), "on_error": self.handler(group.handler)}

    def _modifiers(self, mods: s.Modifiers) -> Plain:
        undo = mods.undo
        return {
            "after": None if mods.after is None else present({
                "join": JOINS[mods.after.kind], "count": mods.after.count or None, "steps": [name.text for name in mods.after.names],
            }),
            "when": self.maybe_cel(mods.when),
            "retry": None if mods.retry is None else self.retry(mods.retry),
            "timeout": self.maybe_cel(mods.timeout),
            "within": self.maybe_cel(mods.within),
            "default": self.maybe_cel(mods.default),
            "undo": None if undo is None else {"action": undo.callee.text, "arguments": self.arguments(undo.args)},
            "was": None if mods.was is None else mods.was.text, "on_unknown": "fail" if mods.at_most_once else None,
            "on_error": self.handler(mods.handler),
        }  # fmt: skip

    def retry(self, retry: s.Retry) -> Plain:
        """`retry 3 from 1s to 1m only "timeout"`, as a modifier or as a setting."""
        return present({
            "count": retry.count, "from": self.maybe_cel(retry.initial), "to": self.maybe_cel(retry.maximum),
            "every": self.maybe_cel(retry.every), "only": [text.value for text in retry.only] or None,
        })  # fmt: skip

    def _bind(self, bind: s.Bind | None) -> Plain:
        if bind is None:
            return {}
        return {"as": bind.name.text, "type": None if bind.type is None else self.flat(bind.type.span)}

    def setting(self, setting: s.Setting) -> Plain:
        """Any setting of a flow."""
        return present(self._setting(setting))

    def _setting(self, setting: s.Setting) -> Plain:
        span = setting.span
        match setting:
            case s.OnSetting():
                return {
                    **self.head("on", span), "trigger": setting.kind, "name": None if setting.subject is None else setting.subject.value,
                    "zone": None if setting.zone is None else setting.zone.value, "every": self.maybe_cel(setting.interval),
                    "overlap": None if setting.overlap is None else setting.overlap.word.value,
                    "catchup": None if setting.catchup is None else setting.catchup.word.value,
                    "catchup_within": None if setting.catchup is None else self.maybe_cel(setting.catchup.within),
                    **self._bind(setting.bind),
                    "when": self.maybe_cel(setting.when), "with": None if setting.mapping is None else self.arguments(setting.mapping),
                }  # fmt: skip
            case s.TimeoutSetting():
                return {**self.head("timeout", span), "value": self.cel(setting.value)}
            case s.RetrySetting():
                return {**self.head("retry", span), **self.retry(setting.retry)}
            case settings.ConcurrencySetting():
                return {**self.head("concurrency", span), "count": setting.count.value, "by": self.maybe_cel(setting.key)}
            case settings.SingletonSetting():
                return {**self.head("singleton", span), "by": self.maybe_cel(setting.key), "busy": setting.busy.value}
            case settings.RateSetting() | settings.ThrottleSetting():
                kind = "rate" if isinstance(setting, settings.RateSetting) else "throttle"
                return {
                    **self.head(kind, span), "count": setting.count.value, "per": self.cel(setting.period),
                    "by": self.maybe_cel(setting.key),
                }  # fmt: skip
            case settings.DebounceSetting():
                return {
                    **self.head("debounce", span), "quiet": self.cel(setting.quiet), "by": self.maybe_cel(setting.key),
                    "max": self.maybe_cel(setting.maximum),
                }  # fmt: skip
            case settings.OnceSetting():
                return {**self.head("once", span), "by": self.cel(setting.key), "within": self.maybe_cel(setting.within)}
            case settings.CancelSetting():
                return {
                    **self.head("cancel", span), "event": setting.event.value, **self._bind(setting.bind),
                    "when": self.maybe_cel(setting.when),
                }  # fmt: skip
            case settings.PrioritySetting():
                return {**self.head("priority", span), "value": self.cel(setting.value)}
            case s.BrokenSetting():  # pragma: no cover - what does not parse is refused before
                raise DagflowBug("an unparsed setting reached the export; please report the flow")
            case _:
                assert_never(setting)


def place(span: Span) -> list[int]:
    """A span as data: where it begins, and where it ends."""
    return [span.start, span.end]


def present(data: Plain) -> Plain:
    """The data without keys that have no value."""
    return {key: value for key, value in data.items() if value is not None}
