"""Errors as RFC 9457 problem documents: what went wrong, where, and what to do."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, NotRequired, TypedDict

from dagflow.errors import (
    DagflowError,
    EvaluationError,
    FlowInvalid,
    NotFound,
    NotRetried,
    NotServed,
    RunBlocked,
    StoreError,
    UsageError,
    WriteRefused,
)
from dagflow.lang.diagnostics import JsonDiagnostic
from dagflow.model.wire.codec import WireError
from dagflow.webhooks import WebhookRefused

_logger = logging.getLogger("dagflow.web")
#: The media type of a problem.
MEDIA_TYPE: Final = "application/problem+json"


class FaultDocument(TypedDict):
    """A part of a request that does not fit: its place, such as `$.payload.id`, and the fault there."""

    at: str
    message: str


class ProblemDocument(TypedDict):
    """Why a request has no answer. `code`: for programs. `help`: what to do. `places`, `diagnostics`: where it is wrong."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    help: str
    places: NotRequired[list[FaultDocument]]
    diagnostics: NotRequired[list[JsonDiagnostic]]


class Problem(Exception):  # noqa: N818 - an answer, not a failure
    """A request is answered with a problem.

    Args:
        status: of HTTP. code: one word for programs.
        detail: the fault. help: the remedy.
        places: the parts of the request that are wrong. diagnostics: of a text of a flow.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        help: str = "",  # noqa: A002 - the word of the document
        places: Sequence[FaultDocument] = (),
        diagnostics: Sequence[JsonDiagnostic] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.help = status, code, detail, help
        self.places, self.diagnostics, self.headers = places, diagnostics, dict(headers or {})

    @property
    def document(self) -> ProblemDocument:
        """The problem as JSON."""
        found: ProblemDocument = {
            "type": f"urn:dagflow:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "help": self.help or _HELP.get(self.code, "see docs/web.md"),
        }
        if self.places:
            found["places"] = list(self.places)
        if self.diagnostics:
            found["diagnostics"] = list(self.diagnostics)
        return found


_HELP: Final = {
    "bad_request": "correct the request as the detail says",
    "does_not_fit": "send values of the declared types",
    "flow_invalid": "correct the text; `dagflow explain CODE` explains a code",
    "internal": "send the request again; the log of the server says why it failed",
    "not_found": "list what there is, and use one of those names",
    "not_served": "start a process that drives the store, such as `dagflow serve`; send the request again with the same id",
    "store_failed": "send the request again with the same id",
    "unauthorized": "send a valid credential, such as `Authorization: Bearer KEY`",
    "webhook_refused": "check the name of the webhook, the secret that is bound to it, and the clock",
    "not_retried": "look at the run, and rerun it if it cannot go on",
    "run_blocked": "repair what the reason names, then resume the run",
}


def not_found(what: str) -> Problem:
    """A 404; the same whether it does not exist or another tenant has it."""
    return Problem(404, "not_found", what)


def problem_of(error: Exception) -> Problem:
    """Return the problem that answers a request which raised this."""
    match error:
        case Problem():
            return error
        case NotFound():
            return not_found(str(error))
        case NotRetried():
            return Problem(409, "not_retried", str(error))
        case WebhookRefused():
            return Problem(401, "webhook_refused", str(error))
        case FlowInvalid():
            return Problem(422, "flow_invalid", str(error))
        case WireError():
            places: list[FaultDocument] = [
                {"at": "$" + each.pointer.replace("/", "."), "message": each.message} for each in error.problems
            ]
            return Problem(422, "does_not_fit", str(error), places=places)
        case EvaluationError():
            return Problem(422, error.code, str(error), help="change the input, or the setting of the flow that reads it")
        case RunBlocked():
            return Problem(409, "run_blocked", str(error))
        case NotServed():
            return Problem(503, "not_served", str(error))
        case WriteRefused():
            return Problem(409, "write_refused", str(error), help="read what there is, and try again")
        case StoreError():
            _logger.error("the store failed: %s", error)
            return Problem(503, "store_failed", "the store failed; its log says why")
        case UsageError():
            return Problem(400, "bad_request", str(error))
        case DagflowError():
            _logger.error("a request failed", exc_info=error)
            return Problem(500, "internal", "this request failed")
        case _:
            _logger.error("a request failed", exc_info=error)
            return Problem(500, "internal", "this request failed")
