"""The four large examples: whatever fails, comes early, late or never, and wherever the process dies, they end as they should."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import dagflow
from dagflow.actions.failures import Invocation
from dagflow.drivers.simulated.simulator import Script, Send, Simulation, simulate
from dagflow.model.status import RunStatus
from tests.examples.world import DAY, EXAMPLES, START, World, json_of, module, status_of

MINUTE, SECOND = 60 * 10**9, 10**9


def essence(simulation: Simulation) -> object:
    """How a run and all that is part of it ended; a crash may change when, and the numbers of attempts."""
    ends = {run: _end(history) for run, history in simulation.histories.items()}
    result = simulation.result
    nodes = repr([(node.id, node.status, node.output) for node in result.nodes])
    return result.status, result.output, re.sub("'attempt': [0-9]+", "", nodes), ends


def _end(history: Sequence[object]) -> object:
    return [record.payload for record in history if record.kind == "run_ended"]  # type: ignore[attr-defined]


def everywhere(flow: dagflow.Flow, value: object, *, is_race: bool = False, **more: object) -> Simulation:
    """The run without a crash; with one at every point it ends alike and has had the same effects.

    Where a failure in one branch is a race with the work in others (`is_race`), a crash may change how far those come; what
    they did is undone then, or nobody knows whether they did it.
    """
    calm = simulate(flow, value, **more)  # type: ignore[arg-type]
    for point in range(calm.n_points):
        crashed = simulate(flow, value, crash_at={point}, **more)  # type: ignore[arg-type]
        if is_race:
            assert crashed.result.failures[0].code == calm.result.failures[0].code
            assert {crashed.result.status, calm.result.status} <= {RunStatus.FAILED, RunStatus.FAILED_DIRTY}
            continue
        assert essence(crashed) == essence(calm), point
        assert set(effects(crashed)) == set(effects(calm)), point
        assert [each.input for each in crashed.started] == [each.input for each in calm.started], point
    return calm


def effects(simulation: Simulation) -> list[str]:
    return [f"{call.invocation.action} {' '.join(map(str, call.invocation.arguments.values()))}" for call in simulation.calls]


def of(simulation: Simulation, *actions: str) -> list[str]:
    return [effect for effect in effects(simulation) if effect.partition(" ")[0] in actions]


def failing(code: str) -> Script:
    return Script(failures=(dagflow.ActionFailed(f"it was {code}", code),) * 99)


class TestLeadApproval:
    SCRIPTS: Mapping[str, Script] = {
        "email": Script(result={"message_id": "m"}),
        "slack": Script(result={"ok": True, "ts": "1"}),
    }

    def run(self, world: World, status: str = "proposal_created", **more: object) -> Simulation:
        lead = {**json_of("lead.json")["lead"], "status": status}
        return everywhere(world.example("lead_approval.flow"), {"lead": lead}, **{"actions": self.SCRIPTS, **more})

    def test_a_proposal(self, world: World) -> None:
        simulation = self.run(world)
        assert simulation.result.status == "succeeded"
        assert [call.at - START for call in simulation.calls] == [0, 0, 2 * DAY]

    def test_nothing_for_others(self, world: World) -> None:
        assert self.run(world, "lost").calls == ()

    def test_a_mail_that_cannot_be_sent(self, world: World) -> None:
        simulation = self.run(world, actions={**self.SCRIPTS, "email": failing("no_such_address")})
        assert simulation.result.failures[0].code == "no_such_address"
        assert simulation.result.status == "failed"

    def test_cancelled_between_the_mails(self, world: World) -> None:
        simulation = self.run(world, cancel_at=START + DAY)
        assert (simulation.result.status, len(simulation.calls)) == ("cancelled", 2)


class TestOrderFulfilment:
    SCRIPTS: Mapping[str, Script] = {
        "pay.charge": Script(result={"id": "ch", "amount": 129.9}),
        "pay.refund": Script(),
        "stock.reserve": Script(result=lambda call: {"id": f"hold-{call.arguments['sku']}"}),
        "stock.release": Script(),
        "risk.score": Script(result={"score": 0.1}),
        "ship.label": Script(result={"id": "label", "tracking": "T1"}),
        "ship.void": Script(),
        "ship.add_gift": Script(result="GIFT"),
        "email": Script(result={"message_id": "m"}),
        "slack": Script(result={"ok": True, "ts": "1"}),
    }
    UNDOING = ("pay.refund", "stock.release", "ship.void")

    def run(
        self, shop: World, *shipped: int, tier: str = "gold", total: float = 129.9, is_race: bool = False, **scripts: object
    ) -> Simulation:
        """`shipped`: the days on which the parcel is said to have gone out."""
        order = {**json_of("order.json")["order"], "tier": tier, "total": total}
        other = Send(at=START + SECOND, event="shop/order.shipped", payload={"order_id": "another", "tracking": "T0"})
        sends = [Send(at=START + day * DAY, event="shop/order.shipped", payload=_shipped(order["id"])) for day in shipped]
        actions = self.SCRIPTS | {name.replace("_", ".", 1): script for name, script in scripts.items()}
        flow = shop.example("order_fulfilment.flow")
        return everywhere(flow, {"order": order}, is_race=is_race, actions=actions, sends=[other, *sends])

    def test_shipped_in_time(self, shop: World) -> None:
        simulation = self.run(shop, 2)
        assert simulation.result.output == {"tracking": "T1", "gift": "GIFT"}
        assert len(of(simulation, "stock.reserve")) == 3
        assert of(simulation, *self.UNDOING) == []
        assert status_of(simulation.result, "mail", "survey", "alarm") == ["succeeded", "succeeded", "pruned"]

    @pytest.mark.parametrize("tier", ["silver", "basic"])
    def test_others_get_no_gift(self, shop: World, tier: str) -> None:
        simulation = self.run(shop, 0, tier=tier, total=20.0)
        assert simulation.result.output == {"tracking": "T1", "gift": "none"}
        assert status_of(simulation.result, "gift", "survey") == ["pruned", "pruned"]

    @pytest.mark.parametrize("days", [(), (8,)])
    def test_never_or_too_late(self, shop: World, days: tuple[int, ...]) -> None:
        simulation = self.run(shop, *days)
        assert simulation.result.status == "failed"
        assert simulation.result.failures[0].message == "not shipped within 7 days"
        undone = of(simulation, *self.UNDOING)
        assert undone[0] == "ship.void label", "the last thing done is the first undone"
        assert sorted(undone[1:]) == ["pay.refund ch", *(f"stock.release hold-{sku}" for sku in ("cup", "pot", "tea"))]
        assert of(simulation, "slack")[-1].startswith("slack C-SHOP Order 4711: not shipped within 7 days")

    def test_said_twice(self, shop: World) -> None:
        assert len(of(self.run(shop, 1, 1, 2), "email")) == 2

    def test_fraud(self, shop: World) -> None:
        simulation = self.run(shop, risk_score=Script(result={"score": 0.9}))
        assert simulation.result.failures[0].message == "fraud suspected"
        assert sorted(of(simulation, *self.UNDOING)) == ["pay.refund ch"] + [
            f"stock.release hold-{sku}" for sku in ("cup", "pot", "tea")
        ]
        assert [effect[:12] for effect in of(simulation, "slack")] == ["slack C-RISK", "slack C-SHOP"]

    def test_a_risk_nobody_answers_for_is_taken(self, shop: World) -> None:
        simulation = self.run(shop, 1, risk_score=Script(result={"score": 0.9}, takes_ns=3 * SECOND))
        assert simulation.result.node("risk").output == {"score": 0.0}
        assert simulation.result.status == "succeeded"

    def test_a_shelf_is_empty(self, shop: World) -> None:
        def reserve(call: Invocation) -> object:
            if call.arguments["sku"] == "pot":
                raise dagflow.ActionFailed("no pots", "out_of_stock", fatal=True)
            return {"id": f"hold-{call.arguments['sku']}"}

        simulation = self.run(shop, is_race=True, stock_reserve=Script(result=reserve))
        assert simulation.result.failures[0].code == "out_of_stock"
        assert "stock.release hold-pot" not in effects(simulation)
        held = {effect.split()[1] for effect in of(simulation, "stock.reserve")} - {"pot"}
        assert {f"stock.release hold-{sku}" for sku in held} == set(of(simulation, "stock.release"))

    def test_a_charge_is_tried_again_and_then_given_up(self, shop: World) -> None:
        times = (dagflow.ActionFailed("busy", "unavailable"),)
        again = self.run(shop, 1, pay_charge=Script(result={"id": "ch", "amount": 1.0}, failures=times * 3))
        assert again.result.node("paid").attempts == 4
        never = self.run(shop, is_race=True, pay_charge=failing("card_declined"))
        assert (never.result.failures[0].code, of(never, "pay.refund")) == ("card_declined", [])

    def test_what_cannot_be_undone_is_told(self, shop: World) -> None:
        simulation = self.run(shop, pay_refund=failing("bank_closed"))
        assert simulation.result.status == "failed_dirty"
        assert [failure.code for failure in simulation.result.failures if failure.node == "paid.undo"] == ["bank_closed"]
        assert len(of(simulation, "stock.release")) == 3, "the rest is undone all the same"

    def test_for_real(self, shop: World) -> None:
        """With the host's own actions, in virtual time; nobody says that it was shipped."""
        result = shop.run(shop.example("order_fulfilment.flow"), json_of("order.json"))
        assert result.status is dagflow.RunStatus.FAILED
        assert shop.clock.now() >= START + 7 * DAY
        done = shop.module.done  # type: ignore[union-attr]
        assert done[0] == "void label-4711"
        assert sorted(entry.split()[0] for entry in done) == ["refund", "release", "release", "release", "void"]
        assert [channel for channel, _ in shop.slack()] == ["C-SHOP"]


