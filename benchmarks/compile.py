"""How long compiling takes, and what is done with a compiled flow: `python benchmarks/compile.py`.

Prints milliseconds of processor time, the best of five, and what importing costs.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from dagflow.execution.program import prepare
from dagflow.lang.compiler import compile_text
from dagflow.lang.limits import Limits
from dagflow.lang.syntax.parser import parse_file
from dagflow.model.action import Interface
from dagflow.store.codec.flow import decode_flow, encode_flow

SIZES = (100, 1_000, 5_000)
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


def best_ms(work: Callable[[], object]) -> float:
    """The best of five, in milliseconds of processor time."""
    times = []
    for _ in range(5):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times) * 1_000


def import_ms(module: str) -> float:
    """What importing a module costs in a fresh process, in milliseconds, the best of five."""
    code = f"import time; t = time.process_time(); import {module}; print((time.process_time() - t) * 1000)"
    return min(float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout) for _ in range(5))


def row(n_steps: int) -> str:
    """The measurements of one size; checking is compiling without parsing."""
    text, limits = text_of(n_steps), Limits(steps=n_steps)
    flow = compile_text(text, Interface(), limits=limits).unwrap()
    encoded = encode_flow(flow)
    parsed = best_ms(lambda: parse_file(text, limits))
    compiled = best_ms(lambda: compile_text(text, Interface(), limits=limits))
    others = [best_ms(lambda: encode_flow(flow)), best_ms(lambda: decode_flow(encoded)), best_ms(lambda: prepare(flow))]
    figures = [parsed, compiled - parsed, compiled, *others]
    sizes = f"| {len(flow.nodes):,} | {len(text) / 1024:.0f} | {len(encoded) / 1024:.0f} "
    return sizes + "".join(f"| {figure:.1f} " for figure in figures) + f"| {compiled * 1_000 / len(flow.nodes):.0f} |"


def main() -> None:
    """Measure and print."""
    print("| nodes | text KiB | encoded KiB | parse | check | compile | encode | decode | prepare | compile, µs a node |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for size in SIZES:
        print(row(size), flush=True)
    for module in ("dagflow.lang.compiler", "dagflow"):
        print(f"import {module}: {import_ms(module):.0f} ms")


if __name__ == "__main__":
    main()
