"""Have Lark compile `flow.lark` and save its parser in `dagflow/lang/syntax/flow.tables`: `python grammar/build.py [--check]`.

Lark does it in strict mode, so a conflict of any kind ends the build. `--check` writes nothing and exits with 1 if the saved parser is
not of this grammar.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import lark

from dagflow.lang.syntax.lark_parser import TABLES, Reductions, TokenStream

HERE = Path(__file__).parent
TARGET = HERE.parent / "dagflow" / "lang" / "syntax" / TABLES
#: What differs from Lark's defaults. The others are not saved: not every version of Lark knows all of them.
OPTIONS = {"parser": "lalr", "start": ["start", "expression"], "keep_all_tokens": True, "maybe_placeholders": False}


def build(grammar: str) -> lark.Lark:
    """The parser of a grammar."""
    # With its own lexer Lark looks for terminals that match the same text as well.
    lark.Lark(grammar, strict=True, **OPTIONS)
    return lark.Lark(grammar, strict=True, lexer=TokenStream, transformer=Reductions(), **OPTIONS)


def save(parser: lark.Lark) -> bytes:
    """What is to be loaded at run time."""
    file = io.BytesIO()
    parser.save(file, exclude_options=set(parser.options.options) - {*OPTIONS, "lexer", "transformer"})
    return file.getvalue()


def is_current(parser: lark.Lark) -> bool:
    """Whether the saved parser is of the same rules and terminals, from which its tables follow."""
    if not TARGET.exists():
        return False
    with TARGET.open("rb") as file:
        try:
            return content(lark.Lark.load(file)) == content(parser)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is made anew
            return False


def content(parser: lark.Lark) -> list[str]:
    """The rules and terminals of a parser, and how it was made."""
    rules = [f"{rule.origin.name}: {rule.expansion} {rule.alias} {rule.order} {rule.options}" for rule in parser.rules]
    terminals = [f"{terminal.name}: {terminal.pattern!r} {terminal.priority}" for terminal in parser.terminals]
    options = [f"{name}={parser.options.options[name]}" for name in OPTIONS]
    return sorted([*rules, *terminals, *options])


def main() -> int:
    """Save the parser if the grammar has changed, or with `--check` say whether it has."""
    parser = build((HERE / "flow.lark").read_text(encoding="utf-8"))
    if is_current(parser):
        return 0
    if "--check" in sys.argv[1:]:
        return 1
    TARGET.write_bytes(save(parser))
    return 0


if __name__ == "__main__":
    sys.exit(main())
