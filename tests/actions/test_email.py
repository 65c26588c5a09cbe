from __future__ import annotations

import email
import email.policy
import os
import ssl
import threading
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagflow.actions import ActionFailed, Catalog, Settings
from dagflow.actions.builtin.email import make_message
from dagflow.actions.builtin.outbox import Outbox
from dagflow.actions.builtin.register import add_builtins
from dagflow.actions.builtin.settings import SmtpSecurity
from dagflow.actions.builtin.templates import Mail, Templates
from dagflow.actions.failures import Fatal
from dagflow.errors import UsageError
from tests.actions.calls import KEY, call
from tests.actions.servers import smtp_server


def look_up(text: str, data: Mapping[str, object]) -> object:
    """Enough of an evaluator: a name, or a literal text."""
    if text.strip().startswith('"'):
        return text.strip()[1:-1]
    if text.strip() not in data:
        raise UsageError(f"there is no `{text.strip()}`")
    return data[text.strip()]


@pytest.fixture
def templates(tmp_path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "proposal.txt").write_text("Subject: For ${name}\n\nDear ${name},\r\nit costs ${price} \\${}.\n", "utf-8")
    (folder / "proposal.html").write_text("<p>Dear <b>${name}</b></p>\n", "utf-8")
    (folder / "plain.txt").write_text('Subject: Hi\n\n.\nyes ${done} ${n} ${ "a } b" }\n', "utf-8")
    (folder / "page.html").write_text("<i>é</i>\n", "utf-8")
    (folder / "bare.txt").write_text("No subject here\n", "utf-8")
    return folder


@pytest.fixture
def outbox(tmp_path) -> Path:
    return tmp_path / "outbox"


def catalog_with(**changes: object) -> Catalog:
    catalog = Catalog()
    add_builtins(catalog, Settings(**changes), look_up)  # type: ignore[arg-type]
    return catalog


def parsed(path: Path) -> EmailMessage:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    return message


async def test_the_signature_is_as_documented():
    spec = catalog_with().interface.actions["email"]
    params = ", ".join(f"{field.name}: {field.type}" for field in spec.params)
    assert params == "template: string, to: Email, data: map<string, json>?, subject: string?"
    assert (str(spec.result), spec.takes_key, str(spec.effect)) == ("{message_id: string}", True, "effectful")


async def test_without_a_server_mails_go_to_the_outbox_in_order(templates, outbox):
    catalog = catalog_with(templates=templates, outbox=outbox, smtp_from="sales@example.org")
    data = {"name": "Ann <b> & co", "price": 10.5}
    result = await call(catalog, "email", template="proposal", to="ann@example.com", data=data)
    await call(catalog, "email", template="plain", to="bob@example.com", data={"done": True, "n": 3}, subject="Ho")
    await call(catalog, "email", template="page", to="bob@example.com", subject="Ünï")
    assert result == {"message_id": f"<{KEY}@example.org>"}
    assert sorted(path.name for path in outbox.iterdir()) == ["0001-proposal.eml", "0002-plain.eml", "0003-page.eml"]
    first, second, third = (parsed(path) for path in sorted(outbox.iterdir()))
    assert (first["From"], first["To"], first["Subject"]) == ("sales@example.org", "ann@example.com", "For Ann <b> & co")
    assert first.get_content_type() == "multipart/alternative"
    text, html = first.iter_parts()
    assert text.get_content() == "Dear Ann <b> & co,\r\nit costs 10.5 ${}.\r\n"
    assert html.get_content() == "<p>Dear <b>Ann &lt;b&gt; &amp; co</b></p>\r\n"
    assert (second["Subject"], second.get_content()) == ("Ho", ".\r\nyes true 3 a } b\r\n")
    assert (third["Subject"], third.get_content_type(), third.get_content()) == ("Ünï", "text/html", "<i>é</i>\r\n")
    assert first["Message-ID"] == f"<{KEY}@example.org>"


