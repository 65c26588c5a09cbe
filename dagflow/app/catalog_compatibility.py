"""Check whether a compiled flow still fits the actions of a host: these may have changed while its runs were suspended."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from dagflow.errors import EvaluationError
from dagflow.execution.program import Program, nodes_of
from dagflow.expr.codegen.emit import compile_cores
from dagflow.lang.check.assignability import is_assignable
from dagflow.lang.check.declarations import readable
from dagflow.model.action import ActionSpec
from dagflow.model.expression import Expression
from dagflow.model.flow import Node, NodeKind
from dagflow.model.types import ListType, OptionalType, RecordType, Type
from dagflow.model.wire import codec as wire
from dagflow.model.wire.codec import WireError


def misfit(program: Program, actions: Mapping[str, ActionSpec], kinds: Collection[NodeKind]) -> str | None:
    """Why the flow cannot call what its nodes of these kinds call, with what to do; None if it can.

    An action may have further parameters if these are optional. It must return everything that the flow reads.
    """
    nodes = [node for node in nodes_of(program) if node.action and node.kind in kinds]
    missing = [f"`{name}`" for name in sorted({node.action for node in nodes} - actions.keys())]
    if missing:
        return f"the flow {program.flow.name!r} calls {', '.join(missing)}, which the catalog does not have; register it"
    for node in nodes:
        if _is_exact(node, actions[node.action]):
            continue
        for problem in _problems(node, actions[node.action]):
            what = f"the flow {program.flow.name!r} does not fit the catalog: {problem}"
            return f"{what}; register `{node.action}` as it was when the flow was compiled"
    return None


def _is_exact(node: Node, spec: ActionSpec) -> bool:
    """Whether a node passes every argument in its declared type and reads the action's result, as most do."""
    given = {argument.name: argument.value.type for argument in node.arguments}
    return node.type == spec.result and given == {param.name: param.type for param in spec.params}


def _problems(node: Node, spec: ActionSpec) -> Iterator[str]:
    params = {param.name: param for param in spec.params}
    given = {argument.name: argument.value for argument in node.arguments}
    for name, value in given.items():
        if name not in params:
            yield f"`{node.id}` gives `{spec.name}` the argument `{name}`, which it does not take"
        elif not _is_accepted(value, params[name].type):
            wanted = readable(params[name].type)
            yield f"`{node.id}` gives `{spec.name}` `{name}: {value.text}` of type {readable(value.type)}, and it takes {wanted}"
    for param in spec.params:
        if param.is_required and param.name not in given:
            yield f"`{node.id}` calls `{spec.name}` without `{param.name}`, which it needs"
    if not _is_readable(spec.result, node.type):
        yield f"`{node.id}` reads {readable(node.type)} from `{spec.name}`, which returns {readable(spec.result)}"


def _is_readable(given: Type, wanted: Type) -> bool:
    """Whether a result of one type can be read as another. Fields that the flow does not read are dropped."""
    match given, wanted:
        case RecordType(), RecordType():
            known = {field.name: field for field in given.fields}
            return all(
                field.name in known and _is_readable(known[field.name].type, field.type)
                if field.is_required
                else field.name not in known or _is_readable(known[field.name].type, field.type)
                for field in wanted.fields
            )
        case ListType(element), ListType(wanted_element):
            return _is_readable(element, wanted_element)
        case OptionalType(value), OptionalType(wanted_value):
            return _is_readable(value, wanted_value)
        case _:
            return is_assignable(given, wanted)


def _is_accepted(value: Expression, wanted: Type) -> bool:
    if is_assignable(value.type, wanted):
        return True
    # A literal, such as one of a set of texts, has no type of its own.
    if value.reads:
        return False
    try:
        constant = compile_cores([value.core])[0]({})
        wire.decode(wire.encode(constant, value.type), wanted)
    except (EvaluationError, WireError):
        return False
    return True
