"""A flow as a list of its steps, the blocks as branches of a tree: for narrow terminals, and for runs while they go."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dagflow.model.blocks import BlockKind
from dagflow.pictures.canvas import Span
from dagflow.pictures.labels import Style, folded_words, region_words, words_of
from dagflow.pictures.marks import NOTHING, Overlay
from dagflow.pictures.metrics import columns, plain, shortened
from dagflow.pictures.outline import Item, Leaf, LeafKind, Outline, Region


@attrs.frozen
class Branch:
    """A line of the list. `guide`: the branches to the left of it; `words`: the name for people; `more`: further details."""

    item: Item
    guide: str
    words: str
    more: str


def branches(outline: Outline) -> Iterator[Branch]:
    """The steps and blocks of a flow, each after the block around it; the flow itself has no line."""
    yield from _below(outline.root, "")


def _below(region: Region, guide: str) -> Iterator[Branch]:
    children = list(_listed(region))
    for number, child in enumerate(children):
        is_last = number == len(children) - 1
        words, more = _words(child)
        yield Branch(child, f"{guide}{'└ ' if is_last else '├ '}", words, more)
        if isinstance(child, Region):
            yield from _below(child, f"{guide}{'  ' if is_last else '│ '}")


def _listed(region: Region) -> Iterator[Item]:
    """The items of a region; the body of a flow is no block of its own."""
    for child in region.children:
        if isinstance(child, Region) and child.kind is BlockKind.BODY:
            yield from _listed(child)
        elif isinstance(child, Region) or child.kind is LeafKind.STEP:
            yield child


def _words(item: Item) -> tuple[str, str]:
    if isinstance(item, Region) and not item.folded:
        return region_words(item)
    words = words_of(item) if isinstance(item, Leaf) else folded_words(item)
    title = next((text for text, style in words.lines if style in {Style.TITLE, Style.CONDITION}), "")
    return title, " · ".join(text for text, style in words.lines if style not in {Style.TITLE, Style.CONDITION})


def listed(outline: Outline, width: int, overlay: Overlay = NOTHING) -> list[list[Span]]:
    """The list, in lines of at most `width` cells."""
    rows: list[list[Span]] = []
    for each in branches(outline):
        mark = overlay.marks.get(each.item.key)
        spans = [Span(each.guide, is_faint=True), Span(plain(each.words), is_strong=isinstance(each.item, Region))]
        if mark is not None and mark.sign:
            spans.append(Span(f"  {mark.sign} {plain('; '.join(mark.notes))}", mark.tone))
        elif each.more:
            spans.append(Span(f"  {plain(each.more)}", is_faint=True))
        rows.append(_cut(spans, width))
    return rows


def _cut(spans: list[Span], width: int) -> list[Span]:
    found: list[Span] = []
    for span in spans:
        shown = shortened(span.text, width, columns) if width > 0 else ""
        if shown:
            found.append(attrs.evolve(span, text=shown))
        width -= columns(span.text)
    return found
