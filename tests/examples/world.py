"""A place for the effects of the examples, with a clock of its own."""

from __future__ import annotations

import email
import email.policy
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import attrs

import dagflow

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
START = 1_767_225_600_000_000_000
DAY = 86_400 * 10**9


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made  # annotations are looked up there
    spec.loader.exec_module(made)
    return made


def json_of(name: str) -> dict[str, dict[str, object]]:
    return json.loads((EXAMPLES / name).read_text())


@attrs.define
class World:
    """A place for effects, with a clock of its own."""

    folder: Path
    catalog: dagflow.Catalog
    module: ModuleType | None = None
    clock: dagflow.VirtualClock = attrs.field(factory=lambda: dagflow.VirtualClock(START))

    def flow(self, text: str, name: str) -> dagflow.Flow:
        compilation = dagflow.compile(text, catalog=self.catalog, filename=name)
        assert compilation.diagnostics == (), compilation.render()
        return compilation.unwrap()

    def example(self, name: str) -> dagflow.Flow:
        return self.flow((EXAMPLES / name).read_text(), name)

    def run(self, flow: dagflow.Flow, value: object) -> dagflow.RunResult:
        return dagflow.run(flow, value, catalog=self.catalog, clock=self.clock)

    def mails(self) -> list[tuple[str, str]]:
        found = []
        for path in sorted((self.folder / "outbox").glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            found.append((str(message["To"]), str(message["Subject"])))
        return found

    def slack(self) -> list[tuple[str, str]]:
        path = self.folder / "outbox" / "slack.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(line["channel"], line["text"]) for line in map(json.loads, lines)]


def status_of(result: dagflow.RunResult, *names: str) -> list[str]:
    return [str(result.node(name).status) for name in names]
