"""How long a keystroke takes: `python -m tests.lsp.latency`.

From the moment the editor sends a letter to the moment it has the diagnostics of that text, over pipes, in a real process; and beside
it the processor's time of the analysis alone, and that of compiling the whole text as `dagflow check` does.
"""

from __future__ import annotations

import asyncio
import sys
import time

from lsprotocol import types

from dagflow.ide.analysis import Analyst
from dagflow.lang.compiler import compile_text
from tests.ide.texts import DECLARED, builtin, flow_of
from tests.lsp.client import editor

URI = "untitled:latency.flow"
STEP = '  extra = email(template: "x", to: lead.email)\n  if lead.score > 7 { more = log(message: "more ${lead.name}") }\n'


def texts(n_lines: int, n_letters: int) -> list[str]:
    """The text of a flow while two statements are typed in its middle, as editors do it: brackets are closed at once."""
    whole = DECLARED + flow_of(n_lines - DECLARED.count("\n"))
    part = whole.count("  // Part ") // 2
    at = whole.index(f"  // Part {part}\n")
    found: list[str] = []
    typed = ""
    for letter in STEP[:n_letters]:
        typed += letter
        found.append(whole[:at] + typed + _closing(typed) + whole[at:])
    return found


def _closing(typed: str) -> str:
    """What an editor has written behind the cursor by itself: the other half of each bracket and quote that is open."""
    line = typed.rpartition("\n")[2]
    closers: list[str] = []
    for letter in line:
        if closers and letter == closers[-1]:
            closers.pop()
        elif letter in "({" and (closers[-1:] != ['"'] or letter == "{"):
            closers.append(")" if letter == "(" else "}")
        elif letter == '"':
            closers.append('"')
    return "".join(reversed(closers)) + ("\n" if line else "")


#: Each letter is typed so often, and the least of its times counts: the machine has others who take it away.
_ROUNDS = 3


def measure(n_lines: int, n_letters: int = len(STEP)) -> str:
    """The figures of one size, as a line."""
    wanted = texts(n_lines, n_letters)
    base = DECLARED + flow_of(n_lines - DECLARED.count("\n"))

    async def session() -> list[float]:
        rounds: list[list[float]] = []
        async with editor() as it:
            await it.open(URI, base)
            for _ in range(_ROUNDS):
                rounds.append([])
                for text in wanted:
                    begun = time.perf_counter()
                    await it.change(URI, text)
                    rounds[-1].append(time.perf_counter() - begun)
                await it.change(URI, base)
        return _least(rounds)

    analyst = Analyst(builtin())
    analysed: list[list[float]] = []
    for _ in range(_ROUNDS):
        analyst.update(base)
        analysed.append([_cpu(lambda text=text: analyst.update(text)) for text in wanted])
    whole = _least([[_cpu(lambda text=text: compile_text(text, builtin())) for text in wanted[::10]] for _ in range(_ROUNDS)])
    keys = asyncio.run(session())
    return f"keystroke to diagnostics {_line(keys)}; analysis (cpu) {_line(_least(analysed))}; whole compilation (cpu) {_line(whole)}"


def _least(rounds: list[list[float]]) -> list[float]:
    return [min(each) for each in zip(*rounds, strict=True)]


def features(n_lines: int) -> str:
    """How long each request takes in a text of that size, asked in its middle; of five, the one in the middle."""
    text = DECLARED + flow_of(n_lines - DECLARED.count("\n"))
    place = text.index("lead.email", len(text) // 2) + len("lead.e")
    position = types.Position(text.count("\n", 0, place), place - text.rfind("\n", 0, place) - 1)

    async def session() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        async with editor() as it:
            await it.open(URI, text)
            for _ in range(5):
                for name, question in it.questions(URI, position).items():
                    begun = time.perf_counter()
                    await question
                    found.setdefault(name, []).append(time.perf_counter() - begun)
        return found

    return ", ".join(f"{name} {sorted(took)[2] * 1e3:.0f} ms" for name, took in asyncio.run(session()).items())


def _cpu(what: object) -> float:
    begun = time.process_time()
    what()  # type: ignore[operator]
    return time.process_time() - begun


def _line(took: list[float]) -> str:
    ordered = sorted(took)
    return f"p50 {ordered[len(ordered) // 2] * 1e3:.1f} ms, p95 {ordered[len(ordered) * 95 // 100] * 1e3:.1f} ms"


if __name__ == "__main__":
    for size in [int(each) for each in sys.argv[1:]] or [50, 100, 250, 500, 1000, 2000]:
        print(f"{size} lines: {measure(size)}\n    {features(size)}", flush=True)  # noqa: T201 - what it is for
