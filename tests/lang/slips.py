# ruff: noqa: T201 - a tool that prints
"""One slip, one message: what the compiler says of good flows with one token spoilt. `python -m tests.lang.slips [--show KIND]` prints the figures."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator

import attrs

from dagflow.lang.compiler import Compilation, compile_text
from dagflow.lang.diagnostics import Source, apply_fixes
from dagflow.lang.syntax.lexer import Token, lex
from tests.lang.corpus import GOOD, interface

INTERFACE = interface()
KEYWORDS = frozenset(
    [
        "filter",
        "if",
        "else",
        "switch",
        "case",
        "let",
        "parallel",
        "do",
        "wait",
        "until",
        "emit",
        "return",
        "stop",
        "fail",
        "retry",
        "timeout",
        "within",
        "default",
        "after",
        "when",
        "flow",
        "event",
        "action",
        "type",
        "from",
        "every",
        "only",
        "any",
        "settled",
        "on",
        "with",
        "as",
        "for",
        "in",
        "max",
        "key",
        "collect",
        "yield",
        "undo",
        "start",
    ]
)


@attrs.frozen
class Slip:
    """A spoilt text. `start`, `end`: of what was done, in the spoilt text; `start == end` where something was deleted.

    `also`: another place that is as good to point at: the partner of a closing bracket.
    """

    kind: str
    text: str
    start: int
    end: int
    good: str
    also: int = -1


@attrs.frozen
class Verdict:
    slip: Slip
    compilation: Compilation
    on_line: bool
    on_token: bool
    n_messages: int
    has_fix: bool
    restores: bool


def _swap(word: str, chance: random.Random) -> str:
    """A typo: two letters change places, one is left out, or one comes twice."""
    at = chance.randrange(1, len(word) - 1)
    typos = [
        word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    ]
    return next((typo for typo in chance.sample(typos, 3) if typo != word), word + word[-1])


def _replaced(kind: str, good: str, token: Token, by: str) -> Slip:
    return Slip(kind, good[: token.start] + by + good[token.end :], token.start, token.start + len(by), good)


def slips(good: str, chance: random.Random, per_kind: int) -> Iterator[Slip]:
    """Some slips of each kind."""
    tokens = lex(good).tokens
    for kind, (picks, spoil) in KINDS.items():
        places = [i for i in range(len(tokens)) if picks(tokens, i)]
        for i in sorted(chance.sample(places, min(per_kind, len(places)))):
            slip = _replaced(kind, good, tokens[i], spoil(tokens[i].text, chance))
            yield attrs.evolve(slip, also=_partner(tokens, i)) if kind in {"missing }", "missing )"} else slip


def _partner(tokens: list[Token], i: int) -> int:
    """Where the bracket was opened that a token closes."""
    depth = 0
    while True:
        depth += (tokens[i].type in {"RPAR", "RBRACE", "RSQB"}) - (tokens[i].type in {"LPAR", "LBRACE", "LSQB"})
        if depth == 0:
            return tokens[i].start
        i -= 1


def _is_name(tokens: list[Token], i: int) -> bool:
    """A name that is used, not one that is given: those may be anything."""
    token = tokens[i]
    follower = tokens[i + 1].type if i + 1 < len(tokens) else ""
    previous = tokens[i - 1].text if i else ""
    is_given = (
        follower == "EQUAL" or previous in {"flow", "let", "as", "do", "type"} or (follower == "COLON" and token.starts_line)
    )
    is_given = is_given or (previous in {"if", "filter", "switch"} and follower == "COLON")
    # Parameters, fields and macro variables are given too.
    is_given = (
        is_given
        or previous == "action"
        or (i > 1 and tokens[i - 2].text == "action")
        or (i > 2 and tokens[i - 3].text == "action")
    )
    is_given = is_given or (follower == "COLON" and previous in {"(", ",", "{"} and _in_head(tokens, i))
    is_given = is_given or (previous == "(" and follower == "COMMA")
    return token.type == "IDENT" and len(token.text) >= 4 and token.text not in KEYWORDS and not is_given


def _in_head(tokens: list[Token], i: int) -> bool:
    """Inside of the parameters of a flow or action, or of a type."""
    depth = 0
    while i >= 0:
        depth += (tokens[i].type in {"RPAR", "RBRACE"}) - (tokens[i].type in {"LPAR", "LBRACE"})
        if depth < 0:
            return (
                any(token.text in {"flow", "action", "type", "event"} for token in tokens[max(i - 4, 0) : i])
                or tokens[i - 1].type == "ARROW"
            )
        i -= 1
    return False


def _word(tokens: list[Token], i: int) -> bool:
    token = tokens[i]
    if token.type != "IDENT" or token.text not in KEYWORDS or len(token.text) < 4:
        return False
    previous, follower = tokens[i - 1].type if i else "", tokens[i + 1].type if i + 1 < len(tokens) else ""
    return previous not in {"DOT", "OPTDOT"} and follower not in {"COLON", "DOT"} and tokens[i - 1].text not in {"flow", "do"}


def _sign(kind: str) -> Callable[[list[Token], int], bool]:
    return lambda tokens, i: (
        tokens[i].type == kind and not (kind == "COMMA" and tokens[i + 1].starts_line and tokens[i + 1].type == "RBRACE")
    )


def _text(tokens: list[Token], i: int) -> bool:
    return tokens[i].type == "STRING" and tokens[i].text[:3] != '"""' and len(tokens[i].text) > 3


