"""Real processes: killed, interrupted, on a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from rich.cells import cell_len

from dagflow.app.compiling import compile as compile_flow
from dagflow.app.interpreter import Interpreter
from dagflow.cli.sources import load_host
from dagflow.model.status import RunStatus
from tests.cli.support import Dagflow, command, environment, process

SLEEPER = """flow f(n: int) -> string {
  on manual
  a = note(text: "first")
  wait 2d
  b = note(text: "second ${n}")
  return a + b
}
"""
DEADLINE_SECONDS = 20


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command(*arguments), cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def wait_for(child: subprocess.Popen[bytes], text: str, n_times: int = 1) -> None:
    """Read what the child says on standard error until the text has come so often."""
    assert child.stderr is not None
    said = ""
    while said.count(text) < n_times:
        ready, _, _ = select.select([child.stderr], [], [], DEADLINE_SECONDS)
        part = os.read(child.stderr.fileno(), 65_536) if ready else b""
        assert part, f"it said only {said!r}"
        said += part.decode()


def interrupt(child: subprocess.Popen[bytes]) -> tuple[str, str]:
    """What it still says on its outputs."""
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=DEADLINE_SECONDS)
    assert child.returncode == 130
    assert b"Traceback" not in err
    return out.decode(), err.decode()


@pytest.fixture
def sleeper(folder: Path, flow: Callable[[str], str]) -> list[str]:
    return ["run", flow(SLEEPER), "--actions", "host.py", "--input", '{"n": 1}']


@pytest.fixture
def asleep(folder: Path, sleeper: list[str]) -> None:
    """Two runs that sleep in `dagflow.db`, left by whoever drove them."""
    host = load_host("host.py", None)
    flow = compile_flow(SLEEPER, catalog=host.catalog).unwrap()

    async def main() -> None:
        async with Interpreter.open("dagflow.db", catalog=host.catalog) as interpreter:
            for n in (1, 2):
                run = await interpreter.start(flow, {"n": n})
                async for standing in run.watch():
                    if standing.status is RunStatus.SLEEPING:
                        break

    trio.run(main)


class TestKill:
    def test_a_killed_run_keeps_its_due_time_and_its_flow(self, dagflow: Dagflow, folder: Path, sleeper: list[str]) -> None:
        with started(folder, *sleeper) as child:
            wait_for(child, "waiting; ")
            shown = dagflow("show", "last")  # while the other process drives it
            assert "◔ waiting" in shown.out
            assert " sleeping until " in shown.out
            held = dagflow("store", "salvage")
            assert held.code == 2
            assert f"open in process {child.pid}" in held.err
            child.kill()
            child.wait(DEADLINE_SECONDS)
        before = dagflow("runs", "--unfinished", "--json").json
        assert isinstance(before, list)
        assert before[0]["status"] == "sleeping"
        (folder / "f.flow").write_text("no flow at all")
        with started(folder, "resume", "--actions", "host.py") as child:
            wait_for(child, "waiting    wait 2d")
            child.kill()
        assert dagflow("runs", "--json").json == before
        ended = dagflow("resume", "last", "--fast-forward", "--actions", "host.py", "--json").json
        assert isinstance(ended, list)
        assert ended[0]["output"] == "FIRSTSECOND 1"
        wait = next(node for node in ended[0]["nodes"] if node["kind"] == "wait")
        assert wait["ended_at"] == before[0]["due_at"]
        assert (folder / "ledger").read_text() == "first\nsecond 1\n"

    @pytest.mark.usefixtures("asleep")
    def test_a_sleeping_run_can_be_cancelled(self, dagflow: Dagflow, folder: Path) -> None:
        said = dagflow("cancel", "last")
        assert said.code == 0
        assert said.out.endswith(" cancelled\n")
        rows = dagflow("runs", "--json").json
        assert isinstance(rows, list)
        assert [row["status"] for row in rows] == ["cancelled", "sleeping"]
        shown = dagflow("show", "last")
        assert "⊘ cancelled" in shown.out
        assert "stopped before it ended" in shown.out
        assert "has ended: cancelled" in dagflow("resume", "last").err
        assert (folder / "ledger").read_text() == "first\nfirst\n"

    @pytest.mark.usefixtures("asleep")
    def test_several_go_on_together(self, dagflow: Dagflow, folder: Path) -> None:
        said = dagflow("resume", "--fast-forward", "--actions", "host.py")
        assert said.code == 0
        assert said.out.count(" succeeded in 2d") == 2
        assert sorted((folder / "ledger").read_text().split("\n")) == ["", "first", "first", "second 1", "second 2"]

    @pytest.mark.usefixtures("asleep")
    def test_without_its_actions_a_run_is_left_alone(self, dagflow: Dagflow) -> None:
        said = dagflow("resume", "last", "--fast-forward")
        assert said.code == 2
        assert "is blocked: " in said.err
        assert "`note`" in said.err
        assert "--actions" in said.err
        assert dagflow("resume", "last", "--fast-forward", "--actions", "host.py").code == 0


SLOW_HOST = """import dagflow, pathlib, trio
catalog = dagflow.Catalog()

