"""A host's actions for `order_fulfilment.flow` and `incident_escalation.flow`.

To try them, from the folder above:

    dagflow run examples/order_fulfilment.flow --actions examples/shop.py --input @examples/order.json --fast-forward

Nothing here leaves this process: a real host would call its own services in these functions.
"""

from __future__ import annotations

import enum
from pathlib import Path

import attrs

import dagflow

#: The built-in actions too; their templates lie beside this file.
catalog = dagflow.Catalog.builtin(
    attrs.evolve(dagflow.Settings.from_environment(), templates=Path(__file__).parent / "templates")
)

#: Who was called about what, by effect key.
calls: dict[str, str] = {}


@catalog.type
class Tier(enum.StrEnum):
    """What a customer has booked."""

    BASIC = "basic"
    SILVER = "silver"
    GOLD = "gold"


@catalog.type
@attrs.frozen
class Order:
    """Attrs classes become record types of flows."""

    id: str
    total: float
    tier: Tier
    email: dagflow.Email
    country: str


@attrs.frozen
class Charge:
    """Money taken."""

    id: str
    amount: float


@attrs.frozen
class Risk:
    """How likely a fraud is, 0 to 1."""

    score: float


@attrs.frozen
class Label:
    """A parcel with its label."""

    id: str
    tracking: str


@attrs.frozen
class Page:
    """Somebody was called."""

    who: str


@catalog.action("pay.charge", effect="idempotent")
async def charge(order_id: str, amount: float, key: dagflow.EffectKey) -> Charge:
    """Charge the customer; the same key never charges twice."""
    if amount > 10_000:
        raise dagflow.Fatal(f"{amount} is above the limit of this card", code="card_declined")
    return Charge(id=f"ch-{order_id}-{key[:4]}", amount=amount)


@catalog.action("risk.score", effect="pure")
async def score(order: Order, invocation: dagflow.Invocation) -> Risk:
    """Say how likely a fraud is; away the first time it is asked."""
    if invocation.attempt == 1:
        raise dagflow.ActionFailed("unavailable", "the risk service does not answer")
    return Risk(score=0.9 if order.country == "ZZ" else 0.1)


@catalog.action("stock.reserve", effect="idempotent")
def reserve(order_id: str) -> str:
    """Put the goods aside; a plain function runs in a thread."""
    if order_id.startswith("EMPTY"):
        raise dagflow.Fatal("nothing left on the shelf", code="out_of_stock")
    return f"shelf 7 for {order_id}"


@catalog.action("ship.label", effect="effectful")
async def label(order_id: str, express: bool = False) -> Label:
    """Make a label."""
    return Label(id=f"label-{order_id}", tracking=f"{'X' if express else 'P'}-{order_id}")


@catalog.action("ship.add_gift", effect="idempotent")
async def add_gift(label: str) -> str:
    """Put a gift into the parcel."""
    return f"GIFT-{label}"


@catalog.action("pager.page", effect="effectful")
async def page(who: str, text: str, key: dagflow.EffectKey) -> Page:
    """Call somebody, once per key; who looks at it says so by an event."""
    calls.setdefault(key, text)
    return Page(who=who)
