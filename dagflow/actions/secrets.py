"""Secrets: the source of their contents, and their redaction from everything but the call."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol, cast, runtime_checkable
from urllib.parse import quote, quote_plus

import attrs

from dagflow.actions.failures import ActionFailed
from dagflow.errors import UsageError
from dagflow.model.action import ActionSpec
from dagflow.model.destinations import SecretSpec
from dagflow.model.typeguards import is_dict, is_list

_PREFIX: Final = "DAGFLOW_SECRET_"
_BINDING: Final = re.compile(_PREFIX + r"(\w+)_(HOSTS|ACTIONS)", re.ASCII)
#: A shorter content occurs in other texts by chance: it is redacted as a whole word from messages, and not from values.
_MIN_LENGTH: Final = 8
#: The number of characters that are read of a text whose beginning is shown.
_MOST_READ: Final = 32_768


class SecretSource(Protocol):
    """Returns the content of secrets by name."""

    def get(self, name: str) -> str | None:
        """The content, or None if there is no such secret."""
        ...

    def advice(self, name: str) -> str:
        """The advice for an operator on how to add the secret of that name."""
        ...


@runtime_checkable
class BindsSecrets(Protocol):
    """A source that also binds secrets to hosts and actions; `EnvironmentSecrets` is one."""

    def bindings(self) -> Mapping[str, SecretSpec]:
        """The bindings by the names of the secrets. Raises UsageError: one of them is not valid."""
        ...


@runtime_checkable
class NamesSecrets(Protocol):
    """A source that can list its secrets; `EnvironmentSecrets` is one."""

    def names(self) -> Collection[str]:
        """The names of all its secrets."""
        ...


@attrs.frozen
class EnvironmentSecrets:
    """Secrets from environment variables: `slack_token` is `DAGFLOW_SECRET_SLACK_TOKEN`.

    `environment` replaces the environment of the process, which is read at every call and never copied.
    """

    environment: Mapping[str, str] | None = attrs.field(default=None, repr=False)

    def get(self, name: str) -> str | None:
        """See `SecretSource.get`."""
        environment = os.environ if self.environment is None else self.environment
        return environment.get(_PREFIX + name.upper())

    def advice(self, name: str) -> str:
        """See `SecretSource.advice`."""
        return f"set the environment variable {_PREFIX}{name.upper()}"

    def names(self) -> frozenset[str]:
        """See `NamesSecrets.names`: each variable `DAGFLOW_SECRET_…` that is no binding."""
        environment = os.environ if self.environment is None else self.environment
        variables = (each for each in environment if each.startswith(_PREFIX) and _BINDING.fullmatch(each) is None)
        return frozenset(each.removeprefix(_PREFIX).lower() for each in variables)

    def bindings(self) -> Mapping[str, SecretSpec]:
        """See `BindsSecrets.bindings`: `DAGFLOW_SECRET_SLACK_TOKEN_HOSTS` and `…_ACTIONS`, with commas between."""
        environment = os.environ if self.environment is None else self.environment
        found: dict[str, dict[str, list[str]]] = {}
        for variable, value in environment.items():
            match = _BINDING.fullmatch(variable) if variable.startswith(_PREFIX) else None
            if match is not None:
                parts = [part.strip() for part in value.split(",") if part.strip()]
                found.setdefault(match[1].lower(), {})[match[2]] = parts
        return {name: _spec(name, parts) for name, parts in found.items()}


def _spec(name: str, parts: Mapping[str, list[str]]) -> SecretSpec:
    try:
        return SecretSpec.of(parts.get("HOSTS", ()), parts.get("ACTIONS", ()))
    except ValueError as error:
        raise UsageError(f"{_PREFIX}{name.upper()}_HOSTS: {error}") from None


class _NoSecrets:
    """The source of a tenant's secrets, beside those that its policy has."""

    def get(self, name: str) -> str | None:  # noqa: ARG002 - of the protocol
        """See `SecretSource.get`."""
        return None

    def advice(self, name: str) -> str:
        """See `SecretSource.advice`."""
        return f"add `{name}` to the secrets of the tenant's policy"


