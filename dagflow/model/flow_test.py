"""A compiled `test` block: what the compiler makes and the test runner plays. Plain frozen data."""

from __future__ import annotations

import attrs

from dagflow.diagnostic import Span
from dagflow.model.expression import Argument, Expression
from dagflow.model.types import Field, Type


@attrs.frozen(kw_only=True)
class Mock:
    """How an action behaves in a test.

    Attributes:
        target: the action's name, or the id of one step that calls it.
        when: only for calls with these values among their arguments.
        answers: how calls go. One is for every step, whose attempts it counts; several are for the calls in turn, whichever
            step makes them, and the last of them for all that follow.
    """

    target: str
    span: Span
    when: tuple[Argument, ...] = ()
    answers: tuple[Answer, ...]


@attrs.frozen(kw_only=True)
class Answer:
    """How calls of a mocked action go.

    Attributes:
        failures: how the first ones fail, as codes with how often. None is every one, or one where another answer follows.
            Then `value` is what comes.
        value: what a call gives, of the action's parameters and `now`; None for something of the action's result type.
        takes_ns: how long a call takes.
    """

    failures: tuple[tuple[str, int | None], ...] = ()
    value: Expression | None = None
    takes_ns: int = 0


@attrs.frozen(kw_only=True)
class Sending:
    """An event that somebody sends, so long after the run began."""

    at_ns: int
    event: str
    arguments: tuple[Argument, ...]


@attrs.frozen(kw_only=True)
class Expectation:
    """A condition that has to be true.

    Attributes:
        at_ns: so long after the run began, when everything of that instant has happened; None for its end.
        parts: the expressions in it whose values tell most about why it is false.
        counts_time: it reads how often something was tried, or when: a crash may change that.
    """

    span: Span
    condition: Expression
    at_ns: int | None = None
    parts: tuple[Expression, ...] = ()
    counts_time: bool = False


@attrs.frozen
class MockedAction:
    """The signature of an action that a test can meet, which mocks and made-up values need."""

    name: str
    params: tuple[Field, ...]
    result: Type


@attrs.frozen(kw_only=True)
class FlowTest:
    """A test of a flow.

    Attributes:
        flow: the name of the flow.
        actions: those that the flow, what it calls and their undo may call.
        mocks: in the order of the text; the first that fits a call counts.
        cancel_at_ns: when somebody cancels the run. cancel_after: so many of the `sends` stand before that in the text.
        line: where it begins, from 1.
    """

    name: str
    flow: str
    span: Span
    line: int
    given: tuple[Argument, ...] = ()
    actions: tuple[MockedAction, ...] = ()
    mocks: tuple[Mock, ...] = ()
    sends: tuple[Sending, ...] = ()
    cancel_at_ns: int | None = None
    cancel_after: int = 0
    expectations: tuple[Expectation, ...] = ()
