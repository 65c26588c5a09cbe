"""W403: a `stop` in a branch of a `parallel`, which ends the whole run and so cancels what the other branches do."""

from __future__ import annotations

import attrs

from dagflow.diagnostic import Edit, Fix, Span
from dagflow.lang.lowering.draft import FlowDraft
from dagflow.lang.syntax import tree as s
from dagflow.lang.syntax.walk import blocks, walk
from dagflow.model.action import Effect


@attrs.frozen
class _Fork:
    """A `parallel`, and what the other branches of it do."""

    word: Span
    others: tuple[s.Statement, ...]


def check_stops(draft: FlowDraft, statements: tuple[s.Statement, ...], fork: _Fork | None = None) -> None:
    """Warn of each `stop` beside which something else may be going on.

    Nothing in a loop can stop the run.
    """
    for statement in statements:
        match statement:
            case s.Stop() if fork is not None:
                _report(draft, statement, fork, None)
            case s.If(otherwise=None, then=s.Block(statements=(s.Stop() as stop,))) if fork is not None:
                # Alone among the branches it would be a filter that guards nothing.
                _report(draft, stop, fork, _as_filter(draft, statement) if len(statements) > 1 else None)
            case s.Group(is_parallel=True):
                branches = statement.block.statements
                for number, branch in enumerate(branches):
                    others = branches[:number] + branches[number + 1 :]
                    check_stops(draft, (branch,), _Fork(statement.word, others))
                if statement.handler is not None:
                    check_stops(draft, statement.handler.block.statements, fork)
            case s.For():
                pass
            case _:
                for block in blocks(statement):
                    check_stops(draft, block, fork)


def _as_filter(draft: FlowDraft, statement: s.If) -> Fix:
    condition = draft.text(statement.condition.span)
    meant = f"filter !({condition})"
    return Fix(f"`{meant}`", is_safe=False, edits=(Edit(statement.span, meant),))


def _report(draft: FlowDraft, stop: s.Stop, fork: _Fork, fix: Fix | None) -> None:
    name = next((each for other in walk(fork.others) if (each := _effect(draft, other))), "")
    label = f"inside `parallel` (line {draft.line(fork.word)}); {f'`{name}`' if name else 'other steps'} may be half done"
    draft.report(
        "W403", "`stop` here cancels the other branches", stop.word, label, "use `filter` to end only this branch", fix
    )


def _effect(draft: FlowDraft, statement: s.Statement) -> str:
    """The name of a step that does something to the world."""
    if not isinstance(statement, s.CallStep):
        return ""
    spec = draft.declarations.actions.get(statement.call.callee.text)
    name = statement.name or statement.call.callee
    return "" if spec is not None and spec.effect is Effect.PURE else name.text
