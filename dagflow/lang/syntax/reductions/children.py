"""The children of a rule while the tree is built: tokens and finished parts, found by type."""

from __future__ import annotations

from typing import Any, TypeVar

from dagflow.diagnostic import Span
from dagflow.lang.syntax.lexer import Token
from dagflow.lang.syntax.tree import Ident

T = TypeVar("T")


class Children(list[object]):
    """A list of children."""

    @property
    def span(self) -> Span:
        """From the first child to the last."""
        first, last = self[0], self[-1]
        return Span(
            first.start if type(first) is Token else first.span.start,  # type: ignore[attr-defined]  # every finished part has one
            last.end if type(last) is Token else last.span.end,  # type: ignore[attr-defined]
        )

    def tokens(self, kind: str) -> list[Token]:
        """The direct tokens of a terminal."""
        return [child for child in self if isinstance(child, Token) and child.type == kind]

    def word(self, index: int) -> str:
        """The text of the child at a place if it is a token, else ""."""
        child = self[index] if index < len(self) else None
        return child.text if isinstance(child, Token) else ""

    def token(self, kind: str) -> Token:
        """The first direct token of a terminal, which the rule guarantees."""
        for child in self:
            if isinstance(child, Token) and child.type == kind:
                return child
        raise AssertionError(kind)  # pragma: no cover - the rule guarantees it

    def has_word(self, word: str) -> bool:
        """Whether a direct token reads so."""
        return any(isinstance(child, Token) and child.text == word for child in self)

    def texts(self, kind: str) -> list[str]:
        """The texts of the tokens of a terminal."""
        return [token.text for token in self.tokens(kind)]

    def all(self, kind: type[T] | Any) -> list[Any]:
        """The children of a type, or of one of the types of a union."""
        kinds = getattr(kind, "__args__", kind)  # of a union its members, for which `isinstance` is quicker
        return [child for child in self if isinstance(child, kinds)]

    def maybe(self, kind: type[T] | Any) -> Any:
        """The first child of a type, or None."""
        kinds = getattr(kind, "__args__", kind)
        for child in self:
            if isinstance(child, kinds):
                return child
        return None

    def one(self, kind: type[T] | Any) -> Any:
        """The first child of a type, which the rule guarantees."""
        found = self.maybe(kind)
        assert found is not None  # noqa: S101 - the rule guarantees it
        return found

    def ident(self) -> Ident:
        """The first name that is not a keyword of the rule."""
        name = self.token("IDENT")
        return Ident(name.span, name.text)

    def field_name(self) -> Ident:
        """The name of a field, that begins the rule: plain, or in backquotes."""
        name = self[0]
        assert isinstance(name, Token)  # noqa: S101 - the rule says so
        return Ident(name.span, name.text.strip("`") if name.type == "QUOTED" else name.text)

    def idents(self) -> list[Ident]:
        """The names among the direct tokens; a keyword read as such has been renamed by the parser."""
        return [Ident(token.span, token.text) for token in self.tokens("IDENT")]
