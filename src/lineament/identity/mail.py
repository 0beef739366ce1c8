"""Mail to officials: invitations and warnings, by the agency's own SMTP server (RFC 5321), encrypted on its way."""

from __future__ import annotations

import re
import smtplib
import ssl
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from lineament.errors import InvalidValue, MailUnavailable

SECONDS = 15.0
"""How long the server may take for each answer."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_MOST_SUBJECT = 200


class Outbox(Protocol):
    """Where messages to officials go."""

    def send(self, to: str, subject: str, text: str) -> None:
        """Send plain text to one address.

        InvalidValue where the address or the subject cannot stand in a header; MailUnavailable where nothing was sent.
        """


def message(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    """The message; InvalidValue for an address or a subject with a line break, a second address, or none at all."""
    if _CONTROL.search(subject) or not 0 < len(subject) <= _MOST_SUBJECT:
        raise InvalidValue(what="The subject", value="…", why="it is one line of 1 to 200 characters")
    written = EmailMessage(policy=SMTP)
    written["From"] = _address(sender)
    written["To"] = _address(to)
    written["Subject"] = subject
    written["Date"] = formatdate()
    written["Message-ID"] = make_msgid(domain=_address(sender).domain)
    written["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers it
    written.set_content(text)
    return written


def _address(untrusted: str) -> Address:
    """One address and nothing else. Its error does not repeat it: addresses are names of people."""
    why = "it is one address in plain letters, written as name@agency.example"
    if (
        _CONTROL.search(untrusted)
        or not untrusted.isascii()
        or re.search(r"[\s,;:<>()\[\]\\\"]", untrusted)
        or len(untrusted) > 254
    ):
        raise InvalidValue(what="The e-mail address", value="…", why=why)
    try:
        address = Address(addr_spec=untrusted)
    except (MessageError, ValueError, IndexError) as error:
        raise InvalidValue(what="The e-mail address", value="…", why=why) from error
    if not address.username or not address.domain:
        raise InvalidValue(what="The e-mail address", value="…", why=why)
    return address


class SmtpOutbox:
    """A mail server, from an address such as ``smtp://user:password@mail.example:587?from=lineament@agency.example``.

    ``smtps://`` is TLS from the first byte (port 465); ``smtp://`` (port 587) turns to TLS by STARTTLS, and where the
    server does not offer that, nothing is sent unless it is on this machine. User and password are percent-encoded.
    """

    def __init__(self, url: str, *, trust: ssl.SSLContext | None = None) -> None:
        """``trust`` says whose certificates count; without it, those the system trusts. InvalidValue: no such URL."""
        parts = _checked(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if self._tls else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        default = self._user if "@" in self._user else f"lineament@{self._host}"
        self._sender = parse_qs(parts.query).get("from", [default])[0]
        _address(self._sender)
        self._trust = trust

    def __repr__(self) -> str:
        """Without user and password."""
        return f"SmtpOutbox({self._host}:{self._port})"

    def send(self, to: str, subject: str, text: str) -> None:
        """Send plain text to one address; see ``Outbox``."""
        written = message(self._sender, to, subject, text)
        try:
            with self._connected() as server:
                server.sendmail(self._sender, [to], written.as_bytes())
        except MailUnavailable:
            raise
        except smtplib.SMTPRecipientsRefused as error:
            raise MailUnavailable(why="the mail server does not take this recipient") from error
        except smtplib.SMTPAuthenticationError as error:
            raise MailUnavailable(why="the mail server does not take the user and the password") from error
        except (smtplib.SMTPException, OSError, UnicodeError) as error:  # TLS errors are OSErrors
            raise MailUnavailable(why=_kind(error)) from error

    def _connected(self) -> smtplib.SMTP:
        trust = self._trust or ssl.create_default_context()
        if self._tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=SECONDS, context=trust)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SECONDS)
        try:
            if not self._tls:
                self._turned_to_tls(server, trust)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _turned_to_tls(self, server: smtplib.SMTP, trust: ssl.SSLContext) -> None:
        server.ehlo_or_helo_if_needed()
        if server.has_extn("starttls"):
            server.starttls(context=trust)
        elif self._host not in _LOOPBACK:
            raise MailUnavailable(why="the mail server offers no encryption")


def _checked(url: str) -> SplitResult:
    """The parts of the URL. Its error does not repeat it: there may be a password in it."""
    why = "write it as smtp://user:password@host:587?from=name@agency.example, or smtps://"
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"smtp", "smtps"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise InvalidValue(what="The address of the mail server", value="…", why=why) from error
    if not fine or parts.path.strip("/") or _CONTROL.search(unquote(url)):
        raise InvalidValue(what="The address of the mail server", value="…", why=why)
    return parts


def _kind(error: Exception) -> str:
    """What went wrong, without what the server wrote: that may repeat addresses."""
    if isinstance(error, ssl.SSLError):
        return "its certificate or its encryption cannot be trusted"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answered with {error.smtp_code}"
    if isinstance(error, TimeoutError):
        return "the mail server does not answer"
    return "there is no connection to the mail server" if isinstance(error, OSError) else "it did not take the message"
