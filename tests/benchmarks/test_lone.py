"""The benchmark of lone runs measures each way."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import lone


def test_the_table_has_a_line_for_each_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lone.main(["--tiny", "--folder", str(tmp_path)])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "of", "five", "steps", "wall", "ms", "processor", "ms", "×", "bare", "(wall)"]
    assert [line[:20].strip() for line in lines] == ["bare commits", "durable", "memory"]
    assert all(float(figure) > 0 for line in lines for figure in line[20:].split())
