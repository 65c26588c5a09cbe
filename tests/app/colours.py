"""Actions of every colour, at the top of a module that a worker process can import."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from functools import partial
from pathlib import Path

import sniffio
import trio

import dagflow

request = contextvars.ContextVar("request", default="none")


def pid() -> int:
    """The process that runs this."""
    return os.getpid()


def compute_for_ever(mark: str) -> int:
    """Computes, and first notes its process."""
    Path(mark).write_text(str(os.getpid()), encoding="utf-8")
    while True:
        sum(range(1_000))


def fail() -> int:
    """Fails in its own way."""
    raise dagflow.Fatal("out of range", code="range")


def raise_odd() -> int:
    """Raises an exception that cannot be pickled."""

    class OddError(Exception):
        pass

    raise OddError("odd")


class Unreadable:
    """Can be written, and not read again."""

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("no number",)


def unreadable() -> object:
    """Returns something that its reader refuses."""
    return Unreadable()


def die() -> int:
    """Ends its process."""
    os._exit(3)


def unpicklable() -> object:
    """Returns something that no other process can have."""
    return threading.Lock()


async def library() -> str:
    """The event loop it runs in."""
    return sniffio.current_async_library()


async def on_loop() -> str:
    """Uses what only an asyncio loop has."""
    assert asyncio.get_running_loop().is_running()
    await asyncio.to_thread(str)
    return request.get()


async def on_trio() -> str:
    """Uses what only trio has."""
    await trio.lowlevel.checkpoint()
    return request.get()


async def leaves() -> str:
    """Exits, as if that were its own to do."""
    sys.exit(3)


def in_thread() -> str:
    """Names its thread."""
    return request.get()


class Greeter:
    """A host's object."""

    def __init__(self, word: str) -> None:
        self.word = word

    def greet(self, name: str) -> str:
        """Greet by a method."""
        return f"{self.word} {name}"

    def __call__(self, name: str) -> str:
        """Greet by the object itself."""
        return f"{self.word}, {name}"

    async def greet_later(self, name: str) -> str:
        """Greet by an async method."""
        return f"{self.word} {name} later"


def greet(word: str, name: str, *, mark: str = "!") -> str:
    """Greet by a function."""
    return f"{word} {name}{mark}"


def catalog_of(runs: str | None = None) -> dagflow.Catalog:
    """A catalogue with all of these."""
    catalog = dagflow.Catalog(runs=runs)  # type: ignore[arg-type]
    pure = partial(catalog.action, effect="pure")
    for function in (pid, compute_for_ever, fail, raise_odd, die, unpicklable, unreadable):
        pure(function.__name__, runs="process")(function)
    pure("library")(library)
    pure("library_of_trio", runs="trio")(library)
    pure("library_of_asyncio", runs="asyncio")(library)
    pure("on_loop", runs="asyncio")(on_loop)
    pure("on_trio", runs="trio")(on_trio)
    pure("leaves", runs="asyncio")(leaves)
    pure("in_thread")(in_thread)
    pure("lost_in_trio", runs="trio")(on_loop)
    pure("lost_in_asyncio", runs="asyncio")(on_trio)
    return catalog
