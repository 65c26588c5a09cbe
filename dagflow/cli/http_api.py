"""The HTTP interface of `dagflow serve`, as an ASGI application. Every answer is JSON, errors included, and none has a traceback."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias, cast

import attrs
import orjson
import trio

from dagflow.actions.catalog import Catalog
from dagflow.app.documents.runs import plain_delivery, plain_result, plain_rows, plain_version
from dagflow.app.redaction import redactor_for, shown_result
from dagflow.app.service.service import Service
from dagflow.errors import DagflowError, StoreError, UsageError
from dagflow.model.wire.codec import WireError
from dagflow.webhooks import WebhookRefused

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_Headers: TypeAlias = Mapping[str, str]

#: Bytes of a request, at most.
MAX_BODY: Final = 1024 * 1024
#: Runs in one answer, at most.
_MOST_RUNS: Final = 100
#: How long a request may take to come in.
_SECONDS: Final = 30.0
_logger = logging.getLogger("dagflow.http")


class _Refused(Exception):  # noqa: N818 - an answer, not a failure
    """A request is answered with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@attrs.define(eq=False)
class HttpApi:
    """The application. `token`: requests must bear it; with None all clients are accepted. Webhooks have their signatures."""

    service: Service
    catalog: Catalog
    token: str | None = attrs.field(default=None, repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; see asgi.readthedocs.io."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            status, value = await self._answered(scope, receive)
            body = orjson.dumps(value)
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            if status == 401:
                headers.append((b"www-authenticate", b"Bearer"))
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[int, object]:
        try:
            return 200, await self._route(scope, receive)
        except _Refused as refused:
            return _error(refused.status, refused.code, str(refused))
        except WebhookRefused as error:
            return _error(401, "webhook_refused", str(error))
        except WireError as error:
            return _error(422, "does_not_fit", str(error))
        except UsageError as error:
            return _error(400, "bad_request", str(error))
        except StoreError as error:
            _logger.error("the store failed: %s", error)  # noqa: TRY400 - the reason says it all
            return _error(503, "store_failed", "the store failed; send the request again, with the same id")
        except DagflowError as error:
            return _error(422, "refused", str(error))
        except Exception:
            _logger.exception("a request failed")
            return _error(500, "internal", "this request failed; the log of the server says why")

    async def _route(self, scope: Scope, receive: Receive) -> object:
        method, path = str(scope["method"]), str(scope["path"])
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        parts = [part for part in path.split("/") if part]
        match parts:
            case ["healthz"]:
                return {"status": "ok"}
            case ["readyz"]:
                self._check_ready()
                return {"status": "ok"}
            case ["webhooks", name]:
                _check_method(method, "POST")
                delivery = await self.service.webhook(name, headers, await _body(headers, receive))
                return {"challenge": delivery.answer} if delivery.answer else plain_delivery(delivery)
            case _:
                self._check_token(headers)
                return await self._route_inside(method, parts, headers, receive)

    async def _route_inside(self, method: str, parts: list[str], headers: _Headers, receive: Receive) -> object:
        match parts:
            case ["events"]:
                _check_method(method, "POST")
                name, payload, event_id = _event_of(headers, await _body(headers, receive))
                return plain_delivery(await self.service.send(name, payload, id=event_id))
            case ["flows"]:
                _check_method(method, "GET")
                return {"flows": [plain_version(version) for version in await self.service.flows()]}
            case ["runs"]:
                _check_method(method, "GET")
                return {"runs": plain_rows(await self.service.runs(limit=_MOST_RUNS))}
            case ["runs", run]:
                _check_method(method, "GET")
                return await self._run(run)
            case ["runs", run, "cancel"]:
                _check_method(method, "POST")
                await self._run(run)
                await self.service.cancel_run(run)
                return await self._run(run)
            case _:
                raise _Refused(404, "not_found", "there is nothing here; see docs/service.md for what there is")

    async def _run(self, run: str) -> object:
        if await self.service.find_run(run) is None:
            raise _Refused(404, "not_found", f"no run {run[:80]}")
        flow, result = await self.service.flow_of(run), await self.service.result(run)
        return plain_result(flow, shown_result(result, redactor_for(flow, self.catalog)))

    def _check_ready(self) -> None:
        if self.service.is_draining:
            raise _Refused(503, "draining", "the service is stopping and begins nothing")

    def _check_token(self, headers: _Headers) -> None:
        if self.token is None:
            return
        given = headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            raise _Refused(
                401,
                "unauthorized",
                "the request must have the header `Authorization: Bearer TOKEN` with the token of the server",
            )


def _error(status: int, code: str, message: str) -> tuple[int, object]:
    return status, {"error": {"code": code, "message": message}}


def _check_method(method: str, wanted: str) -> None:
    if method != wanted:
        raise _Refused(405, "method_not_allowed", f"the method must be {wanted}; got {method[:20]}")


async def _body(headers: _Headers, receive: Receive) -> bytes:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise _Refused(415, "not_json", f"the body must be `application/json`; got {kind[:80] or 'no content type'}")
    found = bytearray()
    with trio.move_on_after(_SECONDS):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise _Refused(400, "bad_request", "the request ended before its body did")
            found += message.get("body", b"")
            if len(found) > MAX_BODY:
                raise _Refused(413, "too_large", f"a request must have at most {MAX_BODY} bytes")
            if not message.get("more_body", False):
                return bytes(found)
    raise _Refused(408, "too_slow", f"a request must come in within {_SECONDS:g} s")


def _event_of(headers: _Headers, body: bytes) -> tuple[str, object, str | None]:
    """The name, the payload and the id of an event: our own form, or CloudEvents 1.0 in either mode."""
    try:
        value = cast("object", orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise _Refused(400, "bad_json", f"the body must be JSON: {error}") from None
    if "ce-specversion" in headers:
        return _cloud_event(
            {name.removeprefix("ce-"): text for name, text in headers.items() if name.startswith("ce-")} | {"data": value}
        )
    if not isinstance(value, dict):
        raise _Refused(400, "bad_request", 'the body must be `{"name": …, "payload": …}`')
    fields = cast("dict[str, object]", value)
    if "specversion" in fields:
        return _cloud_event(fields)
    unknown = fields.keys() - {"name", "payload", "id"}
    if unknown or "name" not in fields:
        raise _Refused(
            400, "bad_request", 'the body must be `{"name": …, "payload": …, "id": …}`, of which `name` has to be there'
        )
    event_id = fields.get("id")
    return cast("str", fields["name"]), fields.get("payload", {}), cast("str | None", event_id)


def _cloud_event(fields: Mapping[str, object]) -> tuple[str, object, str | None]:
    if fields.get("specversion") != "1.0":
        raise _Refused(400, "bad_request", "a CloudEvent must have `specversion` 1.0")
    wanted = [fields.get(name) for name in ("type", "source", "id")]
    if not all(isinstance(each, str) and each for each in wanted):
        raise _Refused(400, "bad_request", "a CloudEvent must have the texts `type`, `source` and `id`")
    name, source, event_id = map(str, wanted)
    # The two together tell one event from another; neither has a limit of ours.
    digest = hashlib.sha256(orjson.dumps([source, event_id])).hexdigest()
    return name, fields.get("data", {}), f"cloudevent:{digest}"


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
