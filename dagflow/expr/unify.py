"""Assignability with type variables, and the common type of several types.

Theory. Type variables (`ParamType`) stand for types not yet decided: those of an overload's signature, made fresh for each
call, and those of empty literals. A `Bindings` says what each stands for; it only grows. `JSON` is CEL's `dyn`: it fits
everywhere and everything fits it. `UNKNOWN` is the type of a mistake already reported, and does the same silently.
The rules are those of CEL's checker, with dagflow's records, enums and scalars added: an enum or scalar reads as a string,
never the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from dagflow.model.types import (
    DURATION,
    JSON,
    NULL,
    STRING,
    TIMESTAMP,
    UNKNOWN,
    EnumType,
    Field,
    ListType,
    MapType,
    OptionalType,
    ParamType,
    RecordType,
    ScalarType,
    SecretType,
    Type,
    TypeType,
)


@attrs.define(eq=False)
class Bindings:
    """The types that the type variables of one expression stand for."""

    _bound: dict[str, Type] = attrs.field(factory=dict)
    _n_made: int = 0

    def fresh(self) -> ParamType:
        """A new type variable."""
        self._n_made += 1
        return ParamType(f"_{self._n_made}")

    def instantiate(self, types: Sequence[Type]) -> tuple[Type, ...]:
        """The same types with fresh variables, equal ones replaced by equal ones."""
        made: dict[str, Type] = {}

        def replace(param: ParamType) -> Type:
            return made.setdefault(param.name, self.fresh())

        return tuple(_map_params(each, replace) for each in types)

    def resolve(self, type_: Type) -> Type:
        """The type with known variables replaced; unknown ones stay."""

        def replace(param: ParamType) -> Type:
            bound = self._bound.get(param.name)
            return param if bound is None else self.resolve(bound)

        return _map_params(type_, replace)

    def finish(self, type_: Type) -> Type:
        """The type with every variable replaced; undecided ones become `json`."""
        return _map_params(self.resolve(type_), lambda _: JSON)

    def fits(self, given: Sequence[Type], wanted: Sequence[Type]) -> bool:
        """Whether each given type fits the one wanted; binds variables only if all do."""
        before = dict(self._bound)
        if all(self._fits(g, w) for g, w in zip(given, wanted, strict=True)):
            return True
        self._bound = before
        return False

    def join(self, types: Iterable[Type]) -> Type | None:
        """The most general of the types if each fits it, or None if they have nothing in common."""
        common: Type | None = None
        for type_ in types:
            if common is None or self.fits((common,), (type_,)):
                common = type_ if common is None else self._wider(common, type_)
            elif self.fits((type_,), (common,)):
                common = self._wider(common, type_)
            elif _is_textual(common) and _is_textual(type_):
                common = STRING
            else:
                return None
        return common

    def _wider(self, left: Type, right: Type) -> Type:
        if _is_textual(left) and _is_textual(right):
            return left if left == right else STRING
        if left is NULL or right is NULL:
            return right if left is NULL else left
        return left if is_less_specific(left, right) else right

    def _fits(self, given: Type, wanted: Type) -> bool:
        if given is wanted:
            return True
        if isinstance(wanted, ParamType):
            verdict = self._bind(given, wanted)
            if verdict is not None:
                return verdict
        if isinstance(given, ParamType):
            return self._bind(wanted, given) is True
        if given is JSON or given is UNKNOWN or wanted is JSON or wanted is UNKNOWN:
            return True
        if given is NULL or wanted is NULL:
            return _is_nullable(wanted if given is NULL else given)
        return self._fits_shape(given, wanted)

    def _bind(self, type_: Type, param: ParamType) -> bool | None:
        """True or False if that is decided, None if the variable may be bound from the other side."""
        if type_ == param:
            return True
        bound = self._bound.get(param.name)
        if bound is not None:
            if type_ == bound:
                return True
            if self._fits(type_, bound):
                wider = self._wider(type_, bound)
                if not self._mentions(wider, param):
                    self._bound[param.name] = wider
                return True
            if _is_textual(type_) and _is_textual(bound):
                self._bound[param.name] = STRING
                return True
            return False
        if self._mentions(type_, param):
            return None
        self._bound[param.name] = type_
        return True

    def _mentions(self, type_: Type, param: ParamType) -> bool:
        match type_:
            case ParamType(name):
                bound = self._bound.get(name)
                return type_ == param or (bound is not None and self._mentions(bound, param))
            case ListType(inner) | OptionalType(inner) | TypeType(inner) | SecretType(inner):
                return self._mentions(inner, param)
            case MapType(key, value):
                return self._mentions(key, param) or self._mentions(value, param)
            case RecordType() if is_abstract(type_):
                return any(self._mentions(field.type, param) for field in type_.fields)
            case _:
                return False

    def _fits_shape(self, given: Type, wanted: Type) -> bool:
        match given, wanted:
            case (
                (ListType(a), ListType(b))
                | (OptionalType(a), OptionalType(b))
                | (TypeType(a), TypeType(b))
                | (SecretType(a), SecretType(b))
            ):
                return isinstance(given, TypeType) or self._fits(a, b)
            case MapType(k1, v1), MapType(k2, v2):
                return self._fits(k1, k2) and self._fits(v1, v2)
            case RecordType(), RecordType():
                return self._fits_record(given, wanted)
            case ((EnumType() | ScalarType()), _) if wanted is STRING:
                return True
            case EnumType(), EnumType():
                return set(given.values) <= set(wanted.values)
            case _:
                return given == wanted

    def _fits_record(self, given: RecordType, wanted: RecordType) -> bool:
        if given.name != wanted.name and given.name and wanted.name:
            return False
        if {field.name for field in given.fields} - {field.name for field in wanted.fields}:
            return False
        for field in wanted.fields:
            have = given.field(field.name)
            if have is None:
                if field.is_required:
                    return False
            elif not self._fits(have.type, field.type) and not self._fits_optional(have.type, field.type):
                return False
        return True

    def _fits_optional(self, given: Type, wanted: Type) -> bool:
        """In a record a value is a present optional: both are stored the same way."""
        return isinstance(wanted, OptionalType) and self._fits(given, wanted.value)


def _map_params(type_: Type, replace: Callable[[ParamType], Type]) -> Type:
    match type_:
        case ParamType():
            return replace(type_)
        case ListType(inner):
            return ListType(_map_params(inner, replace))
        case OptionalType(inner):
            return OptionalType(_map_params(inner, replace))
        case TypeType(inner):
            return TypeType(_map_params(inner, replace))
        case MapType(key, value):
            return MapType(_map_params(key, replace), _map_params(value, replace))
        case RecordType(name, fields) if is_abstract(type_):
            return RecordType(name, tuple(Field(f.name, _map_params(f.type, replace)) for f in fields))
        case _:
            return type_


def abstract(name: str, params: Sequence[Type]) -> RecordType:
    """CEL's abstract type `name(params)`: a record of that name whose fields no program can select."""
    return RecordType(name, tuple(Field(str(index), param) for index, param in enumerate(params)))


