"""Calls an application without a server, as any framework that mounts it would."""

from __future__ import annotations

import functools
import re
from typing import Any, Self

import anyio
import attrs
import jsonschema
import orjson

from dagflow.web import Application, Principal
from dagflow.web.application import OPERATIONS
from dagflow.web.openapi import openapi
from dagflow.web.operations import WITH_SLASHES

JSON = {"content-type": "application/json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
LINES = {"content-type": "application/x-ndjson"}


@attrs.frozen
class Answer:
    """An answer: `value` is its JSON, None if it has no body."""

    status: int
    headers: dict[str, str]
    value: Any


@functools.cache
def described() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """The method, the pattern of the path and the description of each operation, in the order in which they are tried."""
    found = []
    for each in OPERATIONS:
        parts = re.split(r"{(\w+)}", each.path)
        pattern = "".join(
            re.escape(part) if i % 2 == 0 else ".+" if part in WITH_SLASHES else "[^/]+" for i, part in enumerate(parts)
        )
        found.append((each.method, re.compile(pattern), DOCUMENT["paths"][each.path][each.method.lower()]))
    return found


DOCUMENT: Any = openapi(OPERATIONS)


def check_answer(method: str, path: str, answer: Answer) -> None:
    """Every answer of an operation has the schema that the OpenAPI document has for it."""
    operation = next((it for verb, pattern, it in described() if verb == method and pattern.fullmatch(path)), None)
    if operation is None or answer.value is None:
        return
    responses = operation["responses"]
    content = responses.get(str(answer.status), responses["default"])["content"]
    schema = content[answer.headers["content-type"]]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(answer.value)


@attrs.define
class Browser:
    """Sends requests to an application. `prefix`: where another application mounts it."""

    app: Application
    headers: dict[str, str] = attrs.field(factory=dict)
    prefix: str = ""

    def scope(self, method: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
        raw = {"host": "testserver", **self.headers, **headers}
        place, _, query = path.partition("?")
        return {
            "type": "http",
            "method": method,
            "path": self.prefix + place,
            "root_path": self.prefix,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in raw.items()],
            "scheme": "http",
            "server": ("testserver", 80),
            "client": ("127.0.0.1", 5),
        }

    async def call(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        sent: list[Any] = []
        chunks = [body[at : at + 1000] for at in range(0, len(body), 1000)] or [b""]

        async def receive() -> dict[str, object]:
            if not chunks:
                await anyio.sleep_forever()
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(self.scope(method, path, headers or {}), receive, send)
        got = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        text = b"".join(message.get("body", b"") for message in sent[1:])
        answer = Answer(sent[0]["status"], got, orjson.loads(text) if text else None)
        check_answer(method, path.partition("?")[0], answer)
        return answer

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return await self.call("GET", path, headers=headers)

    async def post(self, path: str, value: object = None, headers: dict[str, str] | None = None) -> Answer:
        return await self.call("POST", path, b"" if value is None else orjson.dumps(value), headers or JSON)

    def stream(self, path: str, headers: dict[str, str] | None = None) -> Stream:
        return Stream(self, path, headers or {})


@attrs.define(eq=False, slots=False)
class Stream:
    """A stream of server-sent events, read one by one inside its block."""

    browser: Browser
    path: str
    headers: dict[str, str]
    status: int = 0
    _text: str = ""
    _is_over: bool = False

    async def __aenter__(self) -> Self:
        self._send, self._receive = anyio.create_memory_object_stream[bytes](100)
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._started = anyio.Event()
        self._group.start_soon(self._run)
        await self._started.wait()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(None, None, None)
        self._send.close()
        self._receive.close()

    async def _run(self) -> None:
        async def receive() -> dict[str, object]:
            await anyio.sleep_forever()
            return {}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self._started.set()
            elif message["body"]:
                await self._send.send(message["body"])
            if not message.get("more_body") and message["type"] == "http.response.body":
                await self._send.send(b"")

        await self.browser.app(self.browser.scope("GET", self.path, self.headers), receive, send)

    async def next(self) -> dict[str, Any] | None:
        """The next event: `id`, `event` and `data`; None at the end of the stream."""
        with anyio.fail_after(10):
            while True:
                head, sign, rest = self._text.partition("\n\n")
                if sign:
                    self._text = rest
                    fields = dict(line.split(": ", 1) for line in head.splitlines() if not line.startswith(":"))
                    if fields:
                        return {**fields, "data": orjson.loads(fields["data"])}
                    continue
                part = await self._receive.receive()
                if not part:
                    return None
                self._text += part.decode()


def by_header(request: Any) -> Principal | None:
    """The principal that the headers of a test name: `x-tenant`, `x-role` and `x-flows`."""
    role = request.headers.get("x-role")
    flows = request.headers.get("x-flows")
    if not role:
        return None
    return Principal(request.headers.get("x-tenant", ""), role, None if flows is None else frozenset(flows.split(",")))
