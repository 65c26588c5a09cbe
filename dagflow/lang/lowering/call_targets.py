"""The target of a call: an action of the host, or another flow as a child run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from dagflow.diagnostic import Edit, Fix, Span, nearest
from dagflow.expr import tree
from dagflow.lang.check.signatures import Signature
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.syntax import tree as s
from dagflow.model.action import ActionSpec, Effect
from dagflow.model.flow import Callee, Flow, NodeKind
from dagflow.model.types import STRING, Field, RecordType, Type
from dagflow.model.values import Duration

#: What `start` reads as.
STARTED: Final = RecordType("", (Field("run_id", STRING),))
#: Flows that call each other, one inside the other.
MOST_CALLS: Final = 8


@attrs.frozen(kw_only=True)
class Target:
    """The target of a call.

    Attributes:
        action: the host's action, if it is one. flow: the key of the flow, else.
        params: None if arguments are not checked.
    """

    kind: NodeKind
    params: tuple[Field, ...] | None
    result: Type
    effect: Effect
    action: ActionSpec | None = None
    flow: str = ""


def find_target(builder: FlowBuilder, step: s.CallStep) -> Target | None:
    """The target of a step; None with a diagnostic if there is none, or if an error in it has been reported already."""
    name = step.call.callee.text
    signature = builder.signatures.get(name)
    if signature is not None:
        if step.is_start:
            return Target(
                kind=NodeKind.START, params=_params(signature), result=STARTED, effect=Effect.TRANSACTIONAL, flow=signature.key
            )
        _check_calls(builder, step.call, signature)
        return Target(
            kind=NodeKind.CALL,
            params=_params(signature),
            result=signature.result,
            effect=Effect.TRANSACTIONAL,
            flow=signature.key,
        )
    if step.is_start and name in builder.declarations.actions:
        _report_started_action(builder, step)
        return None
    spec = find_action(builder, step.call, word="start" if step.is_start else "")
    if spec is None:
        return None
    return Target(kind=NodeKind.ACTION, params=spec.params, result=spec.result, effect=spec.effect, action=spec)


def _params(signature: Signature) -> tuple[Field, ...] | None:
    return None if signature.is_loose else signature.params


def _check_calls(builder: FlowBuilder, call: s.CallExpr, signature: Signature) -> None:
    """E502 for the call that makes one too many; those of its caller are not complained about as well."""
    if signature.depth == MOST_CALLS:
        builder.report(
            "E502", "these flows call each other too deeply", call.callee.span,
            f"`{call.callee.text}` has {MOST_CALLS - 1} flows inside each other already", "emit an event instead, which starts a run of its own",
        )  # fmt: skip


def _report_started_action(builder: FlowBuilder, step: s.CallStep) -> None:
    callee = step.call.callee
    start = builder.source.text.rfind("start", step.span.start, callee.span.start)
    # A misspelt `start` has been mended, and is not in the text.
    fix = None if start < 0 else Fix("remove `start`", is_safe=True, edits=(Edit(Span(start, callee.span.start), ""),))
    builder.report(
        "E201", f"`{callee.text}` is an action, not a flow", callee.span, "only flows are started",
        "call it; in `parallel { }` it does not hold up what is beside it", fix,
    )  # fmt: skip


def find_action(builder: FlowBuilder, call: s.CallExpr, *, word: str) -> ActionSpec | None:
    """The action of a call; None with a diagnostic if there is none, or if an error in it has been reported already.

    Args:
        word: the word before the call, if it takes only one of the two.
    """
    name = call.callee.text
    declarations = builder.declarations
    spec = declarations.actions.get(name)
    if spec is not None or declarations.is_broken(name):
        return spec
    if name in builder.signatures or name in declarations.flows:
        if word == "undo":
            builder.report(
                "E316", "`undo` does not fit a flow", call.callee.span, f"`{name}` is a flow, not an action",
                "call an action; what a called flow has done is undone by the `undo` of its own steps",
            )  # fmt: skip
        return None
    flows = dict.fromkeys([*declarations.flows, *builder.signatures])
    known = [*(() if word == "start" else declarations.actions), *(() if word == "undo" else flows)]
    meant = nearest(name, known)
    if meant is None:
        # `upsert` for `crm.upsert`.
        meant = next((each for each in known if each.rpartition(".")[2] == name), None)
    help_ = "`dagflow actions` lists those there are; declare others with `action`"
    if word == "start":
        help_ = "`start` takes a flow of this file or of one it imports"
    if meant is not None:
        params = {param.name for param in _params_of(builder, meant)}
        matches = call.args and all(arg.name is not None and arg.name.text in params for arg in call.args)
        help_ = f"did you mean `{meant}`?" + (" its arguments match" if matches else "")
    fix = Fix(f"`{meant}`", is_safe=True, edits=(Edit(call.callee.span, meant),)) if meant else None
    if name in _FOREIGN and not word:
        help_, fix = _FOREIGN[name], _as_wait(builder, call) if name in _PAUSES else None
    what = {"start": "flow"}.get(word, "action")
    label = {"start": "no such flow", "undo": "no such action"}.get(word, "no such action or flow")
    builder.report("E201", f"unknown {what} `{name}`", call.callee.span, label, help_, fix)
    return None


_PAUSES: Final = frozenset(["sleep", "delay", "time.sleep", "asyncio.sleep"])
#: What other languages call to do what a statement or an action does here.
_FOREIGN: Final = {
    **dict.fromkeys(_PAUSES, "a flow pauses with `wait 2d`"),
    **dict.fromkeys(["print", "echo", "puts", "console.log"], 'write `log(message: "…")`'),
    **dict.fromkeys(
        ["fetch", "requests.get", "requests.post", "http.post", "axios.get", "axios.post", "curl"],
        'write `http.request(method: "GET", url: …)`',
    ),
}  # fmt: skip


def _as_wait(builder: FlowBuilder, call: s.CallExpr) -> Fix | None:
    """`sleep(2d)` as `wait 2d`."""
    if len(call.args) != 1 or call.args[0].name is not None:
        return None
    given = call.args[0].value
    is_duration = isinstance(given, tree.Literal) and isinstance(given.value, Duration)
    meant = f"wait {builder.text(given.span)}"
    return Fix(f"`{meant}`", is_safe=is_duration, edits=(Edit(call.span, meant),))


def _params_of(builder: FlowBuilder, name: str) -> tuple[Field, ...]:
    spec = builder.declarations.actions.get(name)
    signature = builder.signatures.get(name)
    return spec.params if spec is not None else () if signature is None else signature.params


# ---- after lowering


def called(flow: Flow) -> Iterator[str]:
    """The keys of the flows that a flow or a body in it calls or starts, in declared order."""
    for node in flow.nodes:
        if node.flow:
            yield node.flow
        if node.loop is not None:
            yield from called(node.loop.body)


def with_callees(flow: Flow, known: dict[str, Flow]) -> Flow:
    """The flow with every flow it needs, those before which need none; `known` are those lowered before it, by their keys."""
    needed: set[str] = set()
    todo = list(called(flow))
    while todo:
        key = todo.pop()
        if key not in needed and key in known:
            needed.add(key)
            todo += called(known[key])
    return attrs.evolve(
        flow, callees=tuple(Callee(key, attrs.evolve(known[key], callees=())) for key in known if key in needed)
    )


def repeating(builder: FlowBuilder) -> str:
    """An effectful action without an effect key that a run of the flow calls, itself or through others; "" if there is none."""
    for each in builder.nodes.values():
        node = each.node
        spec = builder.declarations.actions.get(node.action) if node.kind is NodeKind.ACTION else None
        if spec is not None and spec.effect is Effect.EFFECTFUL and not spec.takes_key and not node.at_most_once:
            return spec.name
        if node.kind is NodeKind.CALL and (inner := repeated_by(builder, node.flow)):
            return inner
    for body in builder.bodies.values():
        inner = repeating(body)
        if inner:
            return inner
    return ""


def repeated_by(builder: FlowBuilder, key: str) -> str:
    """What `Signature.repeats` says of the flow with that key."""
    return next((signature.repeats for signature in builder.signatures.values() if signature.key == key), "")


def call_depth(builder: FlowBuilder) -> int:
    """How many flows are inside each other where this one is called; no more than is complained about."""
    depth = 1
    for each in builder.nodes.values():
        if each.node.kind is NodeKind.CALL:
            inner = next((s.depth for s in builder.signatures.values() if s.key == each.node.flow), 0)
            depth = max(depth, inner + 1)
    return max(depth, *(call_depth(body) for body in builder.bodies.values()), 1)