@pytest.mark.parametrize(
    ("template", "arguments", "code", "message"),
    [
        ("none", {}, "no_such_template", "no template `none` in {folder}; there are: bare, page, plain, proposal"),
        ("../templates/bare", {}, "no_such_template", "there are: bare"),
        ("/etc/passwd", {}, "no_such_template", "there are: bare"),
        ("bare", {}, "no_subject", "begin the .txt file with `Subject: …`"),
        (
            "proposal",
            {"data": {"price": 1}},
            "bad_template",
            "proposal.txt, line 1: ${{name}} has no value (there is no `name`); `data` has price",
        ),
        ("proposal", {"data": {"name": None}}, "bad_template", "proposal.txt, line 1: ${{name}} is null, not a text"),
        ("proposal", {"data": {"name": [1]}}, "bad_template", "is a list, not a text"),
        (
            "proposal",
            {"data": {"name": "a\nBcc: x@example.com", "price": 1}},
            "bad_header",
            "Subject contains the control character U+000A",
        ),
        ("plain", {"data": {"done": 1, "n": "x" * 2_000_000}}, "mail_too_large", "plain.txt renders to more than"),
    ],
)
async def test_what_is_wrong_with_a_mail_is_fatal_and_says_where(templates, outbox, template, arguments, code, message):
    catalog = catalog_with(templates=templates, outbox=outbox)
    with pytest.raises(ActionFailed) as caught:
        await call(catalog, "email", template=template, to="ann@example.com", **arguments)
    assert (caught.value.code, caught.value.fatal) == (code, True)
    assert message.format(folder=templates) in caught.value.message
    assert not outbox.exists()


