"""The address at which the process that drives a store listens: a Unix socket beside the file."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

#: Bytes of an address, at most; see unix(7).
_MOST_BYTES: Final = 107
_DESCRIPTORS: Final = Path("/proc/self/fd")


def socket_of(store: str | os.PathLike[str]) -> Path:
    """The path of the socket of a store, by whatever name the store is called."""
    place = Path(os.path.realpath(store))
    return place.with_name(f"{place.name}.sock")


@contextmanager
def reachable(path: Path) -> Generator[str]:
    """The address of a socket; where the path is too long for one, by a descriptor of its directory.

    Raises:
        OSError: the directory cannot be opened, or this system has no way to shorten the path.
    """
    if len(os.fsencode(path)) <= _MOST_BYTES:
        yield str(path)
        return
    if not _DESCRIPTORS.is_dir():
        raise OSError(f"the path of the socket has more than {_MOST_BYTES} bytes: {path}")
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(_DESCRIPTORS / str(directory) / path.name)
    finally:
        os.close(directory)


def is_supported() -> bool:
    """Whether this system has Unix sockets."""
    return hasattr(socket, "AF_UNIX")
