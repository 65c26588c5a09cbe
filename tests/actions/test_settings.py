from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from dagflow.actions import Settings
from dagflow.actions.builtin.settings import SmtpSecurity
from dagflow.errors import UsageError


def test_nothing_set_means_nothing_is_sent():
    settings = Settings.from_environment({"PATH": "/bin", "DAGFLOW_SMTP_HOST": ""})
    assert settings == Settings()
    assert not settings.sends_mail
    assert not settings.sends_slack


def test_every_setting_is_read():
    settings = Settings.from_environment(
        {
            "DAGFLOW_SMTP_HOST": "mail.example.com",
            "DAGFLOW_SMTP_PORT": "2525",
            "DAGFLOW_SMTP_USER": "me",
            "DAGFLOW_SMTP_PASSWORD": "p4ssw0rd",
            "DAGFLOW_SMTP_TLS": "TLS",
            "DAGFLOW_SMTP_FROM": "sales@example.com",
            "DAGFLOW_SMTP_CA": "/etc/ca.pem",
            "DAGFLOW_SLACK_WEBHOOK_URL": "https://hooks.example.com/s3cr3t",
            "DAGFLOW_SLACK_TOKEN": "xoxb",
            "DAGFLOW_OUTBOX": "/var/outbox",
            "DAGFLOW_TEMPLATES": "mails",
            "DAGFLOW_HTTP_ALLOW": "CRM.internal., 10.1.0.0/16, 127.0.0.1,, ::1",
            "DAGFLOW_TIMEOUT": "2.5",
            "DAGFLOW_HTTP_KEEP": "0",
        }
    )
    assert settings == Settings(
        smtp_host="mail.example.com",
        smtp_port=2525,
        smtp_user="me",
        smtp_password="p4ssw0rd",
        smtp_security=SmtpSecurity.TLS,
        smtp_from="sales@example.com",
        smtp_ca_file=Path("/etc/ca.pem"),
        slack_webhook_url="https://hooks.example.com/s3cr3t",
        slack_token="xoxb",
        outbox=Path("/var/outbox"),
        templates=Path("mails"),
        http_allow_hosts=frozenset({"crm.internal"}),
        http_allow_networks=(
            ipaddress.ip_network("10.1.0.0/16"),
            ipaddress.ip_network("127.0.0.1"),
            ipaddress.ip_network("::1"),
        ),
        timeout_seconds=2.5,
        keep_seconds=0.0,
    )
    assert settings.sends_mail
    assert settings.sends_slack
    assert not any(secret in repr(settings) for secret in ("p4ssw0rd", "s3cr3t", "xoxb"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DAGFLOW_SMTP_PORT", "smtp"),
        ("DAGFLOW_SMTP_PORT", "0"),
        ("DAGFLOW_SMTP_PORT", "70000"),
        ("DAGFLOW_SMTP_TLS", "ssl"),
        ("DAGFLOW_SMTP_FROM", "Sales <sales>"),
        ("DAGFLOW_SMTP_HOST", "mail\nhost"),
        ("DAGFLOW_SLACK_WEBHOOK_URL", "hooks.example.com"),
        ("DAGFLOW_HTTP_ALLOW", "10.0.0.0/8, http://x"),
        ("DAGFLOW_HTTP_ALLOW", "10.0.0.1/8"),
        ("DAGFLOW_TIMEOUT", "soon"),
        ("DAGFLOW_TIMEOUT", "0"),
        ("DAGFLOW_TIMEOUT", "nan"),
        ("DAGFLOW_HTTP_KEEP", "-1"),
        ("DAGFLOW_HTTP_KEEP", "long"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable(name, value):
    with pytest.raises(UsageError, match=f"^{name}"):
        Settings.from_environment({name: value})
