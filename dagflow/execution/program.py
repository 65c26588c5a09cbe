"""A flow made ready to run: its plan, its expressions as functions, the codecs of its values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

import attrs
import orjson

from dagflow.execution.flow_expressions import asked, expressions, expressions_of, waits
from dagflow.expr.codegen.emit import compile_cores
from dagflow.expr.runtime.optionals import as_bool
from dagflow.gc_tuning import without_collecting
from dagflow.model.correlation_key import path_text
from dagflow.model.flow import Callee, Expression, Flow, Node, NodeKind
from dagflow.model.plan import Plan, build_plan
from dagflow.model.policies import Concurrency, Debounce, Once, Policies, Rate, Singleton, Throttle
from dagflow.model.types import BOOL, DURATION, INT, JSON, NULL, STRING, EnumType, ScalarType, Type
from dagflow.model.values import Secret
from dagflow.model.wire import codec as wire

#: From the bindings (names to values in stored form) to the value in stored form.
Evaluator: TypeAlias = Callable[[Mapping[str, object]], object]
CompileCores: TypeAlias = Callable[[Sequence[object]], list[Evaluator]]


@attrs.frozen
class Typed:
    """An expression as a function, and the codec of its value.

    Attributes:
        is_sure: whether every value of the expression can be stored as it is.
    """

    evaluate: Evaluator
    codec: wire.Codec
    is_plain: bool
    is_sure: bool

    def __call__(self, bindings: Mapping[str, object]) -> object:
        """The value in the form it will have when read back from the history."""
        value = self.evaluate(bindings)
        return value if self.is_sure else self.canonical(value)

    def holds(self, bindings: Mapping[str, object]) -> bool:
        """Whether a condition is true. Raises EvaluationError also where it is no bool, as free JSON may turn out not to be."""
        return as_bool(self.evaluate(bindings))

    def canonical(self, value: object) -> object:
        """See `canonical`."""
        return canonical(value, self.codec, self.is_plain)


def canonical(value: object, codec: wire.Codec, is_plain: bool) -> object:
    """The value as it will be when read back. Raises WireError if it is not of the type.

    A value with more fields than its type was JSON from outside: the compiler rejects everything else.
    """
    json_value = codec.open.encode(value)
    # `json` is plain once it was encoded.
    return json_value if is_plain or codec.type is JSON else codec.decode(json_value)


def canonical_with_json(value: object, codec: wire.Codec, is_plain: bool) -> tuple[object, bytes]:
    """Return `canonical`, and its stored JSON. Raises WireError if it is not of the type."""
    json_value = codec.open.encode(value)
    return json_value if is_plain else codec.decode(json_value), orjson.dumps(json_value)


@attrs.frozen
class Correlation:
    """The correlation key that an event must carry to match a wait.

    Attributes:
        path: to the key in the payload, as `model.keys` writes it.
        evaluate: the required key. reads: the names that this needs.
    """

    path: str
    evaluate: Evaluator
    reads: frozenset[str]


@attrs.frozen(kw_only=True)
class Code:
    """The compiled code of a node, for drivers.

    Attributes:
        codec, is_plain: of the value that the step reads as. dumps: its stored JSON, once it is in the form it is read in.
        key: of an item of a loop.
        reads_now: whether an expression reads `now`.
        catches: names of failures its expressions may read, with the numbers of their catch nodes.
        correlation: of a wait for an event, where its condition has one.
    """

    node: Node
    codec: wire.Codec
    is_plain: bool
    dumps: Callable[[object], bytes]
    expression: Typed | None
    cases: tuple[tuple[Typed, ...], ...]
    arguments: tuple[tuple[str, Typed], ...]
    reads_now: bool
    default: Typed | None
    key: Typed | None
    catches: tuple[tuple[str, int], ...]
    correlation: Correlation | None


@attrs.frozen(kw_only=True, eq=False)
class TriggerCode:
    """The expressions of one trigger of the flow."""

    when: Typed | None
    mapping: tuple[tuple[str, Typed], ...] | None


@attrs.frozen(kw_only=True, eq=False)
class CancelCode:
    """One `cancel on` of the flow. `codec`: of the event's payload. `correlation`: if its condition has one."""

    binding: str
    codec: wire.Codec | None
    when: Typed | None
    correlation: Correlation | None


@attrs.frozen(kw_only=True, eq=False)
class PolicyCode:
    """The expressions of the flow's policies that are about requests."""

    once: Typed | None
    rate: Typed | None
    debounce: Typed | None
    singleton: Typed | None
    throttle: Typed | None
    concurrency: Typed | None
    priority: Typed | None


