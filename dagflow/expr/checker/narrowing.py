"""Narrowing: the paths that have a value where a condition is true, or where it is false."""

from __future__ import annotations

from dagflow.expr.tree import Binary, Call, Expr, Literal, Name, Select, Unary

_NOTHING: frozenset[str] = frozenset()


def narrowed_by(tree: Expr) -> frozenset[str]:
    """The dotted paths (`gift`, `lead.owner`) that certainly have a value where the condition is true."""
    return known_present(tree, truth=True)


def known_present(tree: Expr, *, truth: bool) -> frozenset[str]:
    """The paths that certainly have a value where the condition is `truth`."""
    match tree:
        case Unary(operator="!", operand=operand):
            return known_present(operand, truth=not truth)
        case Binary(operator="&&", left=left, right=right):
            return _both(left, right, truth=truth, is_union=truth)
        case Binary(operator="||", left=left, right=right):
            return _both(left, right, truth=truth, is_union=not truth)
        case Binary(operator=("!=" | "==") as sign, left=left, right=right) if (sign == "!=") == truth:
            return _compared_with_null(left, right)
        case Call(function="hasValue", target=target, args=()) if truth and target is not None:
            return _prefixes(path_of(target))
        case Call(function="has", target=None, args=[Select() as selected]) if truth:
            return _prefixes(path_of(selected))
        case _:
            return _NOTHING


def path_of(tree: Expr) -> str | None:
    """`a.b.c` if the expression is such a path, with `.?` read as `.`; otherwise None."""
    parts: list[str] = []
    while isinstance(tree, Select):
        if not tree.field.isidentifier():
            return None  # a name in backquotes may have dots
        parts.append(tree.field)
        tree = tree.operand
    if not isinstance(tree, Name) or tree.is_root:
        return None
    return ".".join([tree.name, *reversed(parts)])


def _both(left: Expr, right: Expr, *, truth: bool, is_union: bool) -> frozenset[str]:
    a, b = known_present(left, truth=truth), known_present(right, truth=truth)
    return a | b if is_union else a & b


def _compared_with_null(left: Expr, right: Expr) -> frozenset[str]:
    if isinstance(left, Literal) and left.value is None:
        left, right = right, left
    if isinstance(right, Literal) and right.value is None:
        return _prefixes(path_of(left))
    return _NOTHING


def _prefixes(path: str | None) -> frozenset[str]:
    """The path and its prefixes: `a.b` has a value only if `a` has one."""
    if path is None:
        return _NOTHING
    parts = path.split(".")
    return frozenset(".".join(parts[: count + 1]) for count in range(len(parts)))
