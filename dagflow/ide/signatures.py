"""The arguments of the call that a place is in."""

from __future__ import annotations

import attrs

from dagflow.ide.analysis import Analysis
from dagflow.lang.syntax.lexer import Token
from dagflow.model.types import NULL, Field, Type


@attrs.frozen
class Signature:
    """A call: its signature, its documentation, its parameters as written in `label`, and the index of the current one."""

    label: str
    doc: str
    params: tuple[tuple[str, str], ...]
    active: int | None


def signature(analysis: Analysis, offset: int) -> Signature | None:
    """The parameters of the innermost call around a place; None outside of calls, or if the callee is unknown."""
    tokens = [token for token in analysis.tokens() if token.end <= offset]
    depth = 0
    for i in range(len(tokens) - 1, 0, -1):
        if tokens[i].type in {"RPAR", "RSQB", "RBRACE"}:
            depth += 1
        elif tokens[i].type in {"LPAR", "LSQB", "LBRACE"}:
            if depth == 0 and tokens[i].type == "LPAR" and tokens[i - 1].type in {"IDENT", "STRING"}:
                return _of(analysis, tokens, i)
            depth -= depth > 0
    return None


def _of(analysis: Analysis, tokens: list[Token], opener: int) -> Signature | None:
    name = tokens[opener - 1].text
    i = opener - 2
    while i >= 1 and tokens[i].type == "DOT" and tokens[i - 1].type == "IDENT":
        name = f"{tokens[i - 1].text}.{name}"
        i -= 2
    known = _known(analysis, name)
    if known is None:
        return None
    params, result, doc = known
    shown = tuple((f"{each.name}: {each.type}", each.doc) for each in params)
    arrow = "" if result is NULL else f" -> {result}"
    return Signature(
        f"{name}({', '.join(text for text, _ in shown)}){arrow}", doc, shown, _active(tokens[opener + 1 :], params)
    )


def _known(analysis: Analysis, name: str) -> tuple[tuple[Field, ...], Type, str] | None:
    if name[:1] in {'"', "'"}:
        event = analysis.interface.events.get(name[1:-1])
        return None if event is None else (event.payload.fields, NULL, event.doc)
    spec = analysis.interface.actions.get(name)
    if spec is not None:
        return spec.params, spec.result, spec.doc
    flow = analysis.compilation.flows.get(name)
    return None if flow is None else (flow.input.fields, flow.result, flow.doc)


def _active(given: list[Token], params: tuple[Field, ...]) -> int | None:
    """The parameter whose name was written last, else the first one."""
    names = [param.name for param in params]
    depth, active = 0, None
    for i, token in enumerate(given):
        depth += (token.type in {"LPAR", "LSQB", "LBRACE"}) - (token.type in {"RPAR", "RSQB", "RBRACE"})
        if depth == 0 and token.type == "COLON" and i and given[i - 1].text in names:
            active = names.index(given[i - 1].text)
        elif depth == 0 and token.type == "COMMA":
            active = None
    return active if active is not None else 0 if not given and names else None
