"""Which blocks always end the run, and what is certain behind them therefore."""

from __future__ import annotations

from collections.abc import Container

from dagflow.lang import syntax as s
from dagflow.lang.presence import ALWAYS, Condition


def always_ends(statements: tuple[s.Statement, ...], complete: Container[int], *, with_stop: bool) -> bool:
    """Whether every way through a block ends in `return` or `fail`, or with `with_stop` in `stop`.

    A `filter` without such an `else` lets one way past. `complete`: by identity, each `switch` whose cases cover every value.
    """
    for statement in statements:
        match statement:
            case s.Return() | s.Fail():
                return True
            case s.Stop() if with_stop:
                return True
            case s.Filter():
                if statement.otherwise is None or not always_ends(
                    statement.otherwise.statements, complete, with_stop=with_stop
                ):
                    return False
            case s.If() if _if_ends(statement, complete, with_stop=with_stop):
                return True
            case s.Switch() if statement.otherwise is not None or id(statement) in complete:
                arms = [*(case.block for case in statement.cases), *filter(None, [statement.otherwise])]
                if all(always_ends(arm.statements, complete, with_stop=with_stop) for arm in arms):
                    return True
            case s.Group() if statement.handler is None and not statement.is_parallel:
                if always_ends(statement.block.statements, complete, with_stop=with_stop):
                    return True
            case _:
                pass
    return False


def _if_ends(statement: s.If, complete: Container[int], *, with_stop: bool) -> bool:
    if not always_ends(statement.then.statements, complete, with_stop=with_stop) or statement.otherwise is None:
        return False
    return always_ends(_arm(statement.otherwise), complete, with_stop=with_stop)


def _arm(arm: s.Block | s.If | None) -> tuple[s.Statement, ...]:
    return () if arm is None else (arm,) if isinstance(arm, s.If) else arm.statements


def implied_by_if(statement: s.If, gate: str, complete: Container[int]) -> Condition:
    """What is certain behind an `if` of which one arm ends the run: the other outcome."""
    then_ends = always_ends(statement.then.statements, complete, with_stop=True)
    else_ends = always_ends(_arm(statement.otherwise), complete, with_stop=True)
    if then_ends == else_ends:
        return ALWAYS
    return frozenset({(gate, 0 if then_ends else 1)})


def implied_by_switch(statement: s.Switch, gate: str, n_outcomes: int, complete: Container[int]) -> Condition:
    """What is certain behind a `switch` of which all arms but one end the run."""
    arms = [case.block.statements for case in statement.cases]
    if statement.otherwise is not None:
        arms.append(statement.otherwise.statements)
    going_on = [i for i in range(n_outcomes) if i >= len(arms) or not always_ends(arms[i], complete, with_stop=True)]
    return frozenset({(gate, going_on[0])}) if len(going_on) == 1 and n_outcomes > 1 else ALWAYS


def implied_by_wait(statement: s.WaitEventStep, node: str, complete: Container[int]) -> Condition:
    """What is certain behind a `wait event` whose `else` ends the run: the event came."""
    otherwise = statement.otherwise
    if otherwise is None or not always_ends(otherwise.statements, complete, with_stop=True):
        return ALWAYS
    return frozenset({(node, 1)})


def implied_by_handler(handler: s.Handler, catch: str, complete: Container[int]) -> Condition:
    """What is certain behind a block whose `on error` ends the run: nothing in it failed."""
    return frozenset({(catch, 0)}) if always_ends(handler.block.statements, complete, with_stop=True) else ALWAYS
