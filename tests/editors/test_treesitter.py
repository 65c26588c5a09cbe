"""The tree-sitter grammar: what can be seen without its tool, and, in the slow tier, what the tool makes of it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.editors.treesitter.build import CannotBuildError, parser
from tests.editors.truth import CONSTANTS, keywords, path_of, samples, words

GRAMMAR = path_of("tree-sitter", "grammar.js").read_text(encoding="utf-8")
RULES = set(re.findall(r"^    (\w+): \(\$\)", GRAMMAR, re.MULTILINE))
CORPUS = sorted(path_of("tree-sitter", "test", "corpus").glob("*.txt"))
CASE = re.compile(r"={10,}\n([^\n]+)\n={10,}\n\n(.*?)\n---\n\n(.*?)(?=\n\n={10,}|\Z)", re.DOTALL)


def literals() -> set[str]:
    return set(re.findall(r"'((?:[^'\\]|\\.)+)'", GRAMMAR))


def cases() -> list[tuple[str, str, str]]:
    return [each for path in CORPUS for each in CASE.findall(path.read_text(encoding="utf-8"))]


def test_every_word_is_known() -> None:
    assert words() <= literals()


def test_every_name_that_is_used_is_a_rule() -> None:
    assert set(re.findall(r"\$\.(\w+)", GRAMMAR)) - RULES == set()


@pytest.mark.parametrize("path", sorted(path_of("tree-sitter", "queries").glob("*.scm")), ids=lambda path: path.name)
def test_queries_are_about_what_there_is(path: Path) -> None:
    text = re.sub(r"^;.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(re.findall(r"\((\w+)", text)) - RULES == set()
    found = set(re.findall(r'"((?:[^"\\]|\\.)+)"', text))
    assert {each.replace('\\"', '"') for each in found} - literals() - {"${", '"', "'"} == set()


def test_every_word_is_coloured() -> None:
    text = path_of("tree-sitter", "queries", "highlights.scm").read_text(encoding="utf-8")
    coloured = set(re.findall(r'"(\w+)"', text))
    assert words() - CONSTANTS - coloured == set()


def test_the_corpus_names_each_rule() -> None:
    seen = set(re.findall(r"\((\w+)", "".join(tree for _, _, tree in cases())))
    hidden = {rule for rule in RULES if rule.startswith("_")}
    assert RULES - hidden - seen - {"comment", "doc_comment", "single_content"} == set()


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return parser()
    except CannotBuildError as error:
        pytest.skip(f"tree-sitter cannot be built here: {error}")


def trees(program: Path, texts: list[str], folder: Path) -> list[tuple[str, set[tuple[int, int]]]]:
    """The tree of each text, and the places of its keywords, in bytes."""
    paths: list[str] = []
    for i, text in enumerate(texts):
        (folder / f"{i}.flow").write_bytes(text.encode())
        paths.append(str(folder / f"{i}.flow"))
    lines = subprocess.run([str(program), *paths], capture_output=True, text=True, check=True, timeout=60).stdout.split("\n")
    spans = [{(int(a), int(b)) for a, b in re.findall(r"(\d+)-(\d+)", line)} for line in lines[1::2]]
    return list(zip(lines[::2], spans, strict=False))


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_corpus(program: Path, tmp_path: Path) -> None:
    found = trees(program, [text for _, text, _ in cases()], tmp_path)
    for (name, _, wanted), (tree, _) in zip(cases(), found, strict=True):
        assert tree == re.sub(r"\s+\)", ")", " ".join(wanted.split())), name


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_same_examples(program: Path, tmp_path: Path) -> None:
    """Each parses, and its keywords are those that dagflow reads."""
    for name, (tree, spans) in zip(samples(), trees(program, list(samples().values()), tmp_path), strict=True):
        text = samples()[name]
        assert "ERROR" not in tree, name
        assert "MISSING" not in tree, name
        starts = [0]
        for char in text:
            starts.append(starts[-1] + len(char.encode()))
        wanted = {
            (starts[a + m.start()], starts[a + m.end()]) for a, b in keywords(name) for m in re.finditer(r"\w+", text[a:b])
        }
        data = text.encode()
        found = {(a, b) for a, b in spans if data[a:b].decode() not in CONSTANTS}
        assert {data[a:b] for a, b in found ^ wanted} == set(), name
