"""The fast path of a step, prepared once for each program: its arguments, its function and the check of its result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import attrs

from dagflow.actions.failures import ActionFailed
from dagflow.actions.fast_path import FastAction, Kept
from dagflow.execution.evaluate import evaluated
from dagflow.execution.performer import Performer
from dagflow.execution.program import Code, Evaluator, Program, Typed
from dagflow.model.action import Effect


@attrs.frozen(eq=False)
class FastStep:
    """A step whose action can be called without an `Invocation`; see `actions.fast_path`.

    Attributes:
        arguments: from the bindings to the arguments of the call. Raises EvaluationError, Unevaluable.
        function, keep, keep_any, explain, key_names: see `actions.fast_path.FastAction`.
        is_pure: whether the call needs nothing to be in the store.
        is_steady: whether the bindings are the shared ones, if all its predecessors are settled.
    """

    arguments: Callable[[Mapping[str, object]], dict[str, object]]
    function: Callable[..., Awaitable[object]]
    keep: Callable[[object], Kept | None]
    keep_any: Callable[[object], Awaitable[object]]
    explain: Callable[[BaseException], ActionFailed]
    key_names: tuple[str, ...]
    is_pure: bool
    is_steady: bool


def quick_ways(performer: Performer, program: Program) -> list[FastStep | None]:
    """By the number of the node, its fast path if there is one."""
    known: dict[tuple[object, ...], FastAction | None] = {}
    return [_quick(performer, code, known) for code in program.codes]


def _quick(performer: Performer, code: Code, known: dict[tuple[object, ...], FastAction | None]) -> FastStep | None:
    node = code.node
    if not node.action:
        return None
    # Many steps call one action in the same way. Types are told apart as objects, which the program keeps: comparing them takes longer.
    key = (node.action, id(node.type), *[(argument.name, id(argument.value.type)) for argument in node.arguments])
    if key not in known:
        types = {argument.name: argument.value.type for argument in node.arguments}
        known[key] = performer.direct(node.action, types, node.type)
    direct = known[key]
    return None if direct is None else fast_step(code, direct)


def fast_step(code: Code, direct: FastAction) -> FastStep | None:
    """The fast path of a step whose action and arguments have one. An undo has none: it has further preconditions."""
    if code.node.undoes:
        return None
    return FastStep(
        arguments=_together([(name, _evaluator(name, typed)) for name, typed in code.arguments]),
        function=direct.function,
        keep=direct.keep,
        keep_any=direct.keep_any,
        explain=direct.explain,
        key_names=direct.key_names,
        is_pure=code.node.effect is Effect.PURE,
        is_steady=not code.reads_now and not code.catches,
    )


def _evaluator(name: str, typed: Typed) -> Evaluator:
    # Where every value can be stored as it is, only evaluating it can fail.
    return typed.evaluate if typed.is_sure else partial(_evaluated, f"`{name}`", typed)


def _evaluated(what: str, typed: Typed, bindings: Mapping[str, object]) -> object:
    return evaluated(typed, bindings, what)


def _together(functions: Sequence[tuple[str, Evaluator]]) -> Callable[[Mapping[str, object]], dict[str, object]]:
    """One function for all arguments; most steps have few, for which a loop is a good part of the cost."""
    match functions:
        case []:
            return lambda _: {}
        case [(name, one)]:
            return lambda bindings: {name: one(bindings)}
        case [(name, one), (second, two)]:
            return lambda bindings: {name: one(bindings), second: two(bindings)}
        case _:
            return lambda bindings: {each: function(bindings) for each, function in functions}