def _enum(tokens: list[Token], i: int) -> bool:
    """A text of a closed set, where it is used."""
    before = [token.text for token in tokens[max(0, i - 3) : i]]
    return tokens[i].type == "STRING" and (before[-1:] in (["=="], ["!="], ["case"])) and len(tokens[i].text) > 5


def _number(tokens: list[Token], i: int) -> bool:
    previous = tokens[i - 1].text if i else ""
    return (
        tokens[i].type in {"INT", "DURATION"} and previous not in {"retry", "after", "default"} and tokens[i + 1].text != "of"
    )


def _argument(tokens: list[Token], i: int) -> bool:
    """The name of an argument (what follows goes with it)."""
    return _is_argument(tokens, i) and tokens[i + 2].type in {"STRING", "IDENT"}


def _is_argument(tokens: list[Token], i: int) -> bool:
    return (
        tokens[i].type == "IDENT" and i + 3 < len(tokens) and tokens[i + 1].type == "COLON" and tokens[i - 1].type in {"LPAR", "COMMA"}
        and not _in_head(tokens, i)
    )  # fmt: skip


KINDS: dict[str, tuple[Callable[[list[Token], int], bool], Callable[[str, random.Random], str]]] = {
    "typo in a name": (_is_name, _swap),
    "misspelt keyword": (_word, _swap),
    "missing comma": (_sign("COMMA"), lambda _, __: ""),
    "missing colon": (_sign("COLON"), lambda _, __: ""),
    "missing {": (_sign("LBRACE"), lambda _, __: ""),
    "missing }": (_sign("RBRACE"), lambda _, __: ""),
    "missing (": (_sign("LPAR"), lambda _, __: ""),
    "missing )": (_sign("RPAR"), lambda _, __: ""),
    "missing closing quote": (_text, lambda text, _: text[:-1]),
    "missing opening quote": (_text, lambda text, _: text[1:]),
    "= for ==": (lambda t, i: t[i].text == "==", lambda _, __: "="),
    "typo in an enum": (_enum, lambda text, chance: f'"{_swap(text[1:-1], chance)}"'),
    "text for a number": (_number, lambda _, __: '"soon"'),
    "deleted argument name": (_argument, lambda _, __: ""),
    "doubled name": (_is_name, lambda text, _: f"{text} {text}"),
}


def judge(slip: Slip) -> Verdict | None:
    """What is said about a slip; None if it is still a good flow."""
    compilation = compile_text(slip.text, INTERFACE)
    errors = [d for d in compilation.diagnostics if d.code.startswith("E")]
    if not errors:
        return None
    first = errors[0]
    source = Source(slip.text, "")
    lines = {source.place(slip.start).line, source.place(max(slip.start, slip.end - 1)).line}
    # Where something was taken away, the place is between its neighbours.
    left = len(slip.text[: slip.start].rstrip())
    right = slip.end + (len(slip.text[slip.end :]) - len(slip.text[slip.end :].lstrip()))
    lines |= {source.place(max(left - 1, 0)).line} if slip.start == slip.end else set()
    span_end = max(first.span.end, first.span.start + 1)
    touched = first.span.start <= max(right, slip.end) and span_end >= left
    fixed = apply_fixes(slip.text, [first], only_safe=False) if first.fix is not None and first.fix.edits else None
    if slip.also >= 0 and first.span.start <= slip.also < span_end:
        lines.add(source.place(slip.also).line)
        touched = True
    restores = fixed is not None and not compile_text(fixed, INTERFACE).has_errors
    return Verdict(
        slip, compilation, source.place(first.span.start).line in lines, touched, len(errors), fixed is not None, restores
    )


def figures(verdicts: list[Verdict]) -> dict[str, float]:
    """Shares of all verdicts, and messages per slip."""
    n = len(verdicts)
    with_fix = [v for v in verdicts if v.has_fix]
    return {
        "slips": n,
        "on the line": sum(v.on_line for v in verdicts) / n,
        "on the token": sum(v.on_token for v in verdicts) / n,
        "messages per slip": sum(v.n_messages for v in verdicts) / n,
        "with a fix": len(with_fix) / n,
        "fix restores": sum(v.restores for v in with_fix) / max(1, len(with_fix)),
    }


def measure(per_kind: int, seed: int = 1, texts: list[str] | None = None) -> list[Verdict]:
    """Judge some slips of every kind in every good flow."""
    chance = random.Random(seed)
    return [v for good in texts or GOOD for slip in slips(good, chance, per_kind) if (v := judge(slip)) is not None]


def main(arguments: list[str]) -> None:
    verdicts = measure(1)
    print(f"{'kind':24}" + "".join(f"{name:>18}" for name in figures(verdicts)))
    for kind in [*KINDS, ""]:
        some = [v for v in verdicts if not kind or v.slip.kind == kind]
        if some:
            print(f"{kind or 'all':24}" + "".join(f"{value:18.3f}" for value in figures(some).values()))
    if arguments[:1] == ["--show"]:
        for v in verdicts:
            if v.slip.kind == arguments[1] and (not v.on_line or not v.on_token or v.n_messages > 1):
                print("-" * 80, v.slip.kind, v.on_line, v.on_token, v.n_messages)
                print(
                    v.slip.text[: v.slip.start].rpartition("\n")[2]
                    + "⟦"
                    + v.slip.text[v.slip.start : v.slip.end]
                    + "⟧"
                    + v.slip.text[v.slip.end :].partition("\n")[0]
                )
                print(v.compilation.render())


if __name__ == "__main__":
    main(sys.argv[1:])
