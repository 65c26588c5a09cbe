"""What the documents show is true: every flow in them compiles, every command line in them is one."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import dagflow

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "grammar" / "SPEC.md"]
BLOCK = re.compile(r"^```flow\n(.*?)^```", re.DOTALL | re.MULTILINE)
#: A block with a name is a file that the others may import.
NAMED = re.compile(r"^```flow (\S+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SOURCES = {match[1]: match[2] for path in DOCUMENTS for match in NAMED.finditer(path.read_text(encoding="utf-8"))}
FLOWS = [
    pytest.param(match[1], id=f"{path.name}:{path.read_text(encoding='utf-8').count(chr(10), 0, match.start()) + 2}")
    for path in DOCUMENTS
    for match in BLOCK.finditer(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("text", FLOWS)
def test_flows_compile(text: str) -> None:
    compilation = dagflow.compile(text, filename="document.flow", sources=SOURCES)
    # That settings wait for a service is said where they are told of.
    assert compilation.diagnostics == (), compilation.render()


@pytest.mark.parametrize("name", SOURCES)
def test_files_to_import_compile(name: str) -> None:
    compilation = dagflow.compile(SOURCES[name], filename=name, sources=SOURCES)
    assert not compilation.diagnostics, compilation.render()


def test_readme_shows_the_example() -> None:
    shown = BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown is not None
    flow, _, _ = (ROOT / "examples" / "lead_approval.flow").read_text(encoding="utf-8").partition('\ntest "')
    assert shown[1] == flow


def test_every_example_flow_is_named_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "examples").glob("*.flow"):
        assert path.name in readme


def test_the_words_of_the_language_are_counted() -> None:
    """Roughly: a test more does not need a new table. Exactly: `python grammar/words.py`."""
    spec = importlib.util.spec_from_file_location("words", ROOT / "grammar" / "words.py")
    assert spec is not None
    assert spec.loader is not None
    words = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(words)
    text = (ROOT / "grammar" / "SPEC.md").read_text()
    row = re.compile(r"^\| `([a-z ]+)` \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", re.MULTILINE)
    written, counted = (
        {word: [int(cell.replace(",", "")) for cell in cells] for word, *cells in row.findall(each)}
        for each in (text, words.current(text))
    )
    assert written.keys() == counted.keys() == set(words.words())
    for word, numbers in counted.items():
        assert numbers[2], f"no test has a `{word}`"
        for number, kept in zip(numbers, written[word], strict=True):
            assert abs(number - kept) <= 5 + 0.25 * number, f"`{word}`: run python grammar/words.py"
