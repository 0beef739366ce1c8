"""What every outbox must do: the real one with a real SMTP server, and the fake in lineament.testing."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest
from aiosmtpd.smtp import Envelope
from tests.support.mail_server import PASSWORD, USER, Postbox, certificate, free_port, mail_server

from lineament.errors import InvalidValue, MailUnavailable
from lineament.identity.mail import Outbox, SmtpOutbox
from lineament.testing import MemoryOutbox, SentMessage

TO, SUBJECT = "a.examiner@agency.example", "You are invited — Einladung für Zoë"
TEXT = "Open https://lineament.agency.example/join/" + "x" * 90 + "\n.\nFrom here on: naïve.\n"
SENDER = "?from=lineament@agency.example"


@dataclass
class Case:
    """An outbox, and what arrived from it."""

    outbox: Outbox
    arrived: Callable[[], list[SentMessage]]


def parsed(envelope: Envelope) -> EmailMessage:
    content = envelope.content
    assert isinstance(content, bytes)
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def as_sent(envelope: Envelope) -> SentMessage:
    message = parsed(envelope)
    assert envelope.rcpt_tos == [message["To"]]
    return SentMessage(to=message["To"], subject=message["Subject"], text=message.get_content().replace("\r\n", "\n"))


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


def trusting(pem: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=pem)


@pytest.fixture(params=["memory", "starttls", "smtps", "plain"])
def case(request: pytest.FixtureRequest, pem: Path) -> Iterator[Case]:
    if request.param == "memory":
        memory = MemoryOutbox()
        yield Case(memory, lambda: memory.sent)
        return
    postbox = Postbox()
    wrapped, plain = request.param == "smtps", request.param == "plain"
    with mail_server(postbox, None if plain else pem, wrapped=wrapped, auth=not plain) as port:
        known = "" if plain else f"{USER}:{quote(PASSWORD, safe='')}@"
        scheme = "smtps" if wrapped else "smtp"
        outbox = SmtpOutbox(f"{scheme}://{known}localhost:{port}{SENDER}", trust=trusting(pem))
        yield Case(outbox, lambda: [as_sent(envelope) for envelope in postbox.envelopes])
        assert postbox.signed_in == postbox.encrypted == [not plain] * len(postbox.envelopes)


def test_a_message_arrives_as_it_was_written(case: Case) -> None:
    case.outbox.send(TO, SUBJECT, TEXT)
    case.outbox.send("b@agency.example", "Second", "Short.\n")
    assert case.arrived() == [
        SentMessage(to=TO, subject=SUBJECT, text=TEXT),
        SentMessage(to="b@agency.example", subject="Second", text="Short.\n"),
    ]


@pytest.mark.parametrize(
    "to",
    [
        "",
        "nobody",
        "@agency.example",
        "a@",
        "a@b@c.example",
        "a@agency.example, b@evil.example",
        "a,b@evil.example",
        "A <a@agency.example>",
        "a>,b@evil.example",
        "a@agency.example\r\nBcc: b@evil.example",
        "a@agency.example\nRCPT TO:<b@evil.example>",
        "a\0@agency.example",
        '"a b"@agency.example',
        "a@agency.example ",
        "x" * 250 + "@agency.example",
    ],
)
def test_only_one_plain_address_is_written_to(case: Case, to: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        case.outbox.send(to, "Subject", "Text")
    assert "example" not in str(caught.value).replace("name@agency.example", "")
    assert case.arrived() == []


@pytest.mark.parametrize(
    "subject",
    ["", "x" * 201, "One\r\nBcc: b@evil.example", "One\nTwo", "One\rTwo", "One\0", "One\u2028Two", "One\x85Two"],
)
def test_a_subject_is_one_line(case: Case, subject: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        case.outbox.send(TO, subject, "Text")
    assert "evil" not in str(caught.value)
    assert case.arrived() == []


def test_text_that_looks_like_headers_stays_text(case: Case) -> None:
    hostile = "Bcc: b@evil.example\n\n.\nMAIL FROM:<x@evil.example>\n..\nEnd.\n"
    case.outbox.send(TO, "=?utf-8?q?Subject?=", hostile)
    (sent,) = case.arrived()
    assert sent.text == hostile
    assert sent.to == TO


def test_headers_say_from_whom_and_that_no_machine_should_answer(pem: Path) -> None:
    postbox = Postbox()
    with mail_server(postbox, pem) as port:
        SmtpOutbox(f"smtp://127.0.0.1:{port}{SENDER}", trust=trusting(pem)).send(TO, SUBJECT, TEXT)
    (envelope,) = postbox.envelopes
    message = parsed(envelope)
    assert envelope.mail_from == message["From"] == "lineament@agency.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@agency.example>")
    assert message["Date"]
    assert postbox.encrypted == [True]


def unsent(outbox: SmtpOutbox, why: str) -> None:
    with pytest.raises(MailUnavailable, match=why) as caught:
        outbox.send(TO, SUBJECT, TEXT)
    for secret in (TO, PASSWORD, quote(PASSWORD, safe=""), "wrong-secret"):
        assert secret not in str(caught.value)
        assert secret not in repr(outbox)


def test_a_server_that_is_not_trusted_gets_nothing(pem: Path) -> None:
    for scheme in ("smtp", "smtps"):
        postbox = Postbox()
        with mail_server(postbox, pem, wrapped=scheme == "smtps") as port:
            unsent(SmtpOutbox(f"{scheme}://{USER}:{quote(PASSWORD, safe='')}@localhost:{port}"), "certificate")
        assert postbox.envelopes == []


def test_a_wrong_password_is_reported_without_it(pem: Path) -> None:
    postbox = Postbox()
    with mail_server(postbox, pem, auth=True) as port:
        unsent(SmtpOutbox(f"smtp://{USER}:wrong-secret@localhost:{port}", trust=trusting(pem)), "user and the password")
    assert postbox.envelopes == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [(f"550 no such user {TO}", "recipient"), (f"452 later {TO}", "recipient"), ("421 bye", "recipient")],
)
def test_a_refusing_server_is_reported_without_the_address(pem: Path, answer: str, why: str) -> None:
    postbox = Postbox(refuse=answer)
    with mail_server(postbox, pem) as port:
        unsent(SmtpOutbox(f"smtp://localhost:{port}{SENDER}", trust=trusting(pem)), why)
    assert postbox.envelopes == []


def test_a_missing_server_is_reported() -> None:
    unsent(SmtpOutbox(f"smtp://{USER}:wrong-secret@127.0.0.1:{free_port()}"), "no connection")


def test_without_encryption_nothing_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is on loopback, but its name does not show it."""
    monkeypatch.setattr("lineament.identity.mail._LOOPBACK", frozenset())
    postbox = Postbox()
    with mail_server(postbox, None) as port:
        unsent(SmtpOutbox(f"smtp://localhost:{port}{SENDER}"), "no encryption")
    assert postbox.envelopes == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://user:secret-word@",
        "smtp://user:secret-word@mail.example:port",
        "smtp://user:secret-word@mail.example:0",
        "smtp://user:secret-word@mail.example:99999",
        "smtp://user:secret-word@mail.example/path",
        "smtp://user:secret-word%0d%0aQUIT@mail.example",
        "smtp://user:secret-word@mail.example?from=nobody",
        "smtp://user:secret-word@mail.example?from=a@b.example%0d%0aBcc:c@d.example",
    ],
)
def test_an_address_that_is_no_mail_server_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        SmtpOutbox(url)
    assert "secret-word" not in str(caught.value)
