"""`check`, `graph`, `import`, `actions`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.support import Dagflow, command, environment

GOOD = 'flow good { on manual\n log(message: "hi")\n}\n'
WARNING = 'flow warned { on manual\n let unused = 1\n log(message: "hi")\n}\n'
BAD = 'flow bad { on manual\n log(mess: 1 + "a")\n wait 2 days\n}\n'
SEED_ERROR = '{"name": "X", "actions": [{"type": "email", "data": {"template": "t"}}, {"type": "fax", "data": {}}]}'

#: A host whose catalogue does what none should.
FAULTY = """
import dagflow

class Faulty(dagflow.Catalog):
    @property
    def interface(self):
        raise %s

catalog = Faulty()
"""


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    for name, text in (("good", GOOD), ("warned", WARNING), ("bad", BAD)):
        (folder / f"{name}.flow").write_text(text)
    (folder / "bad.json").write_text(SEED_ERROR)


class TestCheck:
    def test_a_good_file(self, dagflow: Dagflow) -> None:
        said = dagflow("check", "good.flow")
        assert (said.code, said.out) == (0, "good.flow: ok: good\n")

    def test_all_errors_of_all_files_are_said_with_their_places(self, dagflow: Dagflow) -> None:
        said = dagflow("check", "good.flow", "bad.flow", "warned.flow")
        assert said.code == 1
        assert "good.flow: ok: good\n" in said.out
        assert " --> bad.flow:2:6\n" in said.out
        assert " --> bad.flow:3:9\n" in said.out
        assert "bad.flow: 2 errors\n" in said.out or "bad.flow: 3 errors\n" in said.out
        assert "warned.flow: ok: warned (1 warning)\n" in said.out

    def test_warnings_count_only_if_strict(self, dagflow: Dagflow) -> None:
        assert dagflow("check", "warned.flow").code == 0
        assert dagflow("check", "warned.flow", "--strict").code == 1

    def test_directories(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "deep" / ".hidden").mkdir(parents=True)
        for name in ("deep/a.flow", "deep/.hidden/b.flow"):
            (folder / name).write_text(GOOD)
        assert dagflow("check", "deep").out == "deep/a.flow: ok: good\n"
        lines = dagflow("check").out.splitlines()
        assert "good.flow: ok: good" in lines
        assert "deep/a.flow: ok: good" in lines
        assert not any("hidden" in line for line in lines)

    def test_as_json(self, dagflow: Dagflow) -> None:
        said = dagflow("check", "good.flow", "bad.flow", "bad.json", "--json")
        found = said.json
        assert said.code == 1
        assert isinstance(found, dict)
        found = found["diagnostics"]
        assert {each["file"] for each in found} == {"bad.flow", "bad.json"}
        assert {each["code"][0] for each in found} == {"E"}
        assert [each["pointer"] for each in found if each["file"] == "bad.json"] == ["/actions/0/data", "/actions/1/type"]

    def test_a_json_workflow(self, dagflow: Dagflow) -> None:
        assert dagflow("check", "approval.json").out == "approval.json: ok: approval\n"
        said = dagflow("check", "bad.json")
        assert said.code == 1
        assert "bad.json:1:" in said.out
        assert "(at /actions/1/type)" in said.out

    def test_standard_input(self, dagflow: Dagflow, typed_in: Callable[[str], None]) -> None:
        typed_in(GOOD)
        said = dagflow("check", "-")
        assert (said.code, said.out) == (0, "<stdin>: ok: good\n")
        typed_in(BAD)
        assert dagflow("check", "-").code == 1

    def test_host_actions_are_known_when_given(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "mine.py").write_text("import dagflow\nx = dagflow.Catalog()\n@x.action('mine')\ndef f() -> None: ...\n")
        (folder / "mine.flow").write_text("flow f { on manual\n mine()\n}\n")
        assert dagflow("check", "mine.flow").code == 1
        assert dagflow("check", "mine.flow", "--actions", "mine.py").code == 0
        assert dagflow("check", "mine.flow", "--actions", "mine.py:x").code == 0
        (folder / "mine.py").rename(folder / "a_module_of_the_host.py")
        assert dagflow("check", "mine.flow", "--actions", "a_module_of_the_host:x").code == 0

    @pytest.mark.parametrize("text", ["", "\n", "// nothing\n"])
    def test_an_empty_file_is_no_error(self, dagflow: Dagflow, folder: Path, text: str) -> None:
        (folder / "empty.flow").write_text(text)
        assert dagflow("check", "empty.flow").out == "empty.flow: ok: no flow\n"

    def test_what_steers_a_terminal_is_made_visible(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "e.flow").write_text('flow f { on manual\n log(message: "\x1b[31m\x9b \u202e" + 1)\n}\n')
        assert "\\u001b[31m\\u009b \\u202e" in dagflow("check", "e.flow").out


class TestGraph:
    def test_mermaid(self, dagflow: Dagflow) -> None:
        said = dagflow("graph", "lead_approval.flow")
        assert said.code == 0
        assert said.out.startswith("flowchart TD\n")
        assert "proposal<br/>email" in said.out
        assert '-->|"yes"|' in said.out

    def test_dot(self, dagflow: Dagflow) -> None:
        out = dagflow("graph", "lead_approval.flow", "--format", "dot").out
        assert out.startswith('digraph "lead_approval" {\n')
        assert out.endswith("}\n")

    def test_json(self, dagflow: Dagflow) -> None:
        found = dagflow("graph", "lead_approval.flow", "--json").json
        assert isinstance(found, dict)
        assert [node["label"] for node in found["nodes"] if node["kind"] not in {"gate", ""}] == [
            "proposal",
            "notify",
            "wait 2d",
            "follow_up",
        ]
        ids = {item["id"] for item in [*found["nodes"], *found["blocks"]]}
        assert all({edge["source"], edge["target"]} <= ids for edge in found["edges"])

    def test_a_file_with_errors(self, dagflow: Dagflow) -> None:
        said = dagflow("graph", "bad.flow")
        assert (said.code, said.out) == (1, "")
        assert "bad.flow:3:9" in said.err

    def test_which_flow(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "two.flow").write_text(GOOD + WARNING)
        said = dagflow("graph", "two.flow")
        assert said.code == 2
        assert "good, warned" in said.err
        assert dagflow("graph", "two.flow", "--flow", "good").code == 0
        assert "has no flow `other`" in dagflow("graph", "two.flow", "--flow", "other").err

    def test_a_json_workflow(self, dagflow: Dagflow) -> None:
        assert "proposal_follow_up<br/>email" in dagflow("graph", "approval.json").out


class TestImport:
    def test_it_prints_a_flow_that_checks(self, dagflow: Dagflow, folder: Path) -> None:
        said = dagflow("import", "approval.json")
        assert said.code == 0
        (folder / "imported.flow").write_text(said.out)
        assert dagflow("check", "--strict", "imported.flow").code == 0

    def test_it_writes_a_file_but_not_over_another(self, dagflow: Dagflow, folder: Path) -> None:
        assert dagflow("import", "approval.json", "-o", "new.flow").err == "wrote new.flow; try `dagflow check new.flow`\n"
        assert (folder / "new.flow").read_text() == dagflow("import", "approval.json").out
        said = dagflow("import", "approval.json", "-o", "new.flow")
        assert said.code == 2
        assert "new.flow already exists" in said.err
        assert "cannot write no/new.flow" in dagflow("import", "approval.json", "-o", "no/new.flow").err

    def test_standard_input(self, dagflow: Dagflow, folder: Path, typed_in: Callable[[str], None]) -> None:
        typed_in((folder / "approval.json").read_text())
        assert dagflow("import", "-").out == dagflow("import", "approval.json").out

    def test_every_mistake_is_said_with_its_pointer(self, dagflow: Dagflow) -> None:
        said = dagflow("import", "bad.json")
        assert (said.code, said.out) == (1, "")
        assert "(at /actions/0/data)" in said.err
        assert "(at /actions/1/type)" in said.err

    def test_a_missing_comma(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "comma.json").write_text('{\n  "name": "X"\n  "actions": []\n}')
        said = dagflow("import", "comma.json")
        assert said.code == 1
        assert "comma.json:" in said.err
        assert "comma" in said.err.replace("comma.json", "")

    def test_a_name_cannot_steer_the_terminal(self, dagflow: Dagflow, folder: Path) -> None:
        action = {"type": "wait", "data": {"duration": "2 days"}}
        (folder / "odd.json").write_text(json.dumps({"name": "a\x1b[31m\x9b", "actions": [action]}))
        assert dagflow("import", "odd.json").code == 0


class TestActions:
    def test_the_built_in_ones(self, dagflow: Dagflow) -> None:
        said = dagflow("actions")
        assert said.code == 0
        lines = said.out.splitlines()
        assert "slack(channel: string, text: string) -> {ok: bool, ts: string}" in lines
        assert "    effectful. Post a message to a Slack channel." in lines

    def test_as_json(self, dagflow: Dagflow) -> None:
        found = dagflow("actions", "--json").json
        assert isinstance(found, list)
        assert [each["name"] for each in found] == ["email", "http.request", "log", "slack"]
        to = next(param for param in found[0]["params"] if param["name"] == "to")
        assert to == {"name": "to", "type": "Email", "required": True}

    def test_those_of_a_host(self, dagflow: Dagflow) -> None:
        assert "pay.charge(" in dagflow("actions", "--actions", "shop.py").out


class TestWrongUse:
    @pytest.mark.parametrize(
        ("arguments", "part"),
        [
            (["check", "none.flow"], "cannot read none.flow: No such file"),
            (["check", "templates"], "no .flow file in templates"),
            (["check", "-", "-"], "standard input can be read only once"),
            (["actions", "--actions", "nosuch"], "the actions module nosuch cannot be imported: ModuleNotFoundError"),
            (["actions", "--actions", "nosuch.py"], "the actions module nosuch.py does not exist"),
            (["actions", "--actions", "json"], "must contain one dagflow.Catalog; found none"),
            (["actions", "--actions", "json:dumps"], "json has no dagflow.Catalog named `dumps`"),
            (["frob"], "unknown command `frob`; `dagflow --help` lists the commands"),
            ([], "Usage: dagflow [OPTIONS] COMMAND"),
            (["chekc"], "did you mean `check`?"),
            (["import", "good.flow"], "good.flow is already a flow; to convert it to JSON, use `dagflow export`"),
        ],
    )
    def test_it_is_said_what_is_wrong(self, dagflow: Dagflow, arguments: list[str], part: str) -> None:
        said = dagflow(*arguments)
        assert (said.code, said.out) == (2, "")
        assert part in said.err

    def test_bytes_that_are_no_text(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "b.flow").write_bytes(b"flow \xff {}")
        assert "b.flow must be UTF-8 text; byte 5 is invalid" in dagflow("check", "b.flow").err

    def test_a_huge_file_is_not_read(self, dagflow: Dagflow, folder: Path) -> None:
        with (folder / "huge.flow").open("wb") as file:
            file.truncate(1 << 32)
        assert "huge.flow is larger than" in dagflow("check", "huge.flow").err

    def test_a_module_that_breaks(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "broken_host.py").write_text("1 / 0")
        assert "broken_host.py cannot be imported: ZeroDivisionError" in dagflow("actions", "--actions", "broken_host.py").err
        (folder / "exiting_host.py").write_text("raise SystemExit(0)")
        said = dagflow("actions", "--actions", "exiting_host.py")
        assert (said.code, "exiting_host.py cannot be imported: SystemExit" in said.err) == (2, True)

    def test_a_wrong_setting(self, dagflow: Dagflow, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DAGFLOW_SMTP_PORT", "many")
        said = dagflow("actions")
        assert (said.code, said.out) == (2, "")
        assert "DAGFLOW_SMTP_PORT" in said.err

    def test_help_and_version(self, dagflow: Dagflow) -> None:
        assert dagflow("--help").code == 0
        assert dagflow("run", "--help").code == 0
        assert dagflow("--version").out == f"dagflow {version('dagflow')}\n"

    def test_a_bug_is_reported_without_a_traceback(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "faulty.py").write_text(FAULTY % 'ZeroDivisionError("oh\\x1b")')
        said = dagflow("actions", "--actions", "faulty.py")
        assert said.code == 70
        assert said.err.startswith("dagflow: ZeroDivisionError: oh\\u001b\nthis is a bug in dagflow")

    def test_a_reader_that_goes_away(self, folder: Path) -> None:
        with subprocess.Popen(
            command("actions", "--json"), cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            child.stdout.close()
            assert child.wait(30) in {0, 1}
            assert child.stderr.read() == b""