def test_templates_that_cannot_be_read_are_told(tmp_path):
    templates = Templates(tmp_path, look_up)
    (tmp_path / "latin.txt").write_bytes(b"Subject: \xe9\n\nx")
    (tmp_path / "open.txt").write_text("Subject: x\n\n\nHi ${name\n")
    (tmp_path / "large.txt").write_bytes(b"x" * 300_000)
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "bad name.txt").write_text("x")
    assert templates.names() == ["folder", "large", "latin", "open"]
    assert Templates(tmp_path / "none", look_up).names() == []
    for name, message in {
        "latin": "is not UTF-8",
        "open": r"open.txt, line 4: unclosed `\$\{`",
        "large": "larger than",
        "folder": "cannot read",
    }.items():
        with pytest.raises(Fatal, match=message):
            templates.render(name, {})


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_context(authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority, tmp_path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


async def test_a_real_server_gets_the_mail(templates, outbox):
    with smtp_server() as mailbox:
        catalog = catalog_with(
            templates=templates, outbox=outbox, smtp_host="127.0.0.1", smtp_port=mailbox.port, smtp_security=SmtpSecurity.NONE
        )
        await call(
            catalog, "email", template="plain", to="bob@example.com", data={"done": False, "n": "x\r\n.\r\nMAIL FROM:<e@x>"}
        )
    (envelope,) = mailbox.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("dagflow@localhost", ["bob@example.com"])
    message = email.message_from_bytes(envelope.content, policy=email.policy.SMTP)
    assert message.get_content() == ".\r\nyes false x\r\n.\r\nMAIL FROM:<e@x> a } b\r\n"
    assert not outbox.exists()


async def test_mail_goes_over_tls_from_the_first_byte(templates, server_context, trusted):
    with smtp_server(server_context, at_once=True) as mailbox:
        common = {
            "templates": templates,
            "smtp_host": "127.0.0.1",
            "smtp_port": mailbox.port,
            "smtp_security": SmtpSecurity.TLS,
        }
        good = catalog_with(**common, smtp_ca_file=trusted)
        await call(good, "email", template="plain", to="bob@example.com", data={"done": 1, "n": 1})
        assert len(mailbox.mails) == 1
        with pytest.raises(ActionFailed) as caught:
            await call(catalog_with(**common), "email", template="plain", to="bob@example.com", data={"done": 1, "n": 1})
        assert caught.value.code == "smtp.tls"


async def test_mail_goes_over_tls_with_a_login(templates, server_context, trusted):
    with smtp_server(server_context, requires_login=True) as mailbox:
        common = {"templates": templates, "smtp_host": "127.0.0.1", "smtp_port": mailbox.port}
        good = catalog_with(**common, smtp_ca_file=trusted, smtp_user="me", smtp_password="right horse")
        await call(good, "email", template="plain", to="bob@example.com", data={"done": 1, "n": 1})
        assert len(mailbox.mails) == 1
        assert mailbox.logins[-1] == (b"me", b"right horse")
        for changes, code in (
            ({"smtp_ca_file": trusted, "smtp_user": "me", "smtp_password": "wr0ng h0rse"}, "smtp.535"),
            ({"smtp_user": "me", "smtp_password": "right horse"}, "smtp.tls"),
        ):
            with pytest.raises(ActionFailed) as caught:
                await call(
                    catalog_with(**common, **changes), "email", template="plain", to="b@example.com", data={"done": 1, "n": 1}
                )
            assert (caught.value.code, caught.value.fatal) == (code, True)
            assert "h0rse" not in repr(caught.value)
        assert len(mailbox.mails) == 1


@pytest.mark.parametrize(("refusal", "fatal"), [("550 no such user", True), ("451 try later", False)])
async def test_what_the_server_answers_decides_about_a_retry(templates, refusal, fatal):
    with smtp_server() as mailbox:
        mailbox.refusal = refusal
        catalog = catalog_with(
            templates=templates, smtp_host="127.0.0.1", smtp_port=mailbox.port, smtp_security=SmtpSecurity.NONE
        )
        with pytest.raises(ActionFailed) as caught:
            await call(catalog, "email", template="plain", to="bob@example.com", data={"done": 1, "n": 1})
    assert (caught.value.code, caught.value.fatal) == (f"smtp.{refusal[:3]}", fatal)
    assert refusal in caught.value.message


async def test_tls_is_not_given_up_and_a_dead_server_is_tried_again(templates):
    with smtp_server() as mailbox:
        catalog = catalog_with(templates=templates, smtp_host="127.0.0.1", smtp_port=mailbox.port)
        with pytest.raises(ActionFailed) as caught:
            await call(catalog, "email", template="plain", to="bob@example.com", data={"done": 1, "n": 1})
        assert (caught.value.code, caught.value.fatal) == ("smtp.unsupported", True)
        assert mailbox.mails == []
    with pytest.raises(ActionFailed) as caught:
        await call(catalog, "email", template="plain", to="bob@example.com", data={"done": 1, "n": 1})
    assert (caught.value.code, caught.value.fatal) == ("smtp.unreachable", False)


@pytest.mark.parametrize(
    "evil", ["\r", "\n", "\r\n", "\x00", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\ud800", "\x7f"]
)
def test_a_control_character_in_a_header_is_refused(evil):
    for field in ("subject", "sender", "recipient"):
        values = {"subject": "Hi", "sender": "a@example.org", "recipient": "b@example.com", "key": KEY}
        values[field] += f"{evil}Bcc: c@example.com"
        with pytest.raises(Fatal, match="contains the control character"):
            make_message(Mail("", "x", ""), **values)


evil_texts = st.text(st.sampled_from("ab<>@,;: \r\n\x00\x0b\u2028\x85.()\"é'=?") | st.characters(), max_size=60)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(evil_texts, evil_texts, evil_texts)
def test_whatever_is_in_a_mail_it_is_one_mail_with_the_declared_headers(subject, text, html):
    try:
        message = make_message(
            Mail(subject, text, html), subject=None, sender="a@example.org", recipient="b@example.com", key=KEY
        )
    except Fatal:
        return
    wire = message.as_bytes()
    assert all(line.endswith(b"\r") for line in wire.split(b"\n")[:-1])
    assert b"\r" not in wire.replace(b"\r\n", b"")
    assert wire.isascii()
    again = email.message_from_bytes(wire, policy=email.policy.SMTP)
    declared = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"}
    assert {name for name in again if not name.startswith(("Content-", "MIME-"))} == declared
    assert [str(address) for address in again["To"].addresses] == ["b@example.com"]
    assert len(again.get_all("Subject")) == 1


def test_the_outbox_counts_on_and_never_overwrites(tmp_path):
    outbox = Outbox(tmp_path / "a" / "b")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "0007-x.eml").write_text("old")
    (tmp_path / "a" / "b" / "other.txt").write_text("old")
    assert outbox.add_mail("y", b"new").name == "0008-y.eml"
    (tmp_path / "file").write_text("")
    with pytest.raises(ActionFailed, match="cannot write to the outbox"):
        Outbox(tmp_path / "file").add_mail("x", b"")
    with pytest.raises(ActionFailed, match="cannot write to the outbox"):
        Outbox(tmp_path / "file").add_line("x", {})


def test_the_outbox_is_its_owner_s_alone(tmp_path):
    before = os.umask(0)
    try:
        outbox = Outbox(tmp_path / "outbox")
        outbox.add_mail("x", b"mail")
        outbox.add_line("slack.jsonl", {"text": "x"})
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "outbox").iterdir()}
    assert modes == {"0001-x.eml": 0o600, "slack.jsonl": 0o600}
    assert (tmp_path / "outbox").stat().st_mode & 0o777 == 0o700


