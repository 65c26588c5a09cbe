"""The web application: requests of an editor about a text of 500 lines, starting a run and waiting for it over HTTP, and a run that
200 streams of server-sent events follow.

`python -m benchmarks.web` prints milliseconds: the median and the slowest of the requests after the first one.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

import dagflow

ROOT = Path(__file__).parents[1]
FLOW = "flow answer(n: int) -> int {\n  on manual\n  log(message: string(n))\n  return n\n}\n"


def text_of(n_lines: int) -> str:
    """A flow of that many lines: calls, values, conditions and messages."""
    lines = ["flow big(id: string, amount: int) -> int {", "  on manual"]
    k = 0
    while len(lines) + 6 <= n_lines - 2:
        lines += [
            f'  s{k} = http.request(url: "https://api.example.com/{k}", method: "POST", body: {{"id": id, "n": {k}}})',
            f"  if s{k}.status < 400 && amount > {k} {{",
            f'    a{k} = log(message: "step {k} of ${{id}}")',
            "  } else {",
            f'    b{k} = log(message: "less ${{string(amount)}}")',
            "  }",
        ]
        k += 1
    return "\n".join([*lines, *["  // more"] * (n_lines - 2 - len(lines)), "  return amount", "}"]) + "\n"


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Where `dagflow serve` listens, and its process."""
    words = [sys.executable, "-m", "dagflow", "serve", "--store", "runs.db", "--listen", "127.0.0.1:0", "--no-token"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            host, _, port = process.stderr.readline().strip().rpartition("://")[2].rpartition(":")
            yield host, int(port), process.pid
        finally:
            process.kill()


def asking(connection: http.client.HTTPConnection, method: str, path: str, value: object = None) -> Any:
    body = None if value is None else json.dumps(value)
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    data = answer.read()
    while answer.status == 429:
        time.sleep(1)
        return asking(connection, method, path, value)
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status} {data[:300]!r}")
    return json.loads(data)


def processor_ms(process: int) -> float:
    """The processor time that a process has taken; on a machine that others use too, it says more than the clock."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def measured(name: str, ask: Callable[[int], object], count: int, process: int) -> None:
    ask(0)
    times = []
    before = processor_ms(process)
    for number in range(1, count + 1):
        began = time.perf_counter()
        ask(number)
        times.append((time.perf_counter() - began) * 1000)
    shown(name, times, f"  processor {(processor_ms(process) - before) / count:6.1f} ms")


def shown(name: str, times: list[float], more: str = "") -> None:
    sys.stdout.write(f"{name:<28} {statistics.median(times):7.1f} ms  slowest {max(times):7.1f} ms{more}\n")
    sys.stdout.flush()


def editor(connection: http.client.HTTPConnection, process: int) -> None:
    text = text_of(500)
    name = text.index("amount > 40") + 3

    def body(number: int, **more: object) -> dict[str, object]:
        """A text in which somebody types."""
        typed = text.replace("less ${string(amount)}", f"less {number} ${{string(amount)}}", 1)
        return {"text": typed, "document": "d", **more}

    def ask(path: str, **more: object) -> Callable[[int], object]:
        return lambda number: asking(connection, "POST", f"/editor/{path}", body(number, **more))

    change = {"kind": "argument", "step": "a40", "name": "message", "value": '"x"'}
    measured("check", ask("check"), 15, process)
    measured("check, exact", ask("check", exact=True), 15, process)
    measured("complete", ask("complete", offset=name), 15, process)
    measured("hover", ask("hover", offset=name), 15, process)
    measured("format", ask("format"), 15, process)
    measured("edit", ask("edit", changes=[change]), 15, process)
    measured("graph", ask("graph"), 15, process)
    measured("dry run", ask("dry-run", input={"id": "a", "amount": 5}), 5, process)


def runs(connection: http.client.HTTPConnection, process: int) -> None:
    asking(connection, "POST", "/flows", {"text": FLOW})

    def run(number: int) -> None:
        found = asking(connection, "POST", "/flows/answer/start", {"input": {"n": number}})
        ended = asking(connection, "GET", f"/runs/{found['run']}/wait")
        assert ended["output"] == number

    measured("start and wait, 2 requests", run, 150, process)


def beside() -> None:
    """The same without HTTP, to compare with."""

    async def run_all() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with dagflow.Service.open(f"{folder}/runs.db", catalog=dagflow.Catalog.builtin()) as service:
                await service.publish(FLOW)
                times = []
                for number in range(150):
                    began = time.perf_counter()
                    outcome = await service.start("answer", {"n": number})
                    await (await service.get_run(outcome.run)).wait()
                    times.append((time.perf_counter() - began) * 1000)
        shown("the same in the process", times)

    trio.run(run_all)


def streams(host: str, port: int, connection: http.client.HTTPConnection, count: int = 200) -> None:
    """How long after the answer to a start each of many streams has had the end of the run."""
    followers = [socket.create_connection((host, port)) for _ in range(count)]
    for each in followers:
        each.sendall(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert each.recv(4096)
    times = []
    for number in range(10):
        began = time.perf_counter()
        asking(connection, "POST", "/flows/answer/start", {"input": {"n": number}})
        waiting = dict.fromkeys(followers, b"")
        while waiting:
            for each in select.select(list(waiting), [], [])[0]:
                waiting[each] += each.recv(65_536)
                if b"succeeded" in waiting[each]:
                    del waiting[each]
        times.append((time.perf_counter() - began) * 1000)
    shown(f"a run, to {count} streams", times)
    for each in followers:
        each.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (host, port, process):
        connection = http.client.HTTPConnection(host, port)
        editor(connection, process)
        runs(connection, process)
        streams(host, port, connection)
        connection.close()
    beside()


if __name__ == "__main__":
    main()
