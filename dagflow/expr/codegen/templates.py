"""The Python of the ops that need no more than a template: data for the emitter."""

from __future__ import annotations

from typing import Final

#: Ops whose value is the core's own.
PLAIN_LITERALS: Final = frozenset({"null", "bool", "int", "double", "string"})
#: op → template and whether it can fail; NAME is the quoted name.
NAMED: Final = {
    "field": ("{0}[NAME]", False),
    "maybe": ("{0}.get(NAME)", False),
    "test": ("(NAME in {0})", False),
    "select": ("select({0}, NAME)", True),
    "find": ("find_field({0}, NAME)", True),
    "has": ("has_field({0}, NAME)", True),
    "scalar": ("scalar_of_text({0}, NAME)", True),
}
#: Functions that read no more than the shorter of their arguments.
SHORTEST: Final = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "startsWith", "endsWith"})
UNARY: Final = {
    "wrap": ("wrap({0})", False),
    "store": ("stored({0})", False),
    "present": ("({0} is not None)", False),
    "missing": ("({0} is None)", False),
    "truth": ("as_bool({0})", True),
    "plain": ("plain_value({0})", False),
}
LAZY_SECOND: Final = {
    "coalesce": "x if x is not None else",
    "or": "x if x.is_present else",
    "or_value": "x.value if x.is_present else",
}
