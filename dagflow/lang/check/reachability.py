"""Reachability: the blocks that always end the run."""

from __future__ import annotations

from collections.abc import Container

from dagflow.lang.syntax import tree as s


def always_ends(statements: tuple[s.Statement, ...], complete: Container[object], *, with_stop: bool) -> bool:
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
            case s.Switch() if statement.otherwise is not None or statement in complete:
                arms = [*(case.block for case in statement.cases), *filter(None, [statement.otherwise])]
                if all(always_ends(arm.statements, complete, with_stop=with_stop) for arm in arms):
                    return True
            case s.Group() if _group_ends(statement, complete, with_stop=with_stop):
                return True
            case _:
                pass
    return False


def _group_ends(group: s.Group, complete: Container[object], *, with_stop: bool) -> bool:
    """Whether a block ends the run, and its `on error` as well; of parallel branches one is enough, unless it may lose a race."""
    handler = group.handler
    if group.first is not None or (
        handler is not None and not always_ends(handler.block.statements, complete, with_stop=with_stop)
    ):
        return False
    statements = group.block.statements
    if group.is_parallel:
        return any(always_ends((branch,), complete, with_stop=with_stop) for branch in statements)
    return always_ends(statements, complete, with_stop=with_stop)


def _if_ends(statement: s.If, complete: Container[object], *, with_stop: bool) -> bool:
    if not always_ends(statement.then.statements, complete, with_stop=with_stop) or statement.otherwise is None:
        return False
    return always_ends(_arm(statement.otherwise), complete, with_stop=with_stop)


def _arm(arm: s.Block | s.If | None) -> tuple[s.Statement, ...]:
    return () if arm is None else (arm,) if isinstance(arm, s.If) else arm.statements
