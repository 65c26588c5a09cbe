"""The steps of a run, as callers name them."""

from __future__ import annotations

from dagflow.errors import NotFound
from dagflow.execution.program import Program


def step_of(program: Program, step: str) -> int:
    """The number of a step. Raises NotFound: the flow has none of that id."""
    node = program.plan.numbers.get(step)
    if node is None:
        known = ", ".join(each for each in program.plan.ids if "." not in each)
        raise NotFound(f"the flow {program.flow.name} has no step {step!r}; it has: {known}")
    return node
