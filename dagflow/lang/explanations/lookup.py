"""Finds the page about a code."""

from __future__ import annotations

from functools import cache

from dagflow.lang.explanations import bounds, graphs, names, syntax, testing, types, values
from dagflow.lang.explanations.page import Explanation, read_pages


def explanation(code: str) -> Explanation | None:
    """The page about a code such as `E301`; None if no diagnostic has this code."""
    return _pages().get(code)


def all_codes() -> tuple[str, ...]:
    """Every code a diagnostic can have: errors, then notes, then warnings, each by number."""
    return tuple(_pages())


@cache
def _pages() -> dict[str, Explanation]:
    texts = (syntax.PAGES, names.PAGES, types.PAGES, values.PAGES, graphs.PAGES, bounds.PAGES, testing.PAGES)
    pages = (page for text in texts for page in read_pages(text))
    return {page.code: page for page in sorted(pages, key=lambda page: page.code)}
