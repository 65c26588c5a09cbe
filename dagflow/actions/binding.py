"""From a host's function to an action: its signature for flows, and the parameters that dagflow fills in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin

import attrs

from dagflow.actions import markers
from dagflow.actions.bound_action import BoundAction
from dagflow.actions.failures import Invocation
from dagflow.actions.host_function import HostFunction, host_function
from dagflow.actions.http_client.pool import Connections
from dagflow.actions.runner import RunsOn
from dagflow.actions.secrets import Redactor
from dagflow.actions.shape import Shape
from dagflow.actions.signatures import field_of, shape_of
from dagflow.errors import UsageError
from dagflow.model.action import ActionSpec, Effect
from dagflow.model.types import NULL, Field


@attrs.define
class _Parameters:
    """The parameters of a function, by who passes them."""

    shapes: dict[str, Shape] = attrs.field(factory=dict[str, Shape])
    fields: list[Field] = attrs.field(factory=list[Field])
    key_names: list[str] = attrs.field(factory=list[str])
    invocation_names: list[str] = attrs.field(factory=list[str])
    given_names: dict[str, type] = attrs.field(factory=dict[str, type])
    injected: dict[str, Any] = attrs.field(factory=dict[str, Any])


def bind(spec: ActionSpec, function: Callable[..., Any], runs: str | None) -> BoundAction:
    """Make an action of a function.

    Args:
        spec: what the host declares; the function adds its parameters, its result and its description.
        function: the callable of the host.
        runs: where it runs; None to detect it.

    Raises:
        UsageError: the function cannot be an action, or cannot run there.
    """
    host = host_function(function, spec.name)
    parameters = _parameters_of(host)
    if "return" not in host.hints:
        raise UsageError(f"{host.where} has no return annotation; add `-> …`, or `-> None`")
    result = shape_of(host.hints["return"], f"{host.where}, result")
    spec = attrs.evolve(
        spec, params=tuple(parameters.fields), result=result.type, takes_key=bool(parameters.key_names), doc=host.doc
    )
    return BoundAction(
        spec,
        function,
        parameters.shapes,
        result,
        _place_of(host, runs),
        tuple(parameters.key_names),
        tuple(parameters.invocation_names),
        parameters.given_names,
        parameters.injected,
        where=host.where,
    )


def declared_spec(name: str, effect: Effect, destination: str, *, at_most_once: bool) -> ActionSpec:
    """The part of a signature that a host declares beside its function."""
    return ActionSpec(name=name, params=(), result=NULL, effect=effect, destination=destination, at_most_once=at_most_once)


def injected_type(annotation: Any) -> Any:
    """The type in `Inject[type]`; None for any other annotation."""
    if get_origin(annotation) is Annotated:
        type_, *marks = get_args(annotation)
        if markers.INJECTED in marks:
            return type_
    return None


def _parameters_of(host: HostFunction) -> _Parameters:
    found = _Parameters()
    for parameter in host.parameters.values():
        name, place = parameter.name, f"{host.where}, parameter `{parameter.name}`"
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise UsageError(f"{place}: arguments are passed by name; remove the `*` or `/`")
        if name not in host.hints:
            advice = "register the method of an object, `object.method`" if name == "self" else "add its type"
            raise UsageError(f"{place} has no annotation; {advice}")
        annotation = host.hints[name]
        wanted = injected_type(annotation)
        if wanted is not None:
            found.injected[name] = wanted
        elif annotation is markers.EffectKey:
            found.key_names.append(name)
        elif annotation is Invocation:
            found.invocation_names.append(name)
        elif annotation is Connections or annotation is Redactor:
            found.given_names[name] = annotation
        else:
            shape = found.shapes[name] = shape_of(annotation, place)
            default = attrs.NOTHING if parameter.default is parameter.empty else parameter.default
            found.fields.append(field_of(name, shape, default, place))
    return found


def _place_of(host: HostFunction, runs: str | None) -> RunsOn | None:
    if runs is None:
        return None if host.is_async else RunsOn.THREAD
    known = ", ".join(f'"{each}"' for each in RunsOn)
    if runs not in set(RunsOn):
        raise UsageError(f"{host.where}: `runs` must be one of {known}; got {runs!r}")
    place = RunsOn(runs)
    if host.is_async and not place.is_loop:
        raise UsageError(f'{host.where}: `runs="{place}"` needs a plain function; got an `async` one. Use "trio" or "asyncio"')
    if place is RunsOn.PROCESS:
        _check_importable(host)
    return place


def _check_importable(host: HostFunction) -> None:
    """Another process finds a function by its module and name alone."""
    name = str(getattr(host.call, "__qualname__", ""))
    if "<locals>" in name or "<lambda>" in name:
        raise UsageError(
            f'{host.where}: `runs="process"` needs a function at the top of its module, which another process can import'
        )
