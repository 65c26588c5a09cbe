"""What parsing costs, beside another state of the project: `python -m benchmarks.parsing [path of another checkout]`.

Prints milliseconds of processor time, medians over processes of the two states in turn; within a process the best of many.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.compile import text_of

HERE = Path(__file__).parents[1]
N_PROCESSES = 9
INSIDE = """
import sys, time
from dagflow.lang.format.formatter import format
from dagflow.lang.limits import Limits
from dagflow.lang.syntax.parser import parse_expression, parse_file

def best(work, times):
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found) * 1_000

large, small = (open(path).read() for path in sys.argv[1:])
parse_file("flow f { on manual }")
print(
    best(lambda: parse_file(large, Limits(steps=1_000)), 7), best(lambda: parse_file(small), 30),
    best(lambda: parse_expression("a.b + 1 > c && d.e(x)"), 200), best(lambda: format(large), 3),
)
"""
#: Its actions are its own, whatever the catalogue of the command line has.
CHECKED = """
action mail(to: string, template: string) -> {id: string} idempotent
flow welcome(to: string, days: int) {
  on manual
  sent = mail(to: to, template: "hello") retry 3 every 10s
  wait 2d
  if again: days > 1 && to != "" {
    reminder = mail(to: to, template: "reminder ${sent.id}")
  }
}
"""
ROWS = ("1,000 nodes", "20 nodes", "an expression", "laying 1,000 nodes out", "`dagflow check`, cold", "`dagflow --version`")


def cpu_ms(root: Path, *command: str) -> tuple[float, str]:
    """What a process of a checkout took, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(root)}
    made = subprocess.run([sys.executable, *command], cwd=root, env=environment, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1_000, made.stdout


def measure(root: Path, large: Path, small: Path, checked: Path) -> list[float]:
    """One figure for each row."""
    inside = [float(figure) for figure in cpu_ms(root, "-c", INSIDE, str(large), str(small))[1].split()]
    return [*inside, cpu_ms(root, "-m", "dagflow", "check", str(checked))[0], cpu_ms(root, "-m", "dagflow", "--version")[0]]


def main() -> None:
    """Measure and print."""
    roots = [*(Path(argument).resolve() for argument in sys.argv[1:]), HERE]
    for root in roots:
        # A fresh checkout has no bytecode, and an environment may keep it from being written.
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(root / "dagflow")], check=True)
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / name for name in ("large.flow", "small.flow", "checked.flow")]
        for file, text in zip(files, (text_of(1_000), text_of(20), CHECKED), strict=True):
            file.write_text(text)
        figures: dict[Path, list[list[float]]] = {root: [] for root in roots}
        for _ in range(N_PROCESSES):
            for root in roots:
                figures[root].append(measure(root, *files))
    medians = [[statistics.median(column) for column in zip(*figures[root], strict=True)] for root in roots]
    print(f"| | {' | '.join('before' if root != HERE else 'now' for root in roots)} |")
    print("|---|" + "--:|" * len(roots))
    for name, *columns in zip(ROWS, *medians, strict=True):
        print(f"| {name} | {' | '.join(f'{figure:.2f}' if figure < 10 else f'{figure:.0f}' for figure in columns)} |")


if __name__ == "__main__":
    main()
