"""The call graph of flows: an order in which callees come first, and cycles, which are errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from dagflow.diagnostic import Diagnostic, Fix
from dagflow.lang.diagnostics import Source
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.walk import statements_of

#: The most reported cycles: each costs a pass over every call, and more of them help no author.
_MOST_CIRCLES: Final = 20


@attrs.frozen
class _Call:
    caller: str
    callee: str
    step: s.CallStep


def in_call_order(decls: Sequence[s.FlowDecl], source: Source) -> tuple[list[s.FlowDecl], list[Diagnostic]]:
    """The flows of a file, callees first, else as declared; and E502 for each cycle."""
    by_name: dict[str, s.FlowDecl] = {}
    for decl in decls:
        by_name.setdefault(decl.name.text, decl)
    calls = {name: _calls(name, decl, by_name) for name, decl in by_name.items()}
    ordered: dict[str, None] = {}
    found: list[Diagnostic] = []
    while not _order(calls, ordered):
        if len(found) == _MOST_CIRCLES:
            ordered.update(dict.fromkeys(calls))
            break
        circle = _circle(calls, ordered)
        found.append(_report(circle, by_name, source))
        # A callee within a cycle is unknown at its call, so nothing more is reported about that call.
        closing = {(call.caller, call.callee) for call in circle[:1]}
        calls = {name: [call for call in mine if (call.caller, call.callee) not in closing] for name, mine in calls.items()}
    rest = [decl for decl in decls if by_name[decl.name.text] is not decl]
    return [*(by_name[name] for name in ordered), *rest], found


def _calls(name: str, decl: s.FlowDecl, known: dict[str, s.FlowDecl]) -> list[_Call]:
    steps = [statement for statement in statements_of(decl) if isinstance(statement, s.CallStep)]
    return [_Call(name, step.call.callee.text, step) for step in steps if step.call.callee.text in known]


def _order(calls: dict[str, list[_Call]], ordered: dict[str, None]) -> bool:
    """Add every flow whose callees are all there; whether that is all of them."""
    callers: dict[str, set[str]] = {name: set() for name in calls}
    n_missing = dict.fromkeys(calls, 0)
    order = {name: number for number, name in enumerate(calls)}
    for name, mine in calls.items():
        for callee in {call.callee for call in mine}:
            callers[callee].add(name)
            n_missing[name] += callee not in ordered
    ready = [name for name in calls if n_missing[name] == 0 and name not in ordered]
    for name in ready:
        ordered[name] = None
        for caller in sorted(callers[name], key=order.__getitem__):
            n_missing[caller] -= 1
            if n_missing[caller] == 0:
                ready.append(caller)
    return len(ordered) == len(calls)


def _circle(calls: dict[str, list[_Call]], ordered: dict[str, None]) -> list[_Call]:
    """The calls of a cycle among the flows that are left, the flow declared first at the beginning."""
    left = [name for name in calls if name not in ordered]
    path: list[_Call] = []
    seen: dict[str, int] = {}
    name = left[0]
    while name not in seen:
        seen[name] = len(path)
        call = next(call for call in calls[name] if call.callee not in ordered)
        path.append(call)
        name = call.callee
    circle = path[seen[name] :]
    first = min(range(len(circle)), key=lambda number: left.index(circle[number].caller))
    return circle[first:] + circle[:first]


def _report(circle: list[_Call], by_name: dict[str, s.FlowDecl], source: Source) -> Diagnostic:
    call = circle[0]
    if len(circle) == 1:
        label = f"`{call.caller}` calls itself"
    else:
        line = source.place(by_name[call.callee].name.span.start).line
        label = f"`{call.callee}` (line {line}) calls " + ", which calls ".join(f"`{each.callee}`" for each in circle[1:])
    return Diagnostic(
        code="E502", title="flows call each other in a cycle", span=call.step.call.callee.span, label=label,
        help="flows must end: there is no recursion; emit an event instead", fix=Fix('`emit "…" (…)`', is_safe=False),
    )  # fmt: skip
