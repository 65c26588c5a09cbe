"""A way to a Postgres server that is cut when a test wants it: at a byte, in either direction, or behind a pooler."""

from __future__ import annotations

import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import attrs

_NAME = ".s.PGSQL.5432"


@attrs.define(eq=False)
class Way:
    """Forwards connections to the socket in `target`.

    Attributes:
        sent, received: bytes that went to the server, and came from it, since `watch`.
        cut_sent, cut_received: after so many of them the connection is cut; None never. A cut is made once.
        is_pooler: hands out another number of the server's process, as poolers do.
    """

    target: Path
    folder: Path = attrs.field(factory=lambda: Path(tempfile.mkdtemp(prefix="dagflow-way-")))
    sent: int = 0
    received: int = 0
    cut_sent: int | None = None
    cut_received: int | None = None
    is_pooler: bool = False
    _listener: socket.socket = attrs.field(factory=lambda: socket.socket(socket.AF_UNIX))
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def __enter__(self) -> Self:
        self._listener.bind(str(self.folder / _NAME))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        (self.folder / _NAME).unlink()
        self.folder.rmdir()

    def watch(self, sent: int | None = None, received: int | None = None) -> None:
        """Count from here on, and cut there."""
        with self._lock:
            self.sent, self.received, self.cut_sent, self.cut_received = 0, 0, sent, received

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.target / _NAME))
            for source, drain, is_sent in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._forward, args=(source, drain, is_sent), daemon=True).start()

    def _forward(self, source: socket.socket, drain: socket.socket, is_sent: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                n_left, is_cut = self._allowed(len(data), is_sent)
                if self.is_pooler and not is_sent:
                    data = _as_a_pooler(data)
                if n_left:
                    drain.sendall(data[:n_left])
                if is_cut:
                    break
        for end in (source, drain):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()

    def _allowed(self, n: int, is_sent: bool) -> tuple[int, bool]:
        with self._lock:
            before = self.sent if is_sent else self.received
            limit = self.cut_sent if is_sent else self.cut_received
            if is_sent:
                self.sent += n
            else:
                self.received += n
            if limit is None or before + n < limit:
                return n, False
            self.cut_sent = self.cut_received = None
            return limit - before, True


def _as_a_pooler(data: bytes) -> bytes:
    """With another process in BackendKeyData: `K`, a length of 12, the process and a secret."""
    place = data.find(b"K\0\0\0\x0c")
    return data if place < 0 else data[: place + 5] + b"\0\0\x30\x39" + data[place + 9 :]
