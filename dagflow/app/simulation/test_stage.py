"""A test made ready to be played: its mocks, its events, and what it expects."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import attrs
import orjson

from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.app.simulation.sample_values import sample_value
from dagflow.app.simulation.test_values import bindings_of, why_unreadable
from dagflow.drivers.simulated.simulator import DEFAULT_START, SIMULATED_RUN, Script, Send, Simulation, simulate
from dagflow.drivers.simulated.timing import Timing
from dagflow.errors import EvaluationError
from dagflow.execution.input import of_call
from dagflow.execution.instance import RunInstance
from dagflow.execution.program import Program
from dagflow.execution.results import RunResult
from dagflow.expr.codegen.emit import Evaluator, compile_cores
from dagflow.expr.runtime.optionals import as_bool
from dagflow.lang.lowering.modifiers import MOST_ATTEMPTS
from dagflow.model.action import Interface
from dagflow.model.expression import Argument, Expression
from dagflow.model.flow_test import Answer, Expectation, FlowTest, Mock, MockedAction
from dagflow.model.policies import CancelOn
from dagflow.model.types import RecordType
from dagflow.model.values import Timestamp
from dagflow.model.wire import codec as wire
from dagflow.store.api import SentEvent

#: When the runs of tests begin.
START: Final = DEFAULT_START
#: So many calls in turn fail at most: those of a loop with all its attempts.
_MOST_TURNS: Final = 200_000


@attrs.frozen(kw_only=True)
class Unmet:
    """An expectation that was not met.

    Attributes:
        got: the values that show why, in stored form, by the text of their expression.
        error: why the condition has no value, or "".
        after: the point of the crash after which it was not met, or None.
    """

    expectation: Expectation
    got: Mapping[str, object] = attrs.field(factory=dict[str, object])
    error: str = ""
    after: int | None = None


@attrs.frozen(kw_only=True)
class TestOutcome:
    """The outcome of a test.

    Attributes:
        result: how the run went; None where it could not begin.
        error: why it could not begin, or what else went wrong, or "".
        n_crashes: the number of runs that crashed and resumed.
        n_overtaken: of these, the runs that differed only because calls took longer: another event came first.
        simulation: the run without a crash; None for a served test. served: its runs, by the ids of their requests.
    """

    __test__ = False  # not a test of ours, whatever its name looks like to pytest

    test: FlowTest
    result: RunResult | None = None
    unmet: tuple[Unmet, ...] = ()
    error: str = ""
    n_crashes: int = 0
    n_overtaken: int = 0
    simulation: Simulation | None = attrs.field(default=None, repr=False)
    served: Mapping[str, Simulation] = attrs.field(factory=dict[str, Simulation], repr=False)

    @property
    def has_passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.unmet and not self.error


@attrs.define(eq=False)
class Stage:
    """A test made ready to be played, as often as wanted."""

    test: FlowTest
    program: Program
    interface: Interface
    unmet: list[Unmet] = attrs.field(factory=list)
    _functions: dict[int, Evaluator] = attrs.field(init=False)
    _input: object = attrs.field(init=False)
    sends: tuple[Send, ...] = attrs.field(init=False)
    _scripts: Mapping[str, Script] = attrs.field(init=False)
    _cancellers: Mapping[str, _Canceller] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        expressions = list(_expressions(self.test))
        made = compile_cores([expression.core for expression in expressions])
        self._functions = {id(expression): function for expression, function in zip(expressions, made, strict=True)}
        now = {"now": Timestamp(START)}
        run = {"id": SIMULATED_RUN, "started_at": Timestamp(START), "flow": self.program.flow.name}
        given = {argument.name: self._functions[id(argument.value)](now) for argument in self.test.given}
        self._input = None if self.test.is_served else self.program.input_codec.encode(of_call(self.program, given))
        self.sends = tuple(
            Send(
                at=START + each.at_ns, event=each.event, payload=self._payload(each.event, each.arguments, {**now, "run": run})
            )
            for each in self.test.sends
        )
        self._scripts = self._all_scripts(now)
        self._cancellers = {each.event: _Canceller(each) for each in self.program.flow.policies.cancel_on}

    def _payload(self, event: str, arguments: Sequence[Argument], bindings: Mapping[str, object]) -> object:
        declared = self.interface.events[event].payload
        values = {argument.name: self._functions[id(argument.value)](bindings) for argument in arguments}
        return wire.encode(wire.decode(wire.encode(values, _given_of(declared, values)), declared), declared)

    def play(self, crashes: Sequence[int] = (), like: Timing | None = None) -> Simulation:
        """Run it, and add the unmet expectations to `unmet`."""
        self.unmet = []
        timed: dict[int, list[Expectation]] = {}
        for expectation in self.test.expectations:
            if expectation.at_ns is not None and not crashes:
                timed.setdefault(START + expectation.at_ns, []).append(expectation)
        looks = {at: self._look(at, timed) for at in sorted(timed)}
        cancel_at = None if self.test.cancel_at_ns is None else START + self.test.cancel_at_ns
        simulation = simulate(
            self.program, self._input, actions=self._scripts, sends=self.sends, cancel_at=cancel_at,
            cancel_after=self.test.cancel_after, crash_at=crashes, looks=looks, seed=None, like=like, cancels=self._is_cancelled_by,
        )  # fmt: skip
        late = [each for each in self.test.expectations if each.at_ns is None]
        for left in timed.values():  # the run was over by then
            late += left
        self._compare(simulation, late, simulation.result.ended_at or START)
        self.unmet.sort(key=lambda each: each.expectation.span.start)
        return simulation

    def play_run(
        self,
        value: object,
        start: int,
        sends: Sequence[Send],
        cancel_at: int | None,
        cancel_after: int,
        crashes: Sequence[int] = (),
        like: Timing | None = None,
    ) -> Simulation:
        """Run one of many, see `served.Play`."""
        return simulate(
            self.program, value, actions=self._scripts, sends=sends, cancel_at=cancel_at, cancel_after=cancel_after,
            crash_at=crashes, seed=None, like=like, cancels=self._is_cancelled_by, start=start,
        )  # fmt: skip

    def _is_cancelled_by(self, event: SentEvent, progress: RunInstance) -> bool:
        canceller = self._cancellers.get(event.name)
        return canceller is not None and canceller.wants(event, progress)

    def _look(self, at: int, timed: dict[int, list[Expectation]]) -> Callable[[Simulation], None]:
        return lambda simulation: self._compare(simulation, timed.pop(at), at)

    def _compare(self, simulation: Simulation, expectations: Iterable[Expectation], now: int) -> None:
        for expectation in expectations:
            names = expectation.condition.reads
            bindings = bindings_of(simulation, names, self.interface.events, self.test.actions, now)
            self.check(expectation, bindings, partial(why_unreadable, simulation.result, names))

    def check(self, expectation: Expectation, bindings: Mapping[str, object], why: Callable[[], str]) -> None:
        """Add an expectation to `unmet` if these values do not meet it. `why`: why it may have no value."""
        try:
            is_met = as_bool(self._functions[id(expectation.condition)](bindings))
            error = ""
        except EvaluationError as problem:
            is_met, error = False, problem.message + (f" ({reason})" if (reason := why()) else "")
        if not is_met:
            got = self._values(expectation, bindings)
            self.unmet.append(Unmet(expectation=expectation, got=got, error=error))

    def _values(self, expectation: Expectation, bindings: Mapping[str, object]) -> dict[str, object]:
        found: dict[str, object] = {}
        for part in expectation.parts:
            try:
                found[part.text] = self._functions[id(part)](bindings)
            except EvaluationError:
                continue  # if a part has no value, the error of the whole says so
        return found

    # ---- mocks

    def _all_scripts(self, now: Mapping[str, object]) -> dict[str, Script]:
        """One script that knows them all, under every name the simulator may look for."""
        actions = {action.name: action for action in self.test.actions}
        made = [(mock, self._conditions(mock, now), self._mock_scripts(mock, actions, now)) for mock in self.test.mocks]
        stand_ins = {name: _stand_in(action) for name, action in actions.items()}

        def choose(invocation: Invocation) -> Script:
            for mock, when, scripts in made:
                if mock.target in (invocation.action, invocation.node) and _fits(when, invocation):
                    return scripts[invocation.action]
            return stand_ins[invocation.action]

        script = Script(choose=choose)
        return dict.fromkeys(actions, script)

    def _conditions(self, mock: Mock, now: Mapping[str, object]) -> dict[str, object]:
        return {argument.name: self._functions[id(argument.value)](now) for argument in mock.when}

    def _mock_scripts(self, mock: Mock, actions: Mapping[str, MockedAction], now: Mapping[str, object]) -> dict[str, Script]:
        if len(mock.answers) == 1:
            return {name: self._script(mock, mock.answers[0], action, now) for name, action in actions.items()}
        return {
            name: Script(turns=tuple(script for each in mock.answers for script in self._turns(mock, each, action, now)))
            for name, action in actions.items()
        }

    def _script(self, mock: Mock, answer: Answer, action: MockedAction, now: Mapping[str, object]) -> Script:
        """For every step: the attempts of each fail first."""
        failures = tuple(
            ActionFailed(f"{mock.target} fails in this test", code)
            for code, count in answer.failures
            for _ in range(MOST_ATTEMPTS if count is None else min(count, MOST_ATTEMPTS))
        )
        return Script(result=self._result(answer, action, now), takes_ns=answer.takes_ns, failures=failures)

    def _turns(self, mock: Mock, answer: Answer, action: MockedAction, now: Mapping[str, object]) -> Iterable[Script]:
        """Return one for each call: for the calls that fail, and the one that does not."""
        for code, count in answer.failures:
            failing = Script(result=_raising(ActionFailed(f"{mock.target} fails in this test", code)), takes_ns=answer.takes_ns)
            yield from itertools.repeat(failing, 1 if count is None else min(count, _MOST_TURNS))
        is_endless = answer is mock.answers[-1] and any(count is None for _, count in answer.failures)
        if not is_endless and (answer.value is not None or not answer.failures or answer is mock.answers[-1]):
            yield Script(result=self._result(answer, action, now), takes_ns=answer.takes_ns)

    def _result(self, answer: Answer, action: MockedAction, now: Mapping[str, object]) -> object:
        if answer.value is None:
            return _stand_in(action).result
        function = self._functions[id(answer.value)]
        defaults = {
            param.name: wire.decode(param.default, param.type) if param.has_default else None for param in action.params
        }

        def result(invocation: Invocation) -> object:
            try:
                return function({**now, **defaults, **invocation.arguments})
            except EvaluationError as error:
                raise ActionFailed(
                    f"the value of this mock cannot be computed: {error.message}", "bad_mock", fatal=True
                ) from None

        return result


@attrs.define(eq=False)
class _Canceller:
    """A `cancel on` of the flow that is tested."""

    on: CancelOn
    _when: Evaluator | None = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._when = None if self.on.when is None else compile_cores([self.on.when.core])[0]

    def wants(self, event: SentEvent, progress: RunInstance) -> bool:
        """Whether the event cancels the run. Raises EvaluationError."""
        if self._when is None:
            return True
        bindings = {**progress.values.shared, "now": Timestamp(event.at)}
        if self.on.binding:
            payload: object = orjson.loads(event.payload)
            bindings[self.on.binding] = payload if self.on.payload is None else wire.decode(payload, self.on.payload)
        return as_bool(self._when(bindings))


def _given_of(declared: RecordType, values: Mapping[str, object]) -> RecordType:
    """Return the passed fields of a record; the others have defaults, or may be absent."""
    return RecordType("", tuple(field for field in declared.fields if field.name in values))


def _stand_in(action: MockedAction) -> Script:
    return Script(result=sample_value(action.result, action.name))


def _raising(failure: ActionFailed) -> Callable[[Invocation], object]:
    def fail(_invocation: Invocation) -> object:
        raise failure

    return fail


def _fits(when: Mapping[str, object], invocation: Invocation) -> bool:
    return all(invocation.arguments.get(name) == value for name, value in when.items())


def _expressions(test: FlowTest) -> Iterable[Expression]:
    yield from (argument.value for argument in test.given)
    for mock in test.mocks:
        yield from (argument.value for argument in mock.when)
        yield from (answer.value for answer in mock.answers if answer.value is not None)
    for send in test.sends:
        yield from (argument.value for argument in send.arguments)
    for expectation in test.expectations:
        yield expectation.condition
        yield from expectation.parts
