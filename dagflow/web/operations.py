"""Operations: the routes of the application, each with its permission, its types and its function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from dagflow.errors import UsageError
from dagflow.web.access import Permission

#: Answers a `Call` with a document, or with a response of its own.
Handler: TypeAlias = Callable[[Any], Awaitable[object]]


@attrs.frozen(kw_only=True)
class Query:
    """A parameter of a query. `kind`: `string`, `integer` or `boolean`."""

    name: str
    about: str
    kind: str = "string"
    words: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Operation:
    """A route.

    Attributes:
        path: with parameters in braces, as Starlette has them.
        permission: what it needs; an application with an operation that has none is not built.
        answer: the type of its document. body: that of the body, or None.
        media: the media types of the body. stream: whether the answer is a stream of server-sent events.
        status: of the answer.
    """

    method: str
    path: str
    permission: Permission | None
    handler: Handler
    summary: str
    answer: Any = None
    body: Any = None
    media: tuple[str, ...] = ("application/json",)
    query: tuple[Query, ...] = ()
    is_stream: bool = False
    is_raw: bool = False

    @property
    def name(self) -> str:
        """Its name in the OpenAPI document."""
        return self.handler.__name__


class Operations:
    """The operations of one part of the application, in order."""

    def __init__(self) -> None:
        self.all: list[Operation] = []

    def add(
        self,
        method: str,
        path: str,
        permission: Permission | None,
        *,
        answer: Any = None,
        body: Any = None,
        query: Iterable[Query] = (),
        media: Iterable[str] = ("application/json",),
        is_stream: bool = False,
        is_raw: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Return a decorator that makes a function the handler of an operation; its docstring is the summary."""

        def decorate(handler: Handler) -> Handler:
            self.all.append(
                Operation(
                    method=method,
                    path=path,
                    permission=permission,
                    handler=handler,
                    summary=" ".join((handler.__doc__ or "").split()),
                    answer=answer,
                    body=body,
                    media=tuple(media),
                    query=tuple(query),
                    is_stream=is_stream,
                    is_raw=is_raw,
                )
            )
            return handler

        return decorate


def check_policies(operations: Iterable[Operation]) -> None:
    """Raises UsageError: an operation has no permission, so that anyone could call it."""
    for operation in operations:
        if operation.permission is None:
            raise UsageError(
                f"the route {operation.method} {operation.path} must have a permission; use `Permission.PUBLIC` if it needs none"
            )


#: Where a parameter of a path may have slashes.
WITH_SLASHES: Final[Mapping[str, str]] = {"run": "path", "request": "path"}
