"""The page about FastAPI, as a reader follows it: a real server and curl, and the server is killed in the middle of a run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import httpx
import pytest

from docs.building.documents import fences
from tests.examples.processes import ROOT, Application

PAGE = (ROOT / "docs" / "fastapi.md").read_text(encoding="utf-8")


def followed(folder: Path) -> Application:
    """The files of the page in a folder; its flow waits for a moment, so that it can be killed meanwhile."""
    for fence in fences(PAGE):
        if fence.title:
            fence.write(folder)
    flow = folder / "triage.flow"
    flow.write_text(flow.read_text().replace("  if title", "  wait 1s\n  if title"))
    return attrs.evolve(Application.of("", folder, API_TOKEN="t0ken"), code=folder)


def commands(first: str) -> list[str]:
    """The lines of the block that begins with this."""
    (found,) = (fence.text for fence in fences(PAGE) if fence.language == "sh" and fence.text.startswith(first))
    return found.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("openssl") is None, reason="curl or openssl is missing")
def test_the_page_leads_to_a_run_that_survives_its_server(tmp_path: Path) -> None:
    application = followed(tmp_path)
    start, *ask = [
        line.replace("localhost:8000", f"localhost:{application.port}") for line in commands("API_TOKEN=t0ken uvicorn")
    ]
    words = start.removeprefix("API_TOKEN=t0ken ").removesuffix(" &").split()
    server = (*words, "--port", str(application.port))
    with application.process(*server) as process:
        asked = subprocess.run(["bash", "-euo", "pipefail"], input="\n".join(ask), capture_output=True, text=True, check=True)
        taken, listed = (json.loads(each) for each in asked.stdout.replace("}{", "}\n{").splitlines())
        run = taken["requests"][0]["run"]
        assert [each["run"] for each in listed["runs"]] == [run]
        process.kill()
        process.wait()
    with application.process(*server):
        assert output(application, run) == "#7 is a bug"


@pytest.mark.slow
def test_with_more_processes_the_driver_is_one_of_its_own(tmp_path: Path) -> None:
    application = followed(tmp_path)
    main = tmp_path / "main.py"
    (client,) = (fence.text for fence in fences(PAGE) if fence.language == "python" and "app(Client(" in fence.text)
    main.write_text(main.read_text().replace("api = FastAPI(lifespan=lifespan)\n", client))
    drive, serve = commands("python driver.py")
    words = serve.removeprefix("API_TOKEN=t0ken ").replace("--workers 4", "--workers 2").split()
    assert drive == "python driver.py &"
    with (
        application.process(*words, "--port", str(application.port)),
        application.process(sys.executable, "driver.py", until="driving") as driver,
        httpx.Client(base_url=f"{application.address}/automations", headers={"Authorization": "Bearer t0ken"}) as browser,
    ):
        started = browser.post("/flows/triage/start", json={"input": {"issue": 7, "title": "crash"}})
        driver.kill()
        driver.wait()
        with application.process(sys.executable, "driver.py", until="driving") as second:
            assert output(application, started.json()["run"]) == "#7 is a bug"
            second.terminate()
            assert second.wait(20) == 0


def output(application: Application, run: str) -> object:
    with httpx.Client(base_url=application.address, headers={"Authorization": "Bearer t0ken"}, timeout=30) as browser:
        return browser.get(f"/automations/runs/{run}/wait").json()["output"]
