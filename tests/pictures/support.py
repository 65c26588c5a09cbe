"""Flows to draw."""

from __future__ import annotations

import functools
from pathlib import Path

import dagflow
from dagflow.cli.sources import load_flows, load_host
from dagflow.model.flow import Flow

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((REPOSITORY / "examples").glob("*.flow"))
PATTERNS = sorted((REPOSITORY / "tests" / "patterns").glob("*.flow"))


def flow_of(text: str, name: str | None = None) -> Flow:
    """A flow of a text, with the built-in actions."""
    return dagflow.compile(text, catalog=dagflow.Catalog.builtin(), filename="drawn.flow").unwrap(name)


@functools.cache
def flows_of(path: Path) -> list[Flow]:
    """The flows of an example, with the actions of the shop."""
    host = load_host(str(REPOSITORY / "examples" / "shop.py"), str(path))
    compilation = load_flows(str(path), host.catalog)
    assert not compilation.has_errors, compilation.render()
    return list(compilation.flows.values())
