"""A secret's content exists inside the call only: nothing a whole run leaves behind contains it, in any spelling."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from urllib.parse import quote

import pytest

import dagflow
from dagflow.actions import EnvironmentSecrets, Settings

CANARY = "c4n4ry+/=t0ken"
SPELLINGS = [
    CANARY,
    quote(CANARY, safe=""),
    base64.b64encode(CANARY.encode()).decode(),
    base64.urlsafe_b64encode(CANARY.encode()).decode().rstrip("="),
    CANARY.encode().hex(),
    "c4n4ry",
]

FLOW = """
flow leak() -> string {
  plain = tell(token: secrets.api_token)
  bad = refuse(token: secrets.api_token) default "none"
  worse = broken(token: secrets.api_token) retry 2 every 1ms
  return worse
} on error as failure {
  told = log(message: failure.message)
}
"""


def catalog_with(folder: Path) -> dagflow.Catalog:
    settings = Settings(outbox=folder / "outbox")
    catalog = dagflow.Catalog.builtin(settings, secrets=EnvironmentSecrets({"DAGFLOW_SECRET_API_TOKEN": CANARY}))

    @catalog.action("tell")
    def tell(token: dagflow.Secret) -> str:
        return f"token has {len(token)} letters"

    @catalog.action("broken")
    async def broken(token: dagflow.Secret) -> str:
        raise ConnectionError(f"cannot log in with {token} ({base64.b64encode(str(token).encode()).decode()})")

    @catalog.action("refuse")
    def refuse(token: dagflow.Secret) -> str:
        raise dagflow.Fatal(f"{quote(str(token), safe='')} and {str(token).encode().hex()}", code="refused")

    return catalog


async def test_nothing_a_run_leaves_behind_contains_a_secret(tmp_path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    catalog = catalog_with(tmp_path)
    flow = dagflow.compile(FLOW, catalog=catalog).unwrap()
    async with dagflow.Interpreter.open(tmp_path / "runs.db", catalog=catalog) as interpreter:
        run = await interpreter.start(flow, {})
        result = await run.wait()
        alive = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert str(result.status) == "failed"
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    shown = repr(result) + caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    for spelling in SPELLINGS:
        assert spelling not in shown
        assert spelling.encode() not in alive
        assert spelling.encode() not in left
    assert "[secret api_token]" in shown


ECHO = """
flow repeat -> string {
  plain = echo(token: secrets.api_token)
  said = log(message: "it said ${plain}", data: {"said": plain})
  return plain
}
"""


async def test_a_result_flows_on_as_it_is_and_is_logged_without_secrets(tmp_path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    catalog = catalog_with(tmp_path)

    @catalog.action("echo")
    def echo(token: dagflow.Secret) -> str:
        return f"token={token}"

    async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
        run = await interpreter.start(dagflow.compile(ECHO, catalog=catalog).unwrap(), {})
        assert (await run.wait()).output == f"token={CANARY}"
    logged = caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert "it said token=[secret api_token]" in logged
    assert "c4n4ry" not in logged
