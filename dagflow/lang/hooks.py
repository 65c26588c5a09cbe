"""What a compilation is made with: an editor compiles the same text, a letter longer, again and again, and puts in place of these
what remembers the last time. Whatever stands in their place has to give what they give.
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
    """The parts of a compilation that may be exchanged.

    Attributes:
        parse: the tree of a text and what is wrong with it; the list is the caller's.
        check: the type of an expression.
        lowered: told of each flow of each file, with all that was found out about it; it goes on changing until the compilation is done.
        is_hasty: leave out the dearest check, for conditions that are always so (W302).
    """

    parse: Callable[[str, Limits], tuple[File, list[Diagnostic]]] = parse_file
    check: Callable[[Expr, Environment], Checked] = check
    on_lowered: Callable[[FlowDecl, FlowBuilder], None] = _nothing
    skip_expensive_lints: bool = False
