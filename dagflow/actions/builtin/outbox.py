"""Outbox: the folder for messages that are not sent because no server is configured. They can be read there later."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
import orjson

from dagflow.actions.failures import ActionFailed

_NUMBERED: Final = re.compile(r"([0-9]{4,})-.*\.eml", re.ASCII)
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


@attrs.frozen
class Outbox:
    """Writes into `folder`, made on first use; both are for the eyes of their owner only. May be used from several threads and processes at once."""

    folder: Path

    def add_mail(self, label: str, content: bytes) -> Path:
        """Write a mail to a file of its own, numbered in order: `0001-LABEL.eml`.

        Args:
            label: of the operator's choice, never from a flow.
            content: the whole message.

        Raises:
            ActionFailed: the folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = 1 + max(
                (int(found[1]) for path in self.folder.iterdir() if (found := _NUMBERED.fullmatch(path.name))), default=0
            )
            while True:
                path = self.folder / f"{number:04d}-{label}.eml"
                try:
                    descriptor = os.open(path, _FLAGS | os.O_EXCL, 0o600)
                except FileExistsError:
                    number += 1
                    continue
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                return path
        except OSError as error:
            raise self._unwritable(error) from error

    def add_line(self, name: str, values: Mapping[str, object]) -> None:
        """Add one JSON object as a line to the file `name`, which is never from a flow.

        Raises:
            ActionFailed: the folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.folder / name, _FLAGS | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> ActionFailed:
        return ActionFailed(f"cannot write to the outbox {self.folder} ({error.strerror}); set DAGFLOW_OUTBOX", "outbox")
