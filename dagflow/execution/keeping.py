"""The part of an earlier run that a new run can keep, of the same version of a flow or of another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

import attrs

from dagflow.diagnostic import Span
from dagflow.engine.keeping import Again, kept_nodes, run_again
from dagflow.execution.program import Program
from dagflow.execution.run_state import Keeping, RunState
from dagflow.model.flow import Flow, Node, NodeKind
from dagflow.model.plan import NO_NODE
from dagflow.model.status import NodeStatus

#: What a flow computes does not depend on these.
_NO_MATTER: Final = frozenset({"span", "doc", "was", "text", "source", "cost"})


def keeping_of(program: Program, earlier: RunState, step: int) -> tuple[Keeping, dict[int, Again]]:
    """Return what a new run of the program has from an earlier run, and why it runs the other nodes again.

    Args:
        program: of the new run. earlier: a run that has ended.
        step: the node to begin with.
    """
    state, outputs = earlier.machine.state, earlier.values.outputs
    before = _same_nodes(program, earlier.program)
    again = run_again(program.plan, state, before, step)
    kept = kept_nodes(state, before, again)
    ids = program.plan.ids
    values = {
        each.node: outputs[ids[each.node]] for each in kept if each.status is NodeStatus.SUCCEEDED and ids[each.node] in outputs
    }
    return Keeping(earlier.run, kept, values), again


def _same_nodes(program: Program, earlier: Program) -> tuple[int, ...]:
    """By node, its number in the earlier program; NO_NODE where it computes anything else, or comes after others."""
    if program is earlier:
        return tuple(range(program.plan.n_nodes))
    new, old = program.flow, earlier.flow
    is_alike = _essence((new.input, new.binding, new.scopes, new.races)) == _essence(
        (old.input, old.binding, old.scopes, old.races)
    )
    if not is_alike:
        return (NO_NODE,) * program.plan.n_nodes
    numbers = earlier.plan.numbers
    return tuple(
        numbers[node.id] if node.id in numbers and _whole(program, node) == _whole(earlier, old.node(node.id)) else NO_NODE
        for node in new.nodes
    )


def _whole(program: Program, node: Node) -> object:
    """All that the value of a node depends on, beside the nodes it comes after."""
    before = sorted((edge.source, tuple(edge.kinds), edge.outcome) for edge in program.flow.edges if edge.target == node.id)
    return _essence(node), _essence(before), _called(program, node, set())


def _called(program: Program, node: Node, seen: set[str]) -> object:
    """The flow that a node calls, and the flows that this one calls; a started flow goes its own way."""
    if node.kind is not NodeKind.CALL or node.flow in seen:
        return node.flow
    callee = program.callees[node.flow]
    nested = tuple(_called(program, each, seen | {node.flow}) for each in callee.flow.nodes)
    return _flow(callee.flow), nested


def _flow(flow: Flow) -> object:
    return tuple(map(_essence, (flow.input, flow.binding, flow.result, flow.nodes, flow.edges, flow.scopes, flow.races)))


def _essence(value: object) -> object:
    """A part of a flow, without where and how it is written."""
    if isinstance(value, Span):
        return None
    if isinstance(value, Flow):
        return _flow(value)
    if isinstance(value, tuple | list):
        return tuple(map(_essence, cast("Iterable[object]", value)))
    if isinstance(value, Mapping):
        return tuple((key, _essence(each)) for key, each in cast("Mapping[object, object]", value).items())
    if attrs.has(type(value)):
        names = (
            field.name for field in attrs.fields(cast("type[attrs.AttrsInstance]", type(value))) if field.name not in _NO_MATTER
        )
        return type(value), tuple(_essence(getattr(value, name)) for name in names)
    # `1` is not `true`, as it is for Python.
    return type(value), value
