"""The URL of a Postgres store: that of libpq, with the schema of the tables as a parameter of ours."""

from __future__ import annotations

import hashlib
import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import attrs

from dagflow.errors import StoreError

_SCHEMA: Final = "dagflow"
#: Postgres has `pg_` for itself.
_NAME: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")


@attrs.frozen
class Address:
    """A database, and the schema in it.

    Attributes:
        url: for libpq; it may contain a password.
        schema: the schema with the tables of dagflow.
        shown: the same without the password, for messages.
    """

    url: str = attrs.field(repr=False)
    schema: str
    shown: str

    @property
    def lock(self) -> int:
        """The number of the advisory lock that the driver of this schema holds."""
        return int.from_bytes(hashlib.sha256(f"dagflow/{self.schema}".encode()).digest()[:8], signed=True)


def address_of(url: str) -> Address:
    """Read the URL of a store.

    Raises:
        StoreError: its port or its `schema` does not fit.
    """
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True)
        # The port is converted when it is asked for.
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        # The message of the error may show a part of the password.
        raise StoreError(
            "a Postgres store must have a URL such as postgresql://user:password@host:5432/database; "
            "write `/`, `:`, `@` and `%` of a password as %2F, %3A, %40 and %25"
        ) from None
    schema = dict(options).get("schema", _SCHEMA)
    if not _NAME.fullmatch(schema):
        raise StoreError(
            f"`schema` of a Postgres store must have small letters, digits and `_` only, 63 at most, and not begin with `pg_`; got {schema!r}"
        )
    rest = urlencode([(name, value) for name, value in options if name != "schema"], quote_via=quote)
    user = f"{parts.username}@" if parts.username else ""
    shown = f"postgresql://{user}{parts.hostname or ''}{port}{parts.path}"
    return Address(urlunsplit(parts._replace(query=rest)), schema, shown if schema == _SCHEMA else f"{shown}?schema={schema}")


def channel_of(listener: str) -> str:
    """The channel on which the driver of a schema hears of new calls, and a client of the answer to its call; the server has `md5` too."""
    return f"dagflow_{hashlib.md5(listener.encode(), usedforsecurity=False).hexdigest()}"
