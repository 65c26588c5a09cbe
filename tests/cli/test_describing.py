"""`actions --export`, `schema`, `infer`, `doc` and `new`: what a newcomer tries first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from dagflow.app.flow_templates import starters
from tests.cli.support import Dagflow

FLOWS = ("import_contacts.flow", "incident_escalation.flow", "lead_approval.flow", "order_fulfilment.flow")


class TestInterfaceFiles:
    @pytest.fixture
    def exported(self, folder: Path, dagflow: Dagflow) -> str:
        said = dagflow("actions", "--export", "--actions", "shop.py")
        assert said.code == 0
        (folder / "host.flow").write_text(said.out)
        return "host.flow"

    def test_flows_are_checked_without_the_host(self, folder: Path, dagflow: Dagflow, exported: str) -> None:
        (folder / "shop.py").unlink()
        assert dagflow("check", exported).out == "host.flow: ok: no flow\n"
        assert dagflow("check", "--strict", *FLOWS, "--actions", exported).code == 0
        assert dagflow("test", *FLOWS, "--actions", exported).code == 0
        assert dagflow("dry-run", "order_fulfilment.flow", "--input", "@order.json", "--actions", exported).code == 1

    def test_it_exports_as_itself(self, folder: Path, dagflow: Dagflow, exported: str) -> None:
        assert dagflow("actions", "--export", "--actions", exported).out == (folder / exported).read_text()

    def test_but_cannot_run(self, dagflow: Dagflow, exported: str) -> None:
        said = dagflow("run", "lead_approval.flow", "--input", "@lead.json", "--actions", exported, "--quiet")
        assert said.code == 2
        assert "only declared" in said.err

    def test_one_with_errors(self, folder: Path, dagflow: Dagflow) -> None:
        (folder / "host.flow").write_text("action f(a: strin) pure")
        said = dagflow("check", "lead_approval.flow", "--actions", "host.flow")
        assert said.code == 1
        assert "E209" in said.err


class TestSchema:
    def test_of_a_file(self, dagflow: Dagflow) -> None:
        schema = json.loads(dagflow("schema", "lead_approval.flow").out)
        assert set(schema) == {"$schema", "flows", "events", "actions", "$defs"}
        assert schema["flows"]["lead_approval"]["input"]["properties"] == {"lead": {"$ref": "#/$defs/Lead"}}
        assert schema["events"]["crm/lead_status.changed"]["required"] == ["lead"]
        assert schema["actions"]["slack"]["effect"] == "effectful"

    def test_of_one_input(self, dagflow: Dagflow) -> None:
        schema = json.loads(dagflow("schema", "lead_approval.flow", "--flow", "lead_approval").out)
        assert schema["title"] == "lead_approval"
        assert schema["$defs"]["LeadStatus"]["enum"][0] == "new"

    def test_of_a_host(self, dagflow: Dagflow) -> None:
        assert "pay.charge" in json.loads(dagflow("schema", "--actions", "shop.py").out)["actions"]
        stubs = dagflow("schema", "--actions", "shop.py", "--stubs").out
        compile(stubs, "shop.pyi", "exec")
        assert "class pay:\n    @staticmethod\n    async def charge(*, order_id: str, amount: float) -> Charge:" in stubs

    def test_as_components_of_openapi(self, dagflow: Dagflow) -> None:
        said = dagflow("schema", "lead_approval.flow", "--openapi").out
        document = json.loads(said)
        assert document["openapi"] == "3.1.0"
        schemas = document["components"]["schemas"]
        assert {"Lead", "event.crm.lead_status.changed", "action.slack.input", "flow.lead_approval.output"} <= schemas.keys()
        assert schemas["event.crm.lead_status.changed"]["title"] == "event.crm/lead_status.changed"
        assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in schemas)
        for reference in re.findall(r'"#/components/schemas/([^"]+)"', said):
            assert reference in schemas
        payload = jsonschema.Draft202012Validator({**document, "$ref": "#/components/schemas/event.crm.lead_status.changed"})
        lead = {"name": "Ada", "email": "a@example.org", "owner": "b@example.org", "status": "won"}
        payload.validate({"lead": lead})
        assert not payload.is_valid({"lead": {**lead, "status": "gone"}})

    def test_what_cannot_be(self, dagflow: Dagflow, flow: Callable[[str], str]) -> None:
        assert dagflow("schema", "--flow", "x").code == 2
        assert dagflow("schema", flow("flow f { lgo() }")).code == 1


class TestInfer:
    @pytest.mark.parametrize(
        "text",
        ['[{"id": 1, "to": "a@b.org"}, {"id": 2, "to": null}]', '{"id": 1, "to": "a@b.org"}\n\n{"id": 2}\n'],
    )
    def test_a_list_or_lines(self, folder: Path, dagflow: Dagflow, text: str) -> None:
        (folder / "s.json").write_text(text)
        said = dagflow("infer", "s.json", "--name", "Lead")
        assert (said.code, said.out) == (0, "type Lead {\n  id: int,\n  to: Email?\n}\n")
        (folder / "t.flow").write_text(said.out)
        assert dagflow("check", "t.flow").code == 0

    def test_standard_input(self, dagflow: Dagflow, typed_in: Callable[[str], None]) -> None:
        typed_in('{"n": 1.5}')
        assert dagflow("infer", "-").out == "type Event {\n  n: double\n}\n"

    @pytest.mark.parametrize(
        ("text", "words", "said"),
        [
            ("{", [], "is not valid JSON"),
            ('{"a": 1}\n{"a": }', [], "line 2"),
            ("[]", [], "no samples found"),
            ("1", ["--name", "lead"], "begin with a capital"),
            ("1", ["-", "-"], "only once"),
        ],
    )
    def test_what_cannot_be(self, folder: Path, dagflow: Dagflow, text: str, words: list[str], said: str) -> None:
        (folder / "s.json").write_text(text)
        found = dagflow("infer", "s.json", *words)
        assert found.code == 2
        assert said in found.err


class TestDoc:
    def test_pages(self, folder: Path, dagflow: Dagflow) -> None:
        said = dagflow("doc", *FLOWS, "--actions", "shop.py", "-o", "pages")
        assert said.code == 0
        pages = {path.name: path.read_text() for path in (folder / "pages").iterdir()}
        assert set(pages) == {"index.md", "actions.md", "welcome.md", *(f"{name[:-5]}.md" for name in FLOWS)}
        page = pages["order_fulfilment.md"]
        for part in (
            "```mermaid\nflowchart TD", "| `order` | `Order` | required |", "### Item", "[`pay.charge`](actions.md#paycharge), idempotent, 6 attempts",
            "`{tracking: string, gift: string}`", "| ≤ 412 |", "- a cancelled order is taken back", "undoes `paid`",
        ):  # fmt: skip
            assert part in page, part
        assert "for each event `crm/lead_status.changed`" in pages["lead_approval.md"]
        assert "Used by [order_fulfilment](order_fulfilment.md)." in pages["actions.md"]
        assert "- [welcome](welcome.md): Greets a new contact." in pages["index.md"]

    def test_triggers_texts_and_what_markdown_would_read(self, dagflow: Dagflow, flow: Callable[[str], str]) -> None:
        text = """/// Says *so* | <b>.
