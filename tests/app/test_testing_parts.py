"""Tests in the language: events of runs that are parts of others, and records written out."""

from __future__ import annotations

import pytest

import dagflow
from tests.app.test_testing import holds

PARTS = """
event "part/done" { n: int }

flow f(ns: list<int>) -> {heard: int} {
  on manual
  parallel {
    do {
      wait 1h
      told = part(n: 7)
    }
    heard = wait event "part/done" as e when e.n == 7 within 1d
    do {
      emit "part/done" (n: 1)
      own = wait event "part/done" as e when e.n == 1 within 2h
    }
    for n in ns max 3 parallel 3 {
      item = wait event "part/done" as e when e.n == n within 3h
      if item.hasValue() {
        emit "part/done" (n: n + 1)
      }
    }
  }
  return {"heard": heard.?n ?? 0}
}

flow part(n: int) {
  on manual
  early = wait event "part/done" as e when e.n == 3 within 5h
  emit "part/done" (n: n)
  wait 1h
}
"""


class TestEmitted:
    def test_an_event_reaches_the_other_runs_of_the_test(self) -> None:
        """Its items hear the run, and each other; the flow it calls later finds what came before; nobody hears itself."""
        holds(
            """
            given (ns: [1, 2, 4])
            expect item.map(each, each.ran) == [true, true, false] && item.map(each, each.at) == [0s, 0s, 0s]
            expect own.cancelled && heard.ran && run.output.heard == 7 && told.ran
            expect emitted("part/done").map(each, each.n) == [1, 2, 3, 7]
            at 59m expect !told.ran && !heard.ran
            at 61m expect heard.ran
            expect told.ran && run.elapsed == 3h
            """,
            PARTS,
        )

    def test_an_event_that_nobody_emits_is_waited_for_in_vain(self) -> None:
        holds("given (ns: [3])\n expect item[0].cancelled && heard.ran", PARTS)


RECORDS = """
event "kept" { id: string, note: string?, n: int = 3, at: timestamp = timestamp("2026-01-01T00:00:00Z"), for_: duration = 2d }

action keep(id: string, n: double = 1.0, note: string?)
  -> {id: string, note: string?, items: list<{a: int}>, named: map<string, {b: string}>} effectful

flow f(id: string) -> {a: string, b: string?} {
  on manual
  kept = keep(id: id)
  if {"id": "7", "items": [{"a": 1}], "named": {"q": {"b": "c"}}} == kept {
    emit "kept" (id: id)
  }
  return {"a": "1"}
}
"""


class TestRecordsWrittenOut:
    """What is written out beside a record is read as one, with its defaults."""

    GIVEN = """
      given (id: "7")
      mock keep returns {"id": id, "items": [{"a": 1}], "named": {"q": {"b": "c"}}}
    """

    @pytest.mark.parametrize(
        "condition",
        [
            'emitted("kept") == [{"id": "7"}]',
            '[{"id": "7", "n": 3, "note": null}] == emitted("kept")',
            '{"id": "7", "n": 4} != emitted("kept")[0]',
            '{"id": "7"} in emitted("kept") && !({"id": "8"} in emitted("kept"))',
            'emitted("kept")[0] in [{"id": "6"}, {"id": "7"}]',
            'run.output == {"a": "1"} && run.output == {"a": "1", "b": null} && run.output != {"a": "1", "b": "2"}',
            'kept.output.items == [{"a": 1}] && kept.output.named == {"q": {"b": "c"}} && kept.output.named != {}',
            'kept.input == {"id": "7"} && "id" in {"id": kept.input.id}',
            'calls("keep") == [{"id": "7", "n": 1.0, "at": 0s}] && calls("keep")[0].n == 1.0',
        ],
    )
    def test_it_is_compared(self, condition: str) -> None:
        holds(f"{self.GIVEN} expect {condition}", RECORDS)

    def test_what_does_not_fit_is_said_when_it_is_compiled(self) -> None:
        text = f'{RECORDS}\ntest "t" for f {{ {self.GIVEN} expect emitted("kept") == [{{"n": 3}}] && run.output == {{"c": "1"}}\n}}'
        found = [each.title for each in dagflow.compile(text, filename="f.flow").diagnostics]
        assert found[0].endswith(" needs `id`")
        assert found[1].endswith("has no field `c`")
        assert found[2].endswith("needs `a`")
