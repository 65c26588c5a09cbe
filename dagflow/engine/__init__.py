"""The pure machine: events in, commands out."""

from dagflow.engine import invariants as invariants
from dagflow.engine.commands import CancelAttempt as CancelAttempt
from dagflow.engine.commands import Command as Command
from dagflow.engine.commands import EndRun as EndRun
from dagflow.engine.commands import Evaluate as Evaluate
from dagflow.engine.commands import SetTimer as SetTimer
from dagflow.engine.commands import StartAttempt as StartAttempt
from dagflow.engine.commands import UseDefault as UseDefault
from dagflow.engine.events import Event as Event
from dagflow.engine.machine import Machine as Machine
from dagflow.engine.state import Failure as Failure
from dagflow.engine.state import State as State
