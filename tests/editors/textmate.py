"""A reader of TextMate grammars, enough of one for ours: what editors do with the file, done here, so that the file is tested.

Line by line; of all patterns the one that matches first, and of those at one place the first in the file. `begin` opens a range that its
`end` closes; a back reference in `end` is what `begin` has matched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

Pattern = dict[str, Any]


@attrs.frozen
class Piece:
    """A piece of a text and the scope of its innermost name."""

    start: int
    end: int
    scope: str


@attrs.define
class _Range:
    """A range that is open. `end`: what closes it."""

    patterns: list[Pattern]
    end: re.Pattern[str] | None
    scope: str
    end_scope: str = ""


class Grammar:
    """A grammar read from its file."""

    def __init__(self, path: Path) -> None:
        self._data: Pattern = json.loads(path.read_text(encoding="utf-8"))
        self._compiled: dict[str, re.Pattern[str]] = {}

    def pieces(self, text: str) -> list[Piece]:
        """All pieces with a scope, in order."""
        found: list[Piece] = []
        stack = [_Range(self._data["patterns"], None, "")]
        offset = 0
        for line in text.splitlines(keepends=True):
            found += [Piece(offset + a, offset + b, scope) for a, b, scope in self._line(line.rstrip("\r\n"), stack)]
            offset += len(line)
        return [each for each in found if each.scope and each.end > each.start]

    def _line(self, line: str, stack: list[_Range]) -> Iterator[tuple[int, int, str]]:
        at = 0
        for _ in range(10_000):
            top = stack[-1]
            best, chosen = self._first(line, at, top)
            if best is None:
                yield at, len(line), top.scope
                return
            yield at, best.start(), top.scope
            if chosen is None:
                yield best.start(), best.end(), top.end_scope or top.scope
                stack.pop()
            elif "match" in chosen:
                yield from self._captured(chosen, best)
            else:
                end = re.sub(r"\\(\d)", lambda ref, best=best: re.escape(best[int(ref[1])]), chosen["end"])
                scope = chosen.get("name", "")
                inner = chosen.get("endCaptures", {}).get("0", {}).get("name", "")
                yield best.start(), best.end(), chosen.get("beginCaptures", {}).get("0", {}).get("name", "") or scope
                stack.append(_Range(chosen.get("patterns", []), self._regex(end), scope, inner))
            at = max(at, best.end())
            if at >= len(line) and not (stack[-1].end is not None and stack[-1].end.match(line, at)):
                return
        raise AssertionError("the grammar does not get on")

    def _first(self, line: str, at: int, top: _Range) -> tuple[re.Match[str] | None, Pattern | None]:
        best, chosen = (top.end.search(line, at), None) if top.end is not None else (None, None)
        for pattern in self._flat(top.patterns):
            found = self._regex(pattern.get("match") or pattern["begin"]).search(line, at)
            if found is not None and (best is None or found.start() < best.start()):
                best, chosen = found, pattern
        return best, chosen

    def _flat(self, patterns: list[Pattern]) -> Iterator[Pattern]:
        for pattern in patterns:
            if "include" in pattern:
                inner = self._data["repository"][pattern["include"].removeprefix("#")]
                yield from self._flat(inner["patterns"] if "match" not in inner and "begin" not in inner else [inner])
            else:
                yield pattern

    def _captured(self, pattern: Pattern, found: re.Match[str]) -> Iterator[tuple[int, int, str]]:
        captures = pattern.get("captures", {})
        if not captures:
            yield found.start(), found.end(), pattern.get("name", "")
        for number, capture in captures.items():
            yield found.start(int(number)), found.end(int(number)), capture["name"]

    def _regex(self, source: str) -> re.Pattern[str]:
        return self._compiled.setdefault(source, re.compile(source))
