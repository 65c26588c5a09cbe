"""Time for a command to start, over `python -c pass`: medians of wall time and of processor time.

python -m benchmarks.startup [REPETITIONS]
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
FLOW: Final = "examples/lead_approval.flow"
#: A table row, the arguments, and the variables with which a shell asks for completions.
CASES: Final[list[tuple[str, list[str], dict[str, str]]]] = [
    ("`dagflow --version`", ["--version"], {}),
    ("`dagflow --help`", ["--help"], {}),
    ("`dagflow check --help`", ["check", "--help"], {}),
    ("`dagflow check FILE`", ["check", FLOW], {}),
    ("`dagflow run --help`", ["run", "--help"], {}),
    ("complete `dagflow ch`", [], {"COMP_WORDS": "dagflow ch", "COMP_CWORD": "1"}),
    ("complete `dagflow check examples/`", [], {"COMP_WORDS": "dagflow check examples/", "COMP_CWORD": "2"}),
]


def measured(command: list[str], variables: dict[str, str], n: int) -> tuple[float, float]:
    """Return the medians of wall time and processor time, in milliseconds."""
    wall: list[float] = []
    processor: list[float] = []
    environment = {**os.environ, **variables}
    for _ in range(n + 1):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        wall.append((time.perf_counter() - start) * 1000)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    # The first call may have to compile modules.
    return statistics.median(wall[1:]), statistics.median(processor[1:])


def main(n: int) -> None:
    """Print the table."""
    base = measured([sys.executable, "-c", "pass"], {}, n)
    print("| command | wall | processor |\n|---|--:|--:|")
    print(f"| `python -c pass` | {base[0]:.0f} ms | {base[1]:.0f} ms |")
    for name, arguments, variables in CASES:
        asking = {"_DAGFLOW_COMPLETE": "bash_complete", **variables} if variables else {}
        wall, processor = measured([sys.executable, "-m", "dagflow", *arguments], asking, n)
        print(f"| {name} | +{wall - base[0]:.0f} ms | +{processor - base[1]:.0f} ms |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
