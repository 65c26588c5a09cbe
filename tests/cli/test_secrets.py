"""What people are shown of a run has no secret in it; what programs are given is as it was stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dagflow.cli.main import main

HOST = """
import dagflow

catalog = dagflow.Catalog()


@catalog.action("echo", effect="idempotent")
async def echo(token: dagflow.Secret) -> dict[str, str]:
    return {"said": f"your token is {token}", "env": "test"}
"""
FLOW = """
flow f -> json {
  on manual
  a = echo(token: secrets.api_token)
  b = echo(token: secrets.word)
  return a
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "host.py").write_text(HOST, encoding="utf-8")
    (tmp_path / "f.flow").write_text(FLOW, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGFLOW_SECRET_API_TOKEN", "c4n4ry-t0ken")
    monkeypatch.setenv("DAGFLOW_SECRET_WORD", "test")
    return tmp_path


def test_a_run_is_shown_without_secrets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "f.flow", "--actions", "host.py"]) == 0
    ran = capsys.readouterr()
    assert main(["show", "last"]) == 0
    shown = capsys.readouterr()
    for text in (ran.out + ran.err, shown.out):
        assert "your token is [secret api_token]" in text
        assert "c4n4ry" not in text
        # A short one is data by chance.
        assert '"env": "test"' in text


def test_show_knows_secrets_that_the_host_binds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bound = 'catalog.secret("api_token", "b0und-t0ken", actions=["echo"])\ncatalog.secret("word", "test", actions=["echo"])\n'
    (folder / "host.py").write_text(HOST + bound, encoding="utf-8")
    assert main(["run", "f.flow", "--actions", "host.py", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["show", "last", "--actions", "host.py"]) == 0
    shown = capsys.readouterr().out
    assert "your token is [secret api_token]" in shown
    assert "b0und" not in shown


def test_a_program_is_given_the_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "f.flow", "--actions", "host.py", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["output"]["said"] == "your token is c4n4ry-t0ken"


def test_a_secret_is_bound_by_the_environment(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGFLOW_SECRET_API_TOKEN_HOSTS", "api.example.com, http://intranet.example")
    monkeypatch.setenv("DAGFLOW_SECRET_API_TOKEN_ACTIONS", "http.request")
    text = """
flow f {
  on manual
  parallel {
    a = http.request(url: "https://api.example.com/x", token: secrets.api_token)
    b = http.request(url: "http://api.example.com/x", token: secrets.api_token)
    c = http.request(url: "http://intranet.example/", token: secrets.api_token)
    d = http.request(url: "https://example.org/", token: secrets.api_token)
  }
}
"""
    (folder / "g.flow").write_text(text, encoding="utf-8")
    assert main(["check", "g.flow", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)["diagnostics"]
    found = [(each["code"], each["start"]["line"]) for each in said if each["code"].startswith("E")]
    assert found == [("E602", 6), ("E602", 8)]
    assert main(["check", "f.flow", "--actions", "host.py"]) == 1
    assert "it is for `http.request` and not for `echo`" in capsys.readouterr().out
