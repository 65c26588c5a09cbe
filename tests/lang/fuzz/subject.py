"""What is done with an input, and what must hold whatever it is: `BrokenPromiseError` says what did not."""

from __future__ import annotations

from dagflow.diagnostic import Diagnostic
from dagflow.errors import ExpressionError
from dagflow.execution.program import prepare
from dagflow.lang.compiler import compile_text
from dagflow.lang.diagnostics import apply_fixes
from dagflow.lang.expressions import evaluate_expression
from dagflow.lang.importers.action_list import import_action_list
from dagflow.model.values import Duration, Timestamp, UInt
from dagflow.store.codec.flow import decode_flow, encode_flow
from tests.lang.fuzz.inputs import Input
from tests.lang.golden import prelude

INTERFACE = prelude()
BINDINGS: dict[str, object] = {
    "a": 1, "b": "text", "c": [1, 2, 3], "x": {"a": 1, "b": [True, None]}, "y": 1.5, "z": UInt(3), "e": None, "t": Timestamp(10**18), "d": Duration(10**9),
}  # fmt: skip
#: A fix may leave the text larger than a file may be; past that it says nothing more about the compiler.
_MOST_FIXED = 10_000


class BrokenPromiseError(AssertionError):
    """A promise that was not kept."""


def exercise(given: Input) -> None:
    """Hand the input to what reads it. Any exception that gets out is a fault."""
    match given.kind:
        case "flow":
            _flow(given.text)
        case "expression":
            _expression(given.text)
        case _:
            _json(given.text)


def _flow(text: str) -> None:
    compilation = compile_text(text, INTERFACE, filename="a.flow")
    _sound(compilation.diagnostics, text)
    compilation.render().encode("utf-8", "surrogatepass")
    compilation.to_json()
    fixed = apply_fixes(text, compilation.diagnostics, only_safe=False)
    if fixed != text and len(fixed) < _MOST_FIXED:
        compile_text(fixed, INTERFACE)
    for flow in compilation.flows.values():
        encoded = encode_flow(flow)
        decoded = decode_flow(encoded)
        if decoded != flow or encode_flow(decoded) != encoded:
            raise BrokenPromiseError("a flow is not what its encoding says")
        prepare(flow)


def _expression(text: str) -> None:
    for types in (None, dict.fromkeys(BINDINGS, "dyn")):
        try:
            evaluate_expression(text, BINDINGS, types=types)
        except ExpressionError as error:
            str(error)


def _json(text: str) -> None:
    made, diagnostics = import_action_list(text)
    _sound(diagnostics, text)
    if made is not None and compile_text(made, INTERFACE).has_errors:
        raise BrokenPromiseError("what was imported does not compile")


def _sound(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic], text: str) -> None:
    for found in diagnostics:
        if not 0 <= found.span.start <= found.span.end <= max(1, len(text)):
            raise BrokenPromiseError(f"{found.code} points outside of the text: {found.span}")
        for edit in found.fix.edits if found.fix else ():
            if not 0 <= edit.span.start <= edit.span.end <= len(text):
                raise BrokenPromiseError(f"the fix of {found.code} changes what is outside of the text: {edit.span}")
