"""Recognise code of another event loop than the one it runs in, and say where to declare it."""

from __future__ import annotations

from typing import Final

from dagflow.actions.failures import ActionFailed
from dagflow.actions.runner import RunsOn

WRONG_LOOP: Final = "wrong_loop"

#: The beginnings of messages by which event loops refuse code of another one, with the loop that the code needs.
_NEEDS: Final = (
    (RuntimeError, "no running event loop", RunsOn.ASYNCIO),
    (RuntimeError, "There is no current event loop", RunsOn.ASYNCIO),
    (TypeError, "trio.run received unrecognized yield message", RunsOn.ASYNCIO),
    (TypeError, "trio got unexpected", RunsOn.ASYNCIO),
    (RuntimeError, "must be called from async context", RunsOn.TRIO),
    (RuntimeError, "Task got bad yield", RunsOn.TRIO),
)
#: Messages about an object of another asyncio loop.
_OF_OTHER_LOOP: Final = ("attached to a different loop", "is bound to a different event loop")


def wrong_loop(error: BaseException, action: str, runs_on: RunsOn) -> ActionFailed | None:
    """The failure that says what to do, if the function of an action ran in the wrong loop; else None."""
    if type(error) is not RuntimeError and type(error) is not TypeError:
        return None
    said = str(error)
    if runs_on is RunsOn.ASYNCIO and any(part in said for part in _OF_OTHER_LOOP):
        text = f"{action} uses an object that was made in another event loop; make it in the catalog's `lifespan`"
        return ActionFailed(text, WRONG_LOOP, fatal=True)
    needed = next((needed for kind, begin, needed in _NEEDS if type(error) is kind and said.startswith(begin)), runs_on)
    if needed is runs_on:
        return None
    form = "" if runs_on.is_loop else "make it `async` and "
    text = f'{action} runs in {_PLACES[runs_on]}, and its code needs {_PLACES[needed]}; {form}declare it with `runs="{needed}"`'
    return ActionFailed(text, WRONG_LOOP, fatal=True)


_PLACES: Final = {
    RunsOn.TRIO: "trio",
    RunsOn.ASYNCIO: "asyncio",
    RunsOn.THREAD: "a thread without an event loop",
    RunsOn.PROCESS: "a process without an event loop",
}
