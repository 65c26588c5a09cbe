"""How long compiling takes: `python benchmarks/compile.py`. Prints milliseconds of processor time, the best of five, and what importing costs."""

from __future__ import annotations

import subprocess
import sys
import time

from dagflow.lang.compiler import compile_text
from dagflow.lang.limits import Limits
from dagflow.lang.parser import parse_file
from dagflow.model.action import Interface

SIZES = (10, 100, 1_000, 4_000)  # the language has at most 65,536 words and signs in a file
LIMITS = Limits(source_chars=10**8, steps=10**6, edges=10**7)
HEAD = """
type Lead { name: string, email: Email, score: int }
action email(template: string, to: Email, note: string = "") -> {message_id: string} idempotent

flow bench(lead: Lead) {
  on manual
"""
BLOCK = """
  if big{i}: lead.score > {i} && lead.name != "x{i}" {{
    a{i} = email(template: "proposal", to: lead.email, note: "Hi ${{lead.name}}") retry 3 from 1s to 1m
  }}
  b{i} = email(template: "other", to: lead.email, note: a{i}.?message_id ?? "none") timeout 30s
  let c{i} = "${{b{i}.message_id}}-{i}"
  d{i} = log(message: c{i})
"""


def text_of(n_steps: int) -> str:
    """A flow of about that many nodes: a condition, two mails, a value and a line in the log, over and over."""
    return HEAD + "".join(BLOCK.format(i=i) for i in range(max(1, n_steps // 5))) + "}\naction log(message: string) pure\n"


def best_ms(work: object, text: str) -> float:
    """The best of five, in milliseconds of processor time."""
    assert callable(work)
    times = []
    for _ in range(5):
        begun = time.process_time()
        work(text)
        times.append(time.process_time() - begun)
    return min(times) * 1_000


def import_ms(module: str) -> float:
    """What importing a module costs in a fresh process, in milliseconds, the best of five."""
    code = f"import time; t = time.process_time(); import {module}; print((time.process_time() - t) * 1000)"
    return min(float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout) for _ in range(5))


def main() -> None:
    """Measure and print."""
    print(f"{'nodes':>6} {'KiB':>6} {'parse ms':>9} {'compile ms':>11} {'per node µs':>12}")
    for size in SIZES:
        text = text_of(size)
        compilation = compile_text(text, Interface(), limits=LIMITS)
        n_nodes = len(compilation.unwrap().nodes)
        parsed = best_ms(parse_file, text)
        compiled = best_ms(lambda text: compile_text(text, Interface(), limits=LIMITS), text)
        print(f"{n_nodes:>6} {len(text) / 1024:>6.0f} {parsed:>9.1f} {compiled:>11.1f} {compiled * 1_000 / n_nodes:>12.0f}")
    for module in ("dagflow.lang.compiler", "dagflow"):
        print(f"import {module}: {import_ms(module):.0f} ms")


if __name__ == "__main__":
    main()
