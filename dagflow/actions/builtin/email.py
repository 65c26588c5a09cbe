"""The action `email`: one template, one recipient, one message, by SMTP or into the outbox."""

from __future__ import annotations

import email.policy
import email.utils
import smtplib
import ssl
import unicodedata
from email.message import EmailMessage
from typing import Any, ClassVar, Final

import attrs

from dagflow.actions.builtin.mail_addresses import Mailbox
from dagflow.actions.builtin.outbox import Outbox
from dagflow.actions.builtin.registrar import ActionRegistrar
from dagflow.actions.builtin.settings import Settings, SmtpSecurity
from dagflow.actions.builtin.templates import Evaluate, Mail, Templates
from dagflow.actions.failures import ActionFailed, Fatal
from dagflow.actions.markers import EffectKey, Email
from dagflow.actions.secrets import Redactor
from dagflow.model.wire.text_forms import ascii_email

#: A line of a header may have 998 characters; a subject of more is a body in the wrong place.
_MAX_SUBJECT: Final = 500
_PORTS: Final = {SmtpSecurity.STARTTLS: 587, SmtpSecurity.TLS: 465, SmtpSecurity.NONE: 25}


@attrs.frozen
class SentEmail:
    """The outcome of a mail. `message_id`: the same for every attempt of one step, so that duplicates can be recognised."""

    flow_name: ClassVar[str] = ""
    message_id: str


def add_email(catalog: ActionRegistrar, settings: Settings, evaluate: Evaluate) -> None:
    """Add `email` to a catalogue."""
    templates = Templates(settings.templates, evaluate)

    @catalog.action("email", effect="effectful")
    def send_email(
        template: str, to: Email, key: EffectKey, data: dict[str, Any] | None = None, subject: str | None = None
    ) -> SentEmail:
        """Send an e-mail made from a template."""
        mail = templates.render(template, data or {})
        message = make_message(mail, subject=subject, sender=settings.smtp_from, recipient=to, key=key)
        if settings.sends_mail:
            send(settings, message, ascii_email(to))
        else:
            Outbox(settings.outbox).add_mail(template, message.as_bytes())
        return SentEmail(message_id=message["Message-ID"])


def make_message(mail: Mail, *, subject: str | None, sender: str, recipient: str, key: str) -> EmailMessage:
    """Make the message; refuse text that could begin another header or another message.

    Raises:
        Fatal: there is no subject or no body, a header has a control character, or the address is not valid.
    """
    title = mail.subject if subject is None else subject
    if not title:
        raise Fatal("the mail has no subject; begin the .txt file with `Subject: …`, or pass `subject`", code="no_subject")
    if not mail.text.strip() and not mail.html.strip():
        raise Fatal("the mail has no body; add one to the template", code="no_body")
    for name, value in (("From", sender), ("To", recipient), ("Subject", title)):
        check_header(name, value)
    try:
        box, to = Mailbox.parse(sender), Mailbox("", ascii_email(recipient))
    except ValueError as error:
        raise Fatal(f"the sender or the recipient of the mail: {error}", code="bad_header") from None
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = box.header
    message["To"] = to.header
    message["Subject"] = title
    message["Date"] = email.utils.formatdate()
    message["Message-ID"] = f"<{key}@{box.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.text.strip() or not mail.html:
        message.set_content(_clean_body(mail.text), cte="quoted-printable")
        if mail.html.strip():
            message.add_alternative(_clean_body(mail.html), subtype="html", cte="quoted-printable")
    else:
        message.set_content(_clean_body(mail.html), subtype="html", cte="quoted-printable")
    return message


def check_header(name: str, value: str) -> None:
    """Check that a header's value is one line of printable characters.

    Raises:
        Fatal: it is longer, or contains a control, line, paragraph or surrogate character.
    """
    if len(value) > _MAX_SUBJECT:
        raise Fatal(f"the header {name} has {len(value)} characters; at most {_MAX_SUBJECT}", code="bad_header")
    for char in value:
        # Cc: CR, LF, VT, NUL …; Zl, Zp: U+2028, U+2029; Cs: halves of surrogate pairs.
        if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"}:
            raise Fatal(f"the header {name} contains the control character U+{ord(char):04X}", code="bad_header")


def send(settings: Settings, message: EmailMessage, recipient: str) -> None:
    """Send the message to the server, for `recipient` only. Blocks.

    Raises:
        Fatal: the server will never accept it: a 5xx answer, no authentication, no TLS although it is required.
        ActionFailed: the server may accept it later: a 4xx answer, no connection.
    """
    redactor = Redactor()
    redactor.add("smtp_password", settings.smtp_password)
    server = f"the mail server {settings.smtp_host}"
    failure: Exception
    try:
        with _connect(settings) as client:
            client.send_message(message, Mailbox.parse(settings.smtp_from).address, [recipient])
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        failure = _refused(server, code, text, redactor)
    except smtplib.SMTPNotSupportedError as error:
        failure = Fatal(f"{server} does not support the configured TLS mode or login: {error}", code="smtp.unsupported")
    except smtplib.SMTPResponseException as error:
        failure = _refused(server, error.smtp_code, error.smtp_error, redactor)
    except ssl.SSLCertVerificationError as error:
        failure = Fatal(f"{server} has an untrusted certificate: {error.verify_message}", code="smtp.tls")
    except (OSError, smtplib.SMTPException) as error:
        failure = ActionFailed(redactor.text(f"{server} cannot be reached: {error}"), "smtp.unreachable")
    else:
        return
    raise failure


def _connect(settings: Settings) -> smtplib.SMTP:
    port = settings.smtp_port or _PORTS[settings.smtp_security]
    # Otherwise smtplib asks the resolver for the name of this machine, which can take the whole timeout.
    ours = Mailbox.parse(settings.smtp_from).domain
    client: smtplib.SMTP
    timeout = settings.timeout_seconds
    context = ssl.create_default_context(cafile=str(settings.smtp_ca_file) if settings.smtp_ca_file else None)
    if settings.smtp_security is SmtpSecurity.TLS:
        client = smtplib.SMTP_SSL(settings.smtp_host, port, local_hostname=ours, timeout=timeout, context=context)
    else:
        client = smtplib.SMTP(settings.smtp_host, port, local_hostname=ours, timeout=timeout)
    try:
        if settings.smtp_security is SmtpSecurity.STARTTLS:
            client.starttls(context=context)
        if settings.smtp_user:
            client.login(settings.smtp_user, settings.smtp_password)
    except BaseException:
        client.close()
        raise
    return client


def _refused(server: str, code: int, text: bytes | str, redactor: Redactor) -> Exception:
    answer = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    message = redactor.text(f"{server} refused the mail: {code} {answer[:300]}")
    return Fatal(message, code=f"smtp.{code}") if code >= 500 else ActionFailed(message, f"smtp.{code}")


def _clean_body(text: str) -> str:
    """Normalise line ends, and replace other control characters with spaces."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    clean = "".join(char if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cs"} else " " for char in lines)
    return clean if clean.endswith("\n") else clean + "\n"
