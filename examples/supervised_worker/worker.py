"""The worker: `python worker.py` drives the runs until SIGTERM."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

import dagflow

STORE = os.environ.get("REPORTS_STORE", "runs.db")
REPORTS = Path(os.environ.get("REPORTS_FOLDER", "reports"))
catalog = dagflow.Catalog.builtin()


@catalog.action("reports.render", effect="effectful")
def render(name: str, seconds: float, key: dagflow.EffectKey) -> str:
    """Render a report, which takes a while; a file with the key in its name is rendered once."""
    REPORTS.mkdir(exist_ok=True)
    report = REPORTS / f"{name}-{key}.txt"
    if not report.exists():
        print(f"rendering {name}", flush=True)
        time.sleep(seconds)
        report.write_text(f"the report {name}\n")
    return report.name


class Files:
    """The flows in the files beside this one, by their names."""

    def flows(self, _since: int | None) -> Iterable[dagflow.SourcedFlow]:
        """Return all flows."""
        here = Path(__file__).parent
        return [dagflow.SourcedFlow(name=path.stem, text=path.read_text()) for path in here.glob("*.flow")]


if __name__ == "__main__":
    dagflow.drive(
        STORE, catalog=catalog, source=Files(), takeover=True, drain_seconds=30, ready=lambda: print("driving", flush=True)
    )