def is_abstract(record: RecordType) -> bool:
    """Whether `abstract` made the record."""
    return bool(record.fields) and record.fields[0].name == "0"


def is_less_specific(left: Type, right: Type) -> bool:
    """Whether `left` says as little as `right` or less; both fit each other already."""
    if left is JSON or isinstance(left, ParamType):
        return True
    if right is JSON or isinstance(right, ParamType):
        return False
    match left, right:
        case (ListType(a), ListType(b)) | (OptionalType(a), OptionalType(b)):
            return is_less_specific(a, b)
        case MapType(k1, v1), MapType(k2, v2):
            return is_less_specific(k1, k2) and is_less_specific(v1, v2)
        case TypeType(), TypeType():
            return True
        case RecordType(_, ours), RecordType(_, theirs) if len(ours) == len(theirs):
            return all(is_less_specific(a.type, b.type) for a, b in zip(ours, theirs, strict=True))
        case _:
            return left == right


def plain(type_: Type) -> Type:
    """The type an operator sees: enums and scalars are strings."""
    return STRING if isinstance(type_, EnumType | ScalarType) else type_


def _is_textual(type_: Type) -> bool:
    return isinstance(type_, EnumType | ScalarType) or type_ is STRING


def _is_nullable(type_: Type) -> bool:
    """CEL lets null be compared with, and stand for, values of these types."""
    return type_ is NULL or type_ is TIMESTAMP or type_ is DURATION or isinstance(type_, OptionalType | RecordType)
