"""The poison corpus: flows, inputs and calls that would harm other runs if a check at a door were missing.

Each says how its run has to end: the code of its failure, or None where it succeeds.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

HALF_MEBIBYTE = "x" * 512 * 1024
PARTS = ", ".join(["s"] * 40)
#: 2**18 times a list, in a few hundred characters. With an empty one it is small enough to be kept, so it compiles.
SHARED = (
    "".join(f"cel.bind(a{n}, [{before}, {before}], " for n, before in enumerate(["xs", *(f"a{n}" for n in range(17))]))
    + "a17"
    + ")" * 18
)
#: As wide as it is deep.
WIDE = "cel.bind(a, [" + ", ".join(["s"] * 200) + "], [" + ", ".join(["a"] * 200) + "])"
SHARED_LETS = "\n".join(["let a0: json = [1, 1]", *(f"let a{n}: json = [a{n - 1}, a{n - 1}]" for n in range(1, 24))])


@attrs.frozen
class Poison:
    """A flow named `f`, its input, and the code its run fails with; None if it succeeds."""

    name: str
    text: str
    input: dict[str, object]
    code: str | None


def times() -> Iterator[Poison]:
    until = "flow f(due: timestamp) {\n on manual\n wait until due\n}"
    for due in ("0001-01-01T00:00:00Z", "1600-01-01T00:00:00Z", "1969-12-31T23:59:59.999999999Z"):
        yield Poison(f"wait until {due}", until, {"due": due}, None)
    for due in ("2600-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        text = "flow f(due: timestamp) {\n on manual\n timeout 1s\n wait until due\n}"
        yield Poison(f"wait until {due}", text, {"due": due}, "run_timeout")
    yield Poison(
        "let the last instant",
        'flow f() -> timestamp {\n on manual\n let x = timestamp("9999-12-31T23:59:59Z")\n return x\n}',
        {},
        None,
    )
    negative = "flow f(d: duration) {\n on manual\n wait d\n}"
    yield Poison("wait for less than nothing", negative, {"d": "-5s"}, "bad_value")
    yield Poison("wait for the least duration", negative, {"d": "-9223372036s"}, "bad_value")


def numbers() -> Iterator[Poison]:
    for name, expression in (("infinity", "1.0 / n"), ("not a number", "n / n")):
        text = f"flow f(n: double) -> double {{\n on manual\n let x = {expression}\n return x\n}}"
        yield Poison(name, text, {"n": 0}, "bad_value")
    text = 'flow f(n: double) -> json {\n on manual\n return {"x": [1.0 / n]}\n}'
    yield Poison("infinity in json", text, {"n": 0}, "bad_value")


def sizes() -> Iterator[Poison]:
    given: dict[str, object] = {"s": HALF_MEBIBYTE}
    for name, body in {
        "return": f"return [{PARTS}]",
        "let": f"let x: json = [{PARTS}]\n return x",
        "default": f"x = refuse() default [{PARTS}]\n return x",
    }.items():
        text = f"flow f(s: string) -> json {{\n on manual\n {body}\n}}"
        yield Poison(f"too much by {name}", text, given, "too_large")
    emitting = f'event "big" {{ s: list<string> }}\nflow f(s: string) {{\n on manual\n emit "big"(s: [{PARTS}])\n}}'
    yield Poison("too much by emit", emitting, given, "too_large")
    inner = "flow g(s: list<string>) -> int {\n return size(s)\n}\n"
    for word in ("g", "start g"):
        text = f"{inner}flow f(s: string) {{\n on manual\n x = {word}(s: [{PARTS}])\n}}"
        yield Poison(f"too much by {word}", text, given, "too_large")
    text = f"flow f(s: string) -> json {{\n on manual\n all = for i in [1] max 5 {{\n  yield [{PARTS}]\n }}\n return all\n}}"
    yield Poison("too much by yield", text, given, "too_large")


def shared() -> Iterator[Poison]:
    bound = f"flow f(xs: list<int>) -> json {{\n on manual\n return {SHARED}\n}}"
    yield Poison("shared by bind", bound, {"xs": list(range(40))}, "too_large")
    wide = f"flow f(s: string) -> json {{\n on manual\n return {WIDE}\n}}"
    yield Poison("shared in width", wide, {"s": "x" * 1_000}, "too_large")
    lets = f"flow f() -> json {{\n on manual\n {SHARED_LETS}\n return a23\n}}"
    yield Poison("shared by let", lets, {}, "too_large")


def misfits() -> Iterator[Poison]:
    """Json that meets a type it does not fit, wherever that may be."""
    types = {"int": "no", "Email": "no mail", "list<int>": [1, "2"], "{a: int}": {"a": "1"}, '"on" | "off"': "perhaps"}
    for type_, value in types.items():
        inner = f'type T = {type_}\nflow g(n: T) {{\n log(message: "g")\n}}\n' if "|" in type_ or "{" in type_ else ""
        inner = inner or f'flow g(n: {type_}) {{\n log(message: "g")\n}}\n'
        for name, body in {
            "a call": "x = g(n: b)",
            "a start": "x = start g(n: b)",
            "a call in a loop": "for i in [1] max 2 {\n  x = g(n: b)\n }",
        }.items():
            text = f"{inner}flow f(b: json) {{\n on manual\n {body}\n}}"
            yield Poison(f"json for {type_} in {name}", text, {"b": value}, "bad_value")
    text = "flow f(b: json) {\n on manual\n x = whole(n: b)\n}"
    yield Poison("json for an int in an action", text, {"b": "no"}, "bad_arguments")
    text = "flow f(b: json) -> int {\n on manual\n return b\n}"
    yield Poison("json for an int in return", text, {"b": "no"}, "bad_value")


CORPUS = [*times(), *numbers(), *sizes(), *shared(), *misfits()]
