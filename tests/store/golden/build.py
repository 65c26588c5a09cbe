"""Builds the golden database of the present schema: `python -m tests.store.golden.build`.

It is written once, when a schema is released, and never again: tests open it with every later dagflow.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import trio

from dagflow import Service
from dagflow.store.sqlite.migrations import MIGRATIONS
from tests.app.host import Host
from tests.service.world import Hand

FOLDER = Path(__file__).parent
FLOWS = """
event "lead" { id: string, kind: string = "" }
event "answer" { id: string, text: string }
event "noted" { id: string }
flow ask(id: string) -> string? {
  on event "lead" as e when e.kind == "ask" with (id: e.id)
  a = wait event "answer" as a when a.id == id within 30d
  filter a.hasValue()
  sent = mail(to: "${id} ${a.text}")
  emit "noted" (id: id)
  return sent
}
flow nap(id: string) -> string {
  on event "lead" as e when e.kind == "nap" with (id: e.id)
  wait 1d
  sent = mail(to: id)
  return sent
}
flow queue(id: string) -> string {
  on event "lead" as e when e.kind == "queue" with (id: e.id)
  once by id
  rate 100 per 1h
  concurrency 1
  k = held(n: size(id))
  sent = mail(to: id)
  return sent
}
flow count(id: string) -> int {
  on event "noted"
  n = double(n: size(id))
  return n
}
flow daily() -> string {
  on cron "0 7 * * *" in "Europe/Berlin"
  sent = mail(to: "daily")
  return sent
}
"""
NAMES = ("ask", "nap", "queue", "count", "daily")


def path_of(number: int) -> Path:
    """The golden database of a schema, as SQL."""
    return FOLDER / f"schema_{number}.sql"


async def fill(path: Path) -> None:
    """Runs in every state, requests in most, of two tenants and of none."""
    host = Host()
    async with Service.open(path, catalog=host.catalog, clock=Hand(), drain_seconds=0) as service:
        for tenant in (service, service.tenant("acme"), service.tenant("zeta")):
            for name in NAMES:
                await tenant.publish(host.flow(FLOWS, name), author="ann")
            for kind, id_ in [("ask", "1"), ("ask", "2"), ("nap", "3"), ("queue", "4"), ("queue", "4"), ("queue", "55")]:
                await tenant.send("lead", {"id": id_, "kind": kind}, id=f"{kind} {id_} {len(host.calls)}")
            await tenant.send("answer", {"id": "1", "text": tenant.name})
            begun = await tenant.start("nap", {"id": "cancelled"}, id="s")
            await tenant.cancel_run(begun.run)
            await host.began.wait()
        await tenant.pause("nap")
        await service.interpreter.start(host.flow("flow bad { x = never() }"), id="bad")


def dump(path: Path) -> str:
    """The database as SQL."""
    connection = apsw.Connection(str(path))
    sql_of = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type = ?"
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")]
    lines = [f"{sql};" for (sql,) in connection.execute(sql_of, ("table",))]
    for table in tables:
        rows = connection.execute(f'SELECT * FROM "{table}"')
        lines += [f'INSERT INTO "{table}" VALUES ({", ".join(map(apsw.format_sql_value, row))});' for row in rows]
    lines += [f"{sql};" for (sql,) in connection.execute(sql_of, ("index",))]
    lines += [f"PRAGMA {name} = {connection.pragma(name)};" for name in ("application_id", "user_version")]
    connection.close()
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the golden database of the present schema, unless it is there."""
    target = path_of(len(MIGRATIONS))
    if target.exists():
        sys.exit(f"{target} is there already, and never changes; add a migration, and build the next one")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        trio.run(fill, path)
        target.write_text(dump(path), encoding="utf-8")


if __name__ == "__main__":
    main()
