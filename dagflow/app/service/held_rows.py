"""The rows of requests, and what the admission machine sees of them."""

from __future__ import annotations

import attrs

from dagflow.admission.commands import Drop, Hold, Supersede
from dagflow.admission.requests import Held, Request, Stage
from dagflow.execution.admission import keys_of
from dagflow.store.service_rows import RequestRow


def request_of(row: RequestRow) -> Request:
    """A row as the machine sees it."""
    return Request(
        id=row.id,
        at=row.at,
        number=row.event,
        not_before=row.not_before,
        keys=keys_of(row.keys),
        priority=row.priority,
    )


def held_of(row: RequestRow) -> Held:
    """A row with its stage."""
    return Held(request=request_of(row), stage=Stage(row.stage), since=row.since)


def after(row: RequestRow, command: Hold | Drop | Supersede) -> RequestRow:
    """A row as a command leaves it."""
    match command:
        case Hold(_, stage, since):
            return attrs.evolve(row, stage=stage, since=since)
        case Drop(_, reason):
            return attrs.evolve(row, stage=Stage.DROPPED, since=0, reason=reason)
        case Supersede(_, by):
            return attrs.evolve(row, stage=Stage.SUPERSEDED, since=0, reason=by)
