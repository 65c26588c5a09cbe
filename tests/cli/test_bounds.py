"""`check --bounds`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.support import Dagflow

FLOW = """flow rows(names: list<string>) {
  wait 1d
  all = for name in names max 500 parallel 4 {
    log(message: name) timeout 10s
    start note(text: name)
  }
  done = log(message: "done")
}

flow note(text: string) {
  timeout 1h
  stop
}
"""


def test_each_flow_has_its_line(dagflow: Dagflow, folder: Path) -> None:
    (folder / "rows.flow").write_text(FLOW)
    said = dagflow("check", "--bounds", "rows.flow")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("rows.flow: ok: rows, note")
    assert lines[1].startswith(
        "rows  steps ≤ 1003   parallel ≤ 4   duration ≤ 30d   runs started ≤ 500   events sent 0   expression cost ≤ "
    )
    assert lines[2].strip() == "steps: 1003 = 3 + 500 × 2 (all)"
    assert lines[3].strip() == "runs started: 500 = 500 × 1 (all)"
    assert lines[5].strip() == (
        "duration: 1d20m50s of waits and limits, and one call without a `timeout` or `within`; a run lives 30d"
    )
    assert lines[6].startswith(
        "note  steps 0   parallel 0   duration ≤ 0s   runs started 0   events sent 0   expression cost 0"
    )


def test_as_data(dagflow: Dagflow, folder: Path) -> None:
    (folder / "rows.flow").write_text(FLOW)
    data = dagflow("check", "--bounds", "--json", "rows.flow").json
    assert isinstance(data, dict)
    assert data["diagnostics"] == []
    first, second = data["bounds"]
    assert first["steps"] == {"at_most": 1003, "own": 3, "shares": [{"node": "all", "count": 500, "each": 2}]}
    assert (first["flow"], first["file"], first["parallel"], first["calls_without_limit"]) == ("rows", "rows.flow", 4, 1)
    assert second["duration_ns"] == 0


def test_a_file_with_errors_has_none(dagflow: Dagflow, folder: Path) -> None:
    (folder / "wrong.flow").write_text("flow f { log(mess: 1) }\n")
    said = dagflow("check", "--bounds", "wrong.flow")
    assert said.code == 1
    assert "steps" not in said.out
