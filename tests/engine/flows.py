"""Flows made by hand and by Hypothesis, without a compiler; their expressions are run by `fake_cores`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence

from hypothesis import strategies as st

from dagflow.diagnostic import Span
from dagflow.errors import EvaluationError
from dagflow.execution.program import Program, build_program
from dagflow.model.action import Effect
from dagflow.model.flow import (
    Argument,
    Edge,
    EdgeKind,
    Expression,
    Flow,
    GateRef,
    Join,
    JoinKind,
    Loop,
    Node,
    NodeKind,
    Race,
    RetryPolicy,
    Scope,
)
from dagflow.model.types import BOOL, DURATION, INT, JSON, NULL, STRING, Field, ListType, OptionalType, RecordType, Type
from dagflow.model.values import Duration

SPAN = Span(0, 0)
HOUR = 3_600_000_000_000
SECOND = 1_000_000_000
MAYBE_INT = OptionalType(INT)

_OPS: Mapping[str, Callable[..., object]] = {"add": operator.add, "gt": operator.gt, "eq": operator.eq}


def _run_core(core: object, bindings: Mapping[str, object]) -> object:
    if not isinstance(core, tuple):
        return core
    op, *args = core
    match op:
        case "get":
            return bindings[args[0]]
        case "maybe":
            return bindings.get(args[0])
        case "nanos":
            return Duration(args[0])
        case "now":
            return bindings["now"].nanos  # type: ignore[attr-defined]
        case "boom":
            raise EvaluationError("boom", "it went boom")
        case "list":
            return [_run_core(arg, bindings) for arg in args]
        case _:
            return _OPS[op](*(_run_core(arg, bindings) for arg in args))


def fake_cores(cores: Sequence[object]) -> list[Callable[[Mapping[str, object]], object]]:
    """What the expression room does for real."""
    return [lambda bindings, core=core: _run_core(core, bindings) for core in cores]


def expr(core: object, type_: Type = JSON) -> Expression:
    return Expression(text=str(core), span=SPAN, type=type_, reads=("now",) if "now" in str(core) else (), core=core)


def action(node_id: str, *, reads: Sequence[str] = (), type_: Type = INT, **more: object) -> Node:
    arguments = (Argument("reads", expr(("list", *(("maybe", name) for name in reads)))),) if reads else ()
    more.setdefault("effect", Effect.IDEMPOTENT)
    return Node(id=node_id, kind=NodeKind.ACTION, span=SPAN, action=f"do.{node_id}", type=type_, arguments=arguments, **more)  # type: ignore[arg-type]


def gate(node_id: str, core: object, **more: object) -> Node:
    return Node(
        id=node_id, kind=NodeKind.GATE, span=SPAN, type=BOOL, expression=expr(core, BOOL), outcomes=("no", "yes"), **more
    )  # type: ignore[arg-type]


def let(node_id: str, core: object, type_: Type = INT, **more: object) -> Node:
    return Node(id=node_id, kind=NodeKind.LET, span=SPAN, type=type_, expression=expr(core, type_), **more)  # type: ignore[arg-type]


def wait(node_id: str, nanos: int, **more: object) -> Node:
    return Node(id=node_id, kind=NodeKind.WAIT, span=SPAN, type=NULL, expression=expr(("nanos", nanos), DURATION), **more)  # type: ignore[arg-type]


def wait_event(node_id: str, core: object, within_ns: int, event: str = "x/y", **more: object) -> Node:
    return Node(
        id=node_id, kind=NodeKind.WAIT_EVENT, span=SPAN, type=INT, event=event, binding="e", within_ns=within_ns,
        expression=None if core is None else expr(core, BOOL), outcomes=("timed out", "in time"), **more,
    )  # type: ignore[arg-type]  # fmt: skip


def catch(node_id: str, catches: str, *, binding: str = "", **more: object) -> Node:
    return Node(
        id=node_id, kind=NodeKind.CATCH, span=SPAN, type=NULL, catches=catches, binding=binding, outcomes=("no", "yes"), **more
    )  # type: ignore[arg-type]


def simple(node_id: str, kind: NodeKind, core: object = None, type_: Type = STRING, **more: object) -> Node:
    expression = None if core is None else expr(core, type_)
    own = RecordType("", ()) if kind is NodeKind.EMIT else NULL  # an emit carries what its event declares
    return Node(id=node_id, kind=kind, span=SPAN, type=own, expression=expression, **more)  # type: ignore[arg-type]


def loop(node_id: str, *, width: int = 1, collects: bool = False, most: int = 9, **more: object) -> Node:
    """A loop over 1, 2, 3, whose body is one action `do.it`."""
    body = flow_of(action("it"), simple("v", NodeKind.YIELD, ("get", "it"), INT), edges=[("it", "v")], result=INT)
    items = expr(("list", 1, 2, 3), ListType(INT))
    return Node(
        id=node_id, kind=NodeKind.FOR, span=SPAN, type=ListType(INT), expression=items, effect=Effect.TRANSACTIONAL,
        loop=Loop(item="item", most=most, width=width, collects=collects, body=body), **more,
    )  # type: ignore[arg-type]  # fmt: skip


def undo_gate() -> Node:
    return Node(id="undo.gate", kind=NodeKind.UNWIND, span=SPAN, type=NULL, scope="undo", outcomes=("no", "yes"))


def undo(step: str, action_: str = "back", **more: object) -> Node:
    return Node(
        id=f"{step}.undo", kind=NodeKind.UNDO, span=SPAN, type=NULL, action=action_, undoes=step, scope="undo",
        gate=GateRef("undo.gate", 1), join=Join(JoinKind.ALL, (step,)), effect=Effect.IDEMPOTENT, **more,
    )  # type: ignore[arg-type]  # fmt: skip


def flow_of(
    *nodes: Node,
    edges: Sequence[tuple[str, str]] = (),
    scopes: Sequence[Scope] = (),
    races: Sequence[Race] = (),
    fields: Sequence[Field] = (),
    result: Type = MAYBE_INT,
    timeout_ns: int = 24 * HOUR,
) -> Flow:
    """A flow; gate and join edges are made from the nodes, `edges` adds plain ones."""
    found: dict[tuple[str, str], set[EdgeKind]] = {}
    for source, target in edges:
        found.setdefault((source, target), set()).add(EdgeKind.SEQ)
    for node in nodes:
        if node.gate is not None:
            found.setdefault((node.gate.gate, node.id), set()).add(EdgeKind.GATE)
        for source in node.join.sources if node.join is not None else ():
            found.setdefault((source, node.id), set()).add(EdgeKind.AFTER)
    return Flow(
        name="f",
        input=RecordType("", tuple(fields)),
        result=result,
        timeout_ns=timeout_ns,
        nodes=nodes,
        edges=tuple(
            Edge(source, target, tuple(kind for kind in EdgeKind if kind in kinds)) for (source, target), kinds in found.items()
        ),
        scopes=tuple(scopes),
        races=tuple(races),
    )


def program_of(flow: Flow) -> Program:
    return build_program(flow, fake_cores)


@st.composite
def flows(
    draw: st.DrawFn, max_nodes: int = 12, *, is_timed: bool = True, is_forked: bool = True, with_now: bool = True
) -> Flow:
    """Flows of every shape the compiler can make and some it cannot: blocks, scopes, gates, joins, handlers.

    Without `is_timed`, what happens does not depend on how long things take; without `is_forked`, nothing is at once.
    """
    builder = _Builder(draw, draw(st.integers(1, max_nodes)), is_timed=is_timed, is_forked=is_forked, with_now=with_now)
    builder.block("", None, [], 0)
    if draw(st.booleans()):
        builder.root_handler()
    else:
        builder.scopes.append(Scope("", None, None))
    lifetime = draw(st.sampled_from([24 * HOUR, 24 * HOUR, 3 * SECOND + 500_000_001])) if is_timed else 24 * HOUR
    return flow_of(*builder.nodes, edges=sorted(builder.edges), scopes=builder.scopes, races=builder.races, timeout_ns=lifetime)


class _Builder:
    def __init__(self, draw: st.DrawFn, budget: int, *, is_timed: bool, is_forked: bool, with_now: bool) -> None:
        self.draw = draw
        self.budget = budget
        self.is_timed = is_timed
        self.is_forked = is_forked
        self.with_now = with_now
        self.nodes: list[Node] = []
        self.edges: set[tuple[str, str]] = set()
        self.scopes: list[Scope] = []
        self.races: list[Race] = []

    def name(self) -> str:
        return f"n{len(self.nodes)}"

    def add(self, node: Node, after: Sequence[str]) -> None:
        self.nodes.append(node)
        if node.join is None:
            self.edges.update((source, node.id) for source in after)

    def block(self, scope: str, around: GateRef | None, after: list[str], depth: int) -> list[str]:
        """Statements in sequence; returns the tails."""
        n_statements = self.draw(st.integers(1, 4))
        for _ in range(n_statements):
            if self.budget <= 0:
                break
            self.budget -= 1
            kinds = ["action"] * 5 + ["gate", "let", "wait", "emit", "group"]
            kinds += ["end"] * (self.is_timed or not self.is_forked)
            kinds += [*["parallel"] * self.is_forked, "if", "scope"] * (depth < 3)
            kinds += ["wait event"] * (self.is_timed and depth < 3)
            kinds += ["race"] * (self.is_timed and depth < 3)
            kind = self.draw(st.sampled_from(kinds))
            after, around = self.statement(kind, scope, around, after, depth)
        return after

    def statement(
        self, kind: str, scope: str, around: GateRef | None, after: list[str], depth: int
    ) -> tuple[list[str], GateRef | None]:
        name = self.name()
        place = {"scope": scope, "gate": around}
        match kind:
            case "action":
                self.add(self._action(name, place), after)
            case "gate":
                self.add(gate(name, self.draw(st.sampled_from([True, True, False, ("boom",)])), **place), after)
                return [name], GateRef(name, 1)
            case "let":
                self.add(
                    let(name, self.draw(st.sampled_from([7, ("now",) if self.with_now else 8, ("boom",)])), **place), after
                )
            case "wait":
                self.add(wait(name, self.draw(st.integers(0, 5)) * SECOND + len(self.nodes), **place), after)
            case "wait event":
                core = self.draw(st.sampled_from([None, ("eq", ("get", "e"), 1), ("eq", ("get", "e"), 2), ("boom",)]))
                within = self.draw(st.integers(1, 6)) * SECOND + 7 * len(self.nodes)
                self.add(wait_event(name, core, within, event=self.draw(st.sampled_from(["x/y", "x/z"])), **place), after)
                late = self.block(scope, GateRef(name, 0), [name], depth + 1) if self.draw(st.booleans()) else []
                return list(dict.fromkeys([name, *late])), around
            case "emit":
                self.add(simple(name, NodeKind.EMIT, event="x/y", **place), after)
            case "group":
                self.add(simple(name, NodeKind.GROUP, **place), after)
            case "end":
                end = self.draw(st.sampled_from([NodeKind.STOP, NodeKind.RETURN, NodeKind.FAIL]))
                core: tuple[object, Type] = (3, INT) if end is NodeKind.RETURN else ("why", STRING)
                self.add(simple(name, end, *core, **place), after)
            case "parallel":
                tails: list[str] = []
                for _ in range(self.draw(st.integers(1, 3))):
                    tails += self.block(scope, around, after, depth + 1)
                return list(dict.fromkeys(tails)) or after, around
            case "race":
                return self._race(place, after, depth), around
            case "if":
                self.add(gate(name, self.draw(st.booleans()), **place), after)
                yes = self.block(scope, GateRef(name, 1), [name], depth + 1)
                no = self.block(scope, GateRef(name, 0), [name], depth + 1)
                return list(dict.fromkeys(yes + no)), around
            case _:
                return self._scope(scope, around, after, depth), around
        return [name], around

    def _scope(self, scope: str, around: GateRef | None, after: list[str], depth: int) -> list[str]:
        inner = f"s{len(self.scopes)}"
        at = len(self.scopes)
        self.scopes.append(Scope(inner, scope, None))
        tails = self.block(inner, around, after, depth + 1)
        caught = f"{inner}.catch"
        self.add(catch(caught, inner, binding="err", scope=scope, gate=around), tails)
        self.scopes[at] = Scope(inner, scope, caught)
        handler = self.block(scope, GateRef(caught, 1), [caught], depth + 1)
        return list(dict.fromkeys([caught, *handler]))

    def _race(self, place: Mapping[str, object], after: list[str], depth: int) -> list[str]:
        sources: list[str] = []
        branches: list[tuple[str, ...]] = []
        ends: list[str] = []
        for _ in range(self.draw(st.integers(1, 3))):
            n_known = len(self.nodes)
            tails = self.block(place["scope"], place["gate"], after, depth + 1)  # type: ignore[arg-type]
            marker = self.name()
            self.add(simple(marker, NodeKind.GROUP, **place), tails)
            branch = self.nodes[n_known:]
            branches.append(tuple(node.id for node in branch))
            # The marker of another race's branch says nothing of this branch; the compiler never makes it stand for both.
            others = [node.id for node in branch if node.kind is not NodeKind.GROUP]
            sources.append(self.draw(st.sampled_from([marker, *others])))
            ends += [marker, *(node.id for node in branch if node.kind is NodeKind.ACTION)]
        decider, end = f"{self.name()}.first", f"{self.name()}.end"
        count = self.draw(st.integers(1, len(sources)))
        self.add(simple(decider, NodeKind.RACE, join=Join(JoinKind.N_OF, tuple(sources), count), **place), [])
        self.races.append(Race(decider, tuple(branches)))
        self.edges.update((node, end) for node in ends)
        self.add(simple(end, NodeKind.GROUP, join=Join(JoinKind.ALL, (decider,)), **place), [])
        return [end]

    def _action(self, name: str, place: Mapping[str, object]) -> Node:
        more: dict[str, object] = {}
        earlier = [node.id for node in self.nodes]
        if earlier and self.draw(st.integers(0, 3)) == 0:
            sources = tuple(self.draw(st.lists(st.sampled_from(earlier), min_size=1, max_size=3, unique=True)))
            late = [JoinKind.ALL, JoinKind.SETTLED]
            kind = self.draw(st.sampled_from(list(JoinKind) if self.is_timed else late))
            more["join"] = Join(kind, sources, self.draw(st.integers(1, len(sources))) if kind is JoinKind.N_OF else 0)
        if self.draw(st.integers(0, 2)) == 0:
            more["retry"] = RetryPolicy(max_attempts=3, initial_interval_ns=SECOND)
        if self.is_timed and self.draw(st.integers(0, 5)) == 0:
            more["timeout_ns"] = 2 * SECOND
        if self.is_timed and self.draw(st.integers(0, 5)) == 0:
            more["within_ns"] = 4 * SECOND
        if self.draw(st.integers(0, 4)) == 0:
            more["default"] = expr(self.draw(st.sampled_from([5, ("boom",)])), INT)
        more["effect"] = self.draw(st.sampled_from([Effect.PURE, Effect.IDEMPOTENT, Effect.EFFECTFUL]))
        reads = self.draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True)) if earlier else []
        self.edges.update((source, name) for source in reads)
        return action(name, reads=reads, **place, **more)

    def root_handler(self) -> None:
        self.scopes.append(Scope("", None, "root.catch"))
        self.scopes.append(Scope("on_error", None, None))
        self.add(catch("root.catch", "", binding="err", scope="on_error"), [])
        self.budget += 3
        self.block("on_error", GateRef("root.catch", 1), ["root.catch"], 2)
