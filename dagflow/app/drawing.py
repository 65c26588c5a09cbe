"""Pictures of flows, with the results of a run or of the tests laid over them."""

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
    """Draw a flow as an SVG document; the same flow always has the same text.

    Args:
        flow: the flow to draw.
        run: lay over it how this run went: by colour, sign and word.
        before: show additions, removals and changes since this flow instead.
        theme: `light`, `dark`, or `auto` for the preference of the reader's browser.

    Raises:
        UsageError: there is no such theme, or both `run` and `before` are set.
    """
    if theme not in {each.value for each in Theme}:
        raise UsageError(f"unknown theme `{theme}`; use one of {', '.join(each.value for each in Theme)}")
    if before is not None:
        if run is not None:
            raise UsageError("`run` and `before` cannot be combined")
        return draw_difference(before, flow, Theme(theme))
    return draw_svg(flow, NOTHING if run is None else overlay_of_run(flow, run), Theme(theme))
