"""What a host's exception carries is looked at before it is kept: a run that hears of it ends, and the history can be read again."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest
import trio

import dagflow
from dagflow import ActionFailed, Catalog, Fatal, RetryAfter, RunStatus
from dagflow.actions.host_failures import MAX_MESSAGE
from dagflow.actions.tracebacks import MAX_TRACEBACK
from dagflow.model.values import Duration, Timestamp


class OwnError(BaseException):
    """A host's own, beside all that is usual."""


class MuteError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class EvilError(ActionFailed):
    def __getattribute__(self, name: str) -> Any:
        if name in {"code", "message"}:
            raise KeyboardInterrupt
        return super().__getattribute__(name)


class MuteValue:
    def __repr__(self) -> str:
        raise OwnError


class HugeText(str):
    __slots__ = ()

    def __len__(self) -> int:
        return 1

    def __str__(self) -> str:
        return "x" * 10_000_000


def failed(**changes: object) -> ActionFailed:
    found = ActionFailed("message", "code")
    for name, value in changes.items():
        setattr(found, name, value)
    return found


BAD = "bad_failure"
POISONS: dict[str, tuple[Callable[[], BaseException], str, str]] = {
    "delay_nan": (lambda: RetryAfter(float("nan")), BAD, "of at most 365 days; got nan; the action said: busy"),
    "delay_inf": (lambda: RetryAfter(float("inf")), BAD, "got inf"),
    "delay_1e300": (lambda: RetryAfter(1e300), BAD, "got 1e+300"),
    "delay_1e12": (lambda: RetryAfter(1e12), BAD, "got 1000000000000.0"),
    "delay_text": (lambda: RetryAfter("30"), BAD, "got `30`"),  # type: ignore[arg-type]
    "delay_bool": (lambda: RetryAfter(True), BAD, "got a bool"),
    "delay_huge_int": (lambda: RetryAfter(10**4_000), BAD, "got a huge number"),
    "delay_timedelta": (lambda: RetryAfter(timedelta.max), BAD, "got a timedelta"),
    "delay_duration": (lambda: RetryAfter(Duration(10**30)), BAD, "got a Duration"),
    "delay_mute": (lambda: RetryAfter(MuteValue()), BAD, "got a MuteValue"),  # type: ignore[arg-type]
    "nanoseconds_float": (lambda: failed(retry_after_ns=1.5e9), BAD, "`retry_after_ns` must be a whole number"),
    "nanoseconds_huge": (lambda: failed(retry_after_ns=10**30), BAD, "got a huge number"),
    "code_surrogate": (lambda: failed(code="a\ud800"), BAD, "the code of a failure must be 1 to 100 letters"),
    "code_huge": (lambda: failed(code="x" * 20_000_000), BAD, "got a text of 20000000 characters"),
    "code_number": (lambda: failed(code=7), BAD, "got 7"),
    "code_spaces": (lambda: Fatal("x", code="card declined\n"), BAD, "got `card declined\ufffd`"),
    "code_empty": (lambda: RetryAfter(1, code=""), BAD, "got ``"),
    "message_huge": (lambda: failed(message="x" * 50_000_000), "code", "xxx"),
    "message_surrogate": (lambda: Fatal("half \ud800 of it"), "fatal", "half   of it"),
    "message_mute": (lambda: failed(message=MuteValue()), BAD, "the message of a failure must be a text; got a MuteValue"),
    "message_own_text": (lambda: failed(message=HugeText("y" * 2_000)), "code", "yyy"),
    "fatal_text": (lambda: failed(fatal="no"), BAD, "`fatal` must be True or False; got `no`"),
    "evil": (lambda: EvilError("c", "m"), BAD, "the action raised a EvilError that cannot be read: KeyboardInterrupt"),
    "mute": (MuteError, "exception.mute_error", "MuteError"),
    "long_name": (lambda: type("É" * 500, (Exception,), {})("x"), "exception." + "_" * 80, "x"),
    "value_error": (lambda: ValueError("x" * 50_000_000), "exception.value_error", "xxx"),
    "exit": (lambda: SystemExit("bye"), "exception.system_exit", "bye"),
    "interrupt": (KeyboardInterrupt, "exception.keyboard_interrupt", "KeyboardInterrupt"),
    "asyncio": (asyncio.CancelledError, "exception.cancelled_error", "CancelledError"),
    "generator": (GeneratorExit, "exception.generator_exit", "GeneratorExit"),
    "stop": (lambda: StopIteration(1), "exception.runtime_error", "StopIteration"),
    "own": (lambda: OwnError("mine"), "exception.own_error", "mine"),
    "group": (lambda: BaseExceptionGroup("two", [OwnError(), ValueError()]), "exception.base_exception_group", "two"),
    "group_in_group": (
        lambda: BaseExceptionGroup("out", [BaseExceptionGroup("in", [KeyboardInterrupt(), SystemExit()])]),
        "exception.base_exception_group",
        "out",
    ),
}
FLOW = """
flow f(poison: string) -> string {
  on manual
  a = ACT(poison: poison) timeout 20s
  return a
}
"""


def poisoned(name: str) -> BaseException:
    return POISONS[name][0]()


def host() -> Catalog:
    catalog = Catalog()

    @catalog.action("here")
    async def here(poison: str) -> str:
        raise poisoned(poison)

    @catalog.action("elsewhere")
    def elsewhere(poison: str) -> str:
        raise poisoned(poison)

    @catalog.action("long_way")
    async def long_way(poison: str) -> list[str]:
        await trio.lowlevel.checkpoint()
        raise poisoned(poison)

    @catalog.action("fine")
    async def fine(poison: str) -> str:
        await trio.lowlevel.checkpoint()
        return poison

    return catalog


