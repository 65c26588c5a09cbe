"""What expressions cost: evaluation typed and untyped, and making them, beside other packages where they are installed.

Run with `python -m benchmarks.expressions`. Medians of repeated runs, in microseconds.
"""

from __future__ import annotations

import contextlib
import statistics
import time
import timeit
from collections.abc import Callable, Mapping

from dagflow.expr.emit import compile_cores
from dagflow.expr.infer import Environment, check
from dagflow.lang.parser import parse_expression
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


def reference(text: str) -> Callable[[], object] | None:
    """The evaluation by `cel-expr-python`, with its conversion of fresh values."""
    with contextlib.suppress(Exception):
        from cel_expr_python import cel  # noqa: PLC0415 - may not be installed

        env = cel.NewEnv(variables={"lead": cel.Type.DYN, "now": cel.Type.TIMESTAMP})
        compiled = env.compile(text)
        lead = {**BINDINGS["lead"], "created": BINDINGS["lead"]["created"].to_datetime()}  # type: ignore[dict-item,index]
        data = {"lead": lead, "now": BINDINGS["now"].to_datetime()}  # type: ignore[attr-defined]
        compiled.eval(data=data).plain_value()
        return lambda: compiled.eval(data=data).plain_value()
    return None


def main() -> None:
    """Print the table."""
    print(f"{'expression':24} {'typed':>8} {'untyped':>8} {'cel-expr':>9} {'make':>8}")
    for name, text in EXPRESSIONS.items():
        untyped = ours(text, dict.fromkeys(VARIABLES, JSON))
        other = reference(text)
        shown = f"{micros(other):9.2f}" if other is not None else f"{'-':>9}"
        print(f"{name:24} {micros(ours(text, VARIABLES)):8.2f} {micros(untyped):8.2f} {shown} {micros(make(text), 200):8.0f}")


if __name__ == "__main__":
    main()
