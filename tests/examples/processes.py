"""Real processes of the example applications: started, asked and killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import orjson

ROOT = Path(__file__).parents[2]


@attrs.frozen
class Application:
    """An application of `examples/`, whose processes run in a folder of their own."""

    folder: Path
    code: Path
    port: int
    environment: Mapping[str, str]

    @classmethod
    def of(cls, name: str, folder: Path, **environment: str) -> Application:
        return cls(folder, ROOT / "examples" / name, free_port(), environment)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *words: str) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(ROOT), str(self.code)])
        binaries = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": binaries, "PYTHONPATH": path, **self.environment}
        return subprocess.Popen(
            words, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def do(self, *words: str) -> None:
        with self.start(sys.executable, *words) as process:
            assert process.wait(30) == 0

    @contextmanager
    def process(self, *words: str, until: str = "") -> Iterator[subprocess.Popen[str]]:
        """Start a process, and wait until it writes this line, or else until its port is open."""
        with self.start(*words) as process:
            try:
                if until:
                    assert process.stdout is not None
                    assert process.stdout.readline() == f"{until}\n"
                else:
                    wait_until(lambda: is_listening(self.port))
                yield process
            finally:
                # Servers have workers, which live on where their parent alone is killed.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(holds: Callable[[], object]) -> None:
    """Look at other processes again and again."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The server-sent events of a stream."""
    fields: dict[str, str] = {}
    for line in lines:
        name, sign, value = line.partition(": ")
        if line and name:
            fields[name] = value if sign else ""
        elif fields:
            yield {**fields, "data": orjson.loads(fields["data"])}
            fields = {}
