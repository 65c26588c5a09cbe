"""Hooks through which the language server supplies caching versions of compiler passes. A hook must return exactly what the
default returns.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from dagflow.diagnostic import Diagnostic
from dagflow.expr.checker.checker import Checked, Environment, check
from dagflow.expr.tree import Expr
from dagflow.lang.limits import Limits
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.syntax.parser import parse_file
from dagflow.lang.syntax.tree import File, FlowDecl


def _nothing(decl: FlowDecl, builder: FlowBuilder) -> None:
    """Nobody wants to know."""


@attrs.frozen
class CompilerHooks:
    """The exchangeable parts of a compilation.

    Attributes:
        parse: returns the tree of a text and its errors; the caller owns the list.
        check: returns the type of an expression.
        on_lowered: called for each flow of each file, with its builder, which changes until the compilation is done.
        skip_expensive_lints: omit the most expensive check, for conditions that are always so (W302).
    """

    parse: Callable[[str, Limits], tuple[File, list[Diagnostic]]] = parse_file
    check: Callable[[Expr, Environment], Checked] = check
    on_lowered: Callable[[FlowDecl, FlowBuilder], None] = _nothing
    skip_expensive_lints: bool = False
