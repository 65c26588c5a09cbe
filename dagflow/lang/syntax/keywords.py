"""Words of the language that cannot be names, by what keeps them."""

from __future__ import annotations

from typing import Final

#: Words CEL keeps for itself; none can be a variable.
RESERVED: Final = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "true",
        "false",
        "null",
        "var",
        "void",
        "while",
    ]
)
#: Words a step cannot have as its name, since they begin another statement.
NO_STEP_NAMES: Final = RESERVED | frozenset(
    "case default do else emit fail filter for if import let on parallel return start stop switch undo wait when yield".split()  # noqa: SIM905
)
#: Words that begin a setting, so no step may have them as its name.
SETTINGS: Final = (
    "on",
    "once",
    "rate",
    "debounce",
    "singleton",
    "throttle",
    "concurrency",
    "cancel",
    "timeout",
    "retry",
    "priority",
)
