"""Classes with fields, of every kind that hosts have, as one description: attrs, dataclasses, pydantic, NamedTuple and TypedDict."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NotRequired, Required, cast, get_args, get_origin, is_typeddict

import attrs

from dagflow.errors import UsageError


@attrs.frozen(eq=False)
class ClassField:
    """A field of a class.

    Attributes:
        name: as flows know it, which is its alias if it has one. attribute: as Python knows it.
        default: `attrs.NOTHING` where there is none, or an `attrs.Factory`.
        may_be_left_out: whether objects need not have it at all.
    """

    name: str
    attribute: str
    annotation: Any
    default: Any = attrs.field(factory=lambda: attrs.NOTHING)
    may_be_left_out: bool = False

    @property
    def has_default(self) -> bool:
        """Whether the class fills it in."""
        return self.default is not attrs.NOTHING or self.may_be_left_out


@attrs.frozen(eq=False)
class RecordClass:
    """A class with fields.

    Attributes:
        make: from values by name to an object. Raises whatever the class does, if it does not like a value.
        is_one: whether a value is an object of the class.
        get: the values that an object has, by attribute.
        class_: the class, if its objects have attributes; None for a TypedDict.
    """

    fields: tuple[ClassField, ...]
    make: Callable[[Mapping[str, Any]], Any]
    is_one: Callable[[Any], bool]
    get: Callable[[Any], Mapping[str, Any]]
    class_: type | None


def is_record_class(annotation: Any) -> bool:
    """Whether an annotation is a class with fields."""
    kinds: tuple[Callable[[Any], bool], ...] = (
        attrs.has,
        dataclasses.is_dataclass,
        is_typeddict,
        _is_pydantic,
        _is_named_tuple,
    )
    return isinstance(annotation, type) and any(is_kind(annotation) for is_kind in kinds)


def record_class(class_: Any, hints: Mapping[str, Any], where: str) -> RecordClass:
    """Describe a class for which `is_record_class` is true.

    Args:
        class_: the class.
        hints: its evaluated annotations.
        where: its place, for messages.

    Raises:
        UsageError: a field has no annotation.
    """
    if attrs.has(class_):
        return _with_attributes(class_, _attrs_fields(class_, hints, where))
    if _is_pydantic(class_):
        return _pydantic(class_)
    if dataclasses.is_dataclass(class_):
        return _with_attributes(class_, _dataclass_fields(class_, hints))
    if is_typeddict(class_):
        return _typed_dict(class_, hints)
    defaults = cast("Mapping[str, Any]", getattr(class_, "_field_defaults", {}))
    names = cast("tuple[str, ...]", getattr(class_, "_fields", ()))
    fields = [ClassField(name, name, _hint(hints, name, name, where), defaults.get(name, attrs.NOTHING)) for name in names]
    return _with_attributes(class_, fields)


def named_parts(value: object) -> dict[object, object] | None:
    """The values of the fields of an object, by the names that flows know; None if its class has no fields, or is a TypedDict."""
    class_: Any = type(value)
    if attrs.has(class_):
        return {each.alias or each.name: getattr(value, each.name) for each in attrs.fields(class_) if each.init}
    if _is_pydantic(class_):
        return {_alias_of(name, info): getattr(value, name) for name, info in class_.model_fields.items()}
    if dataclasses.is_dataclass(class_):
        return {each.name: getattr(value, each.name, None) for each in dataclasses.fields(class_) if each.init}
    return value._asdict() if _is_named_tuple(class_) else None  # type: ignore[attr-defined]


def _with_attributes(class_: Any, fields: typing.Iterable[ClassField]) -> RecordClass:
    fields = tuple(fields)
    attributes = [field.attribute for field in fields]
    return RecordClass(
        fields,
        lambda values: class_(**values),
        lambda value: isinstance(value, class_),
        lambda value: {attribute: getattr(value, attribute) for attribute in attributes},
        class_,
    )


def _attrs_fields(class_: type, hints: Mapping[str, Any], where: str) -> typing.Iterator[ClassField]:
    for each in attrs.fields(class_):
        if each.init:
            name = each.alias or each.name
            yield ClassField(name, each.name, _hint(hints, each.name, name, where), each.default)


def _dataclass_fields(class_: Any, hints: Mapping[str, Any]) -> typing.Iterator[ClassField]:
    for each in dataclasses.fields(class_):
        if not each.init:
            continue
        default: Any = attrs.NOTHING
        if each.default is not dataclasses.MISSING:
            default = each.default
        elif each.default_factory is not dataclasses.MISSING:
            default = attrs.Factory(each.default_factory)
        yield ClassField(each.name, each.name, hints[each.name], default)


def _typed_dict(class_: Any, hints: Mapping[str, Any]) -> RecordClass:
    required = cast("frozenset[str]", class_.__required_keys__)

    def is_required(name: str, hint: Any) -> bool:
        # Python cannot see `NotRequired` in an annotation that is a text.
        origin = get_origin(hint)
        return origin is Required or (origin is not NotRequired and name in required)

    fields = [ClassField(name, name, _bare(hint), may_be_left_out=not is_required(name, hint)) for name, hint in hints.items()]
    return RecordClass(tuple(fields), dict, lambda value: isinstance(value, dict), lambda value: value, None)


def _bare(hint: Any) -> Any:
    """Without `Required` and `NotRequired`."""
    while get_origin(hint) in {Required, NotRequired}:
        (hint,) = get_args(hint)
    return hint


def _is_pydantic(class_: Any) -> bool:
    """Whether it is a model of pydantic, which is not imported for that."""
    return hasattr(class_, "__pydantic_validator__") and hasattr(class_, "model_fields") and hasattr(class_, "model_validate")


def _pydantic(class_: Any) -> RecordClass:
    fields: list[ClassField] = []
    for attribute, info in class_.model_fields.items():
        marks = [*info.metadata, *([info] if isinstance(info.discriminator, str) else [])]
        annotation: Any = info.annotation
        for mark in marks:
            annotation = Annotated[annotation, mark]
        default: Any = attrs.NOTHING
        if info.default_factory is not None:
            default = attrs.Factory(info.default_factory)
        elif not info.is_required():
            default = info.default
        fields.append(ClassField(_alias_of(attribute, info), attribute, annotation, default))
    attributes = [field.attribute for field in fields]
    return RecordClass(
        tuple(fields),
        class_.model_validate,
        lambda value: isinstance(value, class_),
        lambda value: {attribute: getattr(value, attribute) for attribute in attributes},
        class_,
    )


def _alias_of(name: str, info: Any) -> str:
    alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
    return alias or name


def _is_named_tuple(class_: Any) -> bool:
    return issubclass(class_, tuple) and isinstance(getattr(cast("object", class_), "_fields", None), tuple)


def _hint(hints: Mapping[str, Any], attribute: str, name: str, where: str) -> Any:
    if attribute not in hints:
        raise UsageError(f"{where}: field `{name}` has no annotation; add one")
    return hints[attribute]


def flow_name(class_: type) -> str:
    """The name of the record among flows; a class that has an empty `flow_name` is written in place, `{a: int}`."""
    name = str(getattr(class_, "flow_name", class_.__name__))
    # A generic model is called `Page[int]`.
    return name if name.isidentifier() or not name else "".join([char if char.isalnum() else "_" for char in name]).strip("_")
