"""The web application: requests of an editor about a text of 500 lines, and starting a run and waiting for it over HTTP.

`python -m benchmarks.web` prints milliseconds: the median and the slowest of the requests after the first one.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """Where `dagflow serve` listens."""
    words = [sys.executable, "-m", "dagflow", "serve", "--store", "runs.db", "--listen", "127.0.0.1:0", "--no-token"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            host, _, port = process.stderr.readline().strip().rpartition("://")[2].rpartition(":")
            yield host, int(port)
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


def measured(name: str, ask: Callable[[int], object], count: int) -> None:
    ask(0)
    times = []
    for number in range(1, count + 1):
        began = time.perf_counter()
        ask(number)
        times.append((time.perf_counter() - began) * 1000)
    sys.stdout.write(f"{name:<28} {statistics.median(times):7.1f} ms  slowest {max(times):7.1f} ms\n")
    sys.stdout.flush()


def editor(connection: http.client.HTTPConnection) -> None:
    text = text_of(500)
    name = text.index("amount > 40") + 3

    def body(number: int, **more: object) -> dict[str, object]:
        """A text in which somebody types."""
        typed = text.replace("less ${string(amount)}", f"less {number} ${{string(amount)}}", 1)
        return {"text": typed, "document": "d", **more}

    def ask(path: str, **more: object) -> Callable[[int], object]:
        return lambda number: asking(connection, "POST", f"/editor/{path}", body(number, **more))

    change = {"kind": "argument", "step": "a40", "name": "message", "value": '"x"'}
    measured("check", ask("check"), 15)
    measured("check, exact", ask("check", exact=True), 15)
    measured("complete", ask("complete", offset=name), 15)
    measured("hover", ask("hover", offset=name), 15)
    measured("format", ask("format"), 15)
    measured("edit", ask("edit", changes=[change]), 15)
    measured("graph", ask("graph"), 15)
    measured("dry run", ask("dry-run", input={"id": "a", "amount": 5}), 5)


def runs(connection: http.client.HTTPConnection) -> None:
    asking(connection, "POST", "/flows", {"text": FLOW})

    def run(number: int) -> None:
        found = asking(connection, "POST", "/flows/answer/start", {"input": {"n": number}})
        ended = asking(connection, "GET", f"/runs/{found['run']}/wait")
        assert ended["output"] == number

    measured("start and wait, 2 requests", run, 150)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (host, port):
        connection = http.client.HTTPConnection(host, port)
        editor(connection)
        runs(connection)
        connection.close()


if __name__ == "__main__":
    main()