def flow_of(catalog: Catalog, action: str) -> dagflow.Flow:
    text = FLOW.replace("ACT", action)
    return dagflow.compile(text.replace("-> string", "-> json") if action == "long_way" else text, catalog=catalog).unwrap()


@pytest.mark.parametrize("action", ["here", "elsewhere", "long_way"])
async def test_whatever_an_action_raises_fails_that_step_and_nothing_else(tmp_path, action):
    catalog = host()
    bad, good = flow_of(catalog, action), flow_of(catalog, "fine")
    path = tmp_path / "runs.db"
    async with dagflow.Interpreter.open(path, catalog=catalog) as interpreter:
        beside = [await interpreter.start(good, {"poison": str(number)}) for number in range(20)]
        runs = {name: await interpreter.start(bad, {"poison": name}) for name in POISONS}
        for name, run in runs.items():
            result = await run.wait()
            _, code, message = POISONS[name]
            (failure,) = result.failures
            assert result.status is RunStatus.FAILED
            assert (failure.code, message in failure.message) == (code, True), (name, failure)
            assert len(failure.message) <= MAX_MESSAGE
        assert [(await run.wait()).output for run in beside] == [str(number) for number in range(20)]
    for _ in range(2):
        async with dagflow.Interpreter.open(path, catalog=catalog) as interpreter:
            for name, run in runs.items():
                assert (await interpreter.result(run.id)).failures[0].code == POISONS[name][1]


class MuteNumber(int):
    def __int__(self) -> int:
        raise OwnError


class MuteText(str):
    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        raise SystemExit


class MuteMap(dict[str, int]):
    def items(self) -> Any:
        raise KeyboardInterrupt


@attrs.frozen
class Lazy:
    n: int

    @property
    def __class__(self) -> Any:
        raise OwnError


def shared(depth: int) -> object:
    value: object = [1, 2]
    for _ in range(depth):
        value = [value, value]
    return value


def endless() -> object:
    value: list[object] = []
    value.append(value)
    return value


RESULTS: dict[str, Callable[[], object]] = {
    "repr": MuteValue,
    "number": lambda: MuteNumber(5),
    "text": lambda: MuteText("é"),
    "map": lambda: MuteMap(a=1),
    "class": lambda: Lazy(1),
    "shared": lambda: shared(60),
    "shared_in_maps": lambda: {"a": [shared(40)] * 3},
    "endless": endless,
    "wide": lambda: [[[]]] * 400_000,
    "timestamp": lambda: Timestamp(10**30),
    "surrogate_key": lambda: {"\ud800": 1},
}


@pytest.mark.parametrize("name", RESULTS)
async def test_whatever_an_action_gives_fails_that_step_and_nothing_else(name):
    catalog = Catalog()

    @catalog.action("act")
    async def act() -> object:
        return RESULTS[name]()

    text = "flow f -> json {\n  on manual\n  a = act()\n  return a\n}\n"
    async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
        result = await (await interpreter.start(dagflow.compile(text, catalog=catalog).unwrap())).wait()
    assert result.status in {RunStatus.FAILED, RunStatus.SUCCEEDED}
    if result.status is RunStatus.FAILED:
        known = (
            "bad_result",
            "result_too_large",
            "exception.own_error",
            "exception.system_exit",
            "exception.keyboard_interrupt",
        )
        assert result.failures[0].code in known


async def cancelled_with(raised: BaseException) -> RunStatus:
    """The status of a run that is cancelled while its action, on being stopped, raises something else."""
    catalog = Catalog()
    begun = trio.Event()

    @catalog.action("act")
    async def act() -> str:
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            raise raised

    text = "flow f -> string {\n  on manual\n  a = act()\n  return a\n}\n"
    async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
        run = await interpreter.start(dagflow.compile(text, catalog=catalog).unwrap())
        await begun.wait()
        return (await run.cancel()).status


@pytest.mark.parametrize("raised", [SystemExit(), KeyboardInterrupt(), OwnError(), asyncio.CancelledError()])
async def test_what_an_action_raises_on_being_stopped_stops_nothing_else(raised):
    assert await cancelled_with(raised) in {RunStatus.CANCELLED, RunStatus.FAILED}


async def test_a_cancellation_kept_from_before_is_no_cancellation():
    catalog = Catalog()

    @catalog.action("act")
    async def act() -> str:
        kept: list[BaseException] = []
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as cancelled:
                kept.append(cancelled)
        raise kept[0]

    text = "flow f -> string {\n  on manual\n  a = act()\n  return a\n}\n"
    async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
        result = await (await interpreter.start(dagflow.compile(text, catalog=catalog).unwrap())).wait()
    assert (result.status, result.failures[0].code) == (RunStatus.FAILED, "exception.cancelled")


def test_ctrl_c_still_stops_the_program():
    """Pressed while an action of ours computes, it comes out of the action; it is the user's all the same."""
    catalog = Catalog()

    @catalog.action("act")
    async def act() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1_000):
            threading.Event().wait(0.001)
        return "went on"

    text = "flow f -> string {\n  on manual\n  a = act()\n  return a\n}\n"
    flow = dagflow.compile(text, catalog=catalog).unwrap()

    async def main() -> None:
        async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
            await (await interpreter.start(flow)).wait()

    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)) as caught:
        trio.run(main)
    assert caught.type is KeyboardInterrupt or caught.value.split(KeyboardInterrupt)[0] is not None


def test_what_is_kept_is_bounded():
    assert MAX_TRACEBACK + MAX_MESSAGE < 16_384
