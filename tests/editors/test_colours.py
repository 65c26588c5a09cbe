"""The grammars for editors, on the same texts, held to what dagflow reads."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import EntryPoint

import pytest
from pygments.token import Comment, Error, Keyword, Number, String

from dagflow.ide import pygments_lexer
from dagflow.ide.pygments_lexer import FlowLexer
from dagflow.lang.syntax.lexer import lex
from tests.editors.textmate import Grammar
from tests.editors.truth import CONSTANTS, keywords, path_of, samples, words
from tests.ide.texts import ROOT

TEXTMATE = Grammar(path_of("flow.tmLanguage.json"))
NAMES = sorted(samples())


def split(text: str, spans: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """The words in spans: `on error` is two, or one with a blank in it."""
    return {(a + m.start(), a + m.end()) for a, b in spans for m in re.finditer(r"\w+", text[a:b]) if m[0] not in CONSTANTS}


def shown(text: str, spans: Iterable[tuple[int, int]]) -> list[str]:
    return [f"{text.count(chr(10), 0, a) + 1}: {text[a:b]}" for a, b in sorted(spans)]


def pygments_pieces(text: str) -> list[tuple[int, int, object]]:
    return [(start, start + len(value), kind) for start, kind, value in FlowLexer().get_tokens_unprocessed(text)]


@pytest.mark.parametrize("name", NAMES)
def test_pygments(name: str) -> None:
    text = samples()[name]
    pieces = pygments_pieces(text)
    assert "".join(text[a:b] for a, b, _ in pieces) == text
    assert not [text[a:b] for a, b, kind in pieces if kind in Error]
    found = split(text, ((a, b) for a, b, kind in pieces if kind in Keyword and kind not in {Keyword.Type, Keyword.Constant}))
    truth = split(text, keywords(name))
    assert (shown(text, found - truth), shown(text, truth - found)) == ([], [])


@pytest.mark.parametrize("name", NAMES)
def test_textmate(name: str) -> None:
    text = samples()[name]
    pieces = TEXTMATE.pieces(text)
    found = split(text, ((p.start, p.end) for p in pieces if p.scope.startswith("keyword.") and "operator" not in p.scope))
    truth = split(text, keywords(name))
    assert (shown(text, found - truth), shown(text, truth - found)) == ([], [])


@pytest.mark.parametrize("name", NAMES)
def test_both_agree_on_texts_and_comments(name: str) -> None:
    """Where strings, numbers and comments are, both say as the lexer of the compiler does."""
    text = samples()[name]
    tokens = lex(text).tokens
    strings = {i for t in tokens if t.type == "STRING" and "${" not in t.text for i in range(t.start, t.end) if text[i] != "\n"}
    numbers = {
        i for t in tokens if t.type in {"INT", "UINT", "FLOAT", "DURATION"} for i in range(t.start, t.end) if text[i] != "\n"
    }
    of_pygments = pygments_pieces(text)
    of_textmate = TEXTMATE.pieces(text)
    assert strings <= {i for a, b, kind in of_pygments if kind in String for i in range(a, b)}
    assert strings <= {
        i for p in of_textmate if p.scope.startswith(("string", "constant.character")) for i in range(p.start, p.end)
    }
    assert numbers <= {i for a, b, kind in of_pygments if kind in Number for i in range(a, b)}
    assert numbers <= {i for p in of_textmate if p.scope.startswith("constant.numeric") for i in range(p.start, p.end)}
    comments = {i for a, b, kind in of_pygments if kind in Comment or kind in String.Doc for i in range(a, b)}
    assert comments == {i for p in of_textmate if p.scope.startswith("comment") for i in range(p.start, p.end)}


def test_every_word_is_known() -> None:
    textmate = path_of("flow.tmLanguage.json").read_text(encoding="utf-8")
    sources = inspect.getsource(pygments_lexer)
    for word in words():
        assert re.search(rf"\b{word}\b", textmate), word
        assert re.search(rf"\b{word}\b", sources), word


def test_the_lexer_is_registered() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (value,) = project["entry-points"]["pygments.lexers"].values()
    assert EntryPoint("dagflow", value, "pygments.lexers").load() is FlowLexer
    assert "*.flow" in FlowLexer.filenames


@pytest.mark.parametrize(
    "text", ["", '"', '"""', "'''x", "${", '"${', '"${{', "flow", "é😀", "`", "\\", '"a\nb', "b'", 'r"', "1.2.3", "..", "\x00"]
)
def test_any_text_is_coloured(text: str) -> None:
    assert "".join(text[a:b] for a, b, _ in pygments_pieces(text)) == text
    TEXTMATE.pieces(text)
