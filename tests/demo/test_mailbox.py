"""The mailbox: catches, shows without letting anything run, and misbehaves when told to."""

import json
import re
import smtplib
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from tenantry.demo.mailbox import Mailbox
from tenantry.demo.ports import answers, free_ports
from tenantry.demo.problems import DemoProblem


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mail") as running:
        yield running


@pytest.fixture
def web(mailbox: Mailbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=mailbox.url) as client:
        yield client


def mail(subject: str = "Acme is running", **parts: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Tenantry <no-reply@tenantry.test>"
    message["To"] = "Ünal <staff@acme.test>"
    message["Subject"] = subject
    message.set_content(parts.get("text", "See https://panel.test/d/1?a=1&b=2.\n"))
    if "html" in parts:
        message.add_alternative(parts["html"], subtype="html")
    return message


def send(mailbox: Mailbox, message: EmailMessage, **more: str) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=5) as smtp:
        if more:
            smtp.login("any", more["password"])
        smtp.send_message(message)


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.all if name == tag]


# Catching


def test_a_message_is_caught_shown_and_kept_as_a_file(
    mailbox: Mailbox, web: httpx.Client, tmp_path: Path
) -> None:
    send(mailbox, mail(html="<p>Running: <a href='https://panel.test/d/2'>see</a></p>"))
    (one,) = mailbox.wait_for(1)
    assert one.subject == "Acme is running"
    assert one.recipients == ("staff@acme.test",)
    told = web.get("/messages.json").json()["messages"][0]
    assert told["to"] == "Ünal <staff@acme.test>"
    assert told["envelope_from"] == "no-reply@tenantry.test"
    assert told["text"].startswith("See https://panel.test")
    assert told["links"] == ["https://panel.test/d/1?a=1&b=2", "https://panel.test/d/2"]
    assert told["received_at"].endswith("Z")
    page = web.get("/").text
    assert "Acme is running" in page
    assert "Ünal &lt;staff@acme.test&gt;" in page
    shown = web.get("/messages/1").text
    assert 'href="https://panel.test/d/1?a=1&amp;b=2"' in shown
    assert "Subject: Acme is running" in web.get("/messages/1/raw").text
    file = tmp_path / "mail" / "000001.eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == one.raw


def test_any_login_is_accepted(mailbox: Mailbox) -> None:
    send(mailbox, mail(), password="whatever")
    assert len(mailbox.wait_for(1)) == 1


def test_messages_are_there_again_after_a_restart_and_numbers_go_on(tmp_path: Path) -> None:
    for number in (1, 2):
        with Mailbox(tmp_path) as mailbox:
            send(mailbox, mail(f"number {number}"))
            mailbox.wait_for(number)
    with Mailbox(tmp_path) as mailbox:
        kept = mailbox.messages
    assert [(one.number, one.subject) for one in kept] == [(1, "number 1"), (2, "number 2")]
    assert kept[0].recipients == ("staff@acme.test",)
    assert kept[0].sender == "no-reply@tenantry.test"


def test_old_messages_are_forgotten_with_their_files(tmp_path: Path) -> None:
    with Mailbox(tmp_path, cap=3) as mailbox:
        for number in range(5):
            send(mailbox, mail(f"number {number}"))
        mailbox.wait_for(3)
        assert [one.subject for one in mailbox.messages] == ["number 2", "number 3", "number 4"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "000003.eml",
        "000004.eml",
        "000005.eml",
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header at all",
        b"Subject: =?utf-8?b?////?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: ///\r\n\r\n--",
        b"From: " + b"<" * 500 + b"\r\nTo: ,,,;:\r\nDate: yesterday\r\n\r\nhello",
        b"Content-Type: message/rfc822\r\n\r\n",
    ],
)
def test_a_malformed_message_is_shown_as_far_as_it_goes(
    mailbox: Mailbox, web: httpx.Client, raw: bytes
) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=5) as smtp:
        smtp.sendmail("a@a.test", ["b@b.test"], raw)
    mailbox.wait_for(1)
    for path in ("/", "/messages/1", "/messages/1/raw", "/messages.json"):
        assert web.get(path).status_code == 200


