"""What flows of this product can do, and the events that it sends."""

from __future__ import annotations

import attrs
from models import session, set_status

import dagflow

catalog = dagflow.Catalog.builtin()


@attrs.frozen
class OrderCreated:
    """Somebody ordered something. `total`: in cents."""

    id: str
    customer: str
    total: int


catalog.event("order/created", OrderCreated)


@catalog.action("orders.set_status", effect="idempotent")
def set_order_status(order: str, status: str, invocation: dagflow.Invocation) -> str:
    """Change the status of an order."""
    with session.begin() as rows:
        if not set_status(rows, invocation.tenant, order, status):
            raise dagflow.Fatal(f"there is no order {order}", code="no_order")
    return status
