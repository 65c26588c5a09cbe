"""The grammar file, its tables, the hand-written lexer: three tellings of one language that have to agree; and Lark held to its word."""

from __future__ import annotations

import importlib.util
import os
import pickletools
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import lark
import pytest

from dagflow.lang.syntax.lark_parser import TABLES, Build, Parse, load
from dagflow.lang.syntax.lexer import Token, lex, with_newlines
from dagflow.lang.syntax.parser import parse_file
from dagflow.lang.syntax.reductions.children import Children
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


def parse_of(text: str, build: Build, found: list[tuple[str, int]] | None = None) -> Parse:
    """A parse of a file's tokens; `found` takes the terminal that each is read as, and its place."""

    def read() -> Iterator[Token]:
        for piece in with_newlines(lex(text).tokens):
            token = parse.read(piece)
            if found is not None:
                found.append((token.type, token.start))
            yield token

    parse = Parse("start", read, build)
    return parse


def kinds_of_ours(text: str) -> list[tuple[str, int]]:
    """The tokens of the file as our parser takes them; those inside of `${…}` are parsed on their own."""
    found: list[tuple[str, int]] = []
    parse_of(text, lambda _rule, _children: None, found).run()
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_both_lexers_see_the_same(name: str) -> None:
    assert kinds_of_ours(TEXTS[name]) == kinds_of_lark(TEXTS[name])


def test_the_example_has_every_word_of_the_language() -> None:
    seen = {kind for kind, _ in kinds_of_ours(EVERY_WORD)}
    terminals = {terminal.name for terminal in load().terminals if not terminal.name.startswith("BROKEN")}
    assert len(terminals) > 100
    assert {name for name in terminals if not name.startswith("__IGNORE")} - seen - {"_NL"} == set()


def test_every_statement_of_the_example_is_refused_or_understood() -> None:
    codes = {diagnostic.code for diagnostic in check(EVERY_WORD, INTERFACE).diagnostics}
    assert {code for code in codes if code.startswith("E")} == set()


def build_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grammar_build", GRAMMAR / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_grammar() -> None:
    """In strict mode: no conflict of any kind."""
    subprocess.run([sys.executable, GRAMMAR / "build.py", "--check"], check=True, timeout=50)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('stop: "stop" [STRING]', 'stop: "stop" STRING'),
        ('"takes" expr', '"lasts" expr'),
        ("expr -> positional", "expr -> unnamed"),
        ("\nguard: ", "\n?guard: "),
    ],
    ids=["rule", "word", "alias", "expansion"],
)
def test_tables_of_another_grammar_are_out_of_date(old: str, new: str) -> None:
    text = (GRAMMAR / "flow.lark").read_text(encoding="utf-8")
    assert old in text
    script = build_script()
    assert not script.is_current(script.build(text.replace(old, new)))


def test_the_tables_name_no_classes_but_the_two_that_parse() -> None:
    """Lark saves by pickling, and whatever a pickle names is called when it is loaded."""
    texts: list[object] = []
    named: set[tuple[object, ...]] = set()
    for operation, argument, _ in pickletools.genops((files("dagflow.lang.syntax") / TABLES).read_bytes()):
        assert operation.name not in {"GLOBAL", "INST", "EXT1", "EXT2", "EXT4"}
        if operation.name == "STACK_GLOBAL":
            named.add(tuple(texts[-2:]))
        if "UNICODE" in operation.name:
            texts.append(argument)
    assert {name for _, name in named} == {"TokenStream", "Reductions"}


# ---- what is asked of Lark beyond parsing


def parts(rule: str, children: Children) -> object:
    """Everything a reduction is called with."""
    return rule, tuple((child.type, child.start) if isinstance(child, Token) else child for child in children)


@pytest.mark.parametrize("name", ["every_word", "prelude"])
def test_what_fits_is_what_lark_accepts(name: str) -> None:
    """Asking changes nothing: a text is parsed to the same parts with all questions and with none."""
    text = TEXTS[name]
    kinds = {terminal.name for terminal in load().terminals} | {
        "BROKEN",
        "BROKEN_ITEM",
        "BROKEN_SETTING",
        "BROKEN_VALUE",
        "_NL",
        "$END",
    }
    oracle = load().parse_interactive(lambda: iter(()), "start")

    def read() -> Iterator[Token]:
        for i, piece in enumerate(with_newlines(lex(text).tokens)):
            if i % 5 == 0:
                assert {kind for kind in kinds if parse.accepts(kind)} == oracle.accepts()
            token = parse.read(piece)
            oracle.feed_token(token)
            yield token

    parse = Parse("start", read, parts)
    assert parse.run() == parse_of(text, parts).run()


@pytest.mark.parametrize("place", [0, 1, 40, 333])
def test_a_parser_is_what_it_was_when_it_is_restored(place: int) -> None:
    """Lark grows its lists in place, so they are shortened again; from one save the rest can be parsed more than once."""
    tokens = with_newlines(lex(EVERY_WORD).tokens)
    assert len(tokens) > 700
    parse = Parse("start", lambda: map(parse.read, tokens[place:]), parts)
    for token in tokens[:place]:
        parse.feed(parse.read(token))
    saved = parse.save()
    results = []
    for further in (place + 200, place + 300):
        for token in tokens[place:further]:
            parse.feed(parse.read(token))
        parse.restore(saved)
        results.append(parse.run())
        parse.restore(saved)
    assert results == [parse_of(EVERY_WORD, parts).run()] * 2


def test_texts_are_parsed_in_many_threads_at_once() -> None:
    """All parses share one parser of Lark."""
    texts = [f'flow f{i} {{ on manual\n a = b(x: {i} + {i} * 2, y: "${{c({i}) + 1}}")\n }}' for i in range(200)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(parse_file, texts)) == [parse_file(text) for text in texts]


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_lark_finds_the_function_of_every_rule(seed: str) -> None:
    """Its tables and its functions are no part of what Lark documents; the hashes of words differ between processes."""
    program = """
from dagflow.lang.syntax.lark_parser import load
parser = load().parser.parser.parser
rules = [found for state in parser.parse_table.states.values() for _, found in state.values() if not isinstance(found, int)]
print(len(rules) > 1_000, all(callable(parser.callbacks[rule]) for rule in rules), any(a == b for a in rules[:9] for b in rules if a is not b))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
    )
    assert done.stdout.split() == ["True", "True", "False"]
