"""Two processes serve one store: one drives it, and the other takes it over after a signal to the first.

`python -m tests.service.takeover N` prints how long that takes on Postgres, N times for each signal.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dagflow.store.open import open_reading
from tests.cli.support import command, environment
from tests.postgres_server import Server

#: A run that has something to do every second.
FLOW = "\n".join(["flow beat() {", "  on manual", *(f'  wait 1s\n  log_{n} = log(message: "beat")' for n in range(60)), "}"])


@contextmanager
def serving(folder: Path, store: str) -> Iterator[subprocess.Popen[str]]:
    arguments = command("serve", "beat.flow", "--store", store, "--listen", "127.0.0.1:0", "--no-token", "--takeover")
    with subprocess.Popen(arguments, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.send_signal(signal.SIGCONT)
            child.kill()


def until_listening(child: subprocess.Popen[str]) -> float:
    """Seconds until it serves."""
    began = time.monotonic()
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("listening"):
            return time.monotonic() - began
    raise AssertionError("it never served")


def taken_over(folder: Path, store: str, sign: int) -> float:
    """Seconds from the signal to the first of two processes until the second serves."""
    (folder / "beat.flow").write_text(FLOW)
    start(folder, store)
    with serving(folder, store) as first:
        until_listening(first)
        with serving(folder, store) as second:
            # So long that it waits for the first one by now.
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(2.5)
            first.send_signal(sign)
            seconds = until_listening(second)
            # The run goes on, though the first process may be there again.
            first.send_signal(signal.SIGCONT)
            n_before = n_facts(store)
            while n_facts(store) <= n_before:
                assert second.poll() is None
                time.sleep(0.05)
    return seconds


def n_facts(store: str) -> int:
    reader = open_reading(store)
    try:
        return sum(len(reader.history(row.id)) for row in reader.runs())
    finally:
        reader.close()


def start(folder: Path, store: str) -> None:
    """Leave an interrupted run in the store."""
    arguments = command("run", "beat.flow", "--store", store)
    with subprocess.Popen(arguments, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if line.startswith("waiting"):
                child.send_signal(signal.SIGTERM)


def main() -> None:
    server = Server()
    try:
        server.make()
        server.start()
        for sign in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
            with tempfile.TemporaryDirectory() as folder:
                times = sorted(taken_over(Path(folder), server.url(), sign) for _ in range(int(sys.argv[1])))
            sys.stdout.write(f"{sign.name}: {' '.join(f'{seconds:.2f}' for seconds in times)} s\n")
            sys.stdout.flush()
    finally:
        server.remove()


if __name__ == "__main__":
    main()
