"""W403: a `stop` in a branch of a `parallel`, which ends the whole run and so cancels the other branches."""

from __future__ import annotations

import attrs

from dagflow.diagnostic import Edit, Fix
from dagflow.lang.lowering.builder import FlowBuilder
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.walk import blocks, walk
from dagflow.model.action import Effect


@attrs.frozen
class _Fork:
    """A branch of a `parallel`, by its number."""

    group: s.Group
    branch: int

    @property
    def others(self) -> tuple[s.Statement, ...]:
        """The other branches."""
        branches = self.group.block.statements
        return branches[: self.branch] + branches[self.branch + 1 :]


def lint_stops(builder: FlowBuilder, statements: tuple[s.Statement, ...], fork: _Fork | None = None) -> None:
    """Warn of each `stop` beside which something else may be going on.

    Nothing in a loop can stop the run.
    """
    for statement in statements:
        match statement:
            case s.Stop() if fork is not None:
                _report(builder, statement, fork, None)
            case s.If(otherwise=None, then=s.Block(statements=(s.Stop() as stop,))) if fork is not None:
                # Alone among the branches it would be a filter that guards nothing.
                _report(builder, stop, fork, _as_filter(builder, statement) if len(statements) > 1 else None)
            case s.Group(is_parallel=True):
                for number, branch in enumerate(statement.block.statements):
                    lint_stops(builder, (branch,), _Fork(statement, number))
                if statement.handler is not None:
                    lint_stops(builder, statement.handler.block.statements, fork)
            case s.For():
                pass
            case _:
                for block in blocks(statement):
                    lint_stops(builder, block, fork)


def _as_filter(builder: FlowBuilder, statement: s.If) -> Fix:
    condition = builder.text(statement.condition.span)
    meant = f"filter !({condition})"
    return Fix(f"`{meant}`", is_safe=False, edits=(Edit(statement.span, meant),))


def _report(builder: FlowBuilder, stop: s.Stop, fork: _Fork, fix: Fix | None) -> None:
    name = next((each for other in walk(fork.others) if (each := _effect(builder, other))), "")
    label = (
        f"inside `parallel` (line {builder.line(fork.group.word)}); {f'`{name}`' if name else 'other steps'} may be half done"
    )
    builder.report(
        "W403", "`stop` here cancels the other branches", stop.word, label, "use `filter` to end only this branch", fix
    )


def _effect(builder: FlowBuilder, statement: s.Statement) -> str:
    """The name of a step that does something to the world."""
    if not isinstance(statement, s.CallStep):
        return ""
    spec = builder.declarations.actions.get(statement.call.callee.text)
    name = statement.name or statement.call.callee
    return "" if spec is not None and spec.effect is Effect.PURE else name.text
