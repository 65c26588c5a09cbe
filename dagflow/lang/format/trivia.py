"""Trivia between the tokens of a text: comments and blank lines. The parser never sees them; the formatter keeps them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dagflow.lang.syntax.lexer import Token


@attrs.frozen
class Comment:
    """A comment without the blanks around it.

    Attributes:
        text: from its `//` on.
        is_trailing: whether it stands behind a token on that token's line.
        has_blank: whether a blank line stands before it.
    """

    text: str
    is_trailing: bool
    has_blank: bool


@attrs.frozen
class Gap:
    """The trivia before a token: comments, and whether a blank line stands between them and the token."""

    comments: tuple[Comment, ...]
    has_blank: bool

    @property
    def trailing(self) -> Comment | None:
        """The comment that belongs to the line before."""
        return self.comments[0] if self.comments and self.comments[0].is_trailing else None

    @property
    def own_lines(self) -> tuple[Comment, ...]:
        """The comments on lines of their own."""
        return self.comments[1:] if self.trailing is not None else self.comments


def find_gaps(text: str, tokens: Sequence[Token]) -> dict[int, Gap]:
    """The gaps that hold a comment or a blank line, by the index of the token behind; the end of the text is the token behind the last.

    A comment runs to the end of its line, so only tokens that begin a line can have one before them.
    """
    gaps: dict[int, Gap] = {}
    end = 0
    for i, token in enumerate(tokens):
        if token.starts_line:
            between = text[end : token.start]
            if "//" in between or between.count("\n") > 1:
                gaps[i] = _gap(between, is_first=i == 0)
        end = token.end
    if "//" in text[end:]:
        gaps[len(tokens)] = _gap(text[end:] + "\n", is_first=not tokens)
    return gaps


def _gap(between: str, *, is_first: bool) -> Gap:
    comments: list[Comment] = []
    has_blank = False
    *lines, _ = between.split("\n")
    for number, line in enumerate(lines):
        content = line.strip()
        if content:
            comments.append(Comment(content, is_trailing=number == 0 and not is_first, has_blank=has_blank))
            has_blank = False
        elif number or is_first:
            has_blank = True
    return Gap(tuple(comments), has_blank)
