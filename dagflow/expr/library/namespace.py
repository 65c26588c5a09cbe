"""Every name generated code may use: the functions of the templates and of the emitter, and no builtins but these."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from dagflow.errors import EvaluationError
from dagflow.expr.library import decimals, extensions, standard
from dagflow.expr.library import lists as list_rows
from dagflow.expr.library.overloads import Table, make_table
from dagflow.expr.runtime import arithmetic, compare, convert, decimal_numbers, formatting, instants, lists, optionals, texts
from dagflow.expr.runtime.gas import Exhausted, Gas
from dagflow.model.decimals import decimal_text
from dagflow.model.values import NONE, Duration, TypeValue, UInt

#: The exceptions of an operation besides `EvaluationError`; all of them are translated.
NATIVE: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, MemoryError)

_MODULES: Final = (arithmetic, compare, convert, decimal_numbers, formatting, instants, lists, optionals, texts)
_BUILTINS: Final[tuple[Callable[..., object], ...]] = (abs, dict, enumerate, float, int, len, str, sum)


def translate(error: Exception) -> EvaluationError:
    """The error of generated code in CEL's words."""
    match error:
        case EvaluationError():
            return error
        case KeyError():
            return compare.no_such_key(error.args[0] if error.args else "")
        case RecursionError():
            return EvaluationError("too_deep", "a value is nested too deeply")
        case MemoryError():
            return Exhausted("too_large", "a value is too large")
        case OverflowError():
            return EvaluationError("overflow", "a number is out of range")
        case _:
            return EvaluationError("type_mismatch", f"a value does not have the type it is declared with ({error})"[:300])


def guarded(function: Callable[[Mapping[str, object]], object]) -> Callable[[Mapping[str, object]], object]:
    """The function of an expression, that raises nothing but `EvaluationError`.

    Around each function, not in it: Python takes three times as long to compile one with a `try` in it.
    """

    def evaluate(bindings: Mapping[str, object]) -> object:
        try:
            return function(bindings)
        except NATIVE as error:
            raise translate(error) from None

    return evaluate


def guarded_with_gas(function: Callable[[Mapping[str, object], Gas], object]) -> Callable[[Mapping[str, object]], object]:
    """The same for a function that takes a budget: each evaluation has one of its own."""

    def evaluate(bindings: Mapping[str, object]) -> object:
        try:
            return function(bindings, Gas())
        except NATIVE as error:
            raise translate(error) from None

    return evaluate


def _make_namespace() -> dict[str, object]:
    names: dict[str, object] = {
        name: value
        for module in _MODULES
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    }
    names |= {function.__name__: function for function in _BUILTINS}
    names |= {
        "__builtins__": {},
        "Duration": Duration,
        "EvaluationError": EvaluationError,
        "Exhausted": Exhausted,
        "Gas": Gas,
        "ABSORBED": (EvaluationError, *NATIVE),
        "NONE": NONE,
        "decimal_text": decimal_text,
        "TypeValue": TypeValue,
        "UInt": UInt,
        "is_finite": math.isfinite,
        "is_infinite": math.isinf,
        "is_nan": math.isnan,
    }
    return names


#: The globals of generated code; copied for each module.
NAMESPACE: Final = _make_namespace()
#: The overload table of the language.
TABLE: Final[Table] = make_table([*standard.rows(), *extensions.rows(), *decimals.rows(), *list_rows.rows()])
