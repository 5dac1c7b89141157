"""
ports.Mailer through Flask-Mail: the one adapter that knows Flask, by a small app of its own.

Flask-Mail 0.10 has no time-out, and a silent server would hold a worker for ever: its connections
are opened here, by an instant. Its messages are built here too, from checked parts only.
"""

import re
import smtplib
import ssl
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from types import TracebackType

import idna
from flask import Flask
from flask_mail import Connection, Mail, Message

from tenantry.adapters.smtp import TimedSmtp, TimedSmtpSsl
from tenantry.adapters.words import fit
from tenantry.clock import monotonic, utcnow
from tenantry.config import MailSettings
from tenantry.errors import Permanent, StepTrouble, Transient
from tenantry.ports import Letter

TIMEOUT = 20.0
LONGEST_SUBJECT = 200
REFUSED = range(500, 600)
MESSAGE_ID = re.compile(r"<[!#-;=?A-~]{1,200}@[!#-;=?A-~]{1,200}>")
LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")


class SmtpMailer:
    """
    Threads share it; each mail has a connection of its own.

    `timeout` is the total in seconds for one mail: name, connection, TLS, login and answer.
    Certificates are verified, and a server without STARTTLS is never spoken to in plain where
    `use_tls` asks for it.
    """

    def __init__(self, settings: MailSettings, *, timeout: float = TIMEOUT) -> None:
        self._settings = settings
        self._timeout = timeout
        self._app = Flask("tenantry.mail")
        self._app.config.update(
            MAIL_SERVER=settings.server,
            MAIL_PORT=settings.port,
            MAIL_USERNAME=settings.username,
            MAIL_PASSWORD=settings.password,
            MAIL_USE_TLS=settings.use_tls,
            MAIL_USE_SSL=settings.use_ssl,
            MAIL_DEFAULT_SENDER=settings.sender,
        )
        self._mail = Mail(self._app)

    def send(self, letter: Letter) -> None:
        """
        Sends one mail to all its recipients; repeating it sends it twice, under one Message-ID.

        Transient on connection trouble and 4xx, with an unknown outcome where only the answer to
        the whole mail is missing; Permanent on 5xx, on a bad address and where mail is not
        configured; Lost where the claim ran out. Success means that one recipient at least was
        taken.
        """
        if not self._settings.server:
            raise Permanent("Mail is not configured: MAIL_SERVER is empty")
        message = _Message(letter, self._settings.sender)
        connection = _Connection(self._mail, message.domain, monotonic() + self._timeout)
        try:
            with self._app.app_context(), connection:
                connection.deliver(message)
        except (smtplib.SMTPException, OSError) as trouble:
            raise self._error(trouble, connection) from trouble

    def _error(self, trouble: Exception, connection: "_Connection") -> StepTrouble:
        codes, said = _answer(trouble)
        if connection.late():
            said = f"no answer within {self._timeout:g} s"
        words = fit(f"The mail server did not take the mail: {said}", self._settings.password or "")
        if isinstance(trouble, smtplib.SMTPNotSupportedError):
            return Permanent(words)
        if codes and all(code in REFUSED for code in codes):
            return Permanent(words)
        return Transient(words, outcome_known=not connection.after_dot())


class _Connection(Connection):
    """Flask-Mail's connection, with an end, verified TLS, and a farewell that cannot fail."""

    def __init__(self, mail: Mail, hello: str, until: float) -> None:
        super().__init__(mail)
        self._hello = hello
        self._until = until
        self._smtp: TimedSmtp | None = None

    def configure_host(self) -> smtplib.SMTP:
        """Connects, secures and logs in, by the instant."""
        kind = TimedSmtpSsl if self.mail.use_ssl else TimedSmtp
        smtp = self._smtp = kind(self.mail.server, self.mail.port, self._hello, self._until)
        with smtp.guarded():
            if self.mail.use_tls and not self.mail.use_ssl:
                smtp.starttls(context=ssl.create_default_context())
            if self.mail.username and self.mail.password:
                smtp.login(self.mail.username, self.mail.password)
        return smtp

    def deliver(self, message: Message) -> None:
        """Sends the message by the instant."""
        assert self._smtp is not None
        with self._smtp.guarded():
            self.send(message)
            self._farewell()

    def late(self) -> bool:
        """Whether the time was over."""
        return monotonic() >= self._until

    def after_dot(self) -> bool:
        """Whether a whole mail was sent and not answered."""
        return self._smtp is not None and self._smtp.after_dot

    def _farewell(self) -> None:
        try:
            assert self._smtp is not None
            self._smtp.quit()
        except (smtplib.SMTPException, OSError):
            # The mail was taken; how the server says goodbye is its own affair.
            return

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._smtp is not None:
            self._smtp.close()


class _Message(Message):
    """
    One letter as Flask-Mail wants it.

    Its own constructor asks the DNS for this machine's name, without a limit, to make up a
    Message-ID; ours is given. Permanent where a part is not fit for a header.
    """

    def __init__(self, letter: Letter, sender: str) -> None:
        if not letter.recipients:
            raise Permanent("The mail has no recipient")
        if not MESSAGE_ID.fullmatch(letter.message_id):
            raise Permanent("The Message-ID of the mail is not one")
        name, address = parseaddr(sender)
        self.sender = _checked(address)
        self.domain = self.sender.partition("@")[2]
        recipients = [_checked(recipient) for recipient in letter.recipients]
        self.recipients = list(recipients)
        self.subject = " ".join(letter.subject.split())[:LONGEST_SUBJECT]
        self.cc, self.bcc, self.reply_to = [], [], None
        self.mail_options, self.rcpt_options = [], []
        self.date = utcnow().timestamp()
        self._mime = _mime(letter, self.subject, (name, self.sender), recipients)

    def as_bytes(self) -> bytes:
        """The whole mail as it is sent."""
        return self._mime.as_bytes()


def _mime(
    letter: Letter, subject: str, sender: tuple[str, str], recipients: list[str]
) -> EmailMessage:
    mime = EmailMessage(policy=policy.SMTP)
    mime["Subject"] = subject
    shown = " ".join(sender[0].split()).replace('"', "")
    mime["From"] = f'"{shown}" <{sender[1]}>' if shown else sender[1]
    mime["To"] = ", ".join(recipients)
    mime["Date"] = format_datetime(utcnow())
    mime["Message-ID"] = letter.message_id
    mime["Auto-Submitted"] = "auto-generated"
    mime.set_content(letter.text, cte="quoted-printable")
    mime.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return mime


def _checked(address: str) -> str:
    """One plain address, its domain in ASCII; Permanent for everything that could be more."""
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = idna.encode(domain).decode()
    except idna.IDNAError:
        ascii_domain = ""
    if not ascii_domain or not LOCAL_PART.fullmatch(local):
        raise Permanent(f"Not a mail address: {fit(repr(address))[:80]}")
    return f"{local}@{ascii_domain}"


def _answer(trouble: Exception) -> tuple[list[int], str]:
    """The codes of the server and its words; no codes where it said nothing."""
    if isinstance(trouble, smtplib.SMTPRecipientsRefused):
        answers = list(trouble.recipients.values())
        return [code for code, _ in answers], _text(answers[0][1]) if answers else "refused"
    if isinstance(trouble, smtplib.SMTPResponseException):
        return [trouble.smtp_code], f"{trouble.smtp_code} {_text(trouble.smtp_error)}"
    return [], str(trouble) or type(trouble).__name__


def _text(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words
