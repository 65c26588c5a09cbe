"""Count phrases to avoid in docstrings and comments: `python -m docs.building.prose [PATH…]`.

Rates are per 1,000 words. In the docstrings and comments of h11, trio, attrs, structlog and lark they are between 0 and the value in parentheses.
`--list` prints each place instead.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]

PATTERNS: Final = {
    "`what is …` as a noun (0.3)": re.compile(
        r"\b[Ww]hat (?:is|was|are|were|has|comes|came|stands|they|it|follows|goes|a|an|the|runs|waits)\b"
    ),
    "somebody, nobody, whoever, those that (0.2)": re.compile(
        r"\b(?:somebody|nobody|whoever|anybody|everybody|those that|who is|who are)\b"
    ),
    "passive: is said, told, given, kept … (2.0)": re.compile(
        r"\b(?:is|are|was|were|be|been) (?:said|told|given|taken|kept|made|looked|put|begun|heard|asked|left|wished|found)\b"
    ),
    "`gives` for returns (0.4)": re.compile(r"\bgives?\b"),
}
QUESTION: Final = re.compile(r"(?:What|Where|Which|How|Who|Whether|Why)\b")
_WORD: Final = re.compile(r"[A-Za-z']+")


class Text(NamedTuple):
    """One docstring or comment. `line`: where it begins. `is_head`: whether it is the docstring of a module."""

    path: Path
    line: int
    text: str
    is_head: bool


def texts(paths: Iterable[Path]) -> Iterator[Text]:
    """Every docstring and comment below these paths, without generated files."""
    for root in paths:
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            if path.name != "_grammar.py":
                yield from _of_file(path)


def _of_file(path: Path) -> Iterator[Text]:
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found = ast.get_docstring(node)
            if found:
                yield Text(path, node.body[0].lineno, found, isinstance(node, ast.Module))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Text(path, token.start[0], token.string.lstrip("#: "), is_head=False)


def rates(found: Sequence[Text]) -> dict[str, float]:
    """How often each pattern occurs per 1,000 words."""
    n_words = max(1, sum(len(_WORD.findall(each.text)) for each in found))
    return {
        name: 1_000 * sum(len(pattern.findall(each.text)) for each in found) / n_words for name, pattern in PATTERNS.items()
    }


def questions(found: Iterable[Text]) -> list[Text]:
    """The module docstrings that open with a question word."""
    return [each for each in found if each.is_head and QUESTION.match(each.text)]


def places(found: Iterable[Text]) -> Iterator[str]:
    """Each line with a phrase to avoid, with its place."""
    for each in found:
        for number, line in enumerate(each.text.splitlines()):
            if any(pattern.search(line) for pattern in PATTERNS.values()):
                yield f"{each.path.relative_to(ROOT)}:{each.line + number}: {line.strip()}"


def main(argv: list[str] | None = None) -> int:
    """Print the rates, or every place."""
    parser = argparse.ArgumentParser(prog="python -m docs.building.prose", description="Count phrases to avoid.")
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT / "dagflow"], metavar="PATH")
    parser.add_argument("--list", action="store_true", help="print each place")
    arguments = parser.parse_args(argv)
    found = list(texts(path.resolve() for path in arguments.paths))
    if arguments.list:
        print(*places(found), sep="\n")
        return 0
    for name, rate in rates(found).items():
        print(f"{rate:6.1f}  {name}")
    print(f"{len(questions(found)):6}  module docstrings that open with a question word (0)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
