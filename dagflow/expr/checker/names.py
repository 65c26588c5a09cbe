"""Names: macro variables, variables (also dotted ones, in a container), types as values."""

from __future__ import annotations

from collections.abc import Iterator

from dagflow.diagnostic import Span
from dagflow.expr.checker import messages
from dagflow.expr.checker.context import Context, Typed
from dagflow.expr.checker.narrowing import path_of
from dagflow.expr.tree import Expr, Name, Select
from dagflow.expr.typenames import parse_type
from dagflow.model.types import OptionalType, Type, TypeType

_TYPE_WORDS = frozenset(
    {
        "bool", "int", "uint", "double", "decimal", "string", "bytes", "list", "map", "null_type", "type", "optional_type",
        "google.protobuf.Timestamp", "google.protobuf.Duration",
    }
)  # fmt: skip


def visit_name(context: Context, tree: Name) -> Typed:
    """A name on its own."""
    if not tree.is_root and tree.name in context.locals:
        return _local(context, tree)
    found = _lookup(context, tree.name, tree.span, is_root=tree.is_root, path=path_of(tree))
    if found is not None:
        return found
    if not context.environment.is_checked:
        return Typed(parse_type("dyn"), ("fail", "unknown_name", f"unknown name {tree.name[:60]}"), tree.span)
    return messages.unknown_name(context, tree.name, tree.span)


def visit_dotted(context: Context, tree: Select) -> Typed | None:
    """`a.b.c` where that, as a whole, is a name; otherwise None."""
    parts = qualified(tree)
    if parts is None:
        return None
    name, is_root = parts
    if not is_root and name.split(".", 1)[0] in context.locals:
        return None
    if not context.has_dotted_names and name not in _TYPE_WORDS:
        return None
    return _lookup(context, name, tree.span, is_root=is_root, path=None)


def qualified(tree: Expr) -> tuple[str, bool] | None:
    """The dotted name an expression spells, and whether it begins with a dot."""
    parts: list[str] = []
    while isinstance(tree, Select) and not tree.is_optional:
        parts.append(tree.field)
        tree = tree.operand
    if not isinstance(tree, Name):
        return None
    return ".".join([tree.name, *reversed(parts)]), tree.is_root


def candidates(container: str, name: str, *, is_root: bool) -> Iterator[str]:
    """The full names a name may stand for, in the order they are tried."""
    while container and not is_root:
        yield f"{container}.{name}"
        container = container.rpartition(".")[0]
    yield name


def _local(context: Context, tree: Name) -> Typed:
    local = context.locals[tree.name]
    core: object = ("local", local.index)
    type_ = context.resolve(local.type)
    if isinstance(type_, OptionalType) and tree.name in context.narrowed:
        return Typed(type_.value, ("call", ".value(optional_type(A))", core), tree.span)
    return Typed(type_, core, tree.span)


def _lookup(context: Context, name: str, span: Span, *, is_root: bool, path: str | None) -> Typed | None:
    environment = context.environment
    for candidate in candidates(environment.container, name, is_root=is_root):
        type_ = environment.variables.get(candidate)
        if type_ is not None:
            return _variable(context, candidate, type_, span, path)
        if candidate in _TYPE_WORDS:
            of: Type = parse_type(candidate)
            return Typed(TypeType(of), ("type", candidate), span)
    return None


def _variable(context: Context, name: str, type_: Type, span: Span, path: str | None) -> Typed:
    core = context.read(name)
    if not isinstance(type_, OptionalType):
        return Typed(type_, core, span)
    if not context.environment.is_flow:
        return Typed(type_, core, span)
    if path in context.narrowed:
        return Typed(type_.value, core, span)
    step = name if name in context.environment.absences else ""
    return Typed(type_, core, span, is_stored=True, step=step, steps=frozenset({step}) if step else frozenset())
