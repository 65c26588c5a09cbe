"""The host's permissions beside types: the targets of secrets (E602), and the events that flows may emit (E603).

The call checks whatever is unknown before the run, such as an address that contains a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from dagflow.diagnostic import Span
from dagflow.expr import tree
from dagflow.lang.check.value_numbering import parts_of
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.syntax import tree as s
from dagflow.model.action import ActionSpec
from dagflow.model.destinations import is_event_allowed

#: The beginning of an address that says where it leads, whatever comes behind it.
_SERVER: Final = re.compile(r"https?://[^/?#\s]+(?=[/?#])", re.IGNORECASE)


def check_secrets(builder: FlowBuilder, spec: ActionSpec, args: Sequence[s.Arg]) -> None:
    """E602 for each secret that the call may not receive, as far as the host has declared it."""
    # The host's declaration decides, not one in the file.
    host = builder.declarations.host_actions.get(spec.name, spec)
    address = next((_address(arg.value) for arg in args if arg.name is not None and arg.name.text == host.destination), None)
    for arg in args:
        for name, span in _secrets(arg.value):
            bound = builder.declarations.secrets.get(name)
            refusal = None
            if bound is not None:
                refusal = bound.refusal(host.name, takes_address=bool(host.destination), address=address)
            if refusal is not None:
                allowed = ", ".join(str(pattern) for pattern in bound.hosts) if bound is not None else ""
                help_ = f"it may go to {allowed}" if allowed else "ask whoever runs this to bind the secret to it"
                builder.report("E602", f"the secret `{name}` may not go there", span, f"it {refusal}", help_)


def check_emit(builder: FlowBuilder, event: s.Text) -> None:
    """E603 where the host does not let flows emit it."""
    allowed = builder.declarations.emits
    if allowed is not None and not is_event_allowed(event.value, allowed):
        listed = ", ".join(f'"{pattern}"' for pattern in allowed[:8])
        help_ = f"flows may emit {listed}" if allowed else "flows may emit no events here"
        builder.report("E603", f'flows may not emit "{event.value}"', event.span, "the host sends this one itself", help_)


def _secrets(expr: tree.Expr) -> Iterator[tuple[str, Span]]:
    """The secrets an expression names, wherever in it."""
    for part in parts_of(expr):
        if isinstance(part, tree.Select) and isinstance(part.operand, tree.Name) and part.operand.name == "secrets":
            yield part.field, part.span


def _address(expr: tree.Expr) -> str | None:
    """The address of an expression, or the beginning of it that identifies the server."""
    match expr:
        case tree.Literal(_, str() as text):
            return text
        case tree.Call(_, "Url", _, (inner,), None):
            return _address(inner)
        case tree.Interpolation(_, (str() as first, *_)):
            server = _SERVER.match(first)
            return server[0] if server else None
        case _:
            return None
