"""`manage.py dagflow_driver`: the process that drives the runs."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand

import dagflow
from dagflow.webhooks import GitHub
from shop.automations import Automations, catalog


class Command(BaseCommand):
    """Drives the runs until SIGTERM."""

    help = "Publish the automations as they change, and drive their runs until SIGTERM."

    def handle(self, **_options: object) -> None:
        """Drive, or wait for another driver to stop."""
        dagflow.drive(
            settings.DAGFLOW_STORE,
            catalog=catalog,
            source=Automations(),
            refresh_seconds=0.5,
            webhooks={f"{team}/stock": GitHub(secret) for team, secret in settings.STOCK_SECRETS.items()},
            takeover=True,
            ready=lambda: print("driving", flush=True),
        )
