"""What flows of this product can do, the events that it sends, and where its flows come from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

import attrs
from django.conf import settings
from django.db import close_old_connections, connection, transaction

import dagflow
from shop.models import Automation, Order

P = ParamSpec("P")
R = TypeVar("R")
catalog = dagflow.Catalog.builtin()


@attrs.frozen
class OrderCreated:
    """A customer has ordered. `total`: in cents."""

    id: int
    customer: str
    total: int


catalog.event("order/created", OrderCreated)


def with_database(function: Callable[P, R]) -> Callable[P, R]:
    """Close connections that the database has ended. Django does so around a request, and nobody does in the driver's threads."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **options: P.kwargs) -> R:
        close_old_connections()
        return function(*args, **options)

    return wrapped


@catalog.action("orders.set_status", effect="idempotent")
@with_database
def set_status(order: int, status: str, invocation: dagflow.Invocation) -> str:
    """Change the status of an order."""
    if not Order.objects.filter(pk=order, team__name=invocation.tenant).update(status=status):
        raise dagflow.Fatal(f"there is no order {order}", code="no_order")
    return status


class Automations:
    """The automations of all teams, as a source of flows."""

    @with_database
    def flows(self, since: int | None) -> Iterable[dagflow.SourcedFlow]:
        """Return those that have changed since an instant."""
        changed = Automation.objects.select_related("team").filter(changed_at__gte=since or 0)
        return [dagflow.SourcedFlow(name=it.name, text=it.text, tenant=it.team.name, author=it.author) for it in changed]


def tell(team: str, event: str, payload: object, *, id: str) -> None:  # noqa: A002 - the word of dagflow
    """Send an event if, and only if, the transaction commits."""
    client = dagflow.Client(settings.DAGFLOW_STORE, tenant=team, patience=10)
    if connection.vendor == "postgresql":
        client.send_in(connection, event, payload, id=id)  # a row of the same transaction
    else:
        transaction.on_commit(lambda: client.send(event, payload, id=id))
