"""A compiled `test` block, from the compiler for the test runner. Plain frozen data."""

from __future__ import annotations

import attrs

from dagflow.diagnostic import Span
from dagflow.model.expression import Argument, Expression
from dagflow.model.types import Field, Type


@attrs.frozen(kw_only=True)
class Mock:
    """The behaviour of an action in a test.

    Attributes:
        target: the action's name, or the id of one step that calls it.
        when: only for calls with these values among their arguments.
        answers: the outcomes of calls. A single one applies to every step and counts its attempts. Several apply to the calls
        in turn, in whichever step, and the last of them to all later calls.
    """

    target: str
    span: Span
    when: tuple[Argument, ...] = ()
    answers: tuple[Answer, ...]


@attrs.frozen(kw_only=True)
class Answer:
    """The outcomes of calls of a mocked action.

    Attributes:
        failures: the first outcomes, as codes with a count. A count of None means every call, or one call if another answer
        follows. Later calls return `value`.
        value: the result of a call, from the action's parameters and `now`; None for a sample of the action's result type.
        takes_ns: how long a call takes.
    """

    failures: tuple[tuple[str, int | None], ...] = ()
    value: Expression | None = None
    takes_ns: int = 0


@attrs.frozen(kw_only=True)
class Sending:
    """An event that the test sends, `at_ns` after the run began."""

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
        is_served: runs begin by its triggers and settings, instead of one run with `given`.
        actions: the ones that the flow, its callees and their undo may call.
        mocks: in the order of the text; the first that fits a call counts.
        cancel_at_ns: when the test cancels the run. cancel_after: the number of `sends` before that in the text.
        line: where it begins, from 1.
    """

    name: str
    flow: str
    span: Span
    line: int
    is_served: bool = False
    given: tuple[Argument, ...] = ()
    actions: tuple[MockedAction, ...] = ()
    mocks: tuple[Mock, ...] = ()
    sends: tuple[Sending, ...] = ()
    cancel_at_ns: int | None = None
    cancel_after: int = 0
    expectations: tuple[Expectation, ...] = ()
