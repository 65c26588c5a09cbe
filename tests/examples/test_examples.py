"""Every example compiles without a word, and does what it says, on both sides of each of its gates."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dagflow
from dagflow.cli.main import main
from dagflow.lang.importers.action_list import import_action_list
from tests.examples.world import DAY, EXAMPLES, START, World, json_of


def test_there_is_a_test_for_every_example() -> None:
    flows = {"lead_approval.flow", "order_fulfilment.flow", "incident_escalation.flow", "import_contacts.flow"}
    programs = {"embedding.py", "shop.py"}
    values = {
        "approval.json",
        "approval_event.json",
        "incident.json",
        "lead.json",
        "order.json",
        "contacts.csv",
        "contacts.json",
    }
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == flows | programs | values


@pytest.mark.parametrize(("example", "id_type"), [("django_shop", "int"), ("fastapi_app", "string")])
def test_the_flow_in_the_readme_of_a_shop_compiles(example: str, id_type: str) -> None:
    (text,) = re.findall(
        r"^flow .*?^}$|^\{\"text\".*?\}$", (EXAMPLES / example / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    text = json.loads(text)["text"] if text.startswith("{") else text
    shop = f"""
        event "order/created" {{ id: {id_type}, customer: string, total: int }}
        action orders.set_status(order: {id_type}, status: string) -> string idempotent
    """
    assert dagflow.compile(text + shop).render() == ""


class TestLeadApproval:
    def test_a_proposal(self, world: World) -> None:
        result = world.run(world.example("lead_approval.flow"), json_of("lead.json"))
        assert result.status is dagflow.RunStatus.SUCCEEDED
        assert world.mails() == [
            ("ada@example.org", "Your proposal, Ada Lovelace"),
            ("sam@example.org", "Time to call Ada Lovelace"),
        ]
        assert world.slack() == [("C12345", "Proposal for Ada Lovelace is on its way")]
        assert world.clock.now() == START + 2 * DAY

    @pytest.mark.parametrize("status", ["new", "won", "lost"])
    def test_another_status(self, world: World, status: str) -> None:
        lead = {**json_of("lead.json")["lead"], "status": status}
        result = world.run(world.example("lead_approval.flow"), {"lead": lead})
        assert result.status is dagflow.RunStatus.SUCCEEDED
        assert world.mails() == world.slack() == []
        assert world.clock.now() == START


class TestApproval:
    """The JSON workflow, run as it is and by way of the text it means."""

    @pytest.mark.parametrize("status", ["proposal_created", "lost"])
    def test_its_effects(self, tmp_path: Path, status: str) -> None:
        text, diagnostics = import_action_list((EXAMPLES / "approval.json").read_text())
        assert diagnostics == []
        assert text is not None
        (tmp_path / "imported.flow").write_text(text)
        event = {**json_of("approval_event.json"), "status": status}
        seen = []
        for name in (str(EXAMPLES / "approval.json"), "imported.flow"):
            world = World(tmp_path / Path(name).stem, dagflow.Catalog())
            world.folder.mkdir()
            nodes = run_command(world.folder, tmp_path / name, event)
            seen.append((world.mails(), world.slack(), nodes))
        assert seen[0] == seen[1]
        mails, slack, nodes = seen[0]
        if status == "lost":
            assert mails == slack == []
            assert [node for node, _ in nodes if node != "filter"] == []
            return
        assert mails == [
            ("ada@example.org", "Your proposal"),
            ("sam@example.org", "A proposal waits for an answer"),
        ]
        assert slack == [("C12345", "Approval: status is proposal_created")]
        assert [node for node, _ in nodes] == ["filter", "proposal", "notify", "wait", "proposal_follow_up"]
        times = dict(nodes)
        assert times["proposal_follow_up"] - times["notify"] == pytest.approx(2 * 86_400, abs=30)


def run_command(folder: Path, file: Path, event: object) -> list[tuple[str, float]]:
    """The steps that succeeded, with the seconds from the start to their end, in that order."""
    out = folder / "out.json"
    with pytest.MonkeyPatch.context() as patch, out.open("w") as stream:
        patch.chdir(folder)
        patch.setenv("DAGFLOW_TEMPLATES", str(EXAMPLES / "templates"))
        patch.setattr(sys, "stdout", stream)
        words = ["run", str(file), "--input", json.dumps(event), "--fast-forward", "--quiet", "--json"]
        assert main(words) == 0
    result = json.loads(out.read_text())
    assert result["status"] == "succeeded"
    start = dt.datetime.fromisoformat(result["started_at"])
    ended = [
        (node["id"].partition(".")[0], (dt.datetime.fromisoformat(node["ended_at"]) - start).total_seconds())
        for node in result["nodes"]
        if node["status"] == "succeeded"
    ]
    return sorted(ended, key=lambda each: each[1])


def test_embedding(tmp_path: Path) -> None:
    for n_before in (0, 1):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "embedding.py"), "runs.db"],
            cwd=tmp_path, capture_output=True, text=True, timeout=40, check=True,
        )  # fmt: skip
        lines = done.stdout.splitlines()
        assert lines[0] == f"{n_before} runs in runs.db, 0 of them go on"
        assert lines[-1] == "{'plan': 'team', 'manager': 'manager of C-1'}"
        assert done.stderr == ""
