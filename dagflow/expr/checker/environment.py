"""The input of the checker (the surroundings of an expression), and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from dagflow.diagnostic import Diagnostic
from dagflow.expr.library.overloads import Overload
from dagflow.model.types import Type


@attrs.frozen
class Absence:
    """Why a name may have no value: the label of E308, and help other than the usual."""

    label: str
    help: str = ""


def _covers_nothing(_: frozenset[str]) -> bool:
    return False


@attrs.frozen(kw_only=True)
class Environment:
    """The surroundings of an expression.

    Attributes:
        variables: the names it may read; a name may contain dots.
        container: CEL's container: names are first looked up behind this prefix.
        absences: names of steps that may not have run; each is optional in `variables`.
        covers: whether at least one of some such steps has certainly run.
        narrowed: dotted paths known to have a value: they read as `T`, not `T?`.
        expected: the type the value is wanted as; literals are read as it, and what does not fit is reported.
        target: the recipient of the value, for messages: the argument's name.
        types: types whose name is a conversion: `Email(x)`.
        functions: more overloads, known to the checker only.
        is_flow: dagflow's reading of optionals: comparison with null asks for presence, a `T?` where a `T` is needed is an error
            of its own, the result is in stored form. Otherwise CEL to the letter.
        is_checked: whether type errors are reported; otherwise the evaluation fails.
        source: the text the spans count in, for fixes that quote it.
    """

    variables: Mapping[str, Type]
    container: str = ""
    absences: Mapping[str, Absence] = attrs.field(factory=dict[str, Absence])
    covers: Callable[[frozenset[str]], bool] = _covers_nothing
    narrowed: frozenset[str] = frozenset()
    expected: Type | None = None
    target: str = ""
    types: Mapping[str, Type] = attrs.field(factory=dict[str, Type])
    functions: tuple[Overload, ...] = ()
    is_flow: bool = True
    is_checked: bool = True
    source: str = ""


@attrs.frozen(kw_only=True)
class Checked:
    """The result of a check.

    Attributes:
        type: of the value, without type variables.
        core: the checked form, for `compile_cores`; nested tuples of str, int, float, bool and None.
        reads: the variables it reads, in order of first use.
        cost: a bound on its steps; where the length of a list is not known, the limit that gas enforces.
    """

    type: Type
    core: object
    reads: tuple[str, ...]
    diagnostics: list[Diagnostic]
    cost: int
