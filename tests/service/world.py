"""What tests of the service share: a clock that they move, and flows."""

from __future__ import annotations

import attrs
import trio

from dagflow import Service
from dagflow.admission.requests import Stage
from tests.app.host import START

SECOND = 10**9


@attrs.define
class Hand:
    """A clock that a test moves."""

    at: int = START

    def now(self) -> int:
        return self.at

    def move(self, service: Service, seconds: int) -> None:
        self.at += seconds * SECOND
        service.interpreter.parts[0].look_again()


LEADS = """
event "lead/new" { id: string, city: string = "" }
flow welcome(id: string) -> string {
  on event "lead/new" as e when e.city != "Oslo" with (id: e.id)
  sent = mail(to: id)
  return sent
}
"""


async def finished(service: Service) -> None:
    with trio.fail_after(5):
        await service.interpreter.rest()


async def until(service: Service, flow: str, stage: Stage, n: int = 1) -> None:
    """The requests are asked for in a thread, so everybody else has a turn."""
    with trio.fail_after(5):
        while len(await service.requests(flow, stages=[stage])) < n:
            pass
