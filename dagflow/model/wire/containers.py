"""Containers, records and free JSON between stored form and JSON, made of the converters of their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from dagflow.diagnostic import nearest
from dagflow.model.typeguards import is_dict, is_sequence
from dagflow.model.types import Field, RecordType
from dagflow.model.values import Duration, Optional, Secret, Timestamp, UInt
from dagflow.model.wire import text_forms
from dagflow.model.wire.json_reader import MAX_DEPTH
from dagflow.model.wire.scalars import (
    CONTAINER_SIZE,
    MAX_PROBLEMS,
    MEMBER_SIZE,
    Convert,
    Found,
    Problems,
    add_too_large,
    add_wrong,
    check_bool,
    check_double,
    check_int,
    check_string,
    encode_decimal,
)
from dagflow.model.wire.text_forms import INT64_MAX


def _too_much(n_members: int, depth: int, problems: Problems) -> bool:
    """Whether a container with so many members is too deep, or too large beside the parts before it."""
    problems.left -= CONTAINER_SIZE + MEMBER_SIZE * n_members
    if problems.left < 0:
        add_too_large(problems)
        return True
    if depth >= MAX_DEPTH:
        problems.append(Found(f"nested deeper than {MAX_DEPTH} levels"))
        return True
    return False


def _add_step(problems: Problems, before: int, step: str | int) -> None:
    for found in problems[before:]:
        found.steps.append(step)


def list_of(convert: Convert, depth: int) -> Convert:
    """The converter of a list whose elements `convert` converts."""

    def convert_list(value: object, problems: Problems) -> object:
        if not is_sequence(value):
            add_wrong("a list", value, problems)
            return None
        if _too_much(len(value), depth, problems):
            return None
        result: list[object] = []
        for index, element in enumerate(value):
            before = len(problems)
            result.append(convert(element, problems))
            if len(problems) > before:
                _add_step(problems, before, index)
                if len(problems) >= MAX_PROBLEMS:
                    break
        return result

    return convert_list


def map_of(convert_key: Convert, convert: Convert, depth: int) -> Convert:
    def convert_map(value: object, problems: Problems) -> object:
        if not is_dict(value):
            add_wrong("an object", value, problems)
            return None
        if _too_much(len(value), depth, problems):
            return None
        result: dict[object, object] = {}
        for key, member in value.items():
            before = len(problems)
            result[convert_key(key, problems)] = convert(member, problems)
            if len(problems) > before:
                _add_step(problems, before, str(key))
                if len(problems) >= MAX_PROBLEMS:
                    break
        return result

    return convert_map


def decode_bool_key(value: object, problems: Problems) -> object:
    if value not in {"true", "false"}:
        problems.append(Found('expected the key "true" or "false"'))
    return value == "true"


def encode_bool_key(value: object, problems: Problems) -> object:
    return "true" if check_bool(value, problems) else "false"


def decode_number_key(convert: Convert) -> Convert:
    def decode_key(value: object, problems: Problems) -> object:
        digits = value.removeprefix("-") if isinstance(value, str) else ""
        # One spelling per number: two keys of a text are never one key of ours.
        if isinstance(value, str) and digits.isascii() and digits.isdigit() and len(digits) <= 20:
            number = int(value)
            if str(number) == value:
                return convert(number, problems)
        problems.append(Found("expected a whole number as key"))
        return None

    return decode_key


def encode_number_key(convert: Convert) -> Convert:
    def encode_key(value: object, problems: Problems) -> object:
        return str(convert(value, problems))

    return encode_key


def record_of(
    type_: RecordType, converters: Mapping[str, Convert], defaults: Mapping[str, Convert], depth: int, *, is_open: bool = False
) -> Convert:
    """The converter of a record.

    Args:
        type_: the record's.
        converters: for each field.
        defaults: make a new value of a field's default, which is in JSON form.
        depth: containers around it.
        is_open: whether undeclared fields are dropped, instead of being an error.
    """
    # Every value passes here several times, so each fact is read once. The name is our own text, whatever the type of the key.
    known = {name: (name, convert) for name, convert in converters.items()}
    absent = [field for field in type_.fields if field.is_required or field.has_default]
    n_fields = len(type_.fields)

    def convert_record(value: object, problems: Problems) -> object:
        if not is_dict(value):
            add_wrong(f"an object of type {type_}", value, problems)
            return None
        problems.left -= CONTAINER_SIZE + MEMBER_SIZE * len(value)
        if (problems.left < 0 or depth >= MAX_DEPTH) and _too_much(0, depth, problems):
            return None
        result: dict[str, object] = {}
        before = len(problems)
        for key, member in value.items():
            entry = known.get(key) if isinstance(key, str) else None
            if entry is None:
                if is_open:
                    continue
                problems.append(Found(_unknown_field(key, type_.fields)))
            else:
                name, convert = entry
                result[name] = convert(member, problems)
            if len(problems) != before:
                _add_step(problems, before, str(key))
                before = len(problems)
                if before >= MAX_PROBLEMS:
                    break
        if len(result) != n_fields:
            fill(value, result, problems)
        return result

    def fill(value: Mapping[object, object], result: dict[str, object], problems: Problems) -> None:
        for field in absent:
            if field.name in value:
                continue
            if not field.has_default:
                problems.append(Found(f"the field `{field.name}` ({field.type}) is missing" + like(field.name, value)))
            else:
                result[field.name] = defaults[field.name](field.default, problems)

    def like(name: str, value: Mapping[object, object]) -> str:
        """A hint at a dropped field that may have been meant; a strict reader has reported that field."""
        others = [key for key in value if isinstance(key, str) and key not in known] if is_open else []
        meant = nearest(name, others)
        return f"; `{meant[:100]}` is there, which is no field of it" if meant else ""

    return convert_record


def _unknown_field(name: object, fields: Sequence[Field]) -> str:
    names = [field.name for field in fields]
    meant = nearest(name, names) if isinstance(name, str) else None
    if meant:
        return f"there is no such field; did you mean `{meant}`?"
    return f"there is no such field; the fields are {', '.join(names) or 'none'}"


def plain_json(depth: int) -> Convert:
    """Values of type `json`: plain JSON stays, other values that expressions put into it become text."""

    def convert_dyn(value: object, problems: Problems) -> object:
        return _plain(value, depth, problems)

    return convert_dyn


def _plain(value: object, depth: int, problems: Problems) -> object:
    match value:
        case None | bool():
            return value
        case str():
            return check_string(value, problems)
        case int():
            return check_int(value, problems) if value <= INT64_MAX or not isinstance(value, UInt) else str(int(value))
        case float():
            return check_double(value, problems)
        case Timestamp() | Duration():
            return _as_text(value, problems)
        case Decimal():
            return encode_decimal(value, problems)
        case Optional():
            return _plain(value.value, depth, problems) if value.is_present else None
        case bytes():
            return text_forms.format_bytes(value)
        case Secret():
            problems.append(Found("a secret cannot be part of a `json` value"))
        case _ if is_dict(value):
            return _plain_map(value, depth, problems)
        case _ if is_sequence(value):
            return _plain_list(value, depth, problems)
        case _:
            add_wrong("JSON", value, problems)
    return None


def _as_text(value: Timestamp | Duration, problems: Problems) -> object:
    try:
        return text_forms.format_timestamp(value) if isinstance(value, Timestamp) else text_forms.format_duration(value)
    except ValueError as error:
        problems.append(Found(str(error)))
        return None


def _plain_list(value: Sequence[object], depth: int, problems: Problems) -> object:
    if _too_much(len(value), depth, problems):
        return None
    result: list[object] = []
    for index, element in enumerate(value):
        before = len(problems)
        if before >= MAX_PROBLEMS:  # also what ends a value that contains itself
            break
        result.append(_plain(element, depth + 1, problems))
        if len(problems) > before:
            _add_step(problems, before, index)
    return result


def _plain_map(value: dict[object, object], depth: int, problems: Problems) -> object:
    if _too_much(len(value), depth, problems):
        return None
    result: dict[str, object] = {}
    for key, member in value.items():
        before = len(problems)
        if before >= MAX_PROBLEMS:
            break
        text = _plain_key(key, problems)
        result[text] = _plain(member, depth + 1, problems)
        if len(problems) > before:
            _add_step(problems, before, text)
    return result


def _plain_key(key: object, problems: Problems) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return str(int(key))
    if not isinstance(key, str):
        add_wrong("a text as key", key, problems)
        return ""
    check_string(key, problems)
    return str.__str__(key)
