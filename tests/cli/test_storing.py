"""`dagflow store …`: a store is looked over, copied, and relieved of what is old."""

from __future__ import annotations

import re

import apsw

FLOW = """
flow f {
  on manual
  a = note(text: "once")
  wait 2d
  b = note(text: "twice")
}
"""


def run(dagflow, flow) -> None:
    assert dagflow("run", flow(FLOW), "--actions", "host.py", "--quiet", "--fast-forward").code == 0


def test_a_sound_store_verifies(dagflow, flow):
    run(dagflow, flow)
    said = dagflow("store", "verify")
    assert (said.code, said.err) == (0, "")
    assert said.out == "OK: 1 run, 8 records, 0 events, no corruption\n"
    assert dagflow("store", "verify", "--json").json == {"runs": 1, "records": 8, "events": 0, "problems": []}


def test_a_damaged_store_does_not(dagflow, flow, folder):
    run(dagflow, flow)
    connection = apsw.Connection(str(folder / "dagflow.db"))
    connection.execute("DELETE FROM history WHERE seq = (SELECT max(seq) FROM history WHERE seq < 999)")
    connection.close()
    said = dagflow("store", "verify")
    assert said.code == 1
    assert re.search("has [0-7] events and should have 8; restore a backup", said.out)
    assert said.out.endswith("problems; restore a backup, or run `dagflow store salvage` to move the damaged runs to a file\n")
    assert dagflow("store", "verify", "--json").code == 1


def test_salvage_sets_the_damaged_run_aside_and_says_which(dagflow, flow, folder):
    run(dagflow, flow)
    run(dagflow, flow)
    newest, oldest = dagflow("runs", "--json").json
    connection = apsw.Connection(str(folder / "dagflow.db"))
    connection.execute("UPDATE run SET flow = 'x' WHERE id = ?", (oldest["run"],)).fetchall()
    connection.close()
    rows = dagflow("runs", "--json").json
    assert [bool(row["blocked"]) for row in rows] == [False, True]
    listed = dagflow("runs")
    assert (listed.code, "blocked" in listed.out, "is damaged" in listed.out) == (0, True, True)
    shown = dagflow("show", oldest["run"])
    assert (shown.code, f"run {oldest['run']} is damaged" in shown.err) == (2, True)
    assert dagflow("resume").code == 0
    assert "run `dagflow store salvage`" in dagflow("store", "verify").out

    said = dagflow("store", "salvage")
    assert said.code == 0
    assert said.out.startswith(f"run {oldest['run']}: ")
    assert said.err == "moved to dagflow.db.aside-1.jsonl; the other runs are unchanged\n"
    assert oldest["run"] in (folder / "dagflow.db.aside-1.jsonl").read_text()
    assert dagflow("store", "verify").code == 0
    assert [row["run"] for row in dagflow("runs", "--json").json] == [newest["run"]]
    again = dagflow("store", "salvage", "--json")
    assert (again.code, again.json) == (0, {"runs": {}, "others": [], "file": None})
    assert dagflow("store", "salvage").err == "no damaged runs\n"


def test_a_run_that_is_started_again_by_its_id_is_the_same(dagflow, flow):
    arguments = ("run", flow(FLOW), "--actions", "host.py", "--quiet", "--fast-forward", "--json", "--id", "order 7")
    first, again = dagflow(*arguments), dagflow(*arguments)
    assert (first.code, again.code) == (0, 0)
    assert first.json == again.json
    assert len(dagflow("runs", "--json").json) == 1
    other = dagflow("run", flow('flow g { on manual log(message: "x") }'), "--quiet", "--id", "order 7")
    assert (other.code, "which was started with another flow; give this one an id of its own" in other.err) == (2, True)
    assert dagflow("run", flow(FLOW), "--actions", "host.py", "--quiet", "--id", "").code == 2


def test_a_copy_is_a_store(dagflow, flow, folder):
    run(dagflow, flow)
    said = dagflow("store", "backup", "copy.db")
    assert (said.code, said.err) == (0, "copied dagflow.db to copy.db\n")
    assert dagflow("store", "backup", "second.db", "--json").json == {"store": "dagflow.db", "copy": "second.db"}
    assert dagflow("store", "verify", "--store", "copy.db").code == 0
    assert dagflow("runs", "--json", "--store", "copy.db").json == dagflow("runs", "--json").json
    again = dagflow("store", "backup", "copy.db")
    assert (again.code, "already exists" in again.err) == (2, True)


def test_what_is_old_is_removed(dagflow, flow):
    run(dagflow, flow)
    assert dagflow("store", "vacuum", "--json").json == {"store": "dagflow.db", "keep": "30d"}
    assert len(dagflow("runs", "--json").json) == 1
    said = dagflow("store", "vacuum", "--keep", "soon")
    assert (said.code, "30d, 12h or 0s; got 'soon'" in said.err) == (2, True)


def test_what_is_not_there_is_not_looked_after(dagflow):
    for command in (("verify",), ("backup", "x"), ("vacuum",), ("salvage",)):
        said = dagflow("store", *command)
        assert said.code == 2
        assert "no store dagflow.db" in said.err
    assert dagflow("store").code == 2
