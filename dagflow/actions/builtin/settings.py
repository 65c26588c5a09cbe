"""Settings of the built-in actions for the servers they use, read from the environment once."""

from __future__ import annotations

import enum
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import attrs

from dagflow.actions.builtin.mail_addresses import Mailbox
from dagflow.errors import UsageError
from dagflow.model.wire.text_forms import check_url

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class SmtpSecurity(enum.StrEnum):
    """The protection of the connection to the mail server."""

    #: TLS that begins with the STARTTLS command; without it nothing is sent.
    STARTTLS = "starttls"
    #: TLS from the first byte.
    TLS = "tls"
    #: None; for a server on this machine.
    NONE = "none"


@attrs.frozen(kw_only=True)
class Settings:
    """Settings of the built-in actions.

    Attributes:
        smtp_host: the mail server; "" writes `.eml` files into the outbox instead.
        smtp_port: None means 587 for STARTTLS, 465 for TLS, 25 for none.
        smtp_from: the sender of mails, `info@example.com` or `Name <info@example.com>`.
        smtp_ca_file: certificates to trust instead of the system's.
        slack_webhook_url, slack_token: the target of Slack messages; without both, JSON lines in the outbox. The token wins.
        slack_api_url: of Slack's Web API; tests set another.
        outbox: folder for messages that are not sent. templates: folder of the e-mail templates.
        http_allow_hosts: names `http.request` may reach although their addresses are private.
        http_allow_networks: networks it may reach although they are private.
        timeout_seconds: for each of connecting, reading and writing.
        keep_seconds: how long an idle connection to a web server stays open for the next request; 0 closes it immediately.
    """

    smtp_host: str = ""
    smtp_port: int | None = None
    smtp_user: str = ""
    smtp_password: str = attrs.field(default="", repr=False)
    smtp_security: SmtpSecurity = SmtpSecurity.STARTTLS
    smtp_from: str = "dagflow@localhost"
    smtp_ca_file: Path | None = None
    slack_webhook_url: str = attrs.field(default="", repr=False)
    slack_token: str = attrs.field(default="", repr=False)
    slack_api_url: str = "https://slack.com/api"
    outbox: Path = Path("outbox")
    templates: Path = Path("templates")
    http_allow_hosts: frozenset[str] = frozenset()
    http_allow_networks: tuple[Network, ...] = ()
    timeout_seconds: float = 10.0
    keep_seconds: float = 4.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read `DAGFLOW_SMTP_HOST` and the other variables; an empty variable counts as not set.

        Raises:
            UsageError: a value is not valid; the message names the variable.
        """
        found = os.environ if environment is None else environment
        reader = _Reader({name: value for name, value in found.items() if value})
        hosts, networks = reader.allowed("DAGFLOW_HTTP_ALLOW")
        return cls(
            smtp_host=reader.text("DAGFLOW_SMTP_HOST"),
            smtp_port=reader.port("DAGFLOW_SMTP_PORT"),
            smtp_user=reader.text("DAGFLOW_SMTP_USER"),
            smtp_password=reader.text("DAGFLOW_SMTP_PASSWORD"),
            smtp_security=reader.security("DAGFLOW_SMTP_TLS"),
            smtp_from=reader.email("DAGFLOW_SMTP_FROM", "dagflow@localhost"),
            smtp_ca_file=Path(found["DAGFLOW_SMTP_CA"]) if found.get("DAGFLOW_SMTP_CA") else None,
            slack_webhook_url=reader.url("DAGFLOW_SLACK_WEBHOOK_URL"),
            slack_token=reader.text("DAGFLOW_SLACK_TOKEN"),
            outbox=Path(reader.text("DAGFLOW_OUTBOX", "outbox")),
            templates=Path(reader.text("DAGFLOW_TEMPLATES", "templates")),
            http_allow_hosts=hosts,
            http_allow_networks=networks,
            timeout_seconds=reader.seconds("DAGFLOW_TIMEOUT", 10.0),
            keep_seconds=reader.seconds("DAGFLOW_HTTP_KEEP", 4.0, least=0.0),
        )

    @property
    def sends_mail(self) -> bool:
        """Whether e-mail leaves this machine, rather than going to the outbox."""
        return bool(self.smtp_host)

    @property
    def sends_slack(self) -> bool:
        """Whether Slack messages leave this machine, rather than going to the outbox."""
        return bool(self.slack_webhook_url or self.slack_token)


@attrs.frozen
class _Reader:
    """Reads one variable; every error names it, and none shows a value that may be confidential."""

    environment: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        value = self.environment.get(name, default)
        if not value.isprintable():
            raise UsageError(f"{name} contains a control character; remove it")
        return value

    def port(self, name: str) -> int | None:
        value = self.text(name)
        if not value:
            return None
        if not value.isascii() or not value.isdigit() or not 1 <= int(value[:6]) <= 65_535:
            raise UsageError(f"{name} must be a port from 1 to 65535; got `{value}`")
        return int(value)

    def security(self, name: str) -> SmtpSecurity:
        value = self.text(name, SmtpSecurity.STARTTLS).lower()
        if value not in set(SmtpSecurity):
            raise UsageError(f"{name} must be one of `starttls`, `tls`, `none`; got `{value}`")
        return SmtpSecurity(value)

    def email(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            Mailbox.parse(value)
        except ValueError as error:
            raise UsageError(f"{name}: {error}; got `{value}`") from None
        return value

    def url(self, name: str) -> str:
        value = self.text(name)
        try:
            if value:
                check_url(value)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
        return value

    def seconds(self, name: str, default: float, least: float = 0.001) -> float:
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not least <= number <= 3_600:
            raise UsageError(f"{name} must be a number of seconds from {least:g} to 3600; got `{value}`")
        return number

    def allowed(self, name: str) -> tuple[frozenset[str], tuple[Network, ...]]:
        """Hosts and networks, separated by commas: `crm.internal, 10.1.0.0/16, 127.0.0.1`."""
        hosts: set[str] = set()
        networks: list[Network] = []
        for part in self.text(name).split(","):
            entry = part.strip().lower()
            if not entry:
                continue
            try:
                networks.append(ipaddress.ip_network(entry))
                continue
            except ValueError:
                pass
            if "/" in entry or ":" in entry or not entry.isascii() or not all(char.isalnum() or char in ".-" for char in entry):
                raise UsageError(f"{name}: `{entry}` is neither a host name nor a network such as 10.0.0.0/8")
            hosts.add(entry.rstrip("."))
        return frozenset(hosts), tuple(networks)
