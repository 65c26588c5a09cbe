"""What each word of a text is, as dagflow itself reads it: what every grammar for editors is held to."""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path

from dagflow.ide.analysis import Analyst
from dagflow.ide.semantic_tokens import coloured
from dagflow.lang.syntax.parser import parse_file
from tests.ide.texts import FILES, ROOT, builtin

sys.path.insert(0, str(ROOT / "grammar"))
_DOCUMENTS = ["grammar/SPEC.md", "README.md"]
_BLOCK = re.compile(r"^```flow\n(.*?)^```", re.DOTALL | re.MULTILINE)
#: Words that are values.
CONSTANTS = frozenset({"true", "false", "null"})


@functools.cache
def samples() -> dict[str, str]:
    """Texts that parse: examples, patterns, every word of the language, and the flows of the documents."""
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in FILES}
    for name in _DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        found |= {f"{name}:{text.count(chr(10), 0, each.start()) + 1}": each[1] for each in _BLOCK.finditer(text)}
    return {name: text for name, text in found.items() if not parse_file(text)[1]}


@functools.cache
def words() -> frozenset[str]:
    """Every word of the language, as the grammar has them."""
    import words as listed  # noqa: PLC0415 - a script beside the grammar

    return frozenset(word for each in listed.words() for word in each.split())


@functools.cache
def keywords(name: str) -> frozenset[tuple[int, int]]:
    """The places of the words that are keywords where they stand."""
    text = samples()[name]
    found = coloured(Analyst(builtin()).update(text))
    spans = [each.span for each in found if each.type == "keyword"]
    return frozenset((span.start, span.end) for span in spans if text[span.start : span.end] not in CONSTANTS)


def path_of(*parts: str) -> Path:
    return ROOT.joinpath("grammar", *parts)
