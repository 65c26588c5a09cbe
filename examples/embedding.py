"""dagflow inside another program: its own actions, a store on disk, a run that is watched to its end.

Run it with `python examples/embedding.py`. Run it twice, and the second time finds the first run in the store.
"""

from __future__ import annotations

import enum
import sys
from pathlib import Path

import attrs
import trio

import dagflow

FLOW = """
/// Welcomes a customer, and looks after those who pay.
flow welcome(customer: Customer) -> {plan: string, manager: string} {
  on event "crm/customer.created" as created with (customer: created.customer)
  on manual

  record = crm.update(id: customer.id, status: "welcomed") retry 3 from 100ms to 1s
  if pays: customer.plan != "free" {
    wait 1s
    manager = crm.assign(id: record.id)
  }
  return {"plan": customer.plan, "manager": manager ?? "nobody"}
}
"""


class Plan(enum.StrEnum):
    """String enums become enums of flows."""

    FREE = "free"
    TEAM = "team"


@attrs.frozen
class Customer:
    """Attrs classes become record types of flows."""

    id: str
    email: dagflow.Email
    plan: Plan


@attrs.frozen
class CustomerCreated:
    """What the event carries."""

    customer: Customer


@attrs.frozen
class Record:
    """What the CRM has of a customer."""

    id: str
    status: str


def make_catalog() -> dagflow.Catalog:
    """Everything flows of this program can use."""
    catalog = dagflow.Catalog()
    catalog.event("crm/customer.created", CustomerCreated)

    @catalog.action("crm.update", effect="idempotent")
    async def update(id: str, status: str, invocation: dagflow.Invocation) -> Record:  # noqa: A002 - what flows call it
        """Change the status of a customer."""
        if invocation.attempt == 1:
            raise dagflow.RetryAfter(0.1, "the CRM is busy")
        return Record(id=id, status=status)

    @catalog.action("crm.assign", effect="effectful")
    def assign(id: str) -> str:  # noqa: A002
        """Give a customer somebody to talk to; a plain function runs in a thread."""
        return f"manager of {id}"

    return catalog


async def main(path: Path) -> dagflow.RunResult:
    """Compile the flow, start it as its event would, and wait for its end."""
    catalog = make_catalog()
    compilation = dagflow.compile(FLOW, catalog=catalog, filename="welcome.flow")
    for diagnostic in compilation.diagnostics:
        print(diagnostic.code, diagnostic.title, file=sys.stderr)
    flow = compilation.unwrap()

    async with dagflow.Interpreter.open(path, catalog=catalog) as interpreter:
        print(f"{len(await interpreter.runs())} runs in {path}, {len(interpreter.resumed)} of them go on")
        payload = {"customer": {"id": "C-1", "email": "ada@example.org", "plan": "team"}}
        run = await interpreter.trigger(flow, "crm/customer.created", payload)
        assert run is not None, "the flow wants every such event"  # noqa: S101
        async for standing in run.watch():
            print(standing.status, [node.id for node in standing.nodes if node.status is dagflow.NodeStatus.SUCCEEDED])
        result = await run.wait()
    print(result.output)
    return result


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1] if len(sys.argv) > 1 else "embedding.db"))
