"""The surroundings of a simulated run: scripts of actions, sent events, and the calls that were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from dagflow.actions.failures import ActionFailed, Invocation
from dagflow.execution.performer import timed_out


@attrs.frozen(kw_only=True)
class Script:
    """How a simulated action behaves.

    Attributes:
        result: its result, in stored form; or a function that makes it of the call, which may raise ActionFailed.
        takes_ns: how long a call takes.
        failures: how the first calls fail, in turn; calls that a crash interrupted do not count.
        choose: which script a call follows instead of this one.
        turns: the scripts that the calls follow in turn instead of this one, whichever step makes them; the last of them for ever.
    """

    result: object | Callable[[Invocation], object] = None
    takes_ns: int = 0
    failures: tuple[ActionFailed, ...] = ()
    choose: Callable[[Invocation], Script] | None = None
    turns: tuple[Script, ...] = ()

    def of(self, invocation: Invocation) -> Script:
        """Return the script that a call follows."""
        return self if self.choose is None else self.choose(invocation)

    def outcome(self, invocation: Invocation, n_failed: int, *, is_late: bool) -> object:
        """Return the result of a call, after so many that failed. Raises ActionFailed."""
        if is_late:
            raise timed_out()
        if n_failed < len(self.failures):
            raise self.failures[n_failed]
        return self.result(invocation) if callable(self.result) else self.result


Scripts: TypeAlias = Mapping[str, Script | Callable[[Invocation], object]]


@attrs.frozen(kw_only=True)
class Call:
    """A call that reached the world. Several with one effect key are attempts of one node.

    Attributes:
        fact: the number of the event with its outcome, in the history of its run.
        is_lost: a crash came before that event was stored, so the call was repeated.
    """

    invocation: Invocation
    at: int
    fact: int = 0
    is_lost: bool = False


@attrs.frozen(kw_only=True)
class Send:
    """A sent event: when, its name, its payload as JSON values, and its id, if it has one of its own."""

    at: int
    event: str
    payload: object = attrs.field(factory=dict[str, object])
    id: str = ""


def as_script(script: Script | Callable[[Invocation], object]) -> Script:
    """Make a script of a plain function, which returns the result of a call."""
    return script if isinstance(script, Script) else Script(result=script)
