"""The failure that an exception from a call stands for."""

from __future__ import annotations

from dagflow.actions.failures import ActionFailed
from dagflow.actions.host_exceptions import class_name, text_of
from dagflow.actions.host_failures import failure_of, shown
from dagflow.actions.secrets import Redactor
from dagflow.drivers.local.loaded_run import Call
from dagflow.errors import DagflowError


def failure_of_call(call: Call, raised: BaseException) -> ActionFailed:
    """Return the failure of the attempt whose call raised this."""
    match raised:
        case _ if call.quick is not None:
            return call.quick.explain(raised)
        case ActionFailed():
            return failure_of(raised, Redactor())
        case DagflowError():
            return ActionFailed(shown(text_of(raised), Redactor()), "usage", fatal=True)
        case _:
            # The text of an exception may contain anything, secrets too; only its class is reported.
            action = call.live.progress.program.codes[call.command.node].node.action
            return ActionFailed(f"{action} raised {class_name(raised)}", "unexpected", fatal=True)
