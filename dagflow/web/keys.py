"""API keys, in a file beside the store. The file has a hash of each key, so whoever reads it can use none.

A key is 32 random bytes, so a plain hash is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, cast

import attrs
import cattrs
import orjson

from dagflow.clock import Clock, SystemClock
from dagflow.errors import UsageError
from dagflow.web.access import Principal, Role

#: Every key begins so.
PREFIX: Final = "dfk_"
_MOST_BYTES: Final = 16 * 1024 * 1024


@attrs.frozen(kw_only=True)
class ApiKey:
    """A key, without the key itself.

    Attributes:
        id: the public part of the key. digest: SHA-256 of the whole key.
        tenant, role, flows: as of `Principal`.
        comment: of the person who made it. created_at: nanoseconds since 1970 UTC.
    """

    id: str
    digest: str = attrs.field(repr=False)
    tenant: str
    role: Role
    flows: tuple[str, ...] | None = None
    comment: str = ""
    created_at: int = 0

    @property
    def principal(self) -> Principal:
        """The principal that the key stands for."""
        return Principal(self.tenant, self.role, None if self.flows is None else frozenset(self.flows), key=self.id)


class _Locks(Protocol):
    """The part of `fcntl` that is used here."""

    LOCK_EX: int

    def flock(self, descriptor: int, operation: int, /) -> None: ...


@attrs.define(eq=False)
class KeyFile:
    """The keys in a file, which may be changed by another process: a revoked key is refused at the next request.

    Attributes:
        path: of the file; none of it is there before the first key is made.
    """

    path: Path = attrs.field(converter=Path)
    clock: Clock = attrs.field(factory=SystemClock, kw_only=True)
    _known: dict[str, ApiKey] = attrs.field(factory=dict[str, ApiKey], init=False, repr=False)
    _seen: tuple[int, ...] | None = attrs.field(default=None, init=False, repr=False)

    def create(self, principal: Principal, *, comment: str = "") -> str:
        """Make a key, and return it; it cannot be read again.

        Raises:
            UsageError: the file cannot be read or written.
        """
        key_id = secrets.token_hex(6)
        text = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
        flows = None if principal.flows is None else tuple(sorted(principal.flows))
        key = ApiKey(
            id=key_id,
            digest=_digest(text),
            tenant=principal.tenant,
            role=principal.role,
            flows=flows,
            comment=comment[:200],
            created_at=self.clock.now(),
        )
        with self._changing() as keys:
            keys[key_id] = key
        return text

    def keys(self) -> list[ApiKey]:
        """Return all keys, the oldest first. Raises UsageError: the file cannot be read."""
        self._refresh()
        return sorted(self._known.values(), key=lambda key: (key.created_at, key.id))

    def revoke(self, key_id: str) -> None:
        """Remove a key. Raises UsageError: there is none of that id, or the file cannot be read or written."""
        with self._changing() as keys:
            if keys.pop(key_id, None) is None:
                raise UsageError(f"no key {key_id[:40]!r}; `dagflow keys list` lists the keys")

    def principal(self, text: str) -> Principal | None:
        """Return the principal of a key; None if there is no such key. Raises UsageError: the file cannot be read."""
        self._refresh()
        key = self._known.get(text.removeprefix(PREFIX).partition("_")[0]) if text.startswith(PREFIX) else None
        if key is None or not hmac.compare_digest(key.digest, _digest(text)):
            return None
        return key.principal

    def _refresh(self) -> None:
        """Read the file, if it is another one than before."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._known, self._seen = {}, None
            return
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from None
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen != self._seen:
            self._known = {key.id: key for key in self._read()}
            self._seen = seen

    def _read(self) -> Iterable[ApiKey]:
        try:
            with self.path.open("rb") as file:
                return _converter.structure(orjson.loads(file.read(_MOST_BYTES)), tuple[ApiKey, ...])
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from None
        except (orjson.JSONDecodeError, cattrs.BaseValidationError, UsageError, ValueError, TypeError):
            raise self._unreadable("it is no list of keys") from None

    def _unreadable(self, why: str) -> UsageError:
        return UsageError(f"the file of keys {self.path} cannot be read: {why}; move it away, and make new keys")

    @contextmanager
    def _changing(self) -> Generator[dict[str, ApiKey]]:
        """Change the keys, alone: the file is replaced as a whole when the block ends."""
        try:
            with _locked(self.path.with_name(f"{self.path.name}.lock")):
                self._refresh()
                keys = dict(self._known)
                yield keys
                self._write(keys.values())
                self._seen = None
        except OSError as error:
            raise UsageError(f"the file of keys {self.path} cannot be written: {error.strerror or error}") from None

    def _write(self, keys: Iterable[ApiKey]) -> None:
        data = orjson.dumps(_converter.unstructure(list(keys)), option=orjson.OPT_INDENT_2)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold a lock; where the system has none of this kind, two people have to take turns."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:  # pragma: no cover - Windows
        yield
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        cast("_Locks", fcntl).flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


_converter: Final = cattrs.Converter(forbid_extra_keys=True)
