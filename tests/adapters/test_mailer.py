"""Mail over real SMTP: to a catcher, and to servers that do not behave."""

import socket
import ssl
import time
from email import message_from_bytes, policy

import pytest
from aiosmtpd.smtp import AuthResult

from tenantry.adapters.mailer import SmtpMailer
from tenantry.adapters.wire import send_until
from tenantry.clock import monotonic
from tenantry.config import MailSettings
from tenantry.errors import Lost, Permanent, Transient
from tenantry.ports import Letter
from tests.adapters.mail_servers import Catcher, Ready, Scripted, tls_front

TIMEOUT = 0.5
SENDER = "Tenantry <noreply@ops.example>"


@pytest.fixture
def catcher():
    handlers = Catcher()
    opened = []

    def start(**more):
        controller = Ready(handlers, **more)
        controller.start()
        opened.append(controller)
        handlers.port = controller.port
        return handlers

    yield start
    for controller in opened:
        controller.stop(no_assert=True)


def mailer(port, **more):
    settings = MailSettings(**{"server": "127.0.0.1", "port": port, "sender": SENDER, **more})
    return SmtpMailer(settings, timeout=TIMEOUT)


def letter(**more):
    given = {
        "message_id": "<0192.1.succeeded@tenantry>",
        "recipients": ("ann@client.example", "bob@client.example"),
        "subject": "Acme: Bereitstellung geglückt",
        "text": "Zeile 1\n.\nZeile ü",
        "html": "<p>Zeile <b>ü</b></p>",
        **more,
    }
    return Letter(**given)


def test_a_letter_arrives_as_it_was_written(catcher):
    box = catcher()
    mailer(box.port).send(letter())
    mail = message_from_bytes(box.mails[0], policy=policy.default)
    assert mail["Subject"] == "Acme: Bereitstellung geglückt"
    assert mail["From"] == "Tenantry <noreply@ops.example>"
    assert mail["To"] == "ann@client.example, bob@client.example"
    assert mail["Message-ID"] == "<0192.1.succeeded@tenantry>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert text.get_content().replace("\r\n", "\n").rstrip("\n") == "Zeile 1\n.\nZeile ü"
    assert "<b>ü</b>" in html.get_content()
    assert box.froms == ["noreply@ops.example"]
    assert sorted(box.tos[0]) == ["ann@client.example", "bob@client.example"]
    assert len(box.mails[0].splitlines()) > 5
    assert max(map(len, box.mails[0].splitlines())) < 998


def test_the_message_id_is_the_same_each_time(catcher):
    box = catcher()
    for _ in range(2):
        mailer(box.port).send(letter())
    ids = {message_from_bytes(m)["Message-ID"] for m in box.mails}
    assert ids == {"<0192.1.succeeded@tenantry>"}


def test_an_idn_domain_is_sent_in_ascii(catcher):
    box = catcher()
    mailer(box.port).send(letter(recipients=("ann@bücher.example",)))
    assert box.tos == [["ann@xn--bcher-kva.example"]]


@pytest.mark.parametrize(
    "address",
    [
        "a@b\nBcc: x@y",
        "a@b, x@y",
        '"a> <x@y"@b',
        "a@b\0",
        "a b@c",
        "@b",
        "a@",
        "a",
        "",
        "<a@b>",
        "a@b\r\nDATA",
        "ü@b.example",
        "a@b@c",
        "Ann <a@b>",
        "x" * 65 + "@b.example",
    ],
)
def test_e7_what_could_be_more_than_one_address_is_refused(catcher, address):
    box = catcher()
    with pytest.raises(Permanent):
        mailer(box.port).send(letter(recipients=("ann@client.example", address)))
    assert box.mails == []


def test_no_part_brings_a_header_of_its_own(catcher):
    box = catcher()
    mailer(box.port).send(letter(subject="Hello\r\nBcc: evil@x.example\r\n\r\nbody"))
    mail = message_from_bytes(box.mails[0], policy=policy.default)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hello Bcc: evil@x.example body"
    for message_id in ("<a@b>\r\nBcc: x@y", "a@b", "<a b@c>", "<>", ""):
        with pytest.raises(Permanent, match="Message-ID"):
            mailer(box.port).send(letter(message_id=message_id))
    with pytest.raises(Permanent, match="no recipient"):
        mailer(box.port).send(letter(recipients=()))


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA"])
def test_a_5xx_is_permanent_and_a_4xx_transient_with_the_servers_words(catcher, where):
    box = catcher()
    box.says[where] = "550 5.1.1 no such mailbox"
    with pytest.raises(Permanent, match="no such mailbox"):
        mailer(box.port).send(letter())
    box.says[where] = "451 4.3.0 try later"
    with pytest.raises(Transient, match="try later") as trouble:
        mailer(box.port).send(letter())
    assert trouble.value.outcome_known
    assert box.mails == []


