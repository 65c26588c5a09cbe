"""Large flows: draw regions as one shape each, the innermost first, until the picture is legible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dagflow.model.blocks import BlockKind
from dagflow.pictures.outline import Leaf, Outline, Region, regions_of

#: A picture with more shapes is illegible.
MOST_SHAPES: Final = 240
#: Folding fewer gains nothing.
_LEAST: Final = 3


def fold(outline: Outline, most: int = MOST_SHAPES) -> None:
    """Fold regions until at most `most` shapes are left, or until no region can be folded."""
    excess = _drawn(outline.root) - most
    by_depth: dict[int, list[Region]] = {}
    for region in regions_of(outline.root):
        if region.kind not in {BlockKind.ROOT, BlockKind.BODY}:
            by_depth.setdefault(len(outline.around(region)), []).append(region)
    for depth in sorted(by_depth, reverse=True):
        last = 0
        for region in sorted(by_depth[depth], key=_drawn, reverse=True):
            size = _drawn(region)
            # Blocks that are alike are all folded, or a reader looks for a difference that is not there.
            if excess <= 0 and (size != last or depth == 1):
                return
            if size >= _LEAST:
                excess -= size - 1
                _fold(outline, region)
                last = size


def _drawn(region: Region) -> int:
    """How many shapes a region is drawn with."""
    return sum(1 if isinstance(child, Leaf) or child.folded else _drawn(child) for child in region.children)


def _fold(outline: Outline, region: Region) -> None:
    inside = {id(each) for each in regions_of(region)}
    region.folded = tuple(_leaves(region))
    inside |= {id(leaf) for leaf in region.folded}
    region.children = []
    for key, item in list(outline.shown.items()):
        if id(item) in inside:
            outline.shown[key] = region
    for key in [key for key in outline.guarded if outline.shown[key] is region and key != region.key]:
        del outline.guarded[key]
    outline.relate()


def _leaves(region: Region) -> Iterator[Leaf]:
    """All shapes in a region, those of folded ones in it as well."""
    yield from region.folded
    for child in region.children:
        if isinstance(child, Leaf):
            yield child
        else:
            yield from _leaves(child)
