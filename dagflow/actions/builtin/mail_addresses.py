"""Mail addresses: a mailbox in the notation of people and of mail servers."""

from __future__ import annotations

import re
from email.headerregistry import Address
from typing import Final

import attrs

from dagflow.model.wire.text_forms import ascii_email

_NAMED: Final = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")


@attrs.frozen
class Mailbox:
    """A name, or "", and an address in ASCII."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Mailbox:
        """Read `info@example.com`, `Name <info@example.com>` or `"Name, Inc." <info@example.com>`.

        Raises:
            ValueError: it has none of these forms.
        """
        match = _NAMED.fullmatch(text.strip())
        if match is None:
            return cls("", ascii_email(text.strip()))
        name = match["name"].strip()
        if len(name) >= 2 and name[0] == name[-1] == '"':
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        return cls(name, ascii_email(match["address"].strip()))

    @property
    def domain(self) -> str:
        """Of the address."""
        return self.address.rpartition("@")[2]

    @property
    def header(self) -> Address:
        """As the value of a header; a name that is not ASCII is encoded when it is written (RFC 2047)."""
        return Address(display_name=self.name, addr_spec=self.address)
