"""Names of types in other languages, with their names here."""

from __future__ import annotations

from typing import Final

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.syntax import tree as s


@attrs.frozen
class Meant:
    """What is written here instead: for a line of help, and as a fix where there is one."""

    help: str
    fix: Fix | None


#: Names that mean one type here.
_CERTAIN: Final = {
    "str": "string", "text": "string", "varchar": "string", "integer": "int", "long": "int", "float": "double", "boolean": "bool",
    "datetime": "timestamp", "instant": "timestamp", "timedelta": "duration", "any": "json", "unknown": "json",
}  # fmt: skip
#: Names that may mean another type as well.
_LIKELY: Final = {
    "number": "double",
    "money": "decimal",
    "numeric": "decimal",
    "bigdecimal": "decimal",
    "date": "timestamp",
    "time": "timestamp",
    "object": "json",
    "void": "json",
}
_ALSO: Final = {
    "number": "; whole numbers are `int`", "money": "; whole cents are `int`", "numeric": "", "bigdecimal": "", "date": "; a day without a time of day is a `string`", "time": "",
    "object": "; a record is `{name: string}`", "void": "; leave out the result of a flow that has none",
}  # fmt: skip
_LISTS: Final = frozenset(["array", "vector", "sequence", "iterable", "set", "tuple", "list"])
_MAPS: Final = frozenset(["dict", "dictionary", "record", "hash", "hashmap", "mapping", "map"])
_OPTIONALS: Final = frozenset(["optional", "maybe", "option", "nullable"])


def meant_by(expr: s.NamedType, text: str) -> Meant | None:
    """What a type that is not declared is called here, if it is one of another language.

    Args:
        text: of the file.
    """
    word, span = expr.name.text.lower(), expr.name.span
    n_args = len(expr.args)
    if word in _OPTIONALS and n_args == 1:
        inner = text[expr.args[0].span.start : expr.args[0].span.end].removesuffix("?")
        return _written(f"{inner}?", expr.span)
    if word in _OPTIONALS:
        return Meant("a value that may be missing has a type such as `string?`", None)
    for words, own, count, example in ((_LISTS, "list", 1, "list<string>"), (_MAPS, "map", 2, "map<string, json>")):
        if word in words:
            if n_args == count:
                return _written(own, span)
            return Meant(f"write `{example}`" + (", or `json`" if own == "map" else ""), None)
    if n_args:
        return None
    if word in _CERTAIN:
        return _written(_CERTAIN[word], span)
    if word in _LIKELY:
        return _written(_LIKELY[word], span, also=_ALSO[word], is_safe=False)
    return None


def _written(text: str, span: Span, *, also: str = "", is_safe: bool = True) -> Meant:
    return Meant(f"write `{text}`{also}", Fix(f"`{text}`", is_safe=is_safe, edits=(Edit(span, text),)))
