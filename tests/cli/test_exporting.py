"""`dagflow export`, and `dagflow import` of what it prints."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.support import Dagflow


def test_there_and_back(dagflow: Dagflow, folder: Path) -> None:
    text = (folder / "order_fulfilment.flow").read_text()
    assert dagflow("export", "order_fulfilment.flow", "-o", "o.json").code == 0
    said = dagflow("import", "o.json")
    assert (said.code, said.out) == (0, text)
    again = dagflow("export", "order_fulfilment.flow", "-o", "o.json")
    assert (again.code, "already exists" in again.err) == (2, True)


def test_it_is_ascii_and_runs_as_it_is(dagflow: Dagflow, folder: Path) -> None:
    (folder / "a.flow").write_text('flow f -> string { return "grün" }\n')
    said = dagflow("export", "a.flow")
    assert said.out.isascii()
    (folder / "a.json").write_text(said.out)
    assert dagflow("check", "a.json").code == 0
    assert dagflow("run", "a.json", "--json").json["output"] == "grün"  # type: ignore[index]


def test_one_flow(dagflow: Dagflow) -> None:
    said = dagflow("export", "import_contacts.flow", "--flow", "welcome")
    assert [item["name"] for item in json.loads(said.out)["items"]] == ["welcome"]
    assert dagflow("export", "import_contacts.flow", "--flow", "nobody").code == 2


def test_what_is_no_flow(dagflow: Dagflow, folder: Path) -> None:
    (folder / "bad.flow").write_text("flow f { wait 2 days }")
    said = dagflow("export", "bad.flow")
    assert (said.code, "error[E103]" in said.err) == (1, True)
    assert dagflow("export", "lead.json").code == 2


def test_wrong_json_is_said_with_its_place(dagflow: Dagflow, folder: Path) -> None:
    (folder / "bad.json").write_text('{"dagflow": 1,\n "items": [{"kind": "flov"}]}')
    said = dagflow("import", "bad.json")
    assert said.code == 1
    assert "bad.json:2:21" in said.err
    assert 'did you mean "flow"?' in said.err
    plain = dagflow("check", "--json", "bad.json").json
    assert plain["diagnostics"][0]["pointer"] == "/items/0/kind"  # type: ignore[index]


def test_a_workflow_of_workflow_kit(dagflow: Dagflow, folder: Path) -> None:
    actions = [{"id": str(i), "kind": "log", "inputs": {"message": f"{i} of !ref($.event.name)"}} for i in range(1, 4)]
    edges = [{"from": source, "to": target} for source, target in (("$source", "1"), ("$source", "2"), ("1", "3"), ("2", "3"))]
    (folder / "w.json").write_text(json.dumps({"name": "Three", "actions": actions, "edges": edges}))
    said = dagflow("import", "w.json", "-o", "w.flow")
    assert said.code == 0
    assert said.err.startswith("note[N602]: workflow-kit does not wait for all of `1`, `2`\n")
    assert dagflow("check", "w.flow").code == 0
    assert dagflow("run", "w.json", "--input", '{"event": {"name": "Ada"}}').code == 0
    assert dagflow("fmt", "--check", "w.flow").code == 0