flow f(who: string = "a|b") {
  on cron "0 9 * * MON" with (who: "x")
  on webhook "w" as body: {who: string} when body.who != "`" with (who: body.who)
  log(message: who)
}
flow empty { wait 1s }
"""
        said = dagflow("doc", flow(text))
        assert said.code == 0
        assert "Says \\*so\\* | \\<b\\>." in said.out
        assert '`"a\\|b"`' in said.out
        assert "at `0 9 * * MON (UTC)`" in said.out
        assert 'webhook `w` where `` body.who != "`" ``' in said.out

    def test_what_cannot_be(self, folder: Path, dagflow: Dagflow, flow: Callable[[str], str]) -> None:
        flow("flow f { wait 1s }")
        (folder / "g.flow").write_text("flow f { wait 2s }")
        assert dagflow("doc", "f.flow", "g.flow").code == 2
        assert dagflow("doc", "f.flow", "-o", "f.flow").code == 2
        assert dagflow("doc", flow("flow f { wait }")).code == 1


class TestNew:
    @pytest.mark.parametrize("name", [each.name for each in starters()])
    def test_each_compiles_and_its_tests_pass(self, dagflow: Dagflow, name: str) -> None:
        assert dagflow("new", "my_own", "--template", name).code == 0
        checked = dagflow("check", "--strict", "my_own.flow")
        assert checked.code == 0
        assert checked.out.endswith("my_own.flow: ok: my_own\n")
        said = dagflow("test", "my_own.flow", "--chaos", "--coverage", "--json")
        assert said.code == 0
        assert json.loads(said.out)["coverage"]["my_own"]["missing"] == []

    @pytest.mark.parametrize("name", [each.name for each in starters()])
    def test_each_is_in_the_one_style(self, dagflow: Dagflow, name: str) -> None:
        dagflow("new", "my_own", "--template", name)
        said = dagflow("fmt", "--diff", "my_own.flow")
        assert said.out == ""

    def test_printed(self, folder: Path, dagflow: Dagflow) -> None:
        said = dagflow("new", "hello", "-o", "-")
        assert said.out.startswith("/// Sends a greeting")
        assert "flow hello(" in said.out
        assert not (folder / "hello.flow").exists()

    def test_what_cannot_be(self, folder: Path, dagflow: Dagflow) -> None:
        assert "lower-case letters" in dagflow("new", "My Flow").err
        assert "--template must be one of" in dagflow("new", "x", "--template", "y").err
        assert "missing NAME" in dagflow("new").err
        (folder / "there.flow").write_text("")
        assert dagflow("new", "there").code == 2

    def test_a_list(self, dagflow: Dagflow) -> None:
        assert [line.split()[0] for line in dagflow("new", "--list").out.splitlines()] == [each.name for each in starters()]

    def test_on_a_terminal_it_asks(
        self, folder: Path, dagflow: Dagflow, monkeypatch: pytest.MonkeyPatch, typed_in: Callable[[str], None]
    ) -> None:
        typed_in("asked\n9\neach\n")
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        said = dagflow("new")
        assert "Name of the flow?" in said.err
        assert "enter a number from 1 to 4" in said.err
        assert "for person in people" in (folder / "asked.flow").read_text()
