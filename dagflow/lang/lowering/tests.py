"""`test` blocks: from the syntax tree to the input of the test runner, checked against the flow and its actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import attrs

from dagflow.diagnostic import Diagnostic, Edit, Fix, Span, nearest
from dagflow.expr import tree
from dagflow.lang.check.symbols import Names
from dagflow.lang.check.type_checker import Wanted
from dagflow.lang.lowering.arguments import lower_arguments
from dagflow.lang.lowering.builder import FlowBuilder, Place
from dagflow.lang.lowering.expectations import (
    FUNCTIONS,
    REASONS,
    call_name,
    counts_time,
    named,
    names_of_expectations,
    names_of_sends,
    names_of_service,
    names_of_values,
    parts_of,
    with_calls_replaced,
)
from dagflow.lang.lowering.flow import Unit
from dagflow.lang.lowering.steps import report_unknown_event
from dagflow.lang.syntax import tree_tests as t
from dagflow.lang.syntax.tree_items import Ident
from dagflow.model.action import ActionSpec
from dagflow.model.flow import Argument, Expression, Flow, Node
from dagflow.model.flow_test import Answer, Expectation, FlowTest, Mock, MockedAction, Sending
from dagflow.model.types import BOOL, DURATION, NULL, TIMESTAMP, Field
from dagflow.model.values import Duration


def lower_tests(unit: Unit, flows: Mapping[str, Flow]) -> list[FlowTest]:
    """The tests of a file whose flows are sound; errors in a test are reported, and it is omitted or incomplete."""
    found: list[FlowTest] = []
    seen: dict[tuple[str, str], int] = {}
    for item in unit.file.items:
        if isinstance(item, t.TestDecl):
            flow = flows.get(item.flow.text)
            builder = FlowBuilder(unit.source, unit.declarations, unit.checker, unit.checker.diagnostics, limits=unit.limits)
            _check_twice(builder, item, seen)
            if flow is None:
                _report_unknown_flow(builder, item.flow, [decl.name.text for decl in unit.flows])
            else:
                found.append(_Lowering(builder, item, flow).lower())
    return found


def _check_twice(builder: FlowBuilder, item: t.TestDecl, seen: dict[tuple[str, str], int]) -> None:
    key = (item.flow.text, item.name.value)
    if key in seen:
        builder.report(
            "E210", f'test "{item.name.value}" is declared twice', item.name.span, f"the other one is on line {seen[key]}", "rename one of them"
        )  # fmt: skip
    seen.setdefault(key, builder.line(item.name.span))


def _report_unknown_flow(builder: FlowBuilder, name: Ident, known: list[str]) -> None:
    meant = nearest(name.text, known)
    fix = Fix(f"`{meant}`", is_safe=True, edits=(Edit(name.span, meant),)) if meant else None
    help_ = f"did you mean `{meant}`?" if meant else "a test is about a flow of its own file"
    builder.report("E201", f"unknown flow `{name.text}`", name.span, "no flow of this name in this file", help_, fix)


class _Lowering:
    """One test. `met`: the actions its flow may come to call; `steps`: the nodes that call one, by id."""

    def __init__(self, builder: FlowBuilder, item: t.TestDecl, flow: Flow) -> None:
        self.builder = builder
        self.item = item
        self.flow = flow
        self.actions = {spec.name: spec for spec in builder.declarations.actions.values()}
        self.met = actions_met(flow, self.actions)
        self.steps = {node.id: node for node in _own_nodes(flow) if node.action}

    def lower(self) -> FlowTest:
        given = () if self._is_served() else self._given()
        expectations = tuple(self._expectations())
        if self._is_served():
            self._check_served()
        if not self._all(t.Expect):
            head = Span(self.item.span.start, self.item.span.start + len("test"))
            self.builder.report(
                "W903", "this test expects nothing", head, "it only fails where the flow cannot run", "add an `expect`"
            )
        return FlowTest(
            name=self.item.name.value, flow=self.flow.name, span=self.item.span, line=self.builder.line(self.item.span), given=given,
            is_served=self._is_served(), actions=tuple(self.met.values()), mocks=tuple(self._mocks()), sends=tuple(self._sends()), cancel_at_ns=self._cancel(),
            cancel_after=self._n_before_cancel(), expectations=expectations,
        )  # fmt: skip

    def _all(self, kind: type[t.TestItem]) -> list[t.TestItem]:
        return [item for item in self.item.items if isinstance(item, kind)]

    def _named(self, names: Names) -> FlowBuilder:
        return attrs.evolve(self.builder, names=names)

    # ---- served

    def _is_served(self) -> bool:
        return bool(self._all(t.Served))

    def _check_served(self) -> None:
        """A served test has many runs, so it has neither `given` nor `at … cancel`."""
        for again in self._all(t.Served)[1:]:
            self._twice("served", again.span, "the test has it already")
        for item in self._all(t.Given) + self._all(t.AtCancel):
            self.builder.report(
                "E316", "a served test must start its runs by triggers", item.span, "this is about one run",
                "remove it, and send an event that starts a run",
            )  # fmt: skip

    # ---- given

    def _given(self) -> tuple[Argument, ...]:
        found = cast("list[t.Given]", self._all(t.Given))
        for again in found[1:]:
            self._twice("given", again.span, "the test has one already")
        args, close = (found[0].args, found[0].close) if found else ((), self.item.flow.span)
        flow = self.flow
        params = (Field(flow.binding, flow.input),) if flow.binding else flow.input.fields
        return lower_arguments(self._named(names_of_values()), flow.name, args, params, Place(), close)

    def _twice(self, word: str, span: Span, label: str) -> None:
        head = Span(span.start, span.start + len(word))
        self.builder.report("E317", f"`{word}` is given twice", head, label, "remove one of them")

    # ---- mocks

    def _mocks(self) -> Iterator[Mock]:
        earlier: list[Mock] = []
        for item in cast("list[t.Mock]", self._all(t.Mock)):
            action = self._mocked(item)
            if action is not None:
                mock = self._mock(item, action)
                self._check_dead(item, mock, earlier)
                earlier.append(mock)
                yield mock

    def _check_dead(self, item: t.Mock, mock: Mock, earlier: list[Mock]) -> None:
        """W904 where an earlier mock fits every call that this one fits."""
        first = next((each for each in earlier if self._takes_all_of(each, mock)), None)
        if first is not None:
            is_narrower = first.target != mock.target or len(first.when) < len(mock.when)
            self.builder.report(
                "W904", "this mock is never used", item.target.span,
                f"the mock on line {self.builder.line(first.span)} takes every call that this one is for",
                "write it before that one" if is_narrower else "remove it; one mock answers in turn: `returns … then returns …`",
            )  # fmt: skip

    def _takes_all_of(self, earlier: Mock, mock: Mock) -> bool:
        step = self.steps.get(mock.target)
        is_same = earlier.target == mock.target or (
            step is not None and earlier.target == step.action and mock.target not in self.met
        )
        wanted = [(each.name, each.value.core) for each in mock.when]
        return is_same and all((each.name, each.value.core) in wanted for each in earlier.when)

    def _mocked(self, item: t.Mock) -> MockedAction | None:
        """The action that a mock is about; None with a diagnostic."""
        name = item.target.text
        # Under the name of an import an action may have another name than it has for its host.
        spec = self.builder.declarations.actions.get(name)
        name = spec.name if spec is not None else name
        if name in self.met:
            return self.met[name]
        if name in self.steps:
            return self.met[self.steps[name].action]
        if spec is not None:
            self.builder.report(
                "W902", f"`{name}` is never called here", item.target.span, f"`{self.flow.name}` has no step that calls it", "remove this mock"
            )  # fmt: skip
            return MockedAction(spec.name, spec.params, spec.result)
        meant = nearest(name, [*self.met, *self.steps])
        is_flow = name in {callee.flow.name for callee in self.flow.callees}
        fix = Fix(f"`{meant}`", is_safe=True, edits=(Edit(item.target.span, meant),)) if meant and not is_flow else None
        help_ = f"did you mean `{meant}`?" if fix else "mock one of: " + (", ".join(self.met) or "it calls none")
        label = "a flow, which runs in the test as it is" if is_flow else "no such action, nor a step that calls one"
        self.builder.report("E201", f"unknown action `{name}`", item.target.span, label, help_, fix)
        return None

    def _mock(self, item: t.Mock, action: MockedAction) -> Mock:
        turns = (item.behaviours, *(then.behaviours for then in item.thens))
        answers = tuple(self._answer(each, action, is_last=each is turns[-1]) for each in turns)
        optional = tuple(attrs.evolve(param, has_default=True) for param in action.params)
        when = lower_arguments(self._named(names_of_values()), item.target.text, item.args or (), optional, Place(), item.close)
        return Mock(
            target=item.target.text if item.target.text in self.steps and item.target.text not in self.met else action.name,
            span=item.span, when=when, answers=answers,
        )  # fmt: skip

    def _answer(self, behaviours: tuple[t.Behaviour, ...], action: MockedAction, *, is_last: bool) -> Answer:
        failures: list[tuple[str, int | None]] = []
        values: dict[str, t.Behaviour] = {}
        for behaviour in behaviours:
            if behaviour.code is not None:
                failures.append((behaviour.code.value, behaviour.count))
            elif behaviour.word in values:
                self._twice(behaviour.word, behaviour.span, "the mock has one already; `then` says how a later call goes")
            else:
                values[behaviour.word] = behaviour
        if is_last:
            self._check_reached(behaviours, "returns" in values)
        return Answer(
            failures=tuple(failures), value=self._returned(values.get("returns"), action),
            takes_ns=self._length(values["takes"].value, "`takes`") if "takes" in values else 0,
        )  # fmt: skip

    def _check_reached(self, behaviours: tuple[t.Behaviour, ...], has_value: bool) -> None:
        """E321 where something comes after a failure that has no end."""
        fails = [each for each in behaviours if each.code is not None]
        endless = next((each for each in fails if each.count is None), None)
        if endless is not None and (has_value or endless is not fails[-1]):
            fix = Fix("insert ` times 1`", is_safe=False, edits=(Edit(Span(endless.span.end, endless.span.end), " times 1"),))
            self.builder.report(
                "E321", "this mock fails for ever", endless.span, "every attempt fails, so the rest is never reached",
                "say how often it fails: `times 1`", fix,
            )  # fmt: skip

    def _returned(self, behaviour: t.Behaviour | None, action: MockedAction) -> Expression | None:
        if behaviour is None or behaviour.value is None:
            return None
        if action.result is NULL:
            head = Span(behaviour.span.start, behaviour.span.start + len("returns"))
            self.builder.report(
                "E316", f"`returns` does not fit `{action.name}`", head, "this action gives nothing", "remove it"
            )
            return None
        names = named(*action.params, Field("now", TIMESTAMP))
        return self.builder.checker.expression(
            behaviour.value, self._named(names).view(Place()), Wanted(action.result, f"`{action.name}` gives")
        )

    # ---- what happens meanwhile

    def _sends(self) -> Iterator[Sending]:
        builder = self._named(names_of_values() if self._is_served() else names_of_sends())
        for item in cast("list[t.AtSend]", self._all(t.AtSend)):
            event = builder.declarations.events.get(item.event.value)
            if event is None:
                report_unknown_event(builder, item.event)
                continue
            arguments = lower_arguments(builder, f'send "{event.name}"', item.args, event.payload.fields, Place(), item.close)
            yield Sending(at_ns=self._length(item.at, "`at`"), event=event.name, arguments=arguments)

    def _cancel(self) -> int | None:
        found = cast("list[t.AtCancel]", self._all(t.AtCancel))
        for again in found[1:]:
            self._twice("at", again.span, "a run is cancelled once")
        return self._length(found[0].at, "`at`") if found else None

    def _n_before_cancel(self) -> int:
        """How many of the sends stand before the cancellation."""
        items = [item for item in self.item.items if isinstance(item, t.AtSend | t.AtCancel)]
        return next((number for number, item in enumerate(items) if isinstance(item, t.AtCancel)), len(items))

    def _length(self, expr: tree.Expr | None, words: str) -> int:
        """A constant length of time, 0 too; 0 with a diagnostic where it is none."""
        value = None if expr is None else self.builder.checker.constant(expr, Wanted(DURATION, f"{words} takes"))
        if expr is None or not isinstance(value, Duration):
            return 0
        if value.nanos < 0:
            self.builder.report(
                "E316", "this length of time is below zero", expr.span, "a run begins at 0s", "write for example `2d`"
            )
            return 0
        return value.nanos

    # ---- expectations

    def _expectations(self) -> Iterator[Expectation]:
        events = self.builder.declarations.events
        if self._is_served():
            names = names_of_service(self.actions, events)
        else:
            names = names_of_expectations(self.flow, self.actions, events)
        view = self._named(names).view(Place())
        checker = self.builder.checker
        for item in cast("list[t.Expect]", self._all(t.Expect)):
            condition = with_calls_replaced(item.condition, self._looked_up)
            checked = checker.expression(condition, view, Wanted(BOOL, "`expect` takes"))
            at = None if item.at is None else self._length(item.at, "`at`")
            if checked is None:
                continue
            n_before = len(checker.diagnostics)
            parts = {self.builder.text(part.span): part for part in parts_of(condition)}
            shown = [checker.expression(part, view) for part in parts.values()]
            del checker.diagnostics[n_before:]
            yield Expectation(
                span=item.span, condition=checked, at_ns=at, parts=tuple(part for part in shown if part is not None),
                counts_time=counts_time(condition),
            )  # fmt: skip

    def _looked_up(self, call: tree.Call) -> tree.Expr:
        """`calls("slack")` as the name of the list of those calls; broken, with a diagnostic, where there is no such action."""
        word = FUNCTIONS[call.function]
        arg = call.args[0] if len(call.args) == 1 else None
        if not isinstance(arg, tree.Literal) or not isinstance(arg.value, str):
            span = call.span if arg is None else arg.span
            article = "a" if word == "reason" else "an"
            self.builder.report(
                "E315", f"`{call.function}` takes the name of {article} {word}", span, "not a text that is written out", f'write `{call.function}("…")`'
            )  # fmt: skip
            return tree.Broken(call.span)
        if word == "reason":
            return self._reason(call, arg, arg.value)
        events, actions = self.builder.declarations.events, self.builder.declarations.actions
        spec = actions.get(arg.value) or self.actions.get(arg.value) if word == "action" else events.get(arg.value)
        if spec is None:
            self._report_unknown(arg, arg.value, word, [*self.met] if word == "action" else [*events])
            return tree.Broken(call.span)
        return tree.Name(call.span, call_name(call.function, spec.name))

    def _reason(self, call: tree.Call, arg: tree.Literal, reason: str) -> tree.Expr:
        """`dropped("rate")` as the name of the number of such requests."""
        if not self._is_served():
            self.builder.report(
                "E316", f"`{call.function}` must stand in a served test", call.span, "this test has one run, which is not dropped",
                "write `served` in place of `given`",
            )  # fmt: skip
            return tree.Broken(call.span)
        if reason not in REASONS:
            meant = nearest(reason, REASONS)
            fix = Fix(f'`"{meant}"`', is_safe=True, edits=(Edit(arg.span, f'"{meant}"'),)) if meant else None
            self.builder.report(
                "E315", f"no request is dropped for the reason `{reason}`", arg.span, "no such reason",
                f"did you mean `{meant}`?" if meant else f"write one of {', '.join(REASONS)}", fix,
            )  # fmt: skip
            return tree.Broken(call.span)
        return tree.Name(call.span, call_name(call.function, reason))

    def _report_unknown(self, arg: tree.Literal, name: str, word: str, known: list[str]) -> None:
        meant = nearest(name, known)
        inner = Span(arg.span.start + 1, arg.span.end - 1)
        fix = Fix("replace", is_safe=True, edits=(Edit(inner, meant),)) if meant else None
        help_ = f"did you mean `{meant}`?" if meant else f"no {word} of this name is declared"
        code = "E201" if word == "action" else "E206"
        self.builder.diagnostics.append(
            Diagnostic(code=code, title=f"unknown {word} `{name}`", span=inner, label=f"no such {word}", help=help_, fix=fix)
        )


def actions_met(flow: Flow, specs: Mapping[str, ActionSpec]) -> dict[str, MockedAction]:
    """The actions that a flow, its callees and their undo may call, by name."""
    met: dict[str, MockedAction] = {}
    for node in _nodes(flow):
        if node.action and node.action not in met:
            spec = specs.get(node.action)
            params = tuple(Field(arg.name, arg.value.type) for arg in node.arguments) if spec is None else spec.params
            met[node.action] = MockedAction(node.action, params, node.type if spec is None else spec.result)
    return met


def _own_nodes(flow: Flow) -> Iterator[Node]:
    """The nodes of a flow and of the bodies of its loops."""
    for node in flow.nodes:
        yield node
        if node.loop is not None:
            yield from _own_nodes(node.loop.body)


def _nodes(flow: Flow) -> Iterator[Node]:
    """The same, with those of the flows it calls."""
    yield from _own_nodes(flow)
    for callee in flow.callees:
        yield from _own_nodes(callee.flow)
