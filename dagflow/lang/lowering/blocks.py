"""Lowering of blocks: sequence by default, `parallel` to fork, `do` and `on error` to group."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_never

import attrs

from dagflow.diagnostic import Span
from dagflow.lang.check.presence import NOTHING, Known
from dagflow.lang.check.symbols import Symbol, SymbolKind
from dagflow.lang.lowering.builder import FlowBuilder, Place, deletion
from dagflow.lang.lowering.gates import Tails, lower_filter, lower_if, lower_switch
from dagflow.lang.lowering.loops import FAILURE, lower_for, lower_yield
from dagflow.lang.lowering.races import finish, lower_race
from dagflow.lang.lowering.steps import lower_call, lower_emit, lower_end, lower_let, lower_wait, step_name
from dagflow.lang.lowering.wait_event import lower_wait_event
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.walk import has_after
from dagflow.model.action import Effect
from dagflow.model.flow import Join, JoinKind, Node, NodeKind, Scope
from dagflow.model.types import NULL

#: Lowers the statements that an `on error` guards, at the place inside its scope.
Lower: TypeAlias = Callable[[Place], Tails]


@attrs.frozen
class Blocks:
    """Lowers the blocks of one flow."""

    builder: FlowBuilder

    def lower(self, statements: tuple[s.Statement, ...], place: Place, before: Tails) -> Tails:
        """Lower a sequence; a `filter` is the gate of all that follows it.

        Returns:
            The nodes that the next statement comes after.
        """
        others: list[str] = []
        start, found = place.condition, NOTHING
        for i, statement in enumerate(statements):
            if has_after(statement):
                place, found = place.after_steps(), NOTHING
            if isinstance(statement, s.Filter):
                place, before, tails = lower_filter(self.builder, statement, place, before, self.lower)
                others += tails
                if i + 1 == len(statements):
                    self._warn_idle(statement)
            else:
                before = self._statement(statement, place, before)
            learnt = self.builder.known.get(statement, NOTHING)
            place, found = self.builder.learn(place, learnt), found.then(learnt)
        # Behind a `filter`, fewer values are known to be present than inside.
        self.builder.known[statements] = found if place.condition == start else attrs.evolve(found, present=frozenset())
        self.builder.ends[statements] = place
        return tuple(dict.fromkeys([*before, *others]))

    def _statement(self, statement: s.Statement, place: Place, before: Tails) -> Tails:
        if has_after(statement):
            place = place.after_steps()
        match statement:
            case s.CallStep():
                return self._call(statement, place, before)
            case s.WaitStep():
                return lower_wait(self.builder, statement, place, before)
            case s.WaitEventStep():
                return lower_wait_event(self.builder, statement, place, before, self.lower)
            case s.Filter():
                # Reached only as a branch of `parallel`, where it guards nothing.
                self._warn_idle(statement)
                _, tails, others = lower_filter(self.builder, statement, place, before, self.lower)
                return (*tails, *others)
            case s.If():
                return lower_if(self.builder, statement, place, before, self.lower)
            case s.Switch():
                return lower_switch(self.builder, statement, place, before, self.lower)
            case s.Let():
                return lower_let(self.builder, statement, place, before)
            case s.Group():
                return self._group(statement, place, before)
            case s.For():
                return self._for(statement, place, before)
            case s.Emit():
                return lower_emit(self.builder, statement, place, before)
            case s.Return() | s.Stop() | s.Fail():
                self.builder.known[statement] = Known(ended=(place.condition,))
                return lower_end(self.builder, statement, place, before)
            case s.Yield():
                return lower_yield(self.builder, statement, place, before)
            case s.Broken():
                return before
            case _:
                assert_never(statement)

    def _for(self, loop: s.For, place: Place, before: Tails) -> Tails:
        words = self.builder.text(Span(loop.word.start, loop.block.span.end))
        name = loop.name.text if loop.name is not None else self.builder.generated_id("for", words)
        if loop.handler is None:
            return lower_for(self.builder, loop, name, place, before, _lower_body)
        tails = self._guarded(
            name, loop.handler, place, before, lambda at: lower_for(self.builder, loop, name, at, before, _lower_body)
        )
        self.builder.known[loop] = self._behind_handler(loop.handler, f"{name}.catch", place)
        return tails

    def _warn_idle(self, statement: s.Filter) -> None:
        if statement.otherwise is None and statement.name is None:
            self.builder.report(
                "W401", "this filter has no effect", statement.word, "it is the last statement of its block", "move it above the steps it should guard",
                deletion(self.builder, statement.span),
            )  # fmt: skip

    def _call(self, step: s.CallStep, place: Place, before: Tails) -> Tails:
        handler = step.mods.handler
        if handler is None:
            return lower_call(self.builder, step, place, before)
        name = step_name(step.name, step.call)
        tails = self._guarded(name, handler, place, before, lambda inner: lower_call(self.builder, step, inner, before))
        self.builder.known[step] = self._behind_handler(handler, f"{name}.catch", place)
        return tails

    def _group(self, group: s.Group, place: Place, before: Tails) -> Tails:
        name = group.name.text if group.name is not None else ""
        if group.handler is None:
            tails = self._body(group, place, before)
            self.builder.known[group] = self._behind_body(group)
        else:
            scope = name or self.builder.generated_id("do", self.builder.text(group.block.span))
            tails = self._guarded(scope, group.handler, place, before, lambda inner: self._body(group, inner, before))
            # Values that the block checked may be absent behind it, since its `on error` may have run.
            body = attrs.evolve(self._behind_body(group), present=frozenset())
            self.builder.known[group] = body.then(self._behind_handler(group.handler, f"{scope}.catch", place))
        if not name:
            return tails
        assert group.name is not None  # noqa: S101 - it has a name
        self.builder.define_step(name, group.name.span, NULL, place.condition, name, "", has_value=False)
        return self._marker(group, name, place, tails) if name in self.builder.awaited else tails

    def _behind_body(self, group: s.Group) -> Known:
        """The facts behind the statements of a block, whatever its `on error` does."""
        if group.first is not None:
            return NOTHING  # the facts of a losing branch may not hold
        known = NOTHING
        for part in group.block.statements if group.is_parallel else (group.block.statements,):
            known = known.then(self.builder.known.get(part, NOTHING))
        return known

    def _behind_handler(self, handler: s.Handler, catch: str, place: Place) -> Known:
        """The ways that ended in an `on error`."""
        known = self.builder.behind(handler.block.statements, place.condition | {(catch, 1)})
        return Known(ended=known.ended)

    def _body(self, group: s.Group, place: Place, before: Tails) -> Tails:
        statements = group.block.statements
        if group.first is not None:
            return lower_race(self.builder, group, place, before, self._statement)
        if not group.is_parallel:
            tails_inside = self.lower(statements, place, before)
            return finish(self.builder, group, self.builder.ends[statements], tails_inside)
        tails: dict[str, None] = {}
        for statement in statements:
            tails.update(dict.fromkeys(self._statement(statement, place, before)))
        return finish(self.builder, group, place, tuple(tails) or before)

    def _marker(self, group: s.Group, name: str, place: Place, tails: Tails) -> Tails:
        """The node that stands for a named block in an `after`."""
        # Being `after` a race asks for it to have been won.
        won = self.builder.race_ends.get(group, None)
        node = Node(
            id=name, kind=NodeKind.GROUP, span=group.span, doc=group.doc, gate=place.gate, scope=place.scope, type=NULL,
            effect=Effect.PURE, join=None if won is None else Join(JoinKind.ALL, (won,)),
        )  # fmt: skip
        self.builder.add(node, tails, place.condition, [])
        return (name,)

    def _guarded(self, scope: str, handler: s.Handler, place: Place, before: Tails, lower: Lower) -> Tails:
        """A block with an `on error`: its own scope, a catch behind it, the handler behind the catch's outcome 1."""
        catch = f"{scope}.catch"
        self.builder.scopes.append(Scope(scope, place.scope, catch))
        self.builder.names.define_gate(catch, 2)
        known = set(self.builder.nodes)
        inner = attrs.evolve(place, scope=scope, condition=place.condition | {(catch, 0)})
        tails = lower(inner)
        added = [node for node in self.builder.nodes if node not in known]
        sinks = self._sinks(added) or tails
        tails_after = self.handle(handler, catch, scope, place, tuple(sinks) or before)
        return tuple(dict.fromkeys([*tails, catch, *tails_after]))

    def handle(self, handler: s.Handler, catch: str, scope: str, place: Place, before: Tails) -> Tails:
        """Add the catch of a scope and lower its handler; return the handler's tails."""
        name = handler.name.text if handler.name is not None else ""
        node = Node(
            id=catch, kind=NodeKind.CATCH, span=handler.span, gate=place.gate, scope=place.scope, outcomes=("no failure", "failure"),
            type=FAILURE, catches=scope, binding=name,
        )  # fmt: skip
        self.builder.add(node, before, place.condition, [])
        inner = place.behind_gate(catch, 1)
        if handler.name is None:
            return self.lower(handler.block.statements, inner, (catch,))
        shadowed = self.builder.names.symbols.get(name)
        self.builder.names.define(
            Symbol(name, SymbolKind.CONSTANT, FAILURE, handler.name.span, self.builder.line(handler.name.span), node=catch)
        )
        tails = self.lower(handler.block.statements, inner, (catch,))
        del self.builder.names.symbols[name]
        if shadowed is not None:
            self.builder.names.define(shadowed)
        return tails

    def _sinks(self, nodes: list[str]) -> list[str]:
        """The nodes of a scope that no other node of it comes after."""
        followed: set[str] = set()
        for node in nodes:
            builder = self.builder.nodes[node]
            followed.update(builder.before, builder.reads, builder.node.join.sources if builder.node.join else ())
            if builder.node.gate is not None:
                followed.add(builder.node.gate.gate)
        return [node for node in nodes if node not in followed]


def _lower_body(body: FlowBuilder, statements: tuple[s.Statement, ...], place: Place) -> Tails:
    return Blocks(body).lower(statements, place, ())
