"""The options of opening a service, as a type, for functions that pass them on."""

from __future__ import annotations

from collections.abc import Mapping

from dagflow.app.open_options import InterpreterOptions
from dagflow.app.service.policies import PolicySource
from dagflow.app.service.sources import FlowSource
from dagflow.webhooks import Scheme


class ServiceOptions(InterpreterOptions, total=False):
    """The options of `Service.open`, where they are explained."""

    webhooks: Mapping[str, Scheme] | None
    policies: PolicySource | None
    source: FlowSource | None
    refresh_seconds: float | None
    keep_seconds: float | None
