"""The words of the language, and how often each is used: `python grammar/words.py` brings the table in SPEC.md up to date.

A word that no example and no pattern needs had better have a good reason to be there.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "grammar" / "SPEC.md"
BEGIN, END = "<!-- words: made by grammar/words.py -->", "<!-- end of words -->"
#: What they are looked for in.
PLACES = {
    "examples": ("examples/*.flow",),
    "patterns": ("tests/patterns/*.flow",),
    "tests": ("tests/lang/cases/*.flowtest", "tests/lang/*.flow"),
}
_NO_CODE = re.compile(r'//[^\n]*|"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'')


def words() -> list[str]:
    """Every word in quotes in the grammar, values of expressions left out."""
    grammar = re.sub(r"//[^\n]*", "", (ROOT / "grammar" / "flow.lark").read_text())
    found = set(re.findall(r'"([a-z]+)"', grammar)) | {"on error", "on unknown"}
    return sorted(found - {"true", "false", "null"})


def count(word: str, texts: list[str]) -> int:
    """How often a word stands in texts, as a word of its own that nothing is selected by or called."""
    pattern = re.compile(rf"(?<![\w.]){word.replace(' ', '[ ]+')}(?![\w(]|\s*[:=](?!=))")
    calls = re.compile(rf"(?<![\w.]){word}(?=\s*\()") if word in {"any", "settled", "emit", "with", "given"} else None
    return sum(len(pattern.findall(text)) + (len(calls.findall(text)) if calls else 0) for text in texts)


def table() -> str:
    """The table, a row a word."""
    texts = {
        place: [_NO_CODE.sub('""', path.read_text()) for glob in globs for path in sorted(ROOT.glob(glob))]
        for place, globs in PLACES.items()
    }
    rows = [f"| word | {' | '.join(PLACES)} |", "|---|" + "--:|" * len(PLACES)]
    for word in words():
        counts = " | ".join(f"{count(word, texts[place]):,}" for place in PLACES)
        rows.append(f"| `{word}` | {counts} |")
    return "\n".join(rows)


def current(spec: str) -> str:
    """The specification with the table as it is now."""
    before, _, rest = spec.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    """Bring the table up to date."""
    SPEC.write_text(current(SPEC.read_text()))


if __name__ == "__main__":
    main()