@catalog.action("pay", effect="effectful")
async def pay(n: int) -> int:
    with open("ledger", "a") as ledger:
        ledger.write("begun\\n")
    while not pathlib.Path("gate").exists():
        await trio.sleep(0.01)
    with open("ledger", "a") as ledger:
        ledger.write("paid\\n")
    return n
"""


class TestTerminate:
    @pytest.fixture
    def paying(self, folder: Path, flow: Callable[[str], str]) -> list[str]:
        (folder / "slow.py").write_text(SLOW_HOST)
        path = flow("flow f() -> int {\n  on manual\n  a = pay(n: 1)\n  b = pay(n: 2)\n  return b\n}\n")
        return ["run", path, "--actions", "slow.py", "--quiet"]

    @staticmethod
    def wait_until(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_sigterm_waits_for_what_is_under_way(self, dagflow: Dagflow, folder: Path, paying: list[str]) -> None:
        with started(folder, *paying) as child:
            self.wait_until((folder / "ledger").exists)
            child.send_signal(signal.SIGTERM)
            wait_for(child, "calls under way have 30 s to end; SIGTERM again stops at once")
            (folder / "gate").touch()
            _, err = child.communicate(timeout=DEADLINE_SECONDS)
        assert child.returncode == 143
        assert b"interrupted; to resume" in err
        assert (folder / "ledger").read_text() == "begun\npaid\n"
        # It was no crash, and the payment is not made twice.
        said = dagflow("resume", "--actions", "slow.py", "--quiet")
        assert said.code == 0
        assert (folder / "ledger").read_text() == "begun\npaid\n" * 2

    def test_a_second_signal_ends_at_once(self, dagflow: Dagflow, folder: Path, paying: list[str]) -> None:
        with started(folder, *paying) as child:
            self.wait_until((folder / "ledger").exists)
            child.send_signal(signal.SIGTERM)
            wait_for(child, "SIGTERM again stops at once")
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=DEADLINE_SECONDS)
        assert child.returncode == 143
        assert (folder / "ledger").read_text() == "begun\n"
        rows = dagflow("runs", "--json").json
        assert [row["status"] for row in rows] == ["running"]


class TestInterrupt:
    @pytest.mark.parametrize("words", [["--json"], []])
    def test_it_says_how_to_go_on(self, dagflow: Dagflow, folder: Path, sleeper: list[str], words: list[str]) -> None:
        with started(folder, *sleeper, "--store", "my runs.db", *words) as child:
            self.wait_until_it_sleeps(dagflow)
            out, err = interrupt(child)
        assert out == ""
        assert err.endswith("\ninterrupted; to resume: `dagflow resume --store 'my runs.db' --actions host.py`\n")

    @pytest.mark.usefixtures("asleep")
    def test_while_several_go_on(self, folder: Path) -> None:
        with started(folder, "resume", "--actions", "host.py") as child:
            wait_for(child, "waiting    wait 2d", 2)
            _, err = interrupt(child)
        assert "interrupted; to resume" in err

    def test_what_is_kept_nowhere_is_lost(self, folder: Path, sleeper: list[str]) -> None:
        with started(folder, *sleeper, "--store", ":memory:") as child:
            wait_for(child, "waiting    wait 2d")
            _, err = interrupt(child)
        assert "the run is lost" in err

    @staticmethod
    def wait_until_it_sleeps(dagflow: Dagflow) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while '"sleeping"' not in dagflow("runs", "--store", "my runs.db", "--json").out:
            assert time.monotonic() < deadline


class TestTerminal:
    def on_terminal(self, folder: Path, columns: int, *arguments: str) -> tuple[int, str]:
        """What a command shows on a terminal of that width."""
        terminal, end = pty.openpty()
        env = environment(TERM="xterm-256color", COLUMNS=str(columns), LINES="30")
        with subprocess.Popen(command(*arguments), cwd=folder, env=env, stdin=end, stdout=end, stderr=end) as child:
            os.close(end)
            seen = b""
            try:
                while select.select([terminal], [], [], DEADLINE_SECONDS)[0]:
                    part = os.read(terminal, 65_536)
                    if not part:
                        break
                    seen += part
            except OSError:  # the other end is closed
                pass
            finally:
                os.close(terminal)
            code = child.wait(DEADLINE_SECONDS)
        return code, seen.decode()

    @pytest.mark.parametrize("columns", [80, 160])
    def test_a_run_is_drawn_while_it_goes(self, folder: Path, columns: int) -> None:
        arguments = ("run", "lead_approval.flow", "--input", "@lead.json", "--fast-forward")
        code, seen = self.on_terminal(folder, columns, *arguments)
        assert code == 0
        assert "\x1b[?25l" in seen  # the cursor is hidden while the screen is drawn …
        assert "\x1b[?25h" in seen  # … and shown again
        assert "Traceback" not in seen
        last = seen.rsplit("\x1b[?25h", 1)[1]
        assert "✓ succeeded" in last
        assert "succeeded in 2d" in last
        assert "message_id" in last
        for line in _without_colours(seen).split("\n"):
            assert cell_len(line.rstrip("\r")) <= columns or not line.startswith(("✓", "·", "◔"))

    def test_marks_are_never_pushed_off_the_screen(self, folder: Path, flow: Callable[[str], str]) -> None:
        name = "a_step_with_a_name_" + "that_goes_on_" * 10
        path = flow(f'flow f -> string {{ on manual\n {name} = note(text: "{"x" * 200}")\n wait 1ms\n return {name}\n}}')
        _, seen = self.on_terminal(folder, 80, "run", path, "--actions", "host.py")
        assert "✓ succeeded  a_step_with" in _without_colours(seen.rsplit("\x1b[?25h", 1)[0])

    def test_a_table_of_80_columns(self, folder: Path, dagflow: Dagflow) -> None:
        dagflow("run", "lead_approval.flow", "--input", "@lead.json", "--fast-forward")
        code, seen = self.on_terminal(folder, 80, "show", "last")
        assert code == 0
        plain = [line.rstrip("\r") for line in _without_colours(seen).split("\n")]
        assert max(map(len, plain)) <= 80
        assert plain[0].split() == ["step", "status", "attempts", "started", "(UTC)", "took"]
        assert any(line.startswith("proposal ") and "✓ succeeded" in line for line in plain)
        assert any(line.startswith('  {"message_id"') for line in plain)

    @pytest.mark.usefixtures("asleep")
    def test_a_list_of_80_columns(self, folder: Path, dagflow: Dagflow) -> None:
        rows = dagflow("runs", "--json").json
        assert isinstance(rows, list)
        code, seen = self.on_terminal(folder, 80, "runs")
        plain = [line.rstrip("\r") for line in _without_colours(seen).splitlines()]
        assert code == 0
        assert max(map(len, plain)) <= 80
        assert [line.split()[0] for line in plain] == ["run", rows[0]["run"], "due", rows[1]["run"], "due"]


def _without_colours(text: str) -> str:
    parts = text.split("\x1b[")
    return parts[0] + "".join(part.partition("m")[2] for part in parts[1:])


def test_as_a_module_and_as_a_command(folder: Path) -> None:
    assert process(folder, "--version").out.startswith("dagflow ")
