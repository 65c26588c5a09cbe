"""What expressions cost: evaluation typed and untyped, and making them, beside other packages where they are installed.

Run with `python -m benchmarks.expressions`. Medians of repeated runs, in microseconds of processor time, as a table.
"""

from __future__ import annotations

import contextlib
import platform
import statistics
import time
import timeit
from collections.abc import Callable, Mapping
from importlib import metadata

from dagflow.expr.checker.checker import Environment, check
from dagflow.expr.codegen.emit import compile_cores
from dagflow.lang.syntax.parser import parse_expression
from dagflow.model.types import (
    BOOL,
    INT,
    JSON,
    STRING,
    TIMESTAMP,
    Field,
    ListType,
    RecordType,
    Type,
)
from dagflow.model.values import Timestamp

LEAD = RecordType(
    "Lead",
    (
        Field("status", STRING),
        Field("score", INT),
        Field("email", STRING),
        Field("active", BOOL),
        Field("tags", ListType(STRING)),
        Field("scores", ListType(INT)),
        Field("created", TIMESTAMP),
    ),
)
VARIABLES: Mapping[str, Type] = {"lead": LEAD, "now": TIMESTAMP}
BINDINGS: Mapping[str, object] = {
    "lead": {
        "status": "proposal_created",
        "score": 70,
        "email": "ann@example.com",
        "active": True,
        "tags": ["a", "vip"],
        "scores": list(range(1, 11)),
        "created": Timestamp(1_700_000_000_000_000_000),
    },
    "now": Timestamp(1_800_000_000_000_000_000),
}
EXPRESSIONS = {
    "comparison": 'lead.status == "proposal_created"',
    "logic": 'lead.active && (lead.email.endsWith("@example.com") || "vip" in lead.tags)',
    "all over 10": "lead.scores.all(x, x > 0)",
    "filter and map over 10": "lead.scores.filter(x, x % 2 == 0).map(x, x * 2)",
    "time": "now - lead.created > duration('48h')",
    "text": '"Proposal for ${lead.email}"',
}
#: The same in CEL alone, where dagflow's own form differs.
CEL_TEXTS = {"text": '"Proposal for " + lead.email'}


def micros(function: Callable[[], object], number: int = 2_000) -> float:
    """The median cost of one call, in processor time: other work on the machine counts for less."""
    runs = timeit.repeat(function, number=number, repeat=9, timer=time.process_time)
    return statistics.median(runs) / number * 1e6


def ours(text: str, variables: Mapping[str, Type]) -> Callable[[], object]:
    """The evaluation of one expression on plain values."""
    tree, _ = parse_expression(text)
    (run,) = compile_cores([check(tree, Environment(variables=variables, source=text)).core])
    return lambda: run(BINDINGS)


def make(text: str) -> Callable[[], object]:
    """Parsing, checking and emitting one expression."""

    def work() -> object:
        tree, _ = parse_expression(text)
        return compile_cores([check(tree, Environment(variables=VARIABLES, source=text)).core])

    return work


def plain_lead() -> dict[str, object]:
    """The same lead with Python's own instants, as other packages take it."""
    created = BINDINGS["lead"]["created"].to_datetime()  # type: ignore[index]
    return {**BINDINGS["lead"], "created": created}  # type: ignore[dict-item]


def plain_now() -> object:
    """The same `now` as Python's own instant."""
    return BINDINGS["now"].to_datetime()  # type: ignore[attr-defined]


def by_cel_expr_python(text: str) -> Callable[[], object]:
    """Google's C++ engine, with its conversion of fresh values."""
    from cel_expr_python import cel  # noqa: PLC0415 - may not be installed

    compiled = cel.NewEnv(variables={"lead": cel.Type.DYN, "now": cel.Type.TIMESTAMP}).compile(text)
    data = {"lead": plain_lead(), "now": plain_now()}
    return lambda: compiled.eval(data=data).plain_value()


def by_cel_python(text: str) -> Callable[[], object]:
    """Cloud Custodian's evaluator in Python; its values are converted once, outside the measurement."""
    import celpy  # noqa: PLC0415 - may not be installed

    environment = celpy.Environment()
    program = environment.program(environment.compile(text))
    data = {"lead": celpy.json_to_cel(plain_lead()), "now": celpy.celtypes.TimestampType(plain_now())}
    return lambda: program.evaluate(data)


def by_common_expression_language(text: str) -> Callable[[], object]:
    """The engine in Rust, compiled once, with its conversion of fresh values."""
    import cel  # noqa: PLC0415 - may not be installed

    program = cel.compile(text)
    data = {"lead": plain_lead(), "now": plain_now()}
    return lambda: program.execute(data)


#: What is measured beside, by the name of the distribution.
PEERS: Mapping[str, Callable[[str], Callable[[], object]]] = {
    "cel-expr-python": by_cel_expr_python,
    "cel-python": by_cel_python,
    "common-expression-language": by_common_expression_language,
}


def beside(peer: str, text: str) -> str:
    """The cost of one expression in another package; a dash where it is not installed or does not take the expression."""
    with contextlib.suppress(Exception):
        work = PEERS[peer](text)
        work()
        return f"{micros(work, 500):.2f}"
    return "-"


def versions() -> str:
    """What was measured, with versions."""
    found = [f"{name} {metadata.version(name)}" for name in PEERS if _is_installed(name)]
    return ", ".join([f"dagflow {metadata.version('dagflow')}", f"Python {platform.python_version()}", *found])


def _is_installed(name: str) -> bool:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return bool(metadata.version(name))
    return False


def main() -> None:
    """Print the table."""
    print(f"| expression | typed | untyped | {' | '.join(PEERS)} | make |")
    print("|---|" + "--:|" * (3 + len(PEERS)))
    for name, text in EXPRESSIONS.items():
        untyped = ours(text, dict.fromkeys(VARIABLES, JSON))
        # The text with a hole is no CEL: what CEL has for it is `+`.
        others = [beside(peer, CEL_TEXTS.get(name, text)) for peer in PEERS]
        typed = micros(ours(text, VARIABLES))
        print(f"| {name} | {typed:.2f} | {micros(untyped):.2f} | {' | '.join(others)} | {micros(make(text), 200):.0f} |")
    print(f"\n{versions()}.")


if __name__ == "__main__":
    main()