def test_one_refused_recipient_of_two_is_no_failure(catcher):
    box = catcher()
    box.says["ann@client.example"] = "550 gone"
    mailer(box.port).send(letter())
    assert box.tos == [["bob@client.example"]]


def test_refused_for_different_reasons_is_tried_again(catcher):
    box = catcher()
    box.says |= {"ann@client.example": "550 gone", "bob@client.example": "450 busy"}
    with pytest.raises(Transient):
        mailer(box.port).send(letter())


def test_nobody_there_is_transient():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Transient) as trouble:
        mailer(port).send(letter())
    assert trouble.value.outcome_known


GREETING = (b"220 mail\r\n", b"250 mail\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n")


@pytest.mark.parametrize("said", range(len(GREETING)))
@pytest.mark.parametrize("then", ["silence", "gone"])
def test_a_server_that_falls_silent_ends_in_time(said, then):
    with Scripted(*GREETING[:said], then=then) as port:
        start = time.monotonic()
        with pytest.raises(Transient) as trouble:
            mailer(port).send(letter())
    assert time.monotonic() - start < TIMEOUT + 0.5
    assert trouble.value.outcome_known
    assert then == "gone" or "no answer within 0.5 s" in str(trouble.value)


def test_a_server_that_drips_ends_in_time():
    with Scripted(b"220 " + b"x" * 400 + b"\r\n", drip=0.02) as port:
        start = time.monotonic()
        with pytest.raises(Transient):
            mailer(port).send(letter())
    assert time.monotonic() - start < TIMEOUT + 0.5


@pytest.mark.parametrize("then", ["silence", "gone"])
def test_a_lost_answer_after_the_final_dot_is_unknown(then):
    server = Scripted(*GREETING, b"354 go on\r\n", then=then)
    with server as port, pytest.raises(Transient) as trouble:
        mailer(port).send(letter())
    assert not trouble.value.outcome_known


def test_a_server_that_hangs_up_without_goodbye_has_taken_the_mail():
    with Scripted(*GREETING, b"354 go on\r\n", b"250 taken\r\n", then="gone") as port:
        mailer(port).send(letter())


def test_a_mail_is_not_sent_after_its_last_instant(catcher):
    box = catcher()
    send_until(monotonic())
    with pytest.raises(Lost):
        mailer(box.port).send(letter())
    assert box.mails == []


def test_starttls_is_never_left_out(catcher):
    box = catcher()
    with pytest.raises(Permanent, match="STARTTLS"):
        mailer(box.port, use_tls=True).send(letter())
    assert box.mails == []


def test_tls_is_verified(catcher, server_tls, certificate, monkeypatch):
    box = catcher(tls_context=server_tls, require_starttls=True)
    with pytest.raises(Transient, match="certificate"):
        mailer(box.port, use_tls=True).send(letter())
    trust(monkeypatch, certificate)
    mailer(box.port, use_tls=True).send(letter())
    assert len(box.mails) == 1


def test_tls_from_the_first_byte(catcher, server_tls, certificate, monkeypatch):
    box = catcher()
    with tls_front(server_tls, box.port) as port:
        with pytest.raises(Transient, match="certificate"):
            mailer(port, use_ssl=True).send(letter())
        trust(monkeypatch, certificate)
        mailer(port, use_ssl=True).send(letter())
    assert len(box.mails) == 1


def test_a_silent_tls_handshake_ends_in_time():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        start = time.monotonic()
        with pytest.raises(Transient):
            mailer(mute.getsockname()[1], use_ssl=True).send(letter())
    assert time.monotonic() - start < TIMEOUT + 0.5


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_refused_login_is_permanent_and_shows_no_password(catcher):
    def check(server, session, envelope, mechanism, given):
        right = given.password == b"right-password"
        return AuthResult(success=right, handled=right)

    box = catcher(authenticator=check, auth_require_tls=False, auth_required=True)
    with pytest.raises(Permanent) as trouble:
        mailer(box.port, username="u", password="wrong-password").send(letter())
    assert "wrong-password" not in str(trouble.value)
    mailer(box.port, username="u", password="right-password").send(letter())
    assert len(box.mails) == 1


def test_mail_that_is_not_configured_is_permanent():
    settings = MailSettings(server=None, port=25, sender=SENDER)
    with pytest.raises(Permanent, match="not configured"):
        SmtpMailer(settings).send(letter())


def test_this_machines_own_name_is_never_looked_up(catcher, monkeypatch):
    def forbidden(*_):
        raise AssertionError("a look-up without a limit")

    monkeypatch.setattr(socket, "getfqdn", forbidden)
    monkeypatch.setattr(socket, "gethostbyaddr", forbidden)
    box = catcher()
    mailer(box.port).send(letter())
    assert len(box.mails) == 1


def trust(monkeypatch, certificate):
    real = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: real(cafile=certificate[0]))
