"""What a simulated run meets: how actions behave, what is sent, and the calls that were made."""

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
        result: what it gives, in stored form; or what makes that of the call, which may raise ActionFailed.
        takes_ns: how long a call takes.
        failures: how the first calls fail, in turn; calls that a crash interrupted do not count.
        choose: which script a call follows instead of this one.
        turns: what the calls follow in turn instead of this one, whichever step makes them; the last of them for ever.
    """

    result: object | Callable[[Invocation], object] = None
    takes_ns: int = 0
    failures: tuple[ActionFailed, ...] = ()
    choose: Callable[[Invocation], Script] | None = None
    turns: tuple[Script, ...] = ()

    def of(self, invocation: Invocation) -> Script:
        """What a call follows."""
        return self if self.choose is None else self.choose(invocation)

    def outcome(self, invocation: Invocation, n_failed: int, *, is_late: bool) -> object:
        """What a call comes to, after so many that failed. Raises ActionFailed."""
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
        fact: the number of the fact that says what came of it, in the history of its run.
        is_lost: a crash came before that fact was kept, so the call was made again.
    """

    invocation: Invocation
    at: int
    fact: int = 0
    is_lost: bool = False


@attrs.frozen(kw_only=True)
class Send:
    """An event somebody sends: when, its name, what it carries as JSON values, and its id, if it has one of its own."""

    at: int
    event: str
    payload: object = attrs.field(factory=dict[str, object])
    id: str = ""


def as_script(script: Script | Callable[[Invocation], object]) -> Script:
    """A function by itself says what a call gives."""
    return script if isinstance(script, Script) else Script(result=script)
