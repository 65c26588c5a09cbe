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
    assert said.out == "1 run, 8 facts, 0 events: all is well\n"
    assert dagflow("store", "verify", "--json").json == {"runs": 1, "facts": 8, "events": 0, "problems": []}


def test_a_damaged_store_does_not(dagflow, flow, folder):
    run(dagflow, flow)
    connection = apsw.Connection(str(folder / "dagflow.db"))
    connection.execute("DELETE FROM history WHERE seq = (SELECT max(seq) FROM history)")
    connection.close()
    said = dagflow("store", "verify")
    assert said.code == 1
    assert re.search("has [0-7] facts and should have 8; restore a backup", said.out)
    assert said.out.endswith("problems; restore a backup\n")
    assert dagflow("store", "verify", "--json").code == 1


def test_a_copy_is_a_store(dagflow, flow, folder):
    run(dagflow, flow)
    said = dagflow("store", "backup", "copy.db")
    assert (said.code, said.err) == (0, "copy.db is a copy of dagflow.db\n")
    assert dagflow("store", "verify", "--store", "copy.db").code == 0
    assert dagflow("runs", "--json", "--store", "copy.db").json == dagflow("runs", "--json").json
    again = dagflow("store", "backup", "copy.db")
    assert (again.code, "is there already" in again.err) == (2, True)


def test_what_is_old_is_removed(dagflow, flow):
    run(dagflow, flow)
    assert dagflow("store", "vacuum").code == 0
    assert len(dagflow("runs", "--json").json) == 1
    said = dagflow("store", "vacuum", "--keep", "soon")
    assert (said.code, "30d, 12h or 0s, not 'soon'" in said.err) == (2, True)


def test_what_is_not_there_is_not_looked_after(dagflow):
    for command in (("verify",), ("backup", "x"), ("vacuum",)):
        said = dagflow("store", *command)
        assert said.code == 2
        assert "there is no store dagflow.db" in said.err
    assert dagflow("store").code == 2
