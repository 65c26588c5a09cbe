"""The benchmark of kinds of steps runs each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import kinds


@pytest.mark.parametrize("name", kinds.KINDS)
def test_every_kind_succeeds(name: str, tmp_path: Path) -> None:
    for store in kinds.STORES:
        assert kinds.measure(name, store, tmp_path, repeat=1, n_steps=3) > 0


def test_the_table_has_a_line_for_each_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds.main(["json of 3 keys", "--tiny", "--folder", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| kind of action, µs a step | memory | durable |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| json of 3 keys"]
