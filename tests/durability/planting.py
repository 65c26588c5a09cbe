"""Bugs to plant, by name, to see whether the harnesses see them. `DAGFLOW_PLANT=name` in the environment of the tests plants one.

Each is one that systems like this one had. None is in dagflow: they are put in from here, as a pytest plugin
(`-p tests.durability.planting`) or by `plant()`.
"""

from __future__ import annotations

import base64
import ipaddress
import itertools
import os
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from dagflow.actions import secrets
from dagflow.actions.builtin import http_request
from dagflow.actions.http_client import dial, egress_policy
from dagflow.app import recovery
from dagflow.cli.output import text
from dagflow.drivers.local import attempts, driver, group_commit
from dagflow.engine.machine import Machine
from dagflow.errors import StoreError
from dagflow.execution import instance
from dagflow.model.wire import containers
from dagflow.store.api import Append
from dagflow.store.postgres import transaction
from dagflow.store.rows import runs
from dagflow.store.sqlite import connection as connections
from dagflow.store.sqlite import lock, store, writing

FLAG = "DAGFLOW_PLANT"


def normal() -> None:
    """SQLite flushes less than it promises."""
    rightly = connections._set

    def set_(connection: Any, statement: str, question: str, wanted: int) -> None:
        rightly(connection, statement, question, wanted)
        if "synchronous" in statement:
            connection.execute("PRAGMA synchronous = NORMAL")

    connections._set = set_


def publish_before_commit() -> None:
    """Everybody hears of facts before they are in the store."""
    rightly = group_commit.Writer._gathered

    def gathered(self: Any) -> Any:
        sendings, writes = rightly(self)
        for write in writes:
            write.live.n_committed = write.append.first + len(write.append.records)
            # The workers that wait for it go on at once.
            write.live.committed(write.live.n_committed - (write.append.status.is_terminal))
        return sendings, writes

    group_commit.Writer._gathered = gathered


def effect_before_intent() -> None:
    """An effect starts without waiting for its intent."""

    def needed(self: Any, live: Any, node: int) -> int:
        return int(live.progress.n_binding)

    attempts.Attempts._needed_facts = needed


def key_per_attempt() -> None:
    """Each attempt has an effect key of its own."""
    numbers = itertools.count()
    instance.effect_key = lambda run, node: f"{run}/{node}/{next(numbers)}"


def claim_by_time() -> None:
    """What is due soon is taken as due."""
    rightly = driver.Timers._next

    def earlier(self: Any) -> Any:
        entry = rightly(self)
        return None if entry is None else (entry[0] - 1_000_000_000, *entry[1:])

    driver.Timers._next = earlier


def no_lock() -> None:
    """Nobody looks whether another process has the store."""
    lock._lock_now = lambda descriptor: None
    store.claim = lambda path: SimpleNamespace(xClose=lambda: None)  # type: ignore[assignment]


def go_on_after_commit_error() -> None:
    """A commit that failed is taken as one that did not happen, and memory goes on."""
    rightly = group_commit.write_batch

    def write_batch(*arguments: Any) -> None:
        try:
            rightly(*arguments)
        except StoreError:
            return

    group_commit.write_batch = write_batch


def crashes_do_not_count() -> None:
    """Only failures that were handled count as tries."""
    recovery.Recovery._blamed = lambda *arguments: []


def redirect_unchecked() -> None:
    """Only the first address of a request is looked at."""
    rightly, n_requests = http_request.send_request, itertools.count()

    async def send_request(request: Any, policy: Any, **options: Any) -> Any:
        return await rightly(request, policy if next(n_requests) == 0 else None, **options)

    http_request.send_request = send_request


def check_text() -> None:
    """The text of an address is judged, not the address that is connected to."""

    def refusal(self: Any, host: str, port: int, sockaddr_hosts: Any) -> str | None:
        try:
            return f"{host} is private" if egress_policy.is_refused(ipaddress.ip_address(host)) else None
        except ValueError:
            return None

    dial.AddressPolicy.refusal = refusal


