"""The extension for Visual Studio Code: whole, and, in the slow tier, packed by the standard tool and its grammar run by the real engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

import dagflow
from dagflow.lsp.features import GRAPH, RUN_TESTS
from tests.editors.truth import CONSTANTS, keywords, path_of, samples
from tests.ide.texts import ROOT

FOLDER = path_of("vscode")
MANIFEST = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))


def test_what_it_names_is_there() -> None:
    contributes = MANIFEST["contributes"]
    named = [MANIFEST["main"], *(each["configuration"] for each in contributes["languages"])]
    named += [each["path"] for each in contributes["grammars"]]
    made = {"./syntaxes/flow.tmLanguage.json"}  # by prepare.js
    assert [each for each in named if each not in made and not (FOLDER / each).exists()] == []
    assert MANIFEST["version"] == dagflow.__version__
    textmate = json.loads(path_of("flow.tmLanguage.json").read_text(encoding="utf-8"))
    assert contributes["grammars"][0]["scopeName"] == textmate["scopeName"]


def test_it_knows_the_commands_of_the_server() -> None:
    text = (FOLDER / "extension.js").read_text(encoding="utf-8")
    assert f"'{GRAPH}'" in text
    assert f"'{RUN_TESTS}'" in text
    assert set(re.findall(r"get\('(\w+)'\)", text)) == {
        name.removeprefix("dagflow.") for name in MANIFEST["contributes"]["configuration"]["properties"]
    }


def test_every_file_is_json() -> None:
    for path in [*FOLDER.glob("*.json"), *FOLDER.glob("syntaxes/*.json"), *path_of("tree-sitter").glob("*.json")]:
        json.loads(path.read_text(encoding="utf-8"))


#: What npm says of a network that is not there; anything else it says is about us.
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH")


def npm(folder: Path, *arguments: str) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    done = subprocess.run(
        ["npm", *arguments, "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        pytest.skip(f"the registry cannot be reached: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_it_packs(tmp_path: Path) -> None:
    folder = tmp_path / "grammar" / "vscode"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules", "*.vsix"))
    shutil.copy(path_of("flow.tmLanguage.json"), folder.parent)
    shutil.copy(ROOT / "LICENSE", tmp_path)
    npm(folder, "install")
    done = subprocess.run(["npm", "run", "pack"], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (packed,) = folder.glob("*.vsix")
    names = zipfile.ZipFile(packed).namelist()
    assert {"extension/extension.js", "extension/syntaxes/flow.tmLanguage.json", "extension/package.json"} <= set(names)
    assert any("vscode-languageclient" in name for name in names)


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_the_grammar_in_the_real_engine(tmp_path: Path) -> None:
    npm(tmp_path, "install", "vscode-textmate@9", "vscode-oniguruma@2")
    shutil.copy(Path(__file__).parent / "textmate_real.js", tmp_path)
    done = subprocess.run(
        ["node", "textmate_real.js", str(path_of("flow.tmLanguage.json"))],
        cwd=tmp_path, input=json.dumps(list(samples().values())), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    for name, spans in zip(samples(), json.loads(done.stdout), strict=True):
        text = samples()[name]
        if not text.isascii():
            continue  # places are counted otherwise there
        found = {
            (a + m.start(), a + m.end()) for a, b in spans for m in re.finditer(r"\w+", text[a:b]) if m[0] not in CONSTANTS
        }
        wanted = {(a + m.start(), a + m.end()) for a, b in keywords(name) for m in re.finditer(r"\w+", text[a:b])}
        assert {text[a:b] for a, b in found ^ wanted} == set(), name
