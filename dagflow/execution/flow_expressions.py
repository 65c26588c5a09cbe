"""The places of a flow's expressions."""

from __future__ import annotations

from collections.abc import Iterator

from dagflow.expr.codegen.equalities import Equality, equalities
from dagflow.model.expression import Expression
from dagflow.model.flow import Flow, Node, NodeKind


def expressions(flow: Flow) -> Iterator[Expression]:
    """All of a flow that are compiled, without those of the bodies of its loops."""
    for node in flow.nodes:
        yield from expressions_of(node)
    for trigger in flow.triggers:
        if trigger.when is not None:
            yield trigger.when
        for argument in trigger.mapping or ():
            yield argument.value
    policies = flow.policies
    keyed = (policies.once, policies.rate, policies.debounce, policies.singleton, policies.throttle, policies.concurrency)
    for policy in keyed:
        if policy is not None and policy.key is not None:
            yield policy.key
    if policies.priority is not None:
        yield policies.priority
    for cancel in policies.cancel_on:
        if cancel.when is not None:
            yield cancel.when


def expressions_of(node: Node) -> Iterator[Expression]:
    """Those of a node."""
    if node.expression is not None:
        yield node.expression
    for case in node.cases:
        yield from case
    for argument in node.arguments:
        yield argument.value
    if node.default is not None:
        yield node.default
    if node.loop is not None and node.loop.key is not None:
        yield node.loop.key


def waits(flow: Flow) -> dict[str, tuple[int, ...]]:
    """By the name of an event, the nodes that wait for such events."""
    found: dict[str, tuple[int, ...]] = {}
    for number, node in enumerate(flow.nodes):
        if node.kind is NodeKind.WAIT_EVENT:
            found[node.event] = (*found.get(node.event, ()), number)
    return found


def asked(flow: Flow) -> dict[int, Equality]:
    """Of the nodes that wait for an event, the first thing the condition asks of it; each `cancel on` under the complement of its number."""
    asked: dict[int, Equality] = {}
    for number, node in enumerate(flow.nodes):
        if node.kind is NodeKind.WAIT_EVENT and node.expression is not None and node.binding:
            found = next(equalities(node.expression.core, node.binding), None)
            if found is not None:
                asked[number] = found
    for number, cancel in enumerate(flow.policies.cancel_on):
        if cancel.when is not None and cancel.binding:
            found = next(equalities(cancel.when.core, cancel.binding), None)
            if found is not None:
                asked[~number] = found
    return asked
