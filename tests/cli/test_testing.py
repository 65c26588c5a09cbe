"""`dagflow test`: what it says, which tests it runs, its reports and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dagflow.cli.test_selector import selector
from dagflow.errors import UsageError
from tests.cli.support import EXAMPLES, Dagflow

FLOW = """flow greet(name: string) {
  filter name != ""
  greeting = slack(channel: "C1", text: "hello ${name}")
  wait 2d
  log(message: "greeted")
}

test "hello" for greet {
  given (name: "Ada")
  expect greeting.input.text == "hello Ada" && log.at == 2d
}

test "nobody" for greet {
  given (name: "")
  expect greeting.%s && run.elapsed == 0s
}
"""


@pytest.fixture
def flows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """An empty folder with files of these texts in it."""

    def write(**texts: str) -> Path:
        place = folder / "only"
        place.mkdir()
        for name, text in texts.items():
            (place / f"{name}.flow").write_text(text)
        monkeypatch.chdir(place)
        return place

    return write


def test_all_is_well(flows: Callable[..., Path], dagflow: Dagflow) -> None:
    flows(f=FLOW % "pruned")
    said = dagflow("test")
    assert said.code == 0
    assert [line.split("  ")[0] for line in said.out.splitlines()] == [
        "✓ f.flow::greet::hello", "✓ f.flow::greet::nobody", "2 passed",
    ]  # fmt: skip


def test_a_failure_says_what_was_expected_what_came_and_what_happened(flows: Callable[..., Path], dagflow: Dagflow) -> None:
    flows(f=FLOW % "ran")
    said = dagflow("test", "f.flow")
    assert said.code == 1
    for line in (
        "    f.flow:15: expected: greeting.ran && run.elapsed == 0s",
        "      got greeting.ran: false",
        "      got run.elapsed: 0s",
        '+0s  ✓ succeeded  filter name != ""  no',
        "– pruned  greeting  line 2 (no)",
        "+0s  the run succeeded",
        "1 passed, 1 failed",
    ):
        assert line in said.out, line


def test_only_some(flows: Callable[..., Path], dagflow: Dagflow) -> None:
    flows(f=FLOW % "ran", g=FLOW % "pruned")
    assert dagflow("test", "-k", "hello or (g.flow and NOBODY)".replace("NOBODY", "Nobody")).out.count("✓") == 3
    assert dagflow("test", "-k", "nothing like it").code == 2
    assert dagflow("test", "-k", "'nothing like it'").code == 5
    assert dagflow("test", "-k", "not hello").code == 1


def test_none_and_broken(flows: Callable[..., Path], dagflow: Dagflow) -> None:
    place = flows()
    assert dagflow("test").code == 5
    (place / "broken.flow").write_text('flow f { lgo(message: "x") }')
    said = dagflow("test")
    assert said.code == 1
    assert "E201" in said.out
    assert dagflow("test", "missing.flow").code == 2


def test_reports(flows: Callable[..., Path], dagflow: Dagflow) -> None:
    flows(f=FLOW % "ran")
    said = dagflow("test", "--json", "--coverage", "--junit", "out.xml")
    assert said.code == 1
    data = json.loads(said.out)
    assert [each["passed"] for each in data["tests"]] == [True, False]
    assert data["tests"][1]["unmet"][0]["got"] == {"greeting.ran": "false", "run.elapsed": "0s"}
    assert data["coverage"]["greet"]["kinds"]["gate"] == {"reached": 2, "all": 2}
    suite = ET.fromstring(Path("out.xml").read_text(encoding="utf-8"))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert suite[1][0].get("message", "").startswith("f.flow:15: expected")
    assert dagflow("test", "--junit", "no/such/folder.xml").code == 2


def test_chaos_and_coverage(flows: Callable[..., Path], dagflow: Dagflow) -> None:
    flows(f=FLOW % "pruned")
    said = dagflow("test", "--chaos", "--coverage", "-k", "hello")
    assert said.code == 0
    assert "crashes" in said.out
    assert 'not covered: line 2 filter name != "": no' in said.out


def test_an_interrupted_session(flows: Callable[..., Path], dagflow: Dagflow) -> None:
    place = flows(f=FLOW % "pruned")
    (place / "stopped.py").write_text(
        "import dagflow\n\n"
        "class Stopped(dagflow.Catalog):\n    @property\n    def interface(self):\n        raise KeyboardInterrupt\n\n"
        "catalog = Stopped()\n"
    )
    said = dagflow("test", "--actions", "stopped.py")
    assert (said.code, said.err) == (2, "dagflow: interrupted\n")


def test_the_examples_are_tested_on_both_sides_of_every_gate(folder: Path, dagflow: Dagflow) -> None:
    flows = sorted(path.name for path in EXAMPLES.glob("*.flow"))
    said = dagflow("test", *flows, "--actions", "shop.py", "--chaos", "--coverage", "--json")
    data = json.loads(said.out)
    assert said.code == 0, [each for each in data["tests"] if not each["passed"]]
    assert {each["file"] for each in data["tests"]} == set(flows)
    assert all(each["crashes"] for each in data["tests"])
    assert {name: flow["missing"] for name, flow in data["coverage"].items() if flow["missing"]} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", "a ab abc"),
        ("a and not c", "a ab"),
        ("not (a or b)", "c"),
        ("c or b and not a", "abc b c"),
        ("'b c'", ""),
        ("A", "a ab abc"),
    ],
)
def test_words(text: str, names: str) -> None:
    assert " ".join(name for name in ("a", "ab", "abc", "b", "c") if selector(text)(name)) == names


@pytest.mark.parametrize("text", ["", "a b", "(a", "a)", "and", "not", "a or", "x" * 2000])
def test_words_that_make_no_sense(text: str) -> None:
    with pytest.raises(UsageError):
        selector(text)
