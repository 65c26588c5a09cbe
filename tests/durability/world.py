"""A flow of thirty steps, a host that keeps a book of what it did, and the book held against a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import attrs

from dagflow.actions.catalog import Catalog
from dagflow.actions.failures import Invocation
from dagflow.app.interpreter import Interpreter
from dagflow.lang.compiler import compile_text
from dagflow.model.flow import Flow
from dagflow.model.status import RunStatus
from dagflow.store.api import Store
from dagflow.store.sqlite.store import SqliteStore

EFFECTFUL, IDEMPOTENT = "pay", "put"


def text(n_stages: int = 10) -> str:
    """Stages of three steps each, of which two are effectful; every stage is after the one before."""

    def call(step: str, action: str, n: str) -> str:
        return f'{step} = {action}(n: {n}, run: run.id, step: "{step}")'

    lines = ["flow f(n: int) -> int {", "  on manual", call("r0", EFFECTFUL, "n")]
    for stage in range(1, n_stages + 1):
        before = f"r{stage - 1}"
        lines += [
            "  parallel {",
            "    " + call(f"a{stage}", EFFECTFUL, before),
            "    " + call(f"b{stage}", IDEMPOTENT, before),
            "  }",
            "  " + call(f"r{stage}", EFFECTFUL, f"a{stage} + b{stage} - {before} + 1"),
        ]
    return "\n".join([*lines, f"  return r{n_stages}", "}"])


@attrs.define(eq=False)
class World:
    """A host. `calls`: run, node, how often the node was called by then, and the argument of every effect, in order. With little
    room (`concurrency`) attempts begin at other moments than those at which they become possible. With `is_told` the actions are
    given the invocation, and called the long way; else what the flow says is all they need, and they are called the short way.
    """

    n_stages: int = 10
    concurrency: int = 64
    is_told: bool = False
    catalog: Catalog = attrs.field(factory=Catalog)
    calls: list[tuple[str, str, int, int]] = attrs.field(factory=list)
    attempts: set[tuple[str, str, int]] = attrs.field(factory=set)
    on_call: Callable[[], None] = attrs.field(default=lambda: None)
    flow: Flow = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        async def note(n: int, run: str, step: str) -> int:
            self.calls.append((run, step, 1 + sum(call[:2] == (run, step) for call in self.calls), n))
            self.on_call()
            return n

        async def told(n: int, run: str, step: str, invocation: Invocation) -> int:
            attempt = (invocation.run, invocation.node, invocation.attempt)
            assert attempt[:2] == (run, step)
            assert step[0] == "b" or attempt not in self.attempts, "an attempt had its effect twice"
            self.attempts.add(attempt)
            return await note(n, run, step)

        function = told if self.is_told else note
        self.catalog.action(EFFECTFUL, effect="effectful")(function)
        self.catalog.action(IDEMPOTENT, effect="idempotent")(function)

        self.flow = compile_text(text(self.n_stages), self.catalog.interface).unwrap("f")

    async def go(self, store: Store, n_runs: int = 1, *, told: list[str] | None = None) -> None:
        """Resume what there is, start what is missing, and wait for all; `told` gets the ids of the runs whose end was reported."""
        async with Interpreter.open("", catalog=self.catalog, store=store, concurrency=self.concurrency) as interpreter:
            runs = await interpreter.unfinished()
            n_ended = len(await interpreter.runs(limit=10_000)) - len(runs)
            runs += [await interpreter.start(self.flow, {"n": 0}) for _ in range(n_runs - n_ended - len(runs))]
            for run in runs:
                await run.wait()
                if told is not None:
                    told.append(run.id)

    def check_after_failure(self, path: Path) -> None:
        """What was done rests on what the store has: every effect on its intent, and on the results of the steps before it."""
        store = SqliteStore.open(path)
        for run in {call[0] for call in self.calls}:
            kinds = {(record.kind, record.node, record.attempt) for record in store.history(run)}
            for _, node, attempt, _ in (call for call in self.calls if call[0] == run):
                if node[0] != "b":
                    assert ("attempt_started", node, attempt) in kinds, (node, attempt)
                for before in self.parents(node):
                    assert any(k == "attempt_succeeded" and n == before for k, n, _ in kinds), (node, before)
        store.close()

    def check_at_end(self, path: Path, told: list[str], n_runs: int = 1) -> None:
        """Every run came to its result, everything was done, and no effectful attempt was made twice."""
        store = SqliteStore.open(path)
        rows = store.runs(limit=1000)
        assert [row.status for row in rows] == [RunStatus.SUCCEEDED] * n_runs
        assert set(told) <= {row.id for row in rows}
        assert not store.problems()
        for row in rows:
            history = store.history(row.id)
            succeeded = Counter(record.node for record in history if record.kind == "attempt_succeeded")
            assert set(succeeded.values()) == {1}
            assert set(succeeded) == {call[1] for call in self.calls if call[0] == row.id}
            assert next(record.payload for record in history if record.node == f"r{self.n_stages}" and record.payload) == (
                b"%d" % self.n_stages
            )
            intents = Counter(record.node for record in history if record.kind == "attempt_started")
            effects = Counter(node for run, node, *_ in self.calls if run == row.id and node[0] != "b")
            assert effects <= intents, "an attempt had its effect twice"
        arguments: dict[tuple[str, str], set[int]] = {}
        for run, node, _, n in self.calls:
            arguments.setdefault((run, node), set()).add(n)
        assert all(len(values) == 1 for values in arguments.values()), "attempts of one step differ in what they were given"
        store.close()

    @staticmethod
    def parents(node: str) -> list[str]:
        stage = int(node[1:])
        if node[0] in "ab":
            return [f"r{stage - 1}"]
        return [f"a{stage}", f"b{stage}"] if stage else []
