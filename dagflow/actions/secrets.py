"""Where the content of secrets comes from, and how it is kept out of everything but the call."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import quote, quote_plus

import attrs

from dagflow.model.plain import is_dict, is_list

_PREFIX: Final = "DAGFLOW_SECRET_"
#: A shorter content appears in any text by chance; a message with it is hidden whole.
_MIN_LENGTH: Final = 4


class SecretSource(Protocol):
    """Knows the content of secrets by name."""

    def get(self, name: str) -> str | None:
        """The content, or None if there is no such secret."""
        ...

    def advice(self, name: str) -> str:
        """What the operator has to do to add the secret of that name."""
        ...


@attrs.frozen
class EnvironmentSecrets:
    """Secrets from environment variables: `slack_token` is `DAGFLOW_SECRET_SLACK_TOKEN`.

    `environment` stands in for the process's own, which is read at every call and never copied.
    """

    environment: Mapping[str, str] | None = attrs.field(default=None, repr=False)

    def get(self, name: str) -> str | None:
        """See `SecretSource.get`."""
        environment = os.environ if self.environment is None else self.environment
        return environment.get(_PREFIX + name.upper())

    def advice(self, name: str) -> str:
        """See `SecretSource.advice`."""
        return f"set the environment variable {_PREFIX}{name.upper()}"


@attrs.define(eq=False)
class Redactor:
    """Remembers what was revealed to one call and takes it out of whatever leaves the call."""

    _contents: dict[str, str] = attrs.field(factory=dict, init=False, repr=False)

    def add(self, name: str, content: str) -> None:
        """Remember a content."""
        if content:
            self._contents[name] = content

    @property
    def is_needed(self) -> bool:
        """Whether anything was revealed."""
        return bool(self._contents)

    def text(self, text: str) -> str:
        """The text with every spelling of every content replaced by `[secret NAME]`."""
        for name, content in sorted(self._contents.items(), key=lambda item: -len(item[1])):
            if len(content) < _MIN_LENGTH:
                if content in text:
                    return f"(hidden, it contains the secret `{name}`)"
                continue
            for spelling in _spellings(content):
                text = text.replace(spelling, f"[secret {name}]")
        return text

    def value(self, value: object) -> object:
        """The value, in stored form, with `text` applied to all its texts."""
        match value:
            case str():
                return self.text(value)
            case bytes():
                return self.text(value.decode("latin-1")).encode("latin-1", "replace")
            case _ if is_list(value):
                return [self.value(element) for element in value]
            case _ if is_dict(value):
                return {self.value(key): self.value(member) for key, member in value.items()}
            case _:
                return value


def _spellings(content: str) -> list[str]:
    raw = content.encode()
    encoded = [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex(), raw.hex().upper()]
    escaped = [json.dumps(content)[1:-1], json.dumps(content, ensure_ascii=False)[1:-1], repr(content)[1:-1]]
    quoted = [quote(content, safe=""), quote(content), quote_plus(content)]
    unique = dict.fromkeys([content, *escaped, *quoted, *encoded, *(code.rstrip("=") for code in encoded[:2])])
    return sorted(unique, key=len, reverse=True)