def unescaped_label() -> None:
    """What authors write is shown as it is."""
    text._escaped = lambda letter: letter


def secret_in_error() -> None:
    """A secret is taken out as it is, but not in its other spellings."""
    secrets._spellings = lambda content: [content if content != base64.b64encode(content.encode()).decode() else ""]


def json_without_depth() -> None:
    """Nobody counts how deep JSON is."""
    containers.MAX_DEPTH = 10**6


def position_unchecked() -> None:
    """Facts are added wherever the history ends."""
    rightly = writing.append

    def append(connection: Any, appends: Sequence[Append], known: Any) -> None:
        lengths = [connections.first_of(connection, runs.SELECT_LENGTH, (added.run,)) for added in appends]
        moved = [
            Append(run=added.run, first=int(str(length)), records=added.records, status=added.status)
            for added, length in zip(appends, lengths, strict=True)
        ]
        rightly(connection, moved, known)

    writing.append = append


def no_epoch_check() -> None:
    """A driver on Postgres writes without asking whether it still is the driver."""
    transaction.CHECK = "SELECT pg_current_xact_id()::text FROM engine WHERE $1::bigint > 0 AND $2::text != ''"  # type: ignore[misc]


def restart_what_succeeded() -> None:
    """After a crash, what had succeeded is wished for again."""
    rightly = Machine.outstanding

    def outstanding(self: Any) -> Any:
        self.state.status = [type(status).READY if status == "succeeded" else status for status in self.state.status]
        return rightly(self)

    Machine.outstanding = outstanding


#: By name: how it is planted, and the test that has to see it.
PLANTS: dict[str, tuple[Callable[[], None], str]] = {
    "normal": (normal, "tests/durability/test_power.py::test_nothing_is_lost_when_the_power_goes"),
    "publish before commit": (
        publish_before_commit,
        "tests/durability/test_errors.py::test_a_commit_of_unknown_outcome_is_read_again",
    ),
    "effect before intent": (
        effect_before_intent,
        "tests/durability/test_errors.py::test_a_commit_of_unknown_outcome_is_read_again",
    ),
    "key per attempt": (key_per_attempt, "tests/drivers/test_crash.py::test_an_effect_happens_at_least_once"),
    "claim by time": (claim_by_time, "tests/durability/test_time.py::test_a_million_timers"),
    "no lock": (no_lock, "tests/durability/test_killers.py::test_a_second_process_is_refused_clearly"),
    "go on after a commit error": (
        go_on_after_commit_error,
        "tests/durability/test_errors.py::test_a_commit_of_unknown_outcome_is_read_again",
    ),
    "crashes do not count": (
        crashes_do_not_count,
        "tests/durability/test_killers.py::test_what_kills_the_process_is_quarantined_and_the_rest_ends",
    ),
    "redirect unchecked": (redirect_unchecked, "tests/actions/test_http.py::test_a_redirect_is_checked_like_any_address"),
    "check text": (check_text, "tests/actions/test_http.py::test_no_spelling_of_a_refused_address_is_connected_to"),
    "unescaped label": (unescaped_label, "tests/cli/test_authoring.py"),
    "secret in error": (secret_in_error, "tests/actions/test_canaries.py"),
    "json without depth": (json_without_depth, "tests/model/test_wire.py::test_depth_is_bounded_by_64_everywhere"),
    "position unchecked": (position_unchecked, "tests/store/test_sqlite.py::TestSqlite"),
    "no epoch check": (no_epoch_check, "tests/store/test_postgres.py::TestOneDrives"),
    "restart what succeeded": (restart_what_succeeded, "tests/drivers/test_crash.py"),
}


def plant() -> None:
    """Plant what the environment says, if it says anything."""
    name = os.environ.get(FLAG)
    if name:
        PLANTS[name][0]()


plant()
