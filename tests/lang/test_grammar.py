"""The grammar file, its tables, the hand-written lexer: three tellings of one language that have to agree."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import lark
import pytest

from dagflow.lang.syntax.lalr import Automaton, tables
from dagflow.lang.syntax.lexer import Token, lex, with_newlines
from dagflow.lang.syntax.parser import parse_file
from tests.lang.golden import CASES, HERE, check, prelude, read

ROOT = Path(__file__).parents[2]
GRAMMAR = ROOT / "grammar"
INTERFACE = prelude()
EVERY_WORD = (HERE / "every_word.flow").read_text(encoding="utf-8")


def good_texts() -> Iterator[tuple[str, str]]:
    yield "every_word", EVERY_WORD
    yield "prelude", (HERE / "prelude.flow").read_text(encoding="utf-8")
    for path in sorted((ROOT / "examples").glob("*.flow")):
        yield path.stem, path.read_text(encoding="utf-8")
    for path in sorted(CASES.glob("*.flowtest")):
        # Whatever is wrong with them is not a matter of syntax.
        if not path.stem.startswith("E1"):
            yield from ((case.name, case.source) for case in read(path) if "error[E1" not in case.expected)


TEXTS = dict(good_texts())


@lru_cache(maxsize=1)
def reference() -> lark.Lark:
    text = (GRAMMAR / "flow.lark").read_text(encoding="utf-8")
    return lark.Lark(text, parser="lalr", start=["start", "expression"], keep_all_tokens=True, maybe_placeholders=False)


def kinds_of_lark(text: str) -> list[tuple[str, int]]:
    """The tokens as Lark's contextual lexer cuts them; where lines end statements it is told."""
    ours = {token.start for token in with_newlines(lex(text).tokens) if token.type == "_NL"}
    interactive = reference().parse_interactive(text, start="start")
    lexers, state = interactive.lexer_thread.lexer.lexers, interactive.lexer_thread.state
    found: list[tuple[str, int]] = []
    begins = [token.start for token in lex(text).tokens]
    for start in begins:
        if start in ours:
            interactive.feed_token(lark.Token("_NL", ""))
            found.append(("_NL", start))
        token = lexers[interactive.parser_state.position].next_token(state, interactive.parser_state)
        assert token.start_pos == start, f"Lark reads {token!r} at {token.start_pos}, we read a token at {start}"
        interactive.feed_token(token)
        found.append((token.type, start))
    interactive.feed_eof()
    return found


def kinds_of_ours(text: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The tokens of the file as our parser takes them; those inside of `${…}` are parsed on their own."""
    found: list[tuple[str, int]] = []
    feed = Automaton.feed

    def spy(self: Automaton, kind: str, token: Token) -> bool:
        taken = feed(self, kind, token)
        if taken and self.start == "start" and kind != "$END":
            found.append((kind, token.start))
        return taken

    monkeypatch.setattr(Automaton, "feed", spy)
    _, diagnostics = parse_file(text)
    assert not diagnostics
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_both_lexers_see_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kinds_of_ours(TEXTS[name], monkeypatch) == kinds_of_lark(TEXTS[name])


def test_the_example_has_every_word_of_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {kind for kind, _ in kinds_of_ours(EVERY_WORD, monkeypatch)}
    terminals = {name for state in tables().states for name in state if name.isupper() and not name.startswith("BROKEN")}
    assert terminals - seen - {"_NL", "$END"} == set()


def test_every_statement_of_the_example_is_refused_or_understood() -> None:
    codes = {diagnostic.code for diagnostic in check(EVERY_WORD, INTERFACE).diagnostics}
    assert {code for code in codes if code.startswith("E")} == set()


def test_the_tables_are_those_of_the_grammar() -> None:
    """In strict mode: no conflict of any kind."""
    subprocess.run([sys.executable, GRAMMAR / "build.py", "--check"], check=True, timeout=50)
