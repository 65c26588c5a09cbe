"""The short way of a step, worked out once for each program: its arguments, its function and its result without a conversion."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import attrs

from dagflow.actions.failures import ActionFailed
from dagflow.actions.fast_path import FastAction
from dagflow.execution.performer import Performer
from dagflow.execution.program import Code, Evaluator, Program
from dagflow.model.action import Effect


@attrs.frozen(eq=False)
class FastStep:
    """A step whose arguments and result are the same in stored form and in Python; see `actions.direct`.

    Attributes:
        arguments: from the bindings to the arguments of the call. Raises EvaluationError.
        function, keep, explain: see `actions.direct.FastAction`.
        is_pure: whether the call needs nothing to be in the store.
        is_steady: whether the bindings are the shared ones, if all its predecessors are settled.
    """

    arguments: Callable[[Mapping[str, object]], dict[str, object]]
    function: Callable[..., Awaitable[object]]
    keep: Callable[[object], object]
    explain: Callable[[BaseException], ActionFailed]
    is_pure: bool
    is_steady: bool


def quick_ways(performer: Performer, program: Program) -> list[FastStep | None]:
    """By the number of the node, its short way if there is one."""
    return [_quick(performer, code) for code in program.codes]


def _quick(performer: Performer, code: Code) -> FastStep | None:
    node = code.node
    types = {argument.name: argument.value.type for argument in node.arguments}
    direct = performer.direct(node.action, types, node.type) if node.action else None
    return None if direct is None else fast_step(code, direct)


def fast_step(code: Code, direct: FastAction) -> FastStep | None:
    """The fast path of a step whose action and arguments have one. An undo has none: it has further preconditions."""
    if code.quick_arguments is None or code.node.undoes:
        return None
    arguments = _together(code.quick_arguments)
    is_steady = not code.reads_now and not code.catches
    return FastStep(arguments, direct.function, direct.keep, direct.explain, code.node.effect is Effect.PURE, is_steady)


def _together(functions: tuple[tuple[str, Evaluator], ...]) -> Callable[[Mapping[str, object]], dict[str, object]]:
    """One function for all arguments; most steps have few, for which a loop is a good part of the cost."""
    match functions:
        case ():
            return lambda _: {}
        case ((name, one),):
            return lambda bindings: {name: one(bindings)}
        case ((name, one), (second, two)):
            return lambda bindings: {name: one(bindings), second: two(bindings)}
        case _:
            return lambda bindings: {each: function(bindings) for each, function in functions}
