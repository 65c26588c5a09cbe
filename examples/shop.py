"""A host's actions for `order_fulfilment.flow`, `import_contacts.flow` and `incident_escalation.flow`.

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
#: What was undone, and which contacts were kept, in this order.
done: list[str] = []


@catalog.type
class Tier(enum.StrEnum):
    """What a customer has booked."""

    BASIC = "basic"
    SILVER = "silver"
    GOLD = "gold"


@attrs.frozen
class Item:
    """So many of a thing."""

    sku: str
    qty: int


@catalog.type
@attrs.frozen
class Order:
    """Attrs classes become record types of flows."""

    id: str
    total: float
    tier: Tier
    email: dagflow.Email
    country: str
    items: list[Item]


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
class Hold:
    """Goods put aside."""

    id: str


@attrs.frozen
class Row:
    """A line of a file of contacts, as somebody typed it."""

    email: str
    name: str | None = None


@attrs.frozen
class Batch:
    """A file that was read."""

    rows: list[Row]


@attrs.frozen
class Contact:
    """A contact of the CRM."""

    id: str
    created: bool


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


@catalog.action("pay.refund", effect="idempotent")
async def refund(charge: str) -> None:
    """Give the money back."""
    done.append(f"refund {charge}")


@catalog.action("risk.score", effect="pure")
async def score(order: Order, invocation: dagflow.Invocation) -> Risk:
    """Say how likely a fraud is; away the first time it is asked."""
    if invocation.attempt == 1:
        raise dagflow.ActionFailed("the risk service does not answer", "unavailable")
    return Risk(score=0.9 if order.country == "ZZ" else 0.1)


@catalog.action("stock.reserve", effect="idempotent")
def reserve(sku: str, qty: int) -> Hold:
    """Put goods aside; a plain function runs in a thread."""
    if qty > 100:
        raise dagflow.Fatal(f"not so many {sku} on the shelf", code="out_of_stock")
    return Hold(id=f"hold-{sku}")


@catalog.action("stock.release", effect="idempotent")
async def release(hold: str) -> None:
    """Put goods back on the shelf."""
    done.append(f"release {hold}")


@catalog.action("ship.label", effect="effectful")
async def label(order_id: str, express: bool = False) -> Label:
    """Make a label."""
    return Label(id=f"label-{order_id}", tracking=f"{'X' if express else 'P'}-{order_id}")


@catalog.action("ship.void", effect="idempotent")
async def void(label: str) -> None:
    """Make a label worthless."""
    done.append(f"void {label}")


@catalog.action("ship.add_gift", effect="idempotent")
async def add_gift(label: str) -> str:
    """Put a gift into the parcel."""
    return f"GIFT-{label}"


@catalog.action("csv.read", effect="idempotent")
def read(file: str) -> Batch:
    """Read a file of contacts: an e-mail address and perhaps a name on each line; a plain function, since files block."""
    lines = [line.split(",") for line in Path(file).read_text().splitlines() if line.strip()]
    return Batch(rows=[Row(email=line[0].strip(), name=line[1].strip() if line[1:] else None) for line in lines])


@catalog.action("crm.upsert", effect="idempotent")
async def upsert(email: str, name: str) -> Contact:
    """Create or update a contact; return whether it is new."""
    if email.endswith("@example.invalid"):
        raise dagflow.Fatal(f"{email} is blocked", code="blocked")
    done.append(f"upsert {email} {name}".strip())
    return Contact(id=email, created=not email.startswith("old"))


@catalog.action("pager.page", effect="effectful")
async def page(who: str, text: str, key: dagflow.EffectKey) -> Page:
    """Call somebody, once per key; who looks at it says so by an event."""
    calls.setdefault(key, text)
    return Page(who=who)
