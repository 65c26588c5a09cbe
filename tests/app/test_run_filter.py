"""Filters of runs, as callers write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagflow import RunStatus, UsageError
from dagflow.app.archive import Archive
from dagflow.app.interpreter import Interpreter
from dagflow.app.run_filter import RunFilter, filter_of, length_ns
from tests.app.host import START
from tests.app.test_retrying import Works
from tests.service.world import SECOND, Hand


def test_words() -> None:
    assert filter_of(["status=failed", "status=cancelled", "flow=f", "older=2h", "tenant=", "text=a=b"], START) == RunFilter(
        statuses=(RunStatus.FAILED, RunStatus.CANCELLED), flow="f", before=START - 7200 * SECOND, tenant="", text="a=b"
    )
    assert length_ns("2w", "it") == 14 * 86_400 * SECOND


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a filter must have a word; got none. The words are `status=failed`, `flow=orders`"),
        (["age=2h"], "a filter must have words such as `status=failed`, .*; got 'age=2h'"),
        (["flow"], "a filter must have words such as .*; got 'flow'"),
        (["flow="], "a filter must have words such as .*; got 'flow='"),
        (["flow=a", "flow=b"], "a filter must have `flow` once; got 'a' and 'b'"),
        (["status=bad"], "`status` must be one of queued, .*; got 'bad'"),
        (["older=long"], "`older` must be a duration such as 30d, 12h or 0s; got 'long'"),
    ],
)
def test_wrong_words(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        filter_of(words, START)


async def test_what_is_selected(tmp_path: Path) -> None:
    works, clock, path = Works(), Hand(), tmp_path / "s.db"
    works.broken = {"bad"}
    async with Interpreter.open(path, catalog=works.catalog, clock=clock) as interpreter:
        good = await interpreter.start(works.flow('flow good() {\n on manual\n work(name: "a")\n}'))
        clock.at += SECOND
        bad = await interpreter.start(works.flow('flow bad() {\n on manual\n work(name: "bad")\n}'))
        clock.at += 60 * SECOND
        late = await interpreter.start(works.flow("flow late() {\n on manual\n wait 1h\n}"))
        await interpreter.rest()
    for words, expected in {
        ("tenant=",): [late, bad, good],
        ("tenant=other",): [],
        ("flow=bad",): [bad],
        ("status=sleeping", "status=failed"): [late, bad],
        ("older=30s",): [bad, good],
        ("text=IS BROKEN",): [bad],
        (f"text={good.id}",): [good],
    }.items():
        with Archive.open(path) as archive:
            assert [row.id for row in filter_of(words, clock.at).select(archive, 10)] == [run.id for run in expected], words
    with Archive.open(path) as archive:
        assert len(RunFilter().select(archive, 2)) == 2
