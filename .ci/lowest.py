"""Print a constraints file that pins every runtime dependency to the lowest version that pyproject.toml allows."""

# ruff: noqa: INP001 - a script
from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

for requirement in PROJECT["dependencies"]:
    name, version = re.match(r"([A-Za-z0-9._-]+)[^>;]*>=([0-9.]+)", requirement).groups()  # type: ignore[union-attr]
    print(f"{name}=={version}")  # noqa: T201 - its purpose
