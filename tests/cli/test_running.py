"""`run` and `show`, `runs`, `cancel`, `resume` after it."""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.support import EVENT, HOST, LEAD, Dagflow, process, statuses

Flow = Callable[[str], str]


def mails(folder: Path) -> list[tuple[str, str]]:
    found = []
    for path in sorted((folder / "outbox").glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found.append((message["To"], message["Subject"]))
    return found


def slack(folder: Path) -> list[str]:
    path = folder / "outbox" / "slack.jsonl"
    return [json.loads(line)["text"] for line in path.read_text().splitlines()] if path.exists() else []


class TestRun:
    def test_the_lead_flow_on_its_event(self, dagflow: Dagflow, folder: Path) -> None:
        said = dagflow("run", "lead_approval.flow", "--event", EVENT, "--input", "@lead.json", "--fast-forward")
        assert said.code == 0
        assert mails(folder) == [
            ("ada@example.org", "Your proposal, Ada Lovelace"),
            ("sam@example.org", "Time to call Ada Lovelace"),
        ]
        assert slack(folder) == ["Proposal for Ada Lovelace is on its way"]
        assert "state: dagflow.db" in said.err
        assert "to send them, set DAGFLOW_SMTP_HOST" in said.err
        assert "to send them, set DAGFLOW_SLACK_WEBHOOK_URL" in said.err
        assert "✓ succeeded  wait 2d" in said.err
        lines = said.out.splitlines()
        assert lines[0].split("  ")[0] == "step"
        assert [line.split("  ")[0] for line in lines[1:6]][1:] == ["proposal", "notify", "wait 2d", "follow_up"]
        assert lines[-1].endswith("succeeded in 2d")
        assert all(line == line.rstrip() for line in lines)

    def test_another_status_ends_at_the_filter(self, dagflow: Dagflow, folder: Path) -> None:
        lost = {"lead": {**LEAD["lead"], "status": "lost"}}
        said = dagflow("run", "lead_approval.flow", "--event", EVENT, "--input", json.dumps(lost))
        assert said.code == 0
        assert mails(folder) == slack(folder) == []
        assert "– pruned" in said.out
        assert '(no): filter lead.status == "proposal_created"' in said.out

    def test_by_hand_quietly_as_json(self, dagflow: Dagflow) -> None:
        said = dagflow("run", "lead_approval.flow", "--input", json.dumps(LEAD), "--fast-forward", "--quiet", "--json")
        assert said.err == ""
        found = said.json
        assert isinstance(found, dict)
        assert found["status"] == "succeeded"
        assert statuses(found["nodes"])["follow_up"] == "succeeded"
        assert found["ended_at"] > found["started_at"]

    def test_input_from_standard_input(self, dagflow: Dagflow, folder: Path) -> None:
        said = process(folder, "run", "lead_approval.flow", "--input", "-", "--fast-forward", "--quiet", input=json.dumps(LEAD))
        assert said.code == 0
        assert "succeeded in 2d" in said.out
        assert dagflow("run", "-", "--input", "-").code == 2

    def test_a_json_workflow_and_its_flow_do_the_same(self, dagflow: Dagflow, folder: Path) -> None:
        arguments = ("--input", "@approval_event.json", "--fast-forward", "--quiet")
        assert dagflow("run", "approval.json", *arguments).code == 0
        assert mails(folder) == [
            ("ada@example.org", "Your proposal"),
            ("sam@example.org", "A proposal waits for an answer"),
        ]
        assert len(slack(folder)) == 1

    def test_an_event_it_does_not_want(self, dagflow: Dagflow, flow: Flow) -> None:
        name = flow(
            'event "e" { n: int }\nflow f(n: int) { on event "e" as e when e.n > 1 with (n: e.n)\n log(message: "x")\n}'
        )
        said = dagflow("run", name, "--event", "e", "--input", '{"n": 1}')
        assert (said.code, said.out) == (0, "")
        assert "f ignores this event" in said.err
        assert dagflow("run", name, "--event", "e", "--input", '{"n": 1}', "--json").json is None
        assert dagflow("runs").err == "no runs yet\n"

    def test_warnings_are_said_and_do_not_stop_it(self, dagflow: Dagflow, flow: Flow) -> None:
        name = flow('flow f { on manual\n let unused = 1\n log(message: "x")\n}')
        said = dagflow("run", name)
        assert said.code == 0
        assert "warning[W901]" in said.err
        assert "warning" not in dagflow("run", name, "--quiet").err

    def test_which_flow(self, dagflow: Dagflow, flow: Flow) -> None:
        name = flow('flow a { on manual\n log(message: "x")\n}\nflow b -> int { on manual\n return 7\n}')
        assert dagflow("run", name).code == 2
        assert "result: 7" in dagflow("run", name, "--flow", "b").out

    def test_a_store_elsewhere_or_nowhere(self, dagflow: Dagflow, flow: Flow, folder: Path) -> None:
        name = flow('flow f { on manual\n log(message: "x")\n}')
        assert dagflow("run", name, "--store", "other.db").code == 0
        assert "state: in memory only" in dagflow("run", name, "--store", ":memory:").err
        assert (folder / "other.db").exists()
        assert not (folder / "dagflow.db").exists()
        assert dagflow("show", "last", "--store", "other.db").code == 0

    def test_host_actions(self, dagflow: Dagflow, flow: Flow, folder: Path) -> None:
        name = flow('flow f -> string { on manual\n a = note(text: "x")\n return a\n}')
        said = dagflow("run", name, "--actions", "host.py")
        assert said.code == 0
        assert 'result: "X"' in said.out
        assert (folder / "ledger").read_text() == "x\n"
        assert dagflow("run", name).code == 1

    def test_retries_show(self, dagflow: Dagflow, flow: Flow) -> None:
        name = flow("flow f -> int { on manual\n a = flaky() retry 5 every 1h\n return a\n}")
        said = dagflow("run", name, "--actions", "host.py", "--fast-forward")
        assert said.code == 0
        row = next(line for line in said.out.splitlines() if line.startswith("a "))
        assert row.split()[:4] == ["a", "✓", "succeeded", "3"]
        assert "  2h " in row


class TestFailures:
    FLOW = """flow f {
  on manual
  filter 1 + 1 == 2
  a = broken()
  b = note(text: "after")
}"""

    def test_the_cause_is_told_and_the_code_is_1(self, dagflow: Dagflow, flow: Flow) -> None:
        said = dagflow("run", flow(self.FLOW), "--actions", "host.py")
        assert said.code == 1
        assert "✗ failed     a  (shut: the door is" in said.err
        assert "\n  cause: a: shut: the door is" in said.out
        row = next(line for line in said.out.splitlines() if line.startswith("b "))
        assert "the run had ended" in row

    def test_a_failure_that_was_handled_is_told_and_the_code_is_0(self, dagflow: Dagflow, flow: Flow) -> None:
        name = flow(
            "flow f {\n on manual\n do part {\n a = broken()\n } on error as e {\n b = note(text: e.code)\n }\n"
            ' c = broken() default "none"\n d = note(text: c)\n}'
        )
        said = dagflow("run", name, "--actions", "host.py")
        assert said.code == 0
        assert "handled: a: shut:" in said.out
        assert "on error of `part`" in said.out
        assert '"NONE"' in said.out

    def test_a_fail_statement(self, dagflow: Dagflow, flow: Flow) -> None:
        said = dagflow("run", flow('flow f { on manual\n fail "no \x1b[2J luck"\n}'.replace("\x1b", "\\u001b")))
        assert said.code == 1
        assert "failed: no \\u001b[2J luck" in said.out

    def test_an_expression_that_fails(self, dagflow: Dagflow, flow: Flow) -> None:
        said = dagflow(
            "run", flow('flow f(n: int) { on manual\n filter 10 / n == 2\n log(message: "x")\n}'), "--input", '{"n": 0}'
        )
        assert said.code == 1
        assert "divide_by_zero" in said.out

    def test_why_steps_were_pruned(self, dagflow: Dagflow, flow: Flow) -> None:
        name = flow("""flow f {
  on manual
  do part {
    filter small: 1 == 2
    a = note(text: "a")
    if tiny: 1 == 1 {
      b = note(text: "b")
    }
  }
  c = note(text: "c") after a
  do other {
    d = broken()
    e = note(text: "e")
  } on error {
    g = note(text: "g")
  }
  switch "x" {
    case "y" { h = note(text: "h") }
    else { }
  }
  do fine {
    i = note(text: "i")
  } on error {
    j = note(text: "j")
  }
  stop
}""")
        said = dagflow("run", name, "--actions", "host.py")
        assert said.code == 0
        rows = {line.split()[0]: line for line in said.out.splitlines() if "– pruned" in line}
        why = {step: line.partition("– pruned")[2].strip() for step, line in rows.items()}
        assert why == {
            "a": "line 4 (no): small",
            "tiny": "line 4 (no): small",
            "b": "line 6 (not reached): tiny",
            "c": "not enough of the steps it waits for succeeded",
            "e": "another step of its block failed",
            "h": 'line 17 (else): switch "x"',
            "j": "nothing failed",
        }

    def test_a_large_flow_is_told_of_too(self, dagflow: Dagflow, flow: Flow) -> None:
        steps = "\n".join(f'  n{i} = note(text: "{i}")' for i in range(120))
        said = dagflow("run", flow(f"flow f {{\n  on manual\n{steps}\n}}"), "--actions", "host.py", "--store", ":memory:")
        assert said.code == 0
        assert said.err.count("✓ succeeded") == said.out.count("✓ succeeded") == 120

    def test_a_stop_says_its_reason(self, dagflow: Dagflow, flow: Flow) -> None:
        said = dagflow("run", flow('flow f { on manual\n stop "nothing to do"\n}'))
        assert said.code == 0
        assert said.out.rstrip().endswith(": nothing to do")

    @pytest.mark.parametrize(
        ("arguments", "parts"),
        [
            (["--input", '{"lead": 3,}'], ["--input is not valid JSON: line 1, column 11"]),
            (["--input", "@none.json"], ["cannot read none.json"]),
            (
                ["--input", '{"lead": {"na\\u001bme": 3, "status": "x"}}'],
                ["\n  /lead: the field `name` (string) is missing; `na\\u001bme` is there", "\n  /lead/status"],
            ),
            ([], ["--input is missing", "flow `lead_approval`"]),
            (["--event", EVENT], ["`--event` requires the event's payload"]),
            (["--event", "crm/other", "--input", "{}"], ["no trigger", "crm/lead_status.changed"]),
            (["--event", EVENT, "--input", "{}"], [f"must match the payload of event '{EVENT}':\n  "]),
            (["--store", "no/where.db", "--input", json.dumps(LEAD)], ["no folder"]),
            (["--store", ".", "--input", json.dumps(LEAD)], ["is a folder"]),
        ],
    )
    def test_wrong_use(self, dagflow: Dagflow, arguments: list[str], parts: list[str]) -> None:
        said = dagflow("run", "lead_approval.flow", *arguments)
        assert (said.code, said.out) == (2, "")
        for part in parts:
            assert part in said.err

    def test_a_flow_with_errors(self, dagflow: Dagflow, flow: Flow, folder: Path) -> None:
        said = dagflow("run", flow("flow f { on manual\n wait 2 days\n}"))
        assert (said.code, said.out) == (1, "")
        assert "error[E103]" in said.err
        assert not (folder / "dagflow.db").exists()

    def test_an_expression_of_the_trigger_that_fails(self, dagflow: Dagflow, flow: Flow) -> None:
        name = flow(
            'event "e" { n: int }\nflow f(n: int) { on event "e" as e when 1 / e.n > 1 with (n: e.n)\n log(message: "x")\n}'
        )
        said = dagflow("run", name, "--event", "e", "--input", '{"n": 0}')
        assert said.code == 1
        assert "dagflow: " in said.err


class TestLooking:
    @pytest.fixture
    def run_ids(self, dagflow: Dagflow, flow: Flow) -> list[str]:
        """The oldest first: one that succeeded, one that failed."""
        name = flow('flow f(n: int) { on manual\n if n > 0 {\n fail "as wished"\n }\n}')
        for n in (0, 1):
            dagflow("run", name, "--input", json.dumps({"n": n}))
        found = dagflow("runs", "--json").json
        assert isinstance(found, list)
        return [row["run"] for row in reversed(found)]

    def test_runs_lists_newest_first(self, dagflow: Dagflow, run_ids: list[str]) -> None:
        lines = dagflow("runs").out.splitlines()
        assert [line.split()[0] for line in lines] == ["run", *reversed(run_ids)]
        assert [line.split()[2] for line in lines[1:]] == ["failed", "succeeded"]
        assert len(dagflow("runs", "--limit", "1").out.splitlines()) == 2
        assert dagflow("runs", "--unfinished").err == "no unfinished runs\n"
        assert dagflow("runs", "--limit", "0").code == 2

    def test_show_takes_an_id_a_beginning_or_last(self, dagflow: Dagflow, run_ids: list[str]) -> None:
        first, last = run_ids
        assert f"run {last} failed" in dagflow("show", "last").out
        assert dagflow("show", first).out == dagflow("show", first[:-1]).out
        shown = dagflow("show", first, "--json").json
        assert isinstance(shown, dict)
        assert (shown["run"], shown["status"]) == (first, "succeeded")
        several = dagflow("show", first[:4])
        assert several.code == 2
        assert "2 runs begin" in several.err
        assert dagflow("show", "zz").code == 2
        assert dagflow("show", "").code == 2

    def test_no_store(self, dagflow: Dagflow) -> None:
        for words in (["runs"], ["show", "last"], ["cancel", "last"], ["resume"]):
            said = dagflow(*words)
            assert (said.code, said.out) == (2, "")
            assert "there is no store dagflow.db" in said.err

    def test_what_is_no_store(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "dagflow.db").write_text("not a database, " * 100)
        assert dagflow("runs").code == 2
        assert dagflow("run", "lead_approval.flow", "--input", json.dumps(LEAD)).code == 2

    def test_nothing_to_resume_or_cancel(self, dagflow: Dagflow, run_ids: list[str]) -> None:
        assert dagflow("resume").err == "nothing to resume: every run has ended\n"
        assert dagflow("resume", "--json").json == []
        assert dagflow("resume", "last").err == f"nothing to resume: run {run_ids[1]} has ended: failed\n"
        assert dagflow("cancel", "last").err == f"run {run_ids[1]} has ended: failed\n"


FAILING = """
flow doors() -> string? {
  on manual
  first = note(text: "first")
  broken = broken()
  return "${first} ${broken}"
}
"""


class TestGoingOn:
    def test_a_run_that_failed_is_retried_and_then_skipped(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "doors.flow").write_text(FAILING)
        (folder / "host.py").write_text(HOST)
        assert dagflow("run", "doors.flow", "--actions", "host.py", "--quiet").code == 1
        said = dagflow("retry", "last", "--actions", "host.py", "--quiet", "--json")
        assert (said.code, said.json["status"]) == (1, "failed")
        assert statuses(said.json["nodes"])["first"] == "succeeded"
        wrong = dagflow("skip", "last", "broken", "--result", "1", "--actions", "host.py")
        assert (wrong.code, wrong.err) == (
            2,
            "dagflow: the result of the step 'broken' must be of its type: expected a text, found the number 1\n",
        )
        said = dagflow("skip", "last", "broken", "--result", '"open"', "--actions", "host.py", "--quiet", "--json")
        assert (said.code, said.json["output"]) == (0, "FIRST open")
        assert (folder / "ledger").read_text() == "first\n"
        again = dagflow("rerun", "last", "--from", "broken", "--actions", "host.py", "--json")
        assert (again.code, again.json["status"]) == (1, "failed")
        assert again.err.splitlines()[:2] == ["keeps first: it succeeded", "runs  broken: it is the step to begin with"]
        assert (folder / "ledger").read_text() == "first\n"
        run = dagflow("runs", "--json").json[-1]["run"]
        assert f'kept from {run}: "FIRST"' in dagflow("show", "last").out
        assert re.search(r'broken .* set by \S.*: "open"', dagflow("show", run).out)
        refused = dagflow("retry", run, "--actions", "host.py")
        assert (refused.code, refused.err.partition(" ended ")[2]) == (
            2,
            "succeeded, and only a failed run is retried; rerun it\n",
        )

    def test_many_runs_at_once(self, dagflow: Dagflow, folder: Path) -> None:
        (folder / "doors.flow").write_text(FAILING)
        (folder / "host.py").write_text(HOST)
        for _ in range(2):
            dagflow("run", "doors.flow", "--actions", "host.py", "--quiet")
        listed = dagflow("retry", "--where", "flow=doors", "--dry-run", "--json").json
        assert [(each["flow"], each["status"], each["problem"]) for each in listed] == [("doors", "failed", None)] * 2
        said = dagflow("retry", "--where", "text=door is", "--where", "flow=none")
        assert (said.code, said.err) == (0, "no runs fit\n")
        first = listed[-1]["run"]
        said = dagflow("retry", "--where", f"text={first}", "--actions", "host.py", "--rate", "100")
        assert (said.code, said.out) == (0, f"run {first} of doors, which was failed, retried\n")
        said = dagflow("rerun", "--where", "status=failed", "--limit", "1", "--actions", "host.py", "--json")
        assert (said.code, len(said.json)) == (0, 1)
        assert len(dagflow("runs", "--json").json) == 3
        said = dagflow("cancel", "--where", "status=failed")
        assert (said.code, said.err) == (
            2,
            "dagflow: a run with that status cannot be cancelled; give one of queued, running, sleeping\n",
        )
        assert dagflow("delete", first, "--json").json == {"run": first}
        assert dagflow("delete", first).code == 2
        said = dagflow("delete", "--where", "older=0s", "--rate", "100", "--json")
        assert (said.code, len(said.json), dagflow("runs", "--json").json) == (0, 2, [])
        for arguments in (("cancel",), ("cancel", "last", "--where", "flow=x")):
            assert "the command must have either a run or `--where`; got " in dagflow(*arguments).err
