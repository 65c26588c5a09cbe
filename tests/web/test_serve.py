"""`dagflow serve`: the whole process, its credentials and its options; and `dagflow keys`."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from dagflow.cli.commands.keys import ROLES
from dagflow.cli.main import main
from dagflow.web import KeyFile, Principal, Role, Tokens

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-at-least-thirty-two-characters"
FLOW = """event "lead/new" { id: string }
flow hello(id: string) -> string {
  on event "lead/new"
  log(message: id)
  return id
}
"""


def get(url: str, value: object = None, bearer: str = "") -> Any:
    body = None if value is None else orjson.dumps(value)
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    request = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return orjson.loads(answer.read())


def refused(url: str, value: object = None, bearer: str = "") -> int:
    with pytest.raises(urllib.error.HTTPError) as found:
        get(url, value, bearer)
    found.value.close()
    return found.value.code


def announced(line: str) -> str:
    """What the process announces in a line of its log."""
    return orjson.loads(line)["message"] if line.startswith("{") else line.strip()


@contextmanager
def serving(folder: Path, *options: str, n_lines: int = 2, **variables: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a process that serves, and the process."""
    (folder / "a.flow").write_text(FLOW)
    words = ["serve", "a.flow", "--store", "runs.db", "--listen", "127.0.0.1:0", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    with subprocess.Popen(
        [sys.executable, "-m", "dagflow", *words], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            lines = [announced(process.stderr.readline()) for _ in range(n_lines)]
            assert n_lines == 1 or lines[0] == "published hello, version 1"
            yield lines[-1].removeprefix("listening on "), process
        finally:
            process.kill()


@pytest.mark.early
def test_a_process_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-token", "--webhook", "acme/shop=unsigned") as (url, process):
        (request,) = get(f"{url}/events", {"name": "lead/new", "payload": {"id": "a"}})["requests"]
        assert get(f"{url}/runs/{request['run']}/wait")["output"] == "a"
        assert refused(f"{url}/nowhere") == 404
        assert get(f"{url}/webhooks/acme/shop", {})["requests"] == []
        assert refused(f"{url}/webhooks/shop", {}) == 401
        assert refused(f"{url}/events", {"name": "lead/new"}, bearer="wrong") == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.early
def test_the_log_of_a_process_is_json_without_secrets(tmp_path: Path) -> None:
    options = ["--no-token", "--log-format", "json", "--log-level", "info"]
    with serving(tmp_path, *options, DAGFLOW_SECRET_API_TOKEN="c4n4ry-of-a-token") as (url, process):
        (request,) = get(f"{url}/events", {"name": "lead/new", "payload": {"id": "c4n4ry-of-a-token"}})["requests"]
        get(f"{url}/runs/{request['run']}/wait")
        process.send_signal(signal.SIGTERM)
        text = process.communicate(timeout=20)[1]
    lines = [orjson.loads(line) for line in text.splitlines()]
    of_run = [(line["logger"], line["message"]) for line in lines if line.get("run") == request["run"]]
    assert of_run == [
        ("dagflow.runs", f"run {request['run']} of hello begins"),
        ("dagflow.flow", "[secret api_token]"),
        ("dagflow.runs", f"run {request['run']} of hello: succeeded"),
    ]
    assert "c4n4ry" not in text


@pytest.mark.early
def test_a_process_serves_metrics_at_an_address_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(FLOW)
    options = ["--no-token", "--metrics", "127.0.0.1:0", "--otel", "--log-format", "json"]
    with serving(tmp_path, *options, n_lines=1) as (metrics_url, process):
        assert process.stderr is not None
        assert announced(process.stderr.readline()) == "published hello, version 1"
        url = announced(process.stderr.readline()).removeprefix("listening on ")
        (request,) = get(f"{url}/events", {"name": "lead/new", "payload": {"id": "a"}})["requests"]
        get(f"{url}/runs/{request['run']}/wait")
        with urllib.request.urlopen(metrics_url.removeprefix("metrics on "), timeout=20) as answer:
            text = answer.read().decode()
        assert 'dagflow_runs_total{flow="hello",status="succeeded"} 1.0' in text
        assert "dagflow_requests_waiting 0.0" in text
        assert refused(f"{url}/metrics") == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.early
def test_a_process_serves_the_tenants_of_its_credentials(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "runs.db.keys")
    sender, viewer = keys.create(Principal("acme", Role.SENDER)), keys.create(Principal("acme", Role.VIEWER))
    tokens = Tokens(SECRET)
    editor = tokens.issue(Principal("acme", Role.EDITOR, frozenset({"hello"})))
    with serving(tmp_path, DAGFLOW_TOKEN="t0p", DAGFLOW_SIGNING_KEY=SECRET) as (url, _):
        assert get(f"{url}/flows", bearer=editor)["flows"] == []
        assert get(f"{url}/flows", {"text": FLOW}, editor)["version"] == 1
        (request,) = get(f"{url}/events", {"name": "lead/new", "payload": {"id": "a"}}, sender)["requests"]
        assert get(f"{url}/runs/{request['run']}/wait", bearer=viewer)["output"] == "a"
        assert refused(f"{url}/runs/{request['run']}", bearer="t0p") == 404
        assert [each["flow"] for each in get(f"{url}/flows", bearer="t0p")["flows"]] == ["hello"]
        assert get(f"{url}/runs", bearer="t0p")["runs"] == []
        for credential in (
            "",
            "t0",
            "dfk_",
            sender[:-1],
            editor[:-2],
            Tokens("another" + SECRET).issue(Principal("", "admin")),
        ):
            assert refused(f"{url}/flows", bearer=credential) == 401
        assert refused(f"{url}/runs", bearer=sender) == 403
        keys.revoke(sender.split("_")[1])
        assert refused(f"{url}/events", {"name": "lead/new"}, sender) == 401


def test_keys_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(tmp_path / "runs.db")
    assert (
        main(["keys", "create", "--role", "sender", "--tenant", "acme", "--only", "a", "--comment", "shop", "--store", store])
        == 0
    )
    key = capsys.readouterr().out.strip()
    assert KeyFile(f"{store}.keys").principal(key) == Principal("acme", "sender", frozenset({"a"}), key=key.split("_")[1])
    assert stat.S_IMODE(Path(f"{store}.keys").stat().st_mode) == 0o600
    assert key.split("_", 2)[2] not in Path(f"{store}.keys").read_text()
    assert main(["keys", "list", "--store", store, "--json"]) == 0
    (found,) = orjson.loads(capsys.readouterr().out)
    assert (found["id"], found["tenant"], found["role"], found["flows"], found["comment"]) == (
        key.split("_")[1],
        "acme",
        "sender",
        ["a"],
        "shop",
    )
    assert main(["keys", "list", "--store", store]) == 0
    assert "shop" in capsys.readouterr().out
    assert main(["keys", "revoke", found["id"], "--store", store]) == 0
    assert capsys.readouterr().err == f"revoked {found['id']}\n"
    assert main(["keys", "revoke", found["id"], "--store", store]) == 2
    assert "no key" in capsys.readouterr().err
    assert main(["keys", "list", "--store", store]) == 0
    assert "no keys; `dagflow keys create" in capsys.readouterr().err
    assert main(["keys", "list", "--store", "postgresql://db/x"]) == 2
    assert "`--keys` must name the file of keys" in " ".join(capsys.readouterr().err.split())


def test_the_command_has_every_role() -> None:
    assert tuple(Role) == ROLES


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--listen", "8321"], "`--listen` must be HOST:PORT"),
        (["--listen", "0.0.0.0:1", "--no-token"], "`--no-token` must go with a loopback address"),
        ([], "set DAGFLOW_TOKEN to the token"),
        (["--no-token", "--webhook", "x=paypal:KEY"], "`--webhook` must be NAME=SCHEME:VARIABLE or TENANT/NAME"),
        (["--no-token", "--webhook", "x=stripe:NO_SUCH_KEY"], "set NO_SUCH_KEY to the secret of the webhook 'x'"),
        (["--no-token", "--metrics", "9464"], "`--metrics` must be HOST:PORT"),
        (["--no-token", "--metrics", "192.0.2.1:9464"], "`--metrics` cannot listen on 192.0.2.1:9464: "),
    ],
)
def test_options_that_do_not_go(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DAGFLOW_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["serve", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
