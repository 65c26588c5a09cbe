"""Pictures of flows, with what is known of a run or of the tests laid over them."""

from __future__ import annotations

from dagflow.app.overlays import overlay_of_run
from dagflow.errors import UsageError
from dagflow.execution.results import RunResult
from dagflow.model.flow import Flow
from dagflow.pictures.differences import draw_difference
from dagflow.pictures.marks import NOTHING
from dagflow.pictures.picture import draw_svg
from dagflow.pictures.themes import Theme


def draw(flow: Flow, *, run: RunResult | None = None, before: Flow | None = None, theme: str = "light") -> str:
    """A flow as an SVG document; the same flow always gives the same text.

    Args:
        flow: what is drawn.
        run: lay over it how this run went: by colour, sign and word.
        before: show what has been added, removed and changed since this flow instead.
        theme: `light`, `dark`, or `auto` for what the reader's browser prefers.

    Raises:
        UsageError: there is no such theme, or both a run and an earlier flow are given.
    """
    if theme not in {each.value for each in Theme}:
        raise UsageError(f"unknown theme `{theme}`; use one of {', '.join(each.value for each in Theme)}")
    if before is not None:
        if run is not None:
            raise UsageError("`run` and `before` cannot be combined")
        return draw_difference(before, flow, Theme(theme))
    return draw_svg(flow, NOTHING if run is None else overlay_of_run(flow, run), Theme(theme))
