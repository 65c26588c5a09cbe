"""The process that drives the runs: `python driver.py`. It publishes the automations in the product's database as they change."""

from __future__ import annotations

import os
from collections.abc import Iterable

from actions import catalog
from models import Automation, Base, database, session
from sqlalchemy import select

import dagflow
from dagflow.webhooks import GitHub, Scheme

STORE = os.environ.get("SHOP_STORE", "runs.db")


class Automations:
    """The automations of all teams, as a source of flows."""

    def flows(self, since: int | None) -> Iterable[dagflow.SourcedFlow]:
        """Return those that have changed since an instant."""
        with session() as rows:
            changed = select(Automation).where(Automation.changed_at >= (since or 0))
            return [
                dagflow.SourcedFlow(name=row.name, text=row.text, tenant=row.team, author=row.author)
                for row in rows.scalars(changed)
            ]


def webhooks() -> dict[str, Scheme]:
    """The webhook `stock` of each team in SHOP_STOCK_SECRETS, as `team=secret` parted by blanks."""
    pairs = (each.partition("=") for each in os.environ.get("SHOP_STOCK_SECRETS", "").split())
    return {f"{team}/stock": GitHub(secret) for team, _, secret in pairs}


if __name__ == "__main__":
    Base.metadata.create_all(database)
    dagflow.drive(
        STORE,
        catalog=catalog,
        source=Automations(),
        refresh_seconds=0.5,
        webhooks=webhooks(),
        takeover=True,
        ready=lambda: print("driving", flush=True),
    )
