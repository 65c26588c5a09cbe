"""Which values are certain behind the ways that end the run, and which are not: one flow for each way to write it."""

from __future__ import annotations

import pytest

from dagflow.lang.compiler import compile_text
from dagflow.model.action import Interface

HEAD = """
action ask(q: string) -> {ok: bool} idempotent
event "answered" { ok: bool }
"""

CERTAIN = {
    "else if, else fails": """flow f(a: bool, b: bool) -> bool {
      if a { x = ask(q: "1") } else if b { y = ask(q: "2") } else { fail "no" }
      return x.?ok ?? y.?ok
    }""",
    "an arm inside of an arm": """flow f(a: bool, b: bool) -> bool {
      if a { if b { x = ask(q: "1") } else { stop } } else { fail "no" }
      return x.ok
    }""",
    "switch, else fails": """flow f(t: string) -> bool {
      switch t { case "a" { x = ask(q: "1") } case "b" { y = ask(q: "2") } else { fail "no" } }
      return x.?ok ?? y.?ok
    }""",
    "switch, a case ends": """flow f(t: "a" | "b" | "c") -> bool {
      switch t { case "a" { x = ask(q: "1") } case "b" { fail "no" } case "c" { y = ask(q: "2") } }
      return x.?ok ?? y.?ok
    }""",
    "on error inside of on error": """flow f() -> bool {
      x = ask(q: "1") on error { y = ask(q: "2") on error { fail "no" } }
      return x.?ok ?? y.?ok
    }""",
    "an exit in a block whose on error ends": """flow f(a: bool) -> bool {
      do { if a { x = ask(q: "1") } else { fail "odd" } } on error { fail "no" }
      return x.ok
    }""",
    "a filter whose else ends": """flow f(a: bool) -> bool {
      do {
        filter a else { fail "odd" }
        x = ask(q: "1")
      }
      return x.ok
    }""",
    "one of two parallel branches": """flow f(a: bool) -> bool {
      parallel {
        if a { x = ask(q: "1") } else { fail "no" }
        y = ask(q: "2")
      }
      return x.ok && y.ok
    }""",
    "an escalation": """flow f() -> bool {
      decision = wait event "answered" within 1d else {
        remind = ask(q: "remind")
        second = wait event "answered" within 1d else { fail "nobody" }
      }
      let answer = decision ?? second
      return answer.ok && (decision.?ok ?? second.?ok)
    }""",
    "asked for by a condition that ends": """flow f(m: int?) -> int {
      if !m.hasValue() { return 0 }
      return m + 1
    }""",
    "asked for in a block": """flow f(m: int?) -> int {
      do { if m == null { fail "no" } }
      return m + 1
    }""",
    "inside of a loop": """flow f(a: bool, b: bool) -> list<bool> {
      if a { x = ask(q: "1") } else if b { y = ask(q: "2") } else { fail "no" }
      r = for i in [1, 2] max 2 {
        w = ask(q: "3")
        z = ask(q: "4") after w
        yield x.?ok ?? y.?ok
      }
      return r
    }""",
    "every way returns, also where it failed": """flow f() -> bool {
      do {
        x = ask(q: "1")
        return x.ok
      } on error { fail "no" }
    }""",
}  # fmt: skip

UNCERTAIN = {
    "the last arm goes on": """flow f(a: bool, b: bool) -> bool {
      if a { x = ask(q: "1") } else if b { y = ask(q: "2") } else { log = ask(q: "3") }
      return x.?ok ?? y.?ok
    }""",
    "an on error that goes on": """flow f(a: bool) -> bool {
      do { if a { x = ask(q: "1") } else { fail "odd" } } on error { y = ask(q: "2") }
      return x.ok
    }""",
    "a step that does not wait": """flow f(a: bool) -> bool {
      p = ask(q: "0")
      if a { x = ask(q: "1") } else { fail "no" }
      q = ask(q: "${x.ok}") after p
      return q.ok
    }""",
    "a branch that does not wait": """flow f(a: bool) -> bool {
      p = ask(q: "0")
      if a { x = ask(q: "1") } else { fail "no" }
      parallel { q = ask(q: "${x.ok}") after p }
      return q.ok
    }""",
    "the loser of a race": """flow f(a: bool) -> bool {
      parallel first 1 {
        do { if a { x = ask(q: "1") } else { fail "no" } }
        y = ask(q: "2")
      }
      return x.ok
    }""",
    "asked for behind a filter": """flow f(a: bool, m: int?) -> int {
      do {
        filter a
        if !m.hasValue() { fail "no" }
      }
      return m + 1
    }""",
    "asked for in a block with an on error": """flow f(m: int?) -> int {
      do { if !m.hasValue() { fail "no" } } on error { x = ask(q: "1") }
      return m + 1
    }""",
    "the item of a loop": """flow f(xs: list<bool>, m: int?) -> int {
      for x in xs max 3 { if !m.hasValue() { fail "no" } }
      return m + 1
    }""",
    "a branch that returns, if it is not beaten": """flow f(a: bool) -> bool {
      parallel first 1 {
        do { return true }
        y = ask(q: "2")
      }
    }""",
}  # fmt: skip


def codes(text: str) -> set[str]:
    return {found.code for found in compile_text(HEAD + text, Interface()).diagnostics if found.severity == "error"}


@pytest.mark.parametrize("text", CERTAIN.values(), ids=CERTAIN)
def test_what_has_certainly_run_may_be_read(text: str) -> None:
    assert codes(text) == set()


@pytest.mark.parametrize("text", UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_may_not_have_run_may_not_be_read(text: str) -> None:
    assert codes(text) & {"E308", "E312", "E314"}
