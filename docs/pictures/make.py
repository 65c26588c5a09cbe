"""Makes the pictures of this folder, and the large flow that one of them shows: `python docs/pictures/make.py`.

`make.py --check` writes nothing and names the pictures that are not what they would be made as.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

import dagflow
from dagflow.app.overlays import overlay_of_coverage, overlay_of_run
from dagflow.app.simulation.coverage import Coverage
from dagflow.app.simulation.test_runner import run_test
from dagflow.cli.sources import load_flows, load_host
from dagflow.execution.program import prepare
from dagflow.ids import RunId
from dagflow.lang.compiler import Compilation
from dagflow.model.flow import Flow
from dagflow.pictures.differences import draw_difference
from dagflow.pictures.picture import draw_svg
from dagflow.pictures.themes import Theme

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
REGIONS = ("north", "east", "south", "west", "central", "islands", "overseas")
LEDGERS = ("sales", "purchases", "payroll", "assets", "bank", "stock", "taxes", "loans", "leases")


def large_flow() -> str:
    """The end of a quarter in a company with seven regions: two hundred nodes."""
    lines = [
        "/// Closes the books of a quarter: every region closes its ledgers, then the group is consolidated.",
        "flow quarter_close(quarter: string, materiality: double, is_audited: bool) {",
        "  on manual",
        "  timeout 30d",
        "",
        '  freeze = log(message: "freeze ${quarter}") retry 3 from 1s to 1m',
        "  parallel regions {",
    ]
    for region in REGIONS:
        lines += [f"    do {region} {{", f"      parallel {region}_ledgers {{"]
        for ledger in LEDGERS:
            name = f"{region}_{ledger}"
            lines += [
                "        do {",
                f'          {name} = log(message: "close {ledger} of {region}") retry 3 from 1s to 1m',
                f'          {name}_check = log(message: "check {ledger} of {region}") within 1h',
                "        }",
            ]
        lines += [
            "      }",
            f'      {region}_trial = log(message: "trial balance of {region}")',
            f"      if {region}_gap: materiality > {len(lines)}.0 {{",
            f'        {region}_explain = log(message: "explain the gap of {region}")',
            f'        {region}_correct = log(message: "correct {region}")',
            "      } else {",
            f'        {region}_accept = log(message: "accept {region}")',
            "      }",
            f'      {region}_sign = log(message: "{region} is signed") retry 2 every 1h',
            "    } on error as problem {",
            f'      {region}_alarm = log(message: "{region}: ${{problem.code}}")',
            "    }",
        ]
    lines += [
        "  }",
        '  eliminate = log(message: "eliminate what the regions owe each other")',
        "  parallel consolidation {",
        *(
            f'    {name} = log(message: "{name}")'
            for name in ("balance_sheet", "income", "cash_flow", "equity", "notes", "segments")
        ),
        "  }",
        "  filter audit: is_audited else {",
        '    unaudited = log(message: "published without an audit")',
        "  }",
        "  wait 3d",
        '  opinion = log(message: "the auditor\'s opinion")',
        "  parallel publication {",
        *(f'    {name} = log(message: "{name}")' for name in ("filing", "press", "investors", "archive")),
        '    thanks = log(message: "thank everybody") after filing, press, investors',
        "  }",
        '  thaw = log(message: "the next quarter")',
        "}",
    ]
    return "\n".join(lines) + "\n"


def _compiled(path: Path) -> Compilation:
    return load_flows(str(path), load_host(str(EXAMPLES / "shop.py"), str(path)).catalog)


def _of_test(compilation: Compilation, name: str, theme: Theme) -> str:
    """The flow of a test, as the test leaves it."""
    test = next(each for each in compilation.tests if each.name == name)
    flow = compilation.flows[test.flow]
    result = run_test(test, prepare(flow), compilation.interface).result
    assert result is not None
    overlay = overlay_of_run(flow, attrs.evolve(result, run=RunId("of a test")))
    return draw_svg(flow, overlay, theme)


def _coverage(compilation: Compilation, *words: str) -> str:
    (flow,) = compilation.flows.values()
    coverage = Coverage.of([flow])
    for test in compilation.tests:
        if any(word in test.name for word in words):
            simulation = run_test(test, prepare(flow), compilation.interface).simulation
            assert simulation is not None
            coverage.note(simulation)
    return draw_svg(flow, overlay_of_coverage(flow, coverage))


def _changed(flow: str) -> str:
    """A lead approval that has been worked on."""
    text = flow.partition('\ntest "')[0]
    for old, new in (
        ("wait 2d", "wait 3d"),
        ('text: "Proposal for', 'text: "A proposal for'),
        ("  }\n  wait", '    note = log(message: "a proposal")\n  }\n  wait'),
        ("  follow_up = email(", "  reminder = email("),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    return text


def texts() -> Iterator[tuple[str, str]]:
    """Every file of this folder that is made, with what is to be in it."""
    lead, order = _compiled(EXAMPLES / "lead_approval.flow"), _compiled(EXAMPLES / "order_fulfilment.flow")
    for name in ("lead_approval", "order_fulfilment", "incident_escalation", "import_contacts"):
        flow: Flow = _compiled(EXAMPLES / f"{name}.flow").flows[name]
        yield f"{name}.svg", draw_svg(flow)
        yield f"{name}_dark.svg", draw_svg(flow, theme=Theme.DARK)
    late = "an order that is never shipped is taken back, the last step first"
    yield "run.svg", _of_test(order, late, Theme.LIGHT)
    yield "run_dark.svg", _of_test(order, late, Theme.DARK)
    yield "coverage.svg", _coverage(order, "gold", "fraud")
    before = lead.flows["lead_approval"]
    after = dagflow.compile(_changed(before.source), filename="lead_approval.flow").unwrap()
    yield "change.svg", draw_difference(before, after)
    yield "quarter_close.flow", large_flow()
    large = dagflow.compile(large_flow(), filename="quarter_close.flow").unwrap()
    yield "quarter_close.svg", draw_svg(large)
    yield "quarter_close_folded.svg", draw_svg(large, most=100)


def stale() -> list[str]:
    """The files that are not what they would be made as."""
    return [name for name, text in texts() if not (HERE / name).exists() or (HERE / name).read_text(encoding="utf-8") != text]


def main() -> int:
    """Make them, or say which would change."""
    if "--check" in sys.argv:
        found = stale()
        print("\n".join(found))
        return int(bool(found))
    for name, text in texts():
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