@attrs.frozen(kw_only=True, eq=False)
class Program:
    """A flow that can be run. Made once, shared by all its runs.

    Attributes:
        waits: by the name of an event, the nodes that wait for such events. cancels: likewise, the `cancel on` entries.
        bodies: of its loops, by the number of the node.
        callees: the flows it or they call or start, by key; one mapping for all of them.
    """

    flow: Flow
    plan: Plan
    codes: tuple[Code, ...]
    triggers: tuple[TriggerCode, ...]
    policies: PolicyCode
    waits: Mapping[str, tuple[int, ...]]
    cancels: Mapping[str, tuple[CancelCode, ...]]
    input_codec: wire.Codec
    bodies: Mapping[int, Program]
    callees: Mapping[str, Program]

    @cached_property
    def result_codec(self) -> wire.Codec:
        """The codec of the flow's output, or of the yield of an item if it is the body of a loop."""
        return wire.codec(self.flow.result)

    @cached_property
    def input_names(self) -> frozenset[object]:
        """The names of its parameters."""
        return frozenset(field.name for field in self.flow.input.fields)

    @cached_property
    def is_input_plain(self) -> bool:
        """Whether its input is its own JSON."""
        return wire.is_plain(self.flow.input)

    @cached_property
    def hears(self) -> frozenset[str]:
        """The events that its runs wait for, or that cancel them."""
        return frozenset((*self.waits, *self.cancels))

    @cached_property
    def names(self) -> Mapping[str, None]:
        """Return the names that a run begins with: its steps, and its parameters, which are null if omitted."""
        parameters = () if self.flow.binding else (field.name for field in self.flow.input.fields)
        return dict.fromkeys((*self.plan.ids, *parameters))

    @cached_property
    def secrets(self) -> Mapping[str, Secret]:
        """The record that its expressions read as `secrets`."""
        return {name: Secret(name) for name in self.flow.secrets}

    @cached_property
    def emits(self) -> frozenset[str]:
        """The events it emits, itself or through others."""
        return frozenset(node.event for node in nodes_of(self) if node.kind is NodeKind.EMIT)

    @cached_property
    def parts_wait(self) -> bool:
        """Whether the runs that it has of its own, or theirs, wait for events."""
        called = (self.callees[node.flow] for node in self.flow.nodes if node.kind is NodeKind.CALL)
        return any(part.waits or part.parts_wait for part in (*self.bodies.values(), *called))

    @cached_property
    def calls(self) -> frozenset[str]:
        """The actions it calls, itself or through others, also to undo."""
        return frozenset(actions_of(self, {NodeKind.ACTION, NodeKind.UNDO}))

    @cached_property
    def startable(self) -> Flow:
        """Return the flow with all flows that it calls or starts, directly or indirectly, so that it can be stored on its own."""
        wanted: dict[str, None] = {}
        waiting: list[Program] = [self]
        while waiting:
            for key in _named(waiting.pop().flow):
                if key not in wanted:
                    wanted[key] = None
                    waiting.append(self.callees[key])
        return attrs.evolve(self.flow, callees=tuple(Callee(key, self.callees[key].flow) for key in sorted(wanted)))


@without_collecting()
def prepare(flow: Flow) -> Program:
    """Make a flow ready to run. Raises DagflowBug if the compiler cannot have made it."""
    return build_program(flow, compile_cores)


def build_program(flow: Flow, compile_all: CompileCores) -> Program:
    """Compile the expressions of a flow and of all it needs, those of each flow in one go."""
    callees: dict[str, Program] = {}
    for callee in flow.callees:
        callees[callee.key] = _build(callee.flow, compile_all, callees)
    return _build(flow, compile_all, callees)


