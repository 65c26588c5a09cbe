"""Compile `flow.lark` to the tables in `dagflow/lang/syntax/_grammar.py`: `python grammar/build.py [--check]`.

Lark does it in strict mode, so a conflict of any kind ends the build. `--check` writes nothing and exits with 1 if the tables are old.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lark
from lark.parsers.lalr_analysis import Reduce

HERE = Path(__file__).parent
TARGET = HERE.parent / "dagflow" / "lang" / "syntax" / "_grammar.py"
STARTS = ["start", "expression"]


def build(grammar: str) -> str:
    """The text of `_grammar.py` for a grammar."""
    parser = lark.Lark(grammar, parser="lalr", start=STARTS, strict=True, keep_all_tokens=True, maybe_placeholders=False)
    table = parser.parser.parser._parse_table  # noqa: SLF001 - Lark offers no other way to its tables
    rules = list(dict.fromkeys(parser.rules))
    # Lark adds one rule per start symbol, `$root_x -> x`; accepting is a state here, so they are not needed.
    numbers = {rule: i for i, rule in enumerate(rules)}
    order = _breadth_first(table)
    ids = {state: i for i, state in enumerate(order)}

    def cell(action: object, argument: object) -> int:
        return -1 - numbers[argument] if action is Reduce else ids[argument]

    states = []
    for state in order:
        actions = {n: v for n, v in table.states[state].items() if not (v[0] is Reduce and v[1] not in numbers)}
        states.append({name: cell(*value) for name, value in sorted(actions.items())})
    data = {
        "start": {name: ids[table.start_states[name]] for name in STARTS},
        "end": {name: ids[table.end_states[name]] for name in STARTS},
        "keywords": sorted(t.name for t in parser.terminals if t.pattern.type == "str" and t.pattern.value == t.name.lower()),
        "rules": [
            [rule.alias or rule.origin.name, rule.origin.name, len(rule.expansion), int(bool(rule.options.expand1))]
            for rule in rules
        ],
        "states": states,
    }
    text = json.dumps(data, separators=(",", ":"))
    return (
        '"""LALR(1) tables made from `grammar/flow.lark` by `grammar/build.py`. Not to be edited."""\n\n'
        'TABLES = r"""' + text + '"""\n'
    )


def _breadth_first(table: object) -> list[int]:
    """The states in an order that depends on the grammar alone; Lark's own numbering depends on the hash seed."""
    order = [table.start_states[name] for name in STARTS]
    seen = set(order)
    for state in order:
        for _, (action, argument) in sorted(table.states[state].items()):
            if action is not Reduce and argument not in seen:
                seen.add(argument)
                order.append(argument)
    return order


def main() -> int:
    """Write the tables, or with `--check` compare them."""
    text = build((HERE / "flow.lark").read_text(encoding="utf-8"))
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
