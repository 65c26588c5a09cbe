"""Every example compiles without a word, and does what it says, on both sides of each of its gates."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import attrs
import pytest

import dagflow
from dagflow.cli.main import main
from dagflow.drivers.simulator import Send, Simulation, simulate
from dagflow.lang.importers.seed import import_seed

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
START = 1_767_225_600_000_000_000
DAY = 86_400 * 10**9
EVENT = "crm/lead_status.changed"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made  # annotations are looked up there
    spec.loader.exec_module(made)
    return made


def json_of(name: str) -> dict[str, dict[str, object]]:
    return json.loads((EXAMPLES / name).read_text())


@attrs.define
class World:
    """A place for effects, with a clock of its own."""

    folder: Path
    catalog: dagflow.Catalog
    clock: dagflow.VirtualClock = attrs.field(factory=lambda: dagflow.VirtualClock(START))

    def flow(self, text: str, name: str) -> dagflow.Flow:
        compilation = dagflow.compile(text, catalog=self.catalog, filename=name)
        assert compilation.diagnostics == (), compilation.render()
        return compilation.unwrap()

    def example(self, name: str) -> dagflow.Flow:
        return self.flow((EXAMPLES / name).read_text(), name)

    def run(self, flow: dagflow.Flow, value: object) -> dagflow.RunResult:
        return dagflow.run(flow, value, catalog=self.catalog, clock=self.clock)

    def mails(self) -> list[tuple[str, str]]:
        found = []
        for path in sorted((self.folder / "outbox").glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            found.append((str(message["To"]), str(message["Subject"])))
        return found

    def slack(self) -> list[tuple[str, str]]:
        path = self.folder / "outbox" / "slack.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(line["channel"], line["text"]) for line in map(json.loads, lines)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    settings = dagflow.Settings(outbox=tmp_path / "outbox", templates=EXAMPLES / "templates")
    return World(tmp_path, dagflow.Catalog.builtin(settings))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("DAGFLOW_OUTBOX", str(tmp_path / "outbox"))
    return World(tmp_path, module("shop").catalog)


def status_of(result: dagflow.RunResult, *names: str) -> list[str]:
    return [str(result.node(name).status) for name in names]


def test_there_is_a_test_for_every_example() -> None:
    flows = {"lead_approval.flow", "order_fulfilment.flow", "incident_escalation.flow"}
    programs = {"embedding.py", "shop.py"}
    values = {"approval.json", "approval_event.json", "incident.json", "lead.json", "order.json"}
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == flows | programs | values


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


class TestOrderFulfilment:
    def order(self, shop: World, **changes: object) -> dagflow.RunResult:
        value = {"order": {**json_of("order.json")["order"], **changes}}
        return shop.run(shop.example("order_fulfilment.flow"), value)

    def test_gold(self, shop: World) -> None:
        result = self.order(shop)
        assert result.status is dagflow.RunStatus.SUCCEEDED
        assert result.output == {"tracking": "X-4711", "gift": "GIFT-label-4711"}
        assert shop.mails() == [
            ("ada@example.org", "Your order 4711 is on its way"),
            ("ada@example.org", "How was your order 4711?"),
        ]
        assert shop.slack() == []
        assert result.node("risk").attempts == 2
        assert status_of(result, "held", "alarm") == ["pruned", "pruned"]

    @pytest.mark.parametrize(("tier", "tracking"), [("basic", "P-4711"), ("silver", "X-4711")])
    def test_other_tiers_get_no_gift(self, shop: World, tier: str, tracking: str) -> None:
        result = self.order(shop, tier=tier)
        assert result.output == {"tracking": tracking, "gift": "none"}
        assert status_of(result, "gift") == ["pruned"]

    def test_a_small_order_is_not_asked_about(self, shop: World) -> None:
        result = self.order(shop, total=50.0)
        assert status_of(result, "mail", "survey") == ["succeeded", "pruned"]
        assert len(shop.mails()) == 1

    def test_a_risk_is_held(self, shop: World) -> None:
        result = self.order(shop, country="ZZ")
        assert result.status is dagflow.RunStatus.FAILED
        assert [failure.message for failure in result.failures] == ["fraud suspected"]
        assert status_of(result, "paid", "held", "label", "mail") == ["succeeded", "succeeded", "pruned", "pruned"]
        assert shop.mails() == []
        assert [channel for channel, _ in shop.slack()] == ["C-RISK", "C-SHOP"]

    @pytest.mark.parametrize(
        ("changes", "step", "code"),
        [({"total": 20_000.0}, "paid", "card_declined"), ({"id": "EMPTY-1"}, "shelf", "out_of_stock")],
    )
    def test_a_failure_is_told(self, shop: World, changes: dict[str, object], step: str, code: str) -> None:
        result = self.order(shop, **changes)
        assert result.status is dagflow.RunStatus.FAILED
        assert (result.failures[0].node, result.failures[0].code) == (step, code)
        order_id = changes.get("id", "4711")
        assert shop.slack() == [("C-SHOP", f"Order {order_id}: {step} failed, {code}")]
        assert shop.mails() == []

    def test_without_an_answer_about_the_risk_it_goes_on(self, shop: World) -> None:
        text = (EXAMPLES / "order_fulfilment.flow").read_text().replace("retry 2 every 5s", "")
        result = shop.run(shop.flow(text, "order_fulfilment.flow"), json_of("order.json"))
        assert result.status is dagflow.RunStatus.SUCCEEDED
        assert result.node("risk").output == {"score": 0.0}


class TestIncidentEscalation:
    def incident(self, shop: World, **changes: object) -> dagflow.RunResult:
        value = {"incident": {**json_of("incident.json")["incident"], **changes}}
        return shop.run(shop.example("incident_escalation.flow"), value)

    def test_nobody_says_so(self, shop: World) -> None:
        result = self.incident(shop)
        assert result.output == {"by": "director"}
        assert shop.clock.now() == START + DAY // 48
        assert status_of(result, "first", "ack", "second", "ack2", "last") == [
            "succeeded",
            "cancelled",
            "succeeded",
            "cancelled",
            "succeeded",
        ]
        assert shop.slack() == [("C-OPS", "The checkout is slow: director looks at it")]

    @pytest.mark.parametrize(
        ("minutes", "by", "who", "called"),
        [
            ([0], "Ann", "Ann", ["first"]),
            ([14], "Ann", "Ann", ["first"]),
            ([16], "Ann", "Ann", ["first", "second"]),
            ([31], "Ann", "director", ["first", "second", "last"]),
            ([3, 20], "Ann", "Ann", ["first"]),
        ],
    )
    def test_somebody_does_at_some_time_and_the_process_dies_at_any(
        self, shop: World, minutes: list[int], by: str, who: str, called: list[str]
    ) -> None:
        """In the simulator, where there is a crash at every point there is."""
        incident = json_of("incident.json")["incident"]
        sends = [
            Send(at=START + minute * 60 * 10**9, event="ops/incident.acked", payload={"id": incident["id"], "by": by})
            for minute in minutes
        ]
        other = Send(at=START + 10**9, event="ops/incident.acked", payload={"id": "another", "by": "Bo"})
        scripts = {"pager.page": lambda call: {"who": call.arguments["who"]}, "slack": lambda _: {"ok": True, "ts": "1"}}
        flow = shop.example("incident_escalation.flow")

        def simulated(*crash_at: int) -> Simulation:
            return simulate(flow, {"incident": incident}, actions=scripts, sends=[other, *sends], crash_at=crash_at)

        calm = simulated()
        assert calm.result.output == {"by": who}
        assert [name for name in ("first", "second", "last") if calm.result.node(name).attempts] == called
        for point in range(calm.n_points):
            crashed = simulated(point).result
            assert [(node.id, node.status, node.output) for node in crashed.nodes] == [
                (node.id, node.status, node.output) for node in calm.result.nodes
            ]

    def test_what_can_wait(self, shop: World) -> None:
        result = self.incident(shop, severity="low")
        assert (result.status, result.reason) == (dagflow.RunStatus.SUCCEEDED, "it can wait until the morning")
        assert shop.slack() == [("C-OPS", "Tomorrow: The checkout is slow")]
        assert status_of(result, "first") == ["pruned"]

    def test_a_channel_that_does_not_answer_stops_nobody(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "outbox").write_text("a file where the folder should be")
        monkeypatch.setenv("DAGFLOW_OUTBOX", str(tmp_path / "outbox"))
        result = self.incident(World(tmp_path, module("shop").catalog))
        assert result.output == {"by": "director"}
        assert status_of(result, "notice", "log") == ["failed", "succeeded"]


class TestApproval:
    """The JSON workflow, run as it is and by way of the text it means."""

    @pytest.mark.parametrize("status", ["proposal_created", "lost"])
    def test_its_effects(self, tmp_path: Path, status: str) -> None:
        text, diagnostics = import_seed((EXAMPLES / "approval.json").read_text())
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
        words = ["run", str(file), "--event", EVENT, "--input", json.dumps(event), "--fast-forward", "--quiet", "--json"]
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