def _build(flow: Flow, compile_all: CompileCores, callees: Mapping[str, Program]) -> Program:
    found = list(expressions(flow))
    wanted = asked(flow)
    functions = compile_all([*(expression.core for expression in found), *(each.core for each in wanted.values())])
    correlations = {
        number: Correlation(path_text(each.path), function, each.reads)
        for (number, each), function in zip(wanted.items(), functions[len(found) :], strict=True)
    }
    code_of = {id(expression): fn for expression, fn in zip(found, functions[: len(found)], strict=True)}
    plan = build_plan(flow)

    def typed(expression: Expression, type_: Type | None = None) -> Typed:
        type_ = type_ or expression.type
        is_sure = type_ == expression.type and _is_sure(type_)
        return Typed(code_of[id(expression)], wire.codec(type_), wire.is_plain(type_), is_sure)

    def code(number: int, node: Node) -> Code:
        type_ = _value_type(flow, node)
        codec, is_plain = wire.codec(type_), wire.is_plain(type_)
        return Code(
            node=node,
            codec=codec,
            is_plain=is_plain,
            dumps=orjson.dumps if is_plain or type_ is JSON else codec.dumps,
            expression=None if node.expression is None else typed(node.expression, _expected_type(flow, node)),
            cases=tuple(tuple(typed(value) for value in case) for case in node.cases),
            arguments=tuple((argument.name, typed(argument.value)) for argument in node.arguments),
            reads_now=any("now" in expression.reads for expression in expressions_of(node)),
            default=None if node.default is None else typed(node.default, node.type),
            key=None if node.loop is None or node.loop.key is None else typed(node.loop.key),
            catches=_catches(flow, plan, number),
            correlation=correlations.get(number),
        )

    return Program(
        flow=flow,
        plan=plan,
        codes=tuple(code(number, node) for number, node in enumerate(flow.nodes)),
        triggers=tuple(
            TriggerCode(
                when=None if trigger.when is None else typed(trigger.when),
                mapping=None if trigger.mapping is None else tuple((arg.name, typed(arg.value)) for arg in trigger.mapping),
            )
            for trigger in flow.triggers
        ),
        policies=_policies(flow.policies, typed),
        waits=waits(flow),
        cancels=_cancels(flow.policies, typed, correlations),
        input_codec=wire.codec(flow.input),
        bodies={n: _build(node.loop.body, compile_all, callees) for n, node in enumerate(flow.nodes) if node.loop is not None},
        callees=callees,
    )


def _policies(policies: Policies, typed: Callable[[Expression], Typed]) -> PolicyCode:
    def key(policy: Once | Rate | Debounce | Singleton | Throttle | Concurrency | None) -> Typed | None:
        return None if policy is None or policy.key is None else typed(policy.key)

    return PolicyCode(
        once=key(policies.once),
        rate=key(policies.rate),
        debounce=key(policies.debounce),
        singleton=key(policies.singleton),
        throttle=key(policies.throttle),
        concurrency=key(policies.concurrency),
        priority=None if policies.priority is None else typed(policies.priority),
    )


def _cancels(
    policies: Policies, typed: Callable[[Expression], Typed], correlations: Mapping[int, Correlation]
) -> dict[str, tuple[CancelCode, ...]]:
    codes: dict[str, tuple[CancelCode, ...]] = {}
    for number, cancel in enumerate(policies.cancel_on):
        code = CancelCode(
            binding=cancel.binding,
            codec=None if cancel.payload is None else wire.codec(cancel.payload),
            when=None if cancel.when is None else typed(cancel.when),
            correlation=correlations.get(~number),
        )
        codes[cancel.event] = (*codes.get(cancel.event, ()), code)
    return codes


def actions_of(program: Program, kinds: Collection[NodeKind]) -> Iterator[str]:
    """The actions that nodes of these kinds call, with those in loops and in the flows it calls or starts."""
    return (node.action for node in nodes_of(program) if node.action and node.kind in kinds)


def nodes_of(program: Program) -> Iterator[Node]:
    """Its nodes, with those in loops and in the flows it calls or starts."""
    waiting = [program, *program.callees.values()]
    while waiting:
        one = waiting.pop()
        waiting += one.bodies.values()
        yield from one.flow.nodes


def _named(flow: Flow) -> Iterator[str]:
    """The keys of the flows it calls or starts, in its loops too."""
    for node in flow.nodes:
        if node.flow:
            yield node.flow
        if node.loop is not None:
            yield from _named(node.loop.body)


def _is_sure(type_: Type) -> bool:
    return type_ in {BOOL, INT, STRING, DURATION} or isinstance(type_, EnumType | ScalarType)


def _value_type(flow: Flow, node: Node) -> Type:
    """Of the value that goes into the history beside the node's success."""
    match node.kind:
        case NodeKind.RETURN | NodeKind.YIELD:
            return flow.result
        case NodeKind.STOP:
            return STRING if node.expression is not None else NULL
        case _:
            return node.type


def _expected_type(flow: Flow, node: Node) -> Type | None:
    """Return the type that the expression's value is stored as, if that may be wider than its own type."""
    if node.kind in (NodeKind.RETURN, NodeKind.YIELD, NodeKind.LET):
        return _value_type(flow, node)
    return None


def _catches(flow: Flow, plan: Plan, number: int) -> tuple[tuple[str, int], ...]:
    """Return the catches around it, by the name of each failure; the innermost of a name wins."""
    gate = plan.gates[number]
    if gate < 0:
        return ()
    found: dict[str, int] = {}
    while gate >= 0:
        binding = flow.nodes[gate].binding
        if plan.kinds[gate] is NodeKind.CATCH and binding:
            found.setdefault(binding, gate)
        gate = plan.gates[gate]
    return tuple(found.items())