@attrs.frozen(eq=False)
class Vault:
    """The secrets of a catalogue: contents and bindings. Bindings by the host override those of its source."""

    _source: SecretSource
    _bindings: Mapping[str, SecretSpec] = attrs.field(factory=dict[str, SecretSpec])
    _contents: Mapping[str, str | Callable[[], str]] = attrs.field(factory=dict[str, "str | Callable[[], str]"], repr=False)

    def bindings(self) -> Mapping[str, SecretSpec]:
        """The bindings of secrets, by name; unbound ones are missing. Raises UsageError."""
        said: Mapping[str, SecretSpec] = {}
        if isinstance(self._source, BindsSecrets):
            said = self._source.bindings()
        return {**said, **self._bindings}

    def names(self) -> frozenset[str]:
        """The names of the secrets that are known: bound, with a content of their own, or listed by the source. Raises UsageError."""
        listed = self._source.names() if isinstance(self._source, NamesSecrets) else ()
        return frozenset({*self.bindings(), *self._contents, *listed})

    def reveal(self, name: str, spec: ActionSpec, address: str | None) -> str:
        """Return the content, for a call of that action with that address.

        Raises:
            ActionFailed: there is no such secret, or this call may not receive it.
        """
        bound = self.bindings().get(name, SecretSpec())
        refusal = bound.refusal(spec.name, takes_address=bool(spec.destination), address=address or "")
        if refusal is not None:
            advice = f"the host binds it by `catalog.secret` or {_PREFIX}{name.upper()}_HOSTS"
            raise ActionFailed(f"the secret `{name}` {refusal}; {advice}", "secret_refused", fatal=True)
        content = self.content(name)
        if content is None:
            raise ActionFailed(f"there is no secret `{name}`; {self._source.advice(name)}", "no_such_secret", fatal=True)
        return content

    def of_tenant(self, contents: Mapping[str, str | Callable[[], str]]) -> Vault:
        """The vault of a tenant: its contents and no others, with the bindings of the host."""
        return Vault(_NoSecrets(), self.bindings(), contents)

    def content(self, name: str) -> str | None:
        """The content, or None if there is no such secret. Raises ActionFailed: its source returned something else."""
        known = self._contents.get(name)
        content = known() if callable(known) else known if known is not None else self._source.get(name)
        if not isinstance(cast("object", content), str | None):
            raise ActionFailed(f"the content of the secret `{name}` must be a text", "no_such_secret", fatal=True)
        return content


@attrs.define(eq=False)
class Redactor:
    """Redacts contents of secrets from all output: failures, logs, tracebacks, the display of runs.

    Values that flows compute with never change.
    """

    _contents: dict[str, str] = attrs.field(factory=dict, init=False, repr=False)
    _patterns: list[tuple[int, re.Pattern[str], str]] | None = attrs.field(default=None, init=False, repr=False)

    def add(self, name: str, content: str) -> None:
        """Add a content."""
        if content:
            self._contents[name] = content
            self._patterns = None

    @property
    def is_needed(self) -> bool:
        """Whether it has any contents."""
        return bool(self._contents)

    def beginning(self, text: str, most: int) -> str:
        """The redacted beginning of a text that may be huge: redacted before it is cut, so that no half of a content stays."""
        redacted = self.text(text[:_MOST_READ])
        if len(text) > _MOST_READ:
            # The end may be half a content, which no pattern would recognise.
            longest = max((len(each) for content in self._contents.values() for each in _spellings(content)), default=0)
            redacted = redacted[: max(0, len(redacted) - longest)]
        return redacted if len(redacted) <= most and len(text) <= _MOST_READ else redacted[: most - 1] + "…"

    def text(self, text: str) -> str:
        """The text of a message, in which `[secret NAME]` replaces every spelling of every content."""
        return self._without(text, 1)

    def value(self, value: object) -> object:
        """A redacted JSON value for display; only long contents are replaced, since short ones occur in data by chance."""
        if isinstance(value, str):
            return self._without(value, _MIN_LENGTH)
        if is_list(value):
            return [self.value(element) for element in value]
        if is_dict(value):
            return {self.value(key): self.value(member) for key, member in value.items()}
        return value

    def _without(self, text: str, least: int) -> str:
        if not self._contents:
            return text
        if self._patterns is None:
            self._patterns = [(len(content), _pattern(content), name) for name, content in _longest_first(self._contents)]
        for length, pattern, name in self._patterns:
            if length >= least:
                text = pattern.sub(f"[secret {name}]", text)
        return text


def _longest_first(contents: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(((name, content) for name, content in contents.items() if content.strip()), key=lambda item: -len(item[1]))


def _pattern(content: str) -> re.Pattern[str]:
    either = "|".join(map(re.escape, _spellings(content)))
    return re.compile(either if len(content) >= _MIN_LENGTH else rf"(?<![^\W_])(?:{either})(?![^\W_])")


def _spellings(content: str) -> list[str]:
    raw = content.encode()
    encoded = [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex(), raw.hex().upper()]
    escaped = [json.dumps(content)[1:-1], json.dumps(content, ensure_ascii=False)[1:-1], repr(content)[1:-1]]
    quoted = [quote(content, safe=""), quote(content), quote_plus(content)]
    unique = dict.fromkeys([content, *escaped, *quoted, *encoded, *(code.rstrip("=") for code in encoded[:2])])
    return sorted(unique, key=len, reverse=True)
