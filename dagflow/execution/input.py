"""The input of a run, from a host application, an event or another run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from dagflow.errors import UsageError
from dagflow.execution.program import Program
from dagflow.model.typeguards import is_dict
from dagflow.model.wire.codec import TooLarge


def as_input(program: Program, json_value: object) -> Mapping[str, object]:
    """The input of a run, in stored form, from JSON values. Raises WireError, with paths, if it does not fit.

    A parameter that the flow does not have is an error of the caller; an undeclared field of a record in it is dropped.
    """
    given: object = dict[str, object]() if json_value is None else json_value
    codec = program.input_codec.open
    if not program.flow.binding and is_dict(given) and not program.input_names.issuperset(given):
        codec = program.input_codec
    try:
        value = codec.decode(given)
    except TooLarge as error:
        raise UsageError(error.of("the input")) from None
    if not isinstance(value, dict):
        raise UsageError(f"the input of {program.flow.name!r} is a record; give an object")
    return cast("Mapping[str, object]", value)


def filled_in(program: Program, value: object) -> Mapping[str, object]:
    """The input of a run from values in stored form; the trip through JSON fills in the defaults of parameters. Raises WireError."""
    return as_input(program, program.input_codec.open.encode(value))


def of_call(program: Program, arguments: Mapping[str, object]) -> Mapping[str, object]:
    """The input of a run from the arguments of a call, in stored form. Raises WireError.

    Where the flow reads its input under one name, that is the name of the only argument.
    """
    binding = program.flow.binding
    return filled_in(program, arguments[binding] if binding else arguments)
