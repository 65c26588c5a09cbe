"""A simulated run with all its child runs, for inspection."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dagflow.app.stored_runs import part_of
from dagflow.drivers.simulated.simulator import Simulation
from dagflow.execution.instance import RunInstance
from dagflow.ids import RunId


@attrs.frozen(eq=False)
class Member:
    """A run of a family.

    Attributes:
        key: of its flow: the name of the started one, or its name in calls; an item of a loop has that of the flow around.
    """

    run: RunId
    key: str
    progress: RunInstance


def family_of(simulation: Simulation) -> dict[RunId, Member]:
    """Every run there was, by id, parents before their parts."""
    root = simulation.progress
    members = {root.run: Member(root.run, root.program.flow.name, root)}
    for run in sorted(simulation.histories, key=len):
        if run in members:
            continue
        parent = members[RunId(run.rpartition("/")[0])]
        progress = part_of(parent.progress, run)
        progress.restore(simulation.histories[run])
        members[run] = Member(run, _key(parent, progress), progress)
    return members


def _key(parent: Member, child: RunInstance) -> str:
    lineage = child.lineage
    if lineage is None or lineage.is_item:
        return parent.key
    return parent.progress.program.flow.nodes[lineage.node].flow


def items_of(members: dict[RunId, Member], parent: Member, loop: str) -> Iterator[Member]:
    """The items of a loop that have begun, in the order of the list."""
    prefix = f"{parent.run}/{loop}["
    runs = [run for run in members if run.startswith(prefix) and run.endswith("]") and "/" not in run[len(prefix) :]]
    for run in sorted(runs, key=lambda each: int(each[len(prefix) : -1])):
        yield members[run]
