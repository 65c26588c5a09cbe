"""The flows that are measured, as texts, with actions that do nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import attrs

import dagflow

LIMITS = dagflow.Limits(source_chars=2_000_000, steps=20_000, edges=100_000)
LEAD = {"status": "proposal_created", "email": "ada@example.org", "owner": "sam@example.org"}


@attrs.frozen
class Done:
    """What every action gives."""

    ok: bool
    i: int


@attrs.frozen
class Shape:
    """A flow, what each run of it is given, and how many run at once."""

    name: str
    text: str
    n_runs: int = 1
    input: object = None


def chain(n_nodes: int) -> Shape:
    """One after the other."""
    lines = [f"  n{i} = work(i: {i})" for i in range(n_nodes)]
    return Shape("chain", _flow("chain", lines))


def fan(n_nodes: int) -> Shape:
    """One, then so many at once, then one."""
    lines = ["  first = work(i: 0)", "  parallel {", *(f"    n{i} = work(i: {i})" for i in range(n_nodes)), "  }"]
    return Shape("fan", _flow("fan", [*lines, "  last = work(i: 1)"]))


def layered(width: int, depth: int, seed: int = 1) -> Shape:
    """Layers, each node after two of the layer before."""
    dice = random.Random(seed)
    lines = ["  parallel {"]
    for layer in range(depth):
        for i in range(width):
            before = sorted(dice.sample(range(width), min(2, width)))
            after = " after " + ", ".join(f"n{layer - 1}_{j}" for j in before) if layer else ""
            lines.append(f"    n{layer}_{i} = work(i: {i}){after}")
    return Shape("layered", _flow("layered", [*lines, "  }"]))


def leads(n_runs: int) -> Shape:
    """Many runs at once of five steps: a filter, a mail, a message, a wait that takes no time, a mail."""
    lines = [
        '  filter status == "proposal_created"',
        '  proposal = email(template: "proposal", to: email)',
        '  notify = slack(channel: "C1", text: "Proposal for ${email}")',
        "  wait 0s",
        '  follow_up = email(template: "follow_up", to: owner)',
    ]
    return Shape("leads", _flow("leads(status: string, email: Email, owner: Email)", lines), n_runs, LEAD)


def _flow(head: str, lines: list[str]) -> str:
    return "\n".join([f"flow {head} {{", "  on manual", *lines, "}", ""])


def sized(*, is_tiny: bool) -> Mapping[str, Callable[[], Shape]]:
    """All shapes by name, in their real sizes or in tiny ones."""
    if is_tiny:
        return {"chain": lambda: chain(5), "fan": lambda: fan(5), "layered": lambda: layered(3, 3), "leads": lambda: leads(3)}
    return {
        "chain": lambda: chain(1_000),
        "fan": lambda: fan(1_000),
        "layered": lambda: layered(20, 50),
        "leads": lambda: leads(500),
    }


def make_catalog() -> dagflow.Catalog:
    """Actions that do nothing, and count as effects on the world."""
    catalog = dagflow.Catalog()

    @catalog.action("work", effect="effectful")
    async def work(i: int) -> Done:
        return Done(ok=True, i=i)

    @catalog.action("email", effect="effectful")
    async def email(template: str, to: dagflow.Email) -> Done:
        return Done(ok=True, i=len(template) + len(to))

    @catalog.action("slack", effect="effectful")
    async def slack(channel: str, text: str) -> Done:
        return Done(ok=True, i=len(channel) + len(text))

    return catalog