def test_the_outbox_may_be_written_by_many_at_once(tmp_path):
    threads = [threading.Thread(target=lambda: [Outbox(tmp_path).add_mail("x", b"mail") for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{number:04d}-x.eml" for number in range(1, 41)]


async def test_a_refused_recipient_is_final(templates):
    with smtp_server() as mailbox:
        mailbox.unknown = "bob@example.com"
        catalog = catalog_with(
            templates=templates, smtp_host="127.0.0.1", smtp_port=mailbox.port, smtp_security=SmtpSecurity.NONE
        )
        with pytest.raises(ActionFailed, match="550 nobody here") as caught:
            await call(catalog, "email", template="plain", to="bob@example.com", data={"done": 1, "n": 1})
    assert (caught.value.code, caught.value.fatal) == ("smtp.550", True)


async def test_holes_are_expressions_of_the_language(tmp_path):
    (tmp_path / "real.txt").write_text(
        "Subject: ${name.upperAscii()}\n\n${n > 2 ? 'many' : 'few'}, ${size(tags)}, ${nick ?? name}\n"
    )
    (tmp_path / "wrong.txt").write_text("Subject: x\n\n${1 +}\n")
    catalog = Catalog.builtin(Settings(templates=tmp_path, outbox=tmp_path / "outbox"))
    data = {"name": "Ann", "n": 3, "tags": ["a"], "nick": None}
    await call(catalog, "email", template="real", to="bob@example.com", data=data)
    message = parsed(tmp_path / "outbox" / "0001-real.eml")
    assert (message["Subject"], message.get_content()) == ("ANN", "many, 1, Ann\r\n")
    with pytest.raises(ActionFailed, match=r"wrong.txt, line 3: \$\{1 \+\} has no value \(error\[E101\]"):
        await call(catalog, "email", template="wrong", to="bob@example.com", data=data)


async def test_a_mail_needs_a_body(templates):
    (templates / "empty.txt").write_text("Subject: x\n\n \n")
    with pytest.raises(ActionFailed) as caught:
        await call(catalog_with(templates=templates), "email", template="empty", to="bob@example.com")
    assert caught.value.code == "no_body"


@pytest.mark.parametrize(
    ("template", "value", "is_fine"),
    [
        ('<a href="${x}">', "https://example.com/?a=1&b=2", True),
        ('<a href="${x}">', "mailto:ann@example.com", True),
        ('<a href="https://example.com/${x}">', "javascript:alert(1)", True),
        ("<p>${x}</p>", "javascript:alert(1)", True),
        ('<a href="${x}">', "javascript:alert(1)", False),
        ("<a HREF = '${x}'>", " JavaScript:alert(1)", False),
        ("<img src=${x}>", "data:text/html,x", False),
    ],
)
def test_a_link_leads_to_a_page_or_a_mail(tmp_path, template, value, is_fine):
    (tmp_path / "page.html").write_text(template)
    templates = Templates(tmp_path, look_up)
    if is_fine:
        assert templates.render("page", {"x": value}).html == template.replace("${x}", value.replace("&", "&amp;"))
    else:
        with pytest.raises(Fatal, match="a link must begin with"):
            templates.render("page", {"x": value})


NAMES = [
    ("Käthe Müller <info@example.com>", "Käthe Müller", "info@example.com"),
    ('"Müller, Söhne & Co." <info@exämple.com>', "Müller, Söhne & Co.", "info@xn--exmple-cua.com"),
    ('"A \\"quoted\\" name" <a@example.com>', 'A "quoted" name', "a@example.com"),
    ("日本の会社 <a@例え.jp>", "日本の会社", "a@xn--r8jz45g.jp"),
    ("info@example.com", "", "info@example.com"),
]


@pytest.mark.parametrize(("sender", "name", "address"), NAMES)
async def test_names_and_domains_in_any_letters_reach_the_server_in_ascii(templates, sender, name, address):
    with smtp_server() as server:
        catalog = catalog_with(
            templates=templates, smtp_host="127.0.0.1", smtp_port=server.port, smtp_security=SmtpSecurity.NONE, smtp_from=sender
        )
        await call(catalog, "email", template="page", to="ada+tag@exämple.org", subject="Köttbullar — 日本")
    (envelope,) = server.mails
    raw = envelope.original_content
    assert (envelope.mail_from, envelope.rcpt_tos) == (address, ["ada+tag@xn--exmple-cua.org"])
    assert raw.partition(b"\r\n\r\n")[0].isascii()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    (box,) = message["From"].addresses
    assert (box.display_name, box.addr_spec) == (name, address)
    assert message["Subject"] == "Köttbullar — 日本"
    assert message["Message-ID"] == f"<{KEY}@{address.partition('@')[2]}>"


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("ådå@example.org", "what stands before the @ of an e-mail address must be ASCII"),
        ("ådå@exämple.org", "what stands before the @ of an e-mail address must be ASCII"),
        ("a@exa mple.örg", "expected one e-mail address"),
        ("a@-ä-.org", "expected one e-mail address"),
        ("a@\u2488com.ä", "expected one e-mail address"),
        ("a@" + "ä" * 200 + ".org", "expected one e-mail address"),
        ("Ada <a@example.org>", "expected one e-mail address"),
        ("a@exämple.org\nBcc: x@y.zz", "expected one e-mail address"),
        ("a@exämple.org, b@example.org", "expected one e-mail address"),
    ],
)
async def test_an_address_that_no_server_would_take_is_refused_in_words(templates, to, reason):
    with pytest.raises(ActionFailed, match=reason) as caught:
        await call(catalog_with(templates=templates), "email", template="page", to=to, subject="x")
    assert (caught.value.code, caught.value.fatal) == ("bad_arguments", True)


@pytest.mark.parametrize("value", ["Käthe", "Käthe <käthe@example.com>", "A <a@b> <c@d>", "A\u2028B <a@example.com>"])
def test_a_sender_that_is_none_is_refused_when_settings_are_read(value):
    with pytest.raises(UsageError, match="DAGFLOW_SMTP_FROM"):
        Settings.from_environment({"DAGFLOW_SMTP_FROM": value})