# Showing


def test_an_empty_mailbox_says_so(web: httpx.Client) -> None:
    answer = web.get("/")
    assert "No mail yet" in answer.text
    assert web.get("/messages.json").json() == {"messages": [], "fault": "none"}


def test_nothing_in_a_message_becomes_part_of_the_page(mailbox: Mailbox, web: httpx.Client) -> None:
    nasty = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>"
    send(mailbox, mail(nasty, text=nasty, html=f"<body>{nasty}<iframe src=//evil.test></body>"))
    mailbox.wait_for(1)
    listed = Tags(web.get("/").text)
    assert [bool(tag.get("nonce")) for tag in listed.named("script")] == [True]
    answer = web.get("/messages/1")
    tags = Tags(answer.text)
    assert tags.named("script") == tags.named("img") == []
    (frame,) = tags.named("iframe")
    assert frame["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    assert frame["srcdoc"] is not None
    assert "default-src 'none'" in frame["srcdoc"].split("<body>")[0]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert web.get("/messages/1/raw").headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_asks_for_anything_from_elsewhere(mailbox: Mailbox, web: httpx.Client) -> None:
    send(mailbox, mail())
    mailbox.wait_for(1)
    for path in ("/", "/messages/1", "/nothing"):
        page = web.get(path).text
        assert not re.search(r"(src|@import|url\()\s*=?\s*[\"']?(https?:)?//", page)
        assert '<html lang="en">' in page
        assert "prefers-color-scheme: dark" in page
        assert 'name="viewport"' in page


def test_what_is_not_there_is_said(web: httpx.Client) -> None:
    for path in ("/messages/9", "/messages/9/raw", "/../etc/passwd", "/messages/x"):
        answer = web.get(path)
        assert answer.status_code == 404
        assert "no such message" in answer.text
    assert web.get("/healthz").text == "ok"


def test_names_of_other_sites_are_refused(mailbox: Mailbox, web: httpx.Client) -> None:
    send(mailbox, mail())
    mailbox.wait_for(1)
    for host in ("evil.test", f"evil.test:{mailbox.http_port}", "127.0.0.1.evil.test", ""):
        for path in ("/", "/messages.json"):
            answer = web.get(path, headers={"Host": host})
            assert answer.status_code == 403
            assert "Acme" not in answer.text
    for host in ("localhost", f"127.0.0.1:{mailbox.http_port}", "mail.localhost:1"):
        assert web.get("/", headers={"Host": host}).status_code == 200


# Misbehaving


def order(web: httpx.Client, **what: object) -> httpx.Response:
    return web.post("/_control", json=what)


def test_refuse_says_no_until_it_is_taken_back(mailbox: Mailbox, web: httpx.Client) -> None:
    assert order(web, fault="refuse").json() == {"fault": "refuse"}
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            send(mailbox, mail())
        assert next(iter(refused.value.recipients.values()))[0] == 550
    order(web, fault="none")
    send(mailbox, mail())
    assert len(mailbox.wait_for(1)) == 1


def test_silent_never_says_a_word(mailbox: Mailbox) -> None:
    mailbox.misbehave("silent")
    with (
        socket.create_connection(("127.0.0.1", mailbox.smtp_port), timeout=0.5) as connection,
        pytest.raises(TimeoutError),
    ):
        connection.recv(1)
    mailbox.misbehave("none")
    send(mailbox, mail())


def test_fail_after_dot_keeps_nothing_and_strikes_once(mailbox: Mailbox) -> None:
    mailbox.misbehave("fail-after-dot")
    with pytest.raises(smtplib.SMTPDataError) as failed:
        send(mailbox, mail())
    assert failed.value.smtp_code == 451
    assert mailbox.messages == []
    send(mailbox, mail())
    assert len(mailbox.wait_for(1)) == 1


def test_lost_answer_keeps_the_message_and_hangs_up_once(mailbox: Mailbox) -> None:
    mailbox.misbehave("lost-answer")
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(mailbox, mail("kept, but the sender cannot know"))
    assert len(mailbox.wait_for(1)) == 1
    send(mailbox, mail())
    assert len(mailbox.wait_for(2)) == 2


def test_a_fault_can_strike_a_number_of_times(mailbox: Mailbox, web: httpx.Client) -> None:
    order(web, fault="refuse", times=2)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(mailbox, mail())
    send(mailbox, mail())
    assert web.get("/messages.json").json()["fault"] == "none"


def test_a_fault_can_be_there_from_the_start(tmp_path: Path) -> None:
    with Mailbox(tmp_path, fault="refuse") as mailbox, pytest.raises(smtplib.SMTPException):
        send(mailbox, mail())


def test_clearing_forgets_all(mailbox: Mailbox, web: httpx.Client, tmp_path: Path) -> None:
    send(mailbox, mail())
    mailbox.wait_for(1)
    order(web, clear=True)
    assert mailbox.messages == []
    assert list((tmp_path / "mail").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"fault": "explode"}', "application/json", 400),
        (b'{"fault": "refuse", "times": 0}', "application/json", 400),
        (b'{"fault": "refuse", "times": "many"}', "application/json", 400),
        (b'{"what": 1}', "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"not json", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"fault": ["refuse"]}', "application/json", 400),
        (b"[" * 9000, "application/json", 400),
        (b'{"clear": true}' + b" " * 20_000, "application/json", 400),
        (b'{"fault": "refuse"}', "text/plain", 400),
        (b"fault=refuse", "application/x-www-form-urlencoded", 400),
    ],
)
def test_orders_that_make_no_sense_are_refused(
    web: httpx.Client, body: bytes, kind: str, status: int
) -> None:
    answer = web.post("/_control", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["error"]
    assert web.get("/messages.json").json()["fault"] == "none"


def test_orders_under_another_name_or_elsewhere_are_refused(web: httpx.Client) -> None:
    told = web.post("/_control", json={"fault": "refuse"}, headers={"Host": "evil.test"})
    assert told.status_code == 403
    assert web.post("/", json={"fault": "refuse"}).status_code == 403
    assert web.get("/messages.json").json()["fault"] == "none"


# Running


def test_a_taken_port_is_said_with_its_option(mailbox: Mailbox, tmp_path: Path) -> None:
    with pytest.raises(DemoProblem, match=f"Port {mailbox.smtp_port} is taken.*--smtp-port N"):
        Mailbox(tmp_path / "b", smtp_port=mailbox.smtp_port)
    with pytest.raises(DemoProblem, match=f"Port {mailbox.http_port} is taken.*--http-port N"):
        Mailbox(tmp_path / "b", http_port=mailbox.http_port)


def test_stopping_frees_both_ports(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    mailbox.start()
    assert answers(mailbox.smtp_port)
    assert answers(mailbox.http_port)
    mailbox.stop()
    assert not answers(mailbox.smtp_port)
    assert not answers(mailbox.http_port)
    mailbox.stop()


@pytest.mark.processes
def test_as_a_program_it_says_where_and_ends_when_asked(
    tmp_path: Path, own_environment: dict[str, str]
) -> None:
    smtp, http = free_ports(2)
    argv = [sys.executable, "-u", "-m", "tenantry.demo.mailbox", "--dir", str(tmp_path / "m")]
    ports = ["--smtp-port", str(smtp), "--http-port", str(http)]
    process = subprocess.Popen(
        [*argv, *ports], env=own_environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == (
            f"Mail to 127.0.0.1:{smtp} is shown on http://127.0.0.1:{http}/\n"
        )
        again = subprocess.run(
            [*argv, *ports], env=own_environment, capture_output=True, text=True, check=False
        )
        assert again.returncode == 1
        assert again.stderr == (
            f"Port {smtp} is taken by another program; say --smtp-port N or stop it.\n"
        )
        answer = httpx.get(f"http://127.0.0.1:{http}/messages.json")
        assert json.loads(answer.text)["messages"] == []
        process.terminate()
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.communicate()
