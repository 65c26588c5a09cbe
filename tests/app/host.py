"""A host with a few actions and a book of what they did."""

from __future__ import annotations

import threading

import attrs
import trio

from dagflow.actions.catalog import Catalog
from dagflow.actions.failures import Fatal
from dagflow.lang.compiler import compile_text
from dagflow.model.flow import Flow

START = 1_767_225_600_000_000_000


@attrs.define(eq=False)
class Host:
    """`gate` keeps `held` waiting until it is opened."""

    catalog: Catalog = attrs.field(factory=Catalog)
    calls: list[str] = attrs.field(factory=list)
    gate: trio.Event = attrs.field(factory=trio.Event)
    began: trio.Event = attrs.field(factory=trio.Event)
    n_flaky: int = 0

    def __attrs_post_init__(self) -> None:
        action = self.catalog.action

        @action("mail", effect="effectful")
        async def mail(to: str) -> str:
            self.calls.append(f"mail {to}")
            return f"sent to {to}"

        @action("double", effect="pure")
        async def double(n: int) -> int:
            self.calls.append(f"double {n}")
            return 2 * n

        @action("blocking", effect="idempotent")
        def blocking(n: int) -> str:
            self.calls.append(f"blocking {n}")
            return "main" if threading.current_thread() is threading.main_thread() else "thread"

        @action("held", effect="effectful")
        async def held(n: int) -> int:
            self.calls.append(f"held {n}")
            self.began.set()
            await self.gate.wait()
            return n

        @action("flaky", effect="idempotent")
        async def flaky(times: int) -> int:
            self.calls.append("flaky")
            self.n_flaky += 1
            if self.n_flaky <= times:
                raise ConnectionError("the other side is away")
            return self.n_flaky

        @action("never", effect="idempotent")
        async def never() -> int:
            raise Fatal("there is no such thing", code="gone")

    def flow(self, text: str, name: str | None = None) -> Flow:
        compilation = compile_text(text, self.catalog.interface)
        assert not compilation.has_errors, compilation.render()
        return compilation.unwrap(name)
