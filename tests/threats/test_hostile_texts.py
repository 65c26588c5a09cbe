"""Texts from outside, wherever one may come in: they are values to the database, the file system and the log, and nothing else."""

from __future__ import annotations

import io
import logging
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import orjson

import dagflow
from dagflow import DagflowError, Service
from dagflow.store import open_store
from dagflow.webhooks import Unsigned
from tests.app.host import Host
from tests.service.world import Hand, finished

FLOWS = """
event "lead" { id: string, text: string }
event "answer" { id: string, text: string }
flow ask(id: string, text: string) -> string {
  on event "lead" as e with (id: e.id, text: e.text)
  concurrency 2 key text
  a = wait event "answer" as a when a.id == id within 30d
  sent = mail(to: "${text} ${a.text}")
  emit "lead/done" (id: id)
  return sent
}
event "lead/done" { id: string }
flow open(text: string) -> string {
  on webhook "open" as body with (text: string(body.text))
  sent = mail(to: text)
  return sent
}
"""
#: In every text, so that a trace of it can be found.
MARK = "zq7x"
QUOTES = [
    "'",
    '"',
    "`",
    "''",
    "\\'",
    "'; DROP TABLE run; --",
    "' OR 1=1 --",
    "\0",
    "%",
    "_",
    "?1",
    ":name",
    "$1",
    "{0}",
    "%s",
    "\ud800",
]
PATHS = [
    "../",
    "..\\",
    "/etc/passwd",
    "file:///etc/",
    "~/",
    "//host/share/",
    "C:\\",
    "\0",
    "%2e%2e%2f",
    ".",
    "…/",
    "a/../../",
    "/dev/",
]
CONTROLS = [chr(code) for code in (*range(32), 127, 0x85, 0x2028, 0x2029, 0xFEFF, 0x202E)] + [
    "\r\nlevel=error",
    '"}\n{"level":"x"}',
    "\x1b[2J",
]


def hostile(parts: Sequence[str], n: int) -> list[str]:
    chance = random.Random(44)
    return ["".join(chance.choices(parts, k=chance.randrange(1, 5))) + MARK + chance.choice(parts) for _ in range(n)]


def calls_with(tenant: Any, text: str) -> list[Callable[[], Any]]:
    """Every call of a tenant that takes a text, with this one."""
    return [
        lambda: tenant.publish(FLOWS, name="ask", author=text[:100], comment=text[:100]),
        lambda: tenant.publish(FLOWS, name="open"),
        lambda: tenant.send("lead", {"id": text, "text": text}, id=text),
        lambda: tenant.send("answer", {"id": text, "text": text}, id=text + "2"),
        lambda: tenant.send(text, {"id": text}),
        lambda: tenant.start("ask", {"id": text, "text": text}, id=text),
        lambda: tenant.start(text, {"id": text}),
        lambda: tenant.webhook("open", {"x": text}, orjson.dumps({"text": text.encode(errors="replace").decode()})),
        lambda: tenant.webhook(text, {}, b"{}"),
        lambda: tenant.requests("ask"),
        lambda: tenant.requests(text),
        lambda: tenant.withdraw("ask", text),
        lambda: tenant.cancel(text),
        lambda: tenant.diff(text, 1),
        lambda: tenant.get_run(text),
        lambda: tenant.rerun(text, id=text),
        lambda: tenant.cancel_run(text),
        tenant.runs,
        tenant.flows,
    ]


async def used(path: Path, texts: Sequence[str]) -> None:
    """Give these texts wherever a service takes one: to its tenants, its events, its runs and whatever asks for them."""
    host, hand = Host(), Hand()
    async with Service.open(path, catalog=host.catalog, clock=hand, webhooks={"open": Unsigned()}) as service:
        for number, text in enumerate(texts):
            tenant: Any = service
            with suppress(DagflowError):
                tenant = service.tenant(text)
            for call in calls_with(tenant, text):
                with suppress(DagflowError):
                    await call()
            if not number % 8:
                await finished(service)


@contextmanager
def statements() -> Iterator[set[str]]:
    """The texts of all statements that SQLite is given while the block runs."""
    found: set[str] = set()

    def trace(_cursor: apsw.Cursor, text: str, _values: object) -> bool:
        found.add(text)
        return True

    def hook(connection: apsw.Connection) -> None:
        connection.exec_trace = trace

    apsw.connection_hooks.append(hook)
    try:
        yield found
    finally:
        apsw.connection_hooks.remove(hook)


async def test_no_text_becomes_a_part_of_a_statement(tmp_path: Path) -> None:
    with statements() as plain:
        await used(tmp_path / "plain.db", [f"text {number}" for number in range(12)])
    with statements() as found:
        await used(tmp_path / "hostile.db", hostile(QUOTES, 60))
    assert len(plain) > 60
    assert found - plain == set()
    store = open_store(tmp_path / "hostile.db")
    assert store.problems() == []
    assert sum(MARK.encode() in event.payload for event in store.events(after=0, limit=1_000)) > 40
    store.close()


#: Lists that hear of every path, while a test wants to.
_listening: list[list[str]] = []


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if event in {"open", "os.listdir", "os.mkdir", "os.rename", "os.remove", "os.symlink"}:
        for each in _listening:
            each.append(str(args[0]))


# Python has no way to remove one, so there is one for all tests, which listens while a test wants it.
sys.addaudithook(_hear)


async def test_no_text_becomes_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    await used(folder / "runs.db", ["so that everything is imported"])
    found: list[str] = []
    _listening.append(found)
    try:
        await used(folder / "runs.db", hostile(PATHS, 50))
    finally:
        _listening.remove(found)
    assert len(found) > 3
    assert [path for path in found if MARK in path or not path.startswith((str(folder), "/dev/", "/sys/", "/proc/"))] == []
    assert {path.name.partition("-")[0] for path in folder.iterdir()} <= {"runs.db", "runs.db.lock", "runs.db.socket"}


async def test_each_record_of_a_log_is_one_line_of_json() -> None:
    catalog = dagflow.Catalog.builtin()
    text = 'flow say(texts: list<string>) {\n  for each in texts max 2000 parallel 50 {\n    log(message: each, data: {"text": each})\n  }\n}'
    flow = dagflow.compile(text, catalog=catalog).unwrap()
    texts = [each.replace("\0", "\x01") for each in hostile(CONTROLS, 2_000)]
    stream, logger = io.StringIO(newline=""), logging.getLogger("dagflow.flow")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(dagflow.JsonLogFormatter(catalog))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        async with dagflow.Interpreter.open(":memory:", catalog=catalog) as interpreter:
            result = await (await interpreter.start(flow, {"texts": texts})).wait()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert result.status == "succeeded"
    lines = stream.getvalue().split("\n")
    assert lines.pop() == ""
    documents = [orjson.loads(line) for line in lines]
    assert sorted(each["message"] for each in documents) == sorted(texts)
    assert all(each["data"] == {"text": each["message"]} and each["level"] == "info" for each in documents)
