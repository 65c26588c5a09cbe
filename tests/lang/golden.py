"""Reads `cases/*.flowtest`: chunks of a source, a line `===`, and what the compiler says about it; chunks are parted by `---`.

Run `python -m tests.lang.golden` to write down what the compiler says now; read the difference before you commit it.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import attrs

from dagflow.lang.compiler import Compilation, compile_text
from dagflow.model.action import Interface
from dagflow.model.destinations import SecretSpec

HERE = Path(__file__).parent
CASES = HERE / "cases"
#: The files that those of the cases may import.
IMPORTED = HERE / "imported"
SOURCES = {path.relative_to(IMPORTED).as_posix(): path.read_text(encoding="utf-8") for path in sorted(IMPORTED.rglob("*.flow"))}


@attrs.frozen
class Case:
    """A source and the diagnostics expected, as text."""

    name: str
    source: str
    expected: str


@functools.cache
def prelude() -> Interface:
    """What every case may use."""
    compilation = compile_text((HERE / "prelude.flow").read_text(encoding="utf-8"), Interface(), filename="prelude.flow")
    assert not compilation.diagnostics, compilation.render()
    return restricted(compilation.interface)


def restricted(interface: Interface) -> Interface:
    """With what a host keeps to itself: where one secret may go, and events that flows may not emit."""
    actions = dict(interface.actions)
    if "http.get" in actions:
        actions["http.get"] = attrs.evolve(actions["http.get"], destination="url")
    secrets = {
        "crm_token": SecretSpec.of(["api.crm.example", "*.shop.example:8443", "http://intranet.example"], []),
        "pay_key": SecretSpec.of([], ["pay.token"]),
    }
    return attrs.evolve(
        interface, actions=actions, secrets=secrets, emits=("crm/*", "shop/*", "x/*", "some/*", "every/*", "order/*", "…")
    )


def check(source: str, interface: Interface) -> Compilation:
    return compile_text(source, interface, filename="a.flow", sources=SOURCES)


def read(path: Path) -> list[Case]:
    chunks = path.read_text(encoding="utf-8").split("\n---\n")
    cases = []
    for number, chunk in enumerate(chunks, 1):
        source, _, expected = chunk.partition("\n===\n")
        cases.append(Case(f"{path.stem}-{number}", source.strip("\n") + "\n", expected.strip("\n")))
    return cases


def main(names: list[str]) -> None:
    interface = prelude()
    for path in sorted(CASES.glob("*.flowtest")):
        if names and path.stem not in names:
            continue
        chunks = [f"{case.source}===\n{check(case.source, interface).render()}\n" for case in read(path)]
        path.write_text("---\n".join(chunks), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
