"""W302: conditions that are always true or always false, and cases that can never be chosen, given all conditions around them.

The walk goes over the statements in order, with the facts at each of them: a `filter` that was passed, the arm of an `if` or
`switch`, and, behind an arm that ends the run, the negation of its condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.expr import tree
from dagflow.lang.check.reachability import always_ends
from dagflow.lang.check.symbols import SymbolKind
from dagflow.lang.check.type_checker import Wanted
from dagflow.lang.check.value_numbering import ValueNumbering, parts_of
from dagflow.lang.lint.abstract_eval import Conditions
from dagflow.lang.lint.facts import Binding, Budget, Facts
from dagflow.lang.lint.taint import Taint
from dagflow.lang.lint.value_sets import constant_of, described
from dagflow.lang.lowering.builder import FlowBuilder, deletion
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.walk import has_after
from dagflow.model.flow import NodeKind
from dagflow.model.types import BOOL, INT, Type

#: Change from statement to statement, or are not there for all of them.
_CHANGING: Final = frozenset({"now"})
_MOST_PARTS: Final = 20_000


def lint_constant_conditions(builder: FlowBuilder, decl: s.FlowDecl) -> None:
    """Report every condition of a sound flow that decides nothing."""
    walk = _Walk(builder, Budget(_MOST_PARTS), Taint(builder), items=dict(_items(builder)))
    triggers = [setting for setting in decl.settings if isinstance(setting, s.OnSetting)]
    found = [walk.trigger(setting, has_params=decl.params is not None) for setting in triggers]
    # Values checked by the only webhook count as checked; a run that a program starts has none from outside.
    checked = [facts for facts in found if facts is not None]
    facts = checked[0] if len(checked) == 1 else Facts()
    walk.block(decl.body.statements, facts, _Scope())
    if decl.handler is not None:
        walk.block(decl.handler.block.statements, facts, walk.handled(_Scope(), decl.handler))


@attrs.frozen
class _Scope:
    """Names that mean something only inside of a block: a loop's item, a handler's failure."""

    names: Mapping[str, Binding] = attrs.field(factory=dict[str, Binding])


@attrs.define(eq=False)
class _Walk:
    _builder: FlowBuilder
    _fuel: Budget
    _taint: Taint
    _numbers: ValueNumbering = attrs.field(factory=ValueNumbering)
    #: Conditions that have a name, `filter ok: …`, `let ok = …`, and the names in them.
    _meanings: dict[str, tuple[tree.Expr, set[str]]] = attrs.field(factory=dict[str, tuple[tree.Expr, set[str]]])
    #: What each loop calls its items, and their types.
    _items: dict[Span, dict[str, Type]] = attrs.field(factory=dict[Span, dict[str, Type]], alias="items")
    _n_bound: int = 0

    def block(self, statements: tuple[s.Statement, ...], facts: Facts, scope: _Scope) -> None:
        """A sequence. `gated`: the facts of the conditions around; `facts`: also that no way was taken that ends the run."""
        gated = facts
        for statement in statements:
            if has_after(statement):
                facts = gated  # it does not wait for the statements above
            match statement:
                case s.Filter():
                    otherwise = self._filter(statement, facts, scope)
                    conditions = self._at(scope)
                    gated = conditions.assumed(statement.condition, gated, truth=True)
                    facts = conditions.assumed(statement.condition, facts, truth=True)
                    if statement.otherwise is not None:
                        self.block(statement.otherwise.statements, otherwise, scope)
                case s.If():
                    facts = self._if(statement, facts, scope)
                case _:
                    self._other(statement, facts, scope)

    def _other(self, statement: s.Statement, facts: Facts, scope: _Scope) -> None:
        match statement:
            case s.Switch():
                self._switch(statement, facts, scope)
            case s.Let():
                self._define(statement.name, statement.value, scope)
                self._taint.define(statement.name.text, 0, statement.value, self._at(scope), facts)
            case s.Group() if statement.is_parallel:
                for branch in statement.block.statements:
                    self.block((branch,), facts, scope)
            case s.Group():
                self.block(statement.block.statements, facts, scope)
            case s.For():
                inner = self._of_item(statement, scope)
                number = inner.names[statement.variable.text].number
                self._taint.define(statement.variable.text, number, statement.items, self._at(scope), facts)
                self.block(statement.block.statements, facts, inner)
            case s.WaitEventStep(otherwise=s.Block() as block):
                self.block(block.statements, facts, scope)
            case s.CallStep() | s.WaitStep() | s.Emit():
                self._step(statement, facts, scope)
            case _:
                pass
        handler = getattr(statement, "handler", None) or getattr(getattr(statement, "mods", None), "handler", None)
        if isinstance(handler, s.Handler):
            self.block(handler.block.statements, facts, self.handled(scope, handler))

    # ---- what names mean

    def _at(self, scope: _Scope) -> Conditions:
        line = self._builder.line
        self._fuel.begin()
        outside = None if self._taint.is_clean else self._taint.is_outside
        return Conditions(
            lambda name: self._lookup(name, scope), lambda expr: line(expr.span), self._fuel, self._numbers, outside
        )  # fmt: skip

    def _lookup(self, name: str, scope: _Scope) -> Binding | None:
        if name in scope.names:
            return scope.names[name]
        if name in _CHANGING:
            return None
        symbol = self._builder.names.symbols.get(name)
        if symbol is not None and symbol.kind is not SymbolKind.VALUELESS:
            return Binding(0, symbol.type, self._meaning(name, scope))
        found = self._builder.find(name)  # a step in a loop: its name is not known outside
        return None if found is None else Binding(0, _type_of(found.node.kind, found.node.type), self._meaning(name, scope))

    def _meaning(self, name: str, scope: _Scope) -> tree.Expr | None:
        condition, names = self._meanings.get(name, (None, set[str]()))
        return condition if names.isdisjoint(scope.names) else None

    def _define(self, name: s.Ident | None, condition: tree.Expr, scope: _Scope) -> None:
        """Keep the meaning of a name, if it is the same wherever the name is read."""
        names = _names(condition)
        if name is None or not names.isdisjoint(scope.names):
            return
        named = self._lookup(name.text, scope)
        if named is not None and named.type is BOOL:
            self._meanings[name.text] = condition, names

    def _bound(self, scope: _Scope, names: Mapping[str, Type | None]) -> _Scope:
        self._n_bound += 1
        return _Scope({**scope.names, **{name: Binding(self._n_bound, type_) for name, type_ in names.items()}})

    def handled(self, scope: _Scope, handler: s.Handler) -> _Scope:
        """Inside of a handler its failure has a name."""
        return scope if handler.name is None else self._bound(scope, {handler.name.text: None})

    def _of_item(self, loop: s.For, scope: _Scope) -> _Scope:
        types: dict[str, Type | None] = {loop.variable.text: None}
        if loop.index is not None:
            types[loop.index.text] = INT
        types |= self._items.get(loop.span, {})
        return self._bound(scope, types)

    # ---- verdicts

    def _certain(self, condition: tree.Expr, facts: Facts, scope: _Scope) -> bool | None:
        """The outcome a condition always has, if there is one."""
        if not _names(condition):
            checker = self._builder.checker
            n_before = len(checker.diagnostics)
            value = checker.constant(condition, Wanted(BOOL, "this takes"))
            del checker.diagnostics[n_before:]  # that it fails is seen when it runs
            return value if isinstance(value, bool) else None
        return self._at(scope).judged(condition, facts).certain

    def _filter(self, statement: s.Filter, facts: Facts, scope: _Scope) -> Facts:
        """Judge a `filter`; return the facts in its `else`."""
        certain = self._certain(statement.condition, facts, scope)
        if certain is not None:
            fix = deletion(self._builder, statement.span) if certain else None
            help_ = "remove the filter" if certain else "nothing after it can run; correct the condition"
            self._report(statement.condition, facts, scope, help_, fix, certain=certain)
        self._define(statement.name, statement.condition, scope)
        return self._at(scope).assumed(statement.condition, facts, truth=False)

    def _if(self, statement: s.If, facts: Facts, scope: _Scope, *, is_nested: bool = False) -> Facts:
        """Judge an `if`; return the facts behind it."""
        certain = self._certain(statement.condition, facts, scope)
        if certain is not None:
            is_idle = not certain and statement.otherwise is None and not is_nested
            fix = deletion(self._builder, statement.span) if is_idle else None
            help_ = "keep the body, and remove the `if`" if certain else "its body never runs; remove it"
            self._report(statement.condition, facts, scope, help_, fix, certain=certain)
        self._define(statement.name, statement.condition, scope)
        conditions = self._at(scope)
        then = conditions.assumed(statement.condition, facts, truth=True)
        other = conditions.assumed(statement.condition, facts, truth=False)
        self.block(statement.then.statements, then, scope)
        behind = other
        if isinstance(statement.otherwise, s.If):
            behind = self._if(statement.otherwise, other, scope, is_nested=True)
        elif statement.otherwise is not None:
            self.block(statement.otherwise.statements, other, scope)
        then_ends = self._ends(statement.then.statements)
        otherwise = statement.otherwise
        other_ends = otherwise is not None and self._ends((otherwise,) if isinstance(otherwise, s.If) else otherwise.statements)
        if then_ends is other_ends:
            return facts
        return behind if then_ends else then

    def _ends(self, statements: tuple[s.Statement, ...]) -> bool:
        return always_ends(statements, self._builder.complete, with_stop=True)

    def _step(self, step: s.CallStep | s.WaitStep | s.Emit, facts: Facts, scope: _Scope) -> None:
        condition = step.mods.when
        if condition is not None:
            certain = self._certain(condition, facts, scope)
            if certain is not None:
                fix = self._without_when(step.mods) if certain else None
                help_ = "remove it" if certain else "remove the step"
                self._report(condition, facts, scope, help_, fix, certain=certain)
        if not isinstance(step, s.CallStep) or self._taint.is_clean:
            return
        conditions = self._at(scope)
        inner = facts if condition is None else conditions.assumed(condition, facts, truth=True)
        self._taint.check_call(step.call, conditions, inner)
        if step.mods.undo is not None:
            self._taint.check_call(step.mods.undo, conditions, inner)

    def _without_when(self, mods: s.Modifiers) -> Fix | None:
        span = mods.span("when")
        if span is None:  # pragma: no cover - there is one, or there would be no report
            return None
        start = len(self._builder.source.text[: span.start].rstrip())
        return Fix("delete", is_safe=False, edits=(Edit(Span(start, span.end), ""),))

    def trigger(self, setting: s.OnSetting, *, has_params: bool) -> Facts | None:
        """Judge a trigger's `when`, and follow a webhook's payload into the input; return the facts that it has checked."""
        bind = setting.bind
        event = None if setting.subject is None else self._builder.declarations.events.get(setting.subject.value)
        payload = None if event is None or setting.kind != "event" else event.payload
        is_outside = setting.kind == "webhook" and bind is not None
        scope = _Scope()
        if bind is not None and (has_params or not is_outside):
            scope = self._bound(scope, {bind.name.text: payload if bind.type is None else None})
        if bind is not None and is_outside:
            self._taint.webhook(setting, bind.name.text, scope.names[bind.name.text].number if has_params else 0)
        facts = Facts()
        if setting.when is not None:
            certain = self._certain(setting.when, facts, scope)
            if certain is not None:
                help_ = "remove it" if certain else "this trigger never starts anything; remove it"
                self._report(setting.when, facts, scope, help_, None, certain=certain)
            facts = self._at(scope).assumed(setting.when, facts, truth=True)
        for arg in (setting.mapping or ()) if is_outside else ():
            if arg.name is not None:
                self._taint.define(arg.name.text, 0, arg.value, self._at(scope), facts)
        return Facts({key: fact for key, fact in facts.known.items() if key[0] == "vetted"}) if is_outside else None

    def _switch(self, statement: s.Switch, facts: Facts, scope: _Scope) -> None:
        conditions = self._at(scope)
        operand = conditions.operand(statement.subject, facts)
        left = operand.values
        for case in statement.cases:
            constants = [constant_of(value) for value in case.values]
            known = frozenset(each for each in constants if each is not None)
            # Where there is no `else`, a value of a closed set needs its case; it may then be an empty one.
            if statement.otherwise is not None or case.block.statements:
                for value, constant in zip(case.values, constants, strict=True):
                    if constant is not None and not operand.values.holds(constant) and not facts.is_impossible:
                        self._report_case(statement, case, value, facts, scope)
            inner = facts
            if operand.key is not None and len(known) == len(set(constants)):
                inner = facts.having(operand.key, left.among(known, truth=True), self._builder.line(case.span))
            self.block(case.block.statements, inner, scope)
            left = left.among(known, truth=False)
        if statement.otherwise is not None:
            inner = facts if operand.key is None else facts.having(operand.key, left, self._builder.line(statement.span))
            self.block(statement.otherwise.statements, inner, scope)

    # ---- messages

    def _report_case(self, statement: s.Switch, case: s.Case, value: tree.Expr, facts: Facts, scope: _Scope) -> None:
        fix = deletion(self._builder, case.span) if len(case.values) == 1 and statement.otherwise is not None else None
        self._builder.report(
            "W302", "this case can never be chosen", value.span, self._why(statement.subject, facts, scope) or "the value cannot reach this case",
            "remove it" if statement.otherwise is not None else "leave it empty", fix,
        )  # fmt: skip

    def _report(self, condition: tree.Expr, facts: Facts, scope: _Scope, help_: str, fix: Fix | None, *, certain: bool) -> None:
        label = self._why(condition, facts, scope)
        if not label:
            label = "its parts cover every value" if certain else "its parts exclude each other"
        word = "true" if certain else "false"
        self._builder.report("W302", f"this condition is always {word}", condition.span, label, help_, fix)

    def _why(self, condition: tree.Expr, facts: Facts, scope: _Scope) -> str:
        """The known facts about the values that a condition reads."""
        parts = list(parts_of(condition))
        if not any(isinstance(part, tree.Name) for part in parts):
            return "it is constant"
        conditions = self._at(scope)
        bare: list[str] = []
        for part in parts:
            _, key = conditions.asked(part)
            decided = None if key is None else facts.known.get(key)
            if decided is not None:
                return f"already decided on line {decided.line}"
            meaning = self._meaning(part.name, scope) if isinstance(part, tree.Name) else None
            if meaning is not None and (words := self._why(meaning, facts, scope)):
                return words
            operand = conditions.operand(part, facts)
            words = described(operand.values)
            if operand.key is None or not words:
                continue
            shown = self._builder.text(part.span)
            fact = facts.known.get(operand.key)
            if fact is not None:
                return f"`{shown}` is {words} here (line {fact.line})"
            bare.append(f"`{shown}` is always {words}")
        return bare[0] if len(bare) == 1 and _is_comparison(condition) else ""


def _items(builder: FlowBuilder) -> Iterator[tuple[Span, dict[str, Type]]]:
    for name, body in builder.bodies.items():
        node = builder.nodes[name].node
        if node.loop is not None:
            yield node.span, {field.name: field.type for field in node.loop.body.input.fields}
        yield from _items(body)


def _type_of(kind: NodeKind, type_: Type) -> Type | None:
    return type_ if kind in {NodeKind.ACTION, NodeKind.LET, NodeKind.CALL, NodeKind.GATE} else None


def _is_comparison(condition: tree.Expr) -> bool:
    while isinstance(condition, tree.Unary):
        condition = condition.operand
    return isinstance(condition, tree.Binary) and condition.operator not in {"&&", "||"}


def _names(expr: tree.Expr) -> set[str]:
    return {part.name for part in parts_of(expr) if isinstance(part, tree.Name)}
