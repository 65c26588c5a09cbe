"""Pictures as data: the layout that `dagflow graph` draws."""

from __future__ import annotations

from dagflow.app.overlays import overlay_of_run
from dagflow.execution.results import RunResult
from dagflow.model.flow import Flow
from dagflow.pictures.marks import NOTHING, Overlay
from dagflow.pictures.outline import Leaf
from dagflow.pictures.picture import Subject, lay_out
from dagflow.pictures.place import Drawn, Framed, Line
from dagflow.pictures.svg_measure import SvgLooks
from dagflow.web.editor_documents import FrameDocument, LayoutDocument, LineDocument, ShapeDocument


def layout_of(flow: Flow, run: RunResult | None = None) -> LayoutDocument:
    """Lay a flow out; with a run, its shapes have the tones of how it went."""
    overlay = NOTHING if run is None else overlay_of_run(flow, run)
    sheet = lay_out(Subject.of(flow), SvgLooks(), overlay)
    return {
        "flow": flow.name,
        "width": sheet.width,
        "height": sheet.height,
        "shapes": [_shape(each, overlay) for each in sheet.shapes],
        "frames": [_frame(each) for each in sheet.frames],
        "lines": [_line(each) for each in sheet.lines],
    }


def _shape(drawn: Drawn, overlay: Overlay) -> ShapeDocument:
    node, mark = drawn.item.node, overlay.marks.get(drawn.item.key)
    return {
        "key": drawn.item.key,
        "kind": drawn.face.shape.value if isinstance(drawn.item, Leaf) else drawn.item.kind.value,
        "lines": [each.text for each in drawn.face.lines],
        "x": drawn.x,
        "y": drawn.y,
        "width": drawn.face.width,
        "height": drawn.face.height,
        "start": None if node is None else node.span.start,
        "end": None if node is None else node.span.end,
        "tone": None if mark is None else mark.tone.value,
    }


def _frame(framed: Framed) -> FrameDocument:
    return {
        "key": framed.region.key,
        "kind": framed.region.kind.value,
        "lines": [each.text for each in framed.head.lines],
        "x": framed.x,
        "y": framed.y,
        "width": framed.width,
        "height": framed.height,
        "depth": framed.depth,
    }


def _line(line: Line) -> LineDocument:
    return {
        "source": line.link.source.key,
        "target": line.link.target.key,
        "kind": line.link.kind.value,
        "points": [[x, y] for x, y in line.points],
        "label": None if line.label is None else line.label.text,
    }
