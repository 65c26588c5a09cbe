"""The workflow control-flow patterns, each a flow with what happens when it runs. README.md has the table.

The comment at the top of a flow holds its cases, a line each:

    case TITLE
      input JSON                            what the flow is given; {} if not said
      takes STEP LENGTH, …                  how long the calls of a step take; no time if not said
      fails STEP [N], …                     steps whose calls fail, or only the first so many
      sends LENGTH "EVENT" JSON, …          what is sent, and when
      cancel LENGTH                         when somebody cancels the run
      trace LENGTH STEP, …                  every call, at its end, in this order; those of one instant in any
      short                                 steps of items are named without the item
      starts FLOW JSON, …                   runs that go their own way
      emits "EVENT" JSON                    events of the run
      triggers JSON … and not JSON          payloads of the last event that start another run, and one that does not
      ends STATUS [JSON]                    succeeded, without output, if not said
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import pytest

import dagflow
from dagflow.drivers.simulated.simulator import Script, Send, Simulation, simulate
from dagflow.execution.program import prepare
from dagflow.execution.triggers import input_for

FOLDER = Path(__file__).parent
START = 1_767_225_600_000_000_000
SECOND = 10**9


@attrs.define
class Case:
    """One case of one flow: its lines by their first words."""

    path: Path
    title: str
    lines: dict[str, str] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return f"{self.path.stem}: {self.title}"

    def json(self, word: str, default: object) -> object:
        return json.loads(self.lines[word]) if word in self.lines else default

    def parts(self, word: str) -> list[list[str]]:
        """What stands between the commas, in words; a JSON value is one word."""
        return [re.findall(r"\{.*?\}|\S+", part) for part in re.split(r",\s*(?![^{]*\})", self.lines.get(word, "")) if part]


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.flow")):
        case: Case | None = None
        for line in path.read_text().splitlines():
            if not line.startswith("//"):
                break
            word, _, rest = line[2:].strip().partition(" ")
            if word == "case":
                if case is not None:
                    yield case
                case = Case(path, rest)
            elif case is not None and line.startswith("//   "):
                case.lines[word] = rest
        assert case is not None, f"{path.name} has no case"
        yield case


def nanos(length: str) -> int:
    return round(float(length.removesuffix("s")) * SECOND)


def flow_of(case: Case) -> dagflow.Flow:
    compilation = dagflow.compile(case.path.read_text(), catalog=dagflow.Catalog(), filename=case.path.name)
    assert not compilation.has_errors, compilation.render()
    return compilation.unwrap("p")


def simulated(case: Case, *crash_at: int) -> Simulation:
    takes = {step: nanos(length) for step, length in case.parts("takes")}
    fails = {step: int(times[0]) if times else 99 for step, *times in case.parts("fails")}
    scripts = {"back": Script(), "work": Script(result={"ok": True})}
    for step in takes.keys() | fails.keys():
        scripts[step] = Script(result=_failing(fails.get(step, 0)), takes_ns=takes.get(step, 0))
    sends = [
        Send(at=START + nanos(at), event=event.strip('"'), payload=json.loads(payload))
        for at, event, payload in case.parts("sends")
    ]
    cancel = case.lines.get("cancel")
    return simulate(
        flow_of(case),
        case.json("input", {}),
        actions=scripts,
        sends=sends,
        jitter=lambda: 1.0,
        cancel_at=None if cancel is None else START + nanos(cancel),
        crash_at=crash_at,
    )


def _failing(times: int) -> Callable[[object], object]:
    """Fails so often, over all runs there are."""
    left = itertools.count(times, -1)

    def result(_call: object) -> object:
        if next(left) > 0:
            raise dagflow.ActionFailed("as it has to", "broken")
        return {"ok": True}

    return result


def trace(case: Case, simulation: Simulation) -> list[str]:
    """Every call, with when it ended and which part of the run it was in."""
    found = []
    for call in simulation.calls:
        part = "".join(f"{each}/" for each in call.invocation.run.split("/")[1:])
        name = call.invocation.node if "short" in case.lines else part + call.invocation.node
        found.append((call.at - START, f"{(call.at - START) / SECOND:g}s {name}"))
    return [line for _, line in sorted(found, key=lambda each: each[0])]


def sorted_by_instant(lines: Sequence[str]) -> list[tuple[float, str]]:
    return sorted((float(line.split("s ")[0]), line) for line in lines)


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_a_pattern(case: Case) -> None:
    simulation = simulated(case)
    wanted = [" ".join(part) for part in case.parts("trace")]
    found = trace(case, simulation)
    assert sorted_by_instant(found) == sorted_by_instant(wanted)
    assert [line.split()[0] for line in found] == [line.split()[0] for line in wanted]
    status, _, output = case.lines.get("ends", "succeeded").partition(" ")
    assert (str(simulation.result.status), simulation.result.output) == (status, json.loads(output) if output else None)
    started = [[each.key, each.input] for each in simulation.started]
    assert started == [[name, json.loads(value)] for name, value in case.parts("starts")]


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_a_pattern_whose_process_dies_anywhere(case: Case) -> None:
    calm = simulated(case)
    for point in range(calm.n_points):
        # A call that is made again takes its time again, so what is a matter of time may come out otherwise, in the way the case allows.
        crashed = simulated(case, point)
        assert crashed.result.status == calm.result.status
        if not case.lines.keys() & {"takes", "sends", "cancel"}:
            assert outcome(crashed) == outcome(calm)


def outcome(simulation: Simulation) -> tuple[object, ...]:
    """What came of it: the output, which calls were made (once or again), what was started."""
    calls = sorted({(call.invocation.run, call.invocation.node, repr(call.invocation.arguments)) for call in simulation.calls})
    return simulation.result.output, calls, sorted((str(each.key), repr(each.input)) for each in simulation.started)


def test_recursion_by_events() -> None:
    (case,) = (each for each in cases() if each.path.name == "22_recursion.flow")
    program = prepare(flow_of(case))
    (emitted,) = (record.payload for record in simulated(case).history if record.kind == "event_emitted")
    (name, payload), *_ = re.findall(r'"(\w+)" (\{.*\})', case.lines["emits"])
    assert json.loads(emitted or b"") == json.loads(payload)
    starting, _, not_starting = case.lines["triggers"].partition(" and not ")
    for text in re.findall(r"\{.*?\}", starting):
        assert input_for(program, name, json.loads(text), START) == json.loads(text)
    assert input_for(program, name, json.loads(not_starting), START) is None


def test_the_table_has_every_pattern_and_every_file() -> None:
    rows = [line.split("|")[1:-1] for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("| ")]
    table = {int(row[0]): [cell.strip() for cell in row] for row in rows if row[0].strip().isdigit()}
    assert sorted(table) == list(range(1, 44))
    files = {int(path.name[:2]): path.name for path in FOLDER.glob("*.flow")}
    for number, row in table.items():
        linked = re.findall(r"\(([^)]*\.flow)\)", row[-1])
        assert linked == ([files[number]] if number in files else [])
        assert row[2] in ({"yes", "part", "once"} if linked else {"no"})