def _shipped(order_id: object) -> Mapping[str, object]:
    return {"order_id": order_id, "tracking": "T1"}


class TestImportContacts:
    ROWS: Sequence[Mapping[str, object]] = (
        {"email": "ada@x.org", "name": "Ada"},
        {"email": "old@x.org", "name": None},
        {"email": "nobody"},
        {"email": "bad@x.org"},
        {"email": "ada@x.org", "name": "again"},
    )

    def run(self, shop: World, *, dry: bool = False, rows: Sequence[object] = ROWS, **more: object) -> Simulation:
        def upsert(call: Invocation) -> object:
            address = str(call.arguments["email"])
            if address.startswith("bad"):
                raise dagflow.ActionFailed("not wanted", "blocked")
            return {"id": address, "created": not address.startswith("old")}

        flow = dagflow.compile(
            (EXAMPLES / "import_contacts.flow").read_text(), catalog=shop.catalog, filename="import_contacts.flow"
        ).unwrap("import_contacts")
        actions = {
            "csv.read": Script(result={"rows": list(rows)}),
            "crm.upsert": Script(result=upsert),
            "slack": Script(result={"ok": True, "ts": "1"}),
            "log": Script(),
        }
        return everywhere(flow, {"file": "f.csv", "dry": dry}, **{"actions": actions | more.pop("scripts", {}), **more})  # type: ignore[operator]

    def test_a_file(self, shop: World) -> None:
        simulation = self.run(shop)
        assert simulation.result.output == {"kept": 2, "failed": 2}
        rows = simulation.result.node("rows").output
        assert rows["ok"] == ["ada@x.org", "old@x.org"]  # type: ignore[index]
        assert [(each["key"], each["error"]["code"]) for each in rows["failed"]] == [  # type: ignore[index]
            ("bad@x.org", "blocked"),
            ("ada@x.org", "duplicate_key"),
        ]
        assert [each.input for each in simulation.started] == [{"contact": "ada@x.org"}]
        assert effects(simulation)[-1] == "slack C-OPS 2 contacts kept, 2 not"
        assert Counter(of(simulation, "crm.upsert"))["crm.upsert bad@x.org "] == 6, "five retries"

    def test_a_dry_run_keeps_nothing(self, shop: World) -> None:
        simulation = self.run(shop, dry=True, rows=self.ROWS[:4])
        assert (simulation.result.output, of(simulation, "crm.upsert")) == ({"kept": 0, "failed": 0}, [])

    def test_an_empty_file(self, shop: World) -> None:
        assert self.run(shop, rows=()).result.output == {"kept": 0, "failed": 0}

    def test_a_file_that_is_away_for_a_while(self, shop: World) -> None:
        away = (dagflow.ActionFailed("no answer", "away"),)
        simulation = self.run(shop, scripts={"csv.read": Script(result={"rows": []}, failures=away * 3)})
        assert simulation.result.node("batch").attempts == 4
        assert self.run(shop, scripts={"csv.read": failing("away")}).result.status == "failed"

    def test_cancelled_on_the_way(self, shop: World) -> None:
        """Between the attempts for the contact that is blocked."""
        simulation = self.run(shop, cancel_at=START + 2 * SECOND)
        assert simulation.result.status == "cancelled"
        assert status_of(simulation.result, "rows", "report") == ["cancelled", "pruned"]

    def test_for_real(self, shop: World) -> None:
        text = (EXAMPLES / "import_contacts.flow").read_text()
        flow = dagflow.compile(text, catalog=shop.catalog).unwrap("import_contacts")
        result = shop.run(flow, {"file": str(EXAMPLES / "contacts.csv")})
        assert result.output == {"kept": 2, "failed": 2}
        assert sorted(shop.module.done) == ["upsert ada@example.org Ada Lovelace", "upsert old.friend@example.org"]  # type: ignore[union-attr]


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
