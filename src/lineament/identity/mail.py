"""E-mail to officials: invitations and warnings, through the agency's own SMTP server (RFC 5321), encrypted."""

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
"""Most seconds for each response of the server."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_MOST_SUBJECT = 200


class Outbox(Protocol):
    """Sends messages to officials."""

    def send(self, to: str, subject: str, text: str) -> None:
        """Send plain text to one address.

        Raises InvalidValue if the address or the subject cannot be used in a header, MailUnavailable if nothing was
        sent.
        """


def message(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    """Return the message. Raises InvalidValue for a line break, a second address, or an empty address or subject."""
    if _CONTROL.search(subject) or not 0 < len(subject) <= _MOST_SUBJECT:
        raise InvalidValue(what="The subject", value="…", why="it is one line of 1 to 200 characters")
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(sender)
    mail["To"] = _address(to)
    mail["Subject"] = subject
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=_address(sender).domain)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic reply answers it
    mail.set_content(text)
    return mail


def _address(untrusted: str) -> Address:
    """Return a single address. The error does not repeat it: addresses name people."""
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

    ``smtps://`` is TLS from the first byte (port 465); ``smtp://`` (port 587) switches to TLS by STARTTLS. If the
    server does not offer that, nothing is sent unless it is on this machine. User and password are percent-encoded.
    """

    def __init__(self, url: str, *, trust: ssl.SSLContext | None = None) -> None:
        """``trust`` says which certificates are accepted; by default those that the system trusts.

        Raises InvalidValue if ``url`` is not such an address.
        """
        parts = _parse_url(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if self._tls else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        default = self._user if "@" in self._user else f"lineament@{self._host}"
        self._sender = parse_qs(parts.query).get("from", [default])[0]
        _address(self._sender)
        self._trust = trust

    def __repr__(self) -> str:
        """Return host and port, without user and password."""
        return f"SmtpOutbox({self._host}:{self._port})"

    def send(self, to: str, subject: str, text: str) -> None:
        """Send plain text to one address; see ``Outbox``."""
        mail = message(self._sender, to, subject, text)
        try:
            with self._connect() as server:
                server.sendmail(self._sender, [to], mail.as_bytes())
        except MailUnavailable:
            raise
        except smtplib.SMTPRecipientsRefused as error:
            raise MailUnavailable(why="the mail server does not accept this recipient") from error
        except smtplib.SMTPAuthenticationError as error:
            raise MailUnavailable(why="the mail server does not accept the user and the password") from error
        except (smtplib.SMTPException, OSError, UnicodeError) as error:  # TLS errors are OSErrors
            raise MailUnavailable(why=_reason(error)) from error

    def _connect(self) -> smtplib.SMTP:
        trust = self._trust or ssl.create_default_context()
        if self._tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=SECONDS, context=trust)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SECONDS)
        try:
            if not self._tls:
                self._switch_to_tls(server, trust)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _switch_to_tls(self, server: smtplib.SMTP, trust: ssl.SSLContext) -> None:
        server.ehlo_or_helo_if_needed()
        if server.has_extn("starttls"):
            server.starttls(context=trust)
        elif self._host not in _LOOPBACK:
            raise MailUnavailable(why="the mail server offers no encryption")


def _parse_url(url: str) -> SplitResult:
    """Return the parts of the URL. The error does not repeat it: there may be a password in it."""
    why = "write it as smtp://user:password@host:587?from=name@agency.example, or smtps://"
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"smtp", "smtps"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise InvalidValue(what="The address of the mail server", value="…", why=why) from error
    if not fine or parts.path.strip("/") or _CONTROL.search(unquote(url)):
        raise InvalidValue(what="The address of the mail server", value="…", why=why)
    return parts


def _reason(error: Exception) -> str:
    """Return what went wrong, without the server's own words: they may repeat addresses."""
    if isinstance(error, ssl.SSLError):
        return "its certificate or its encryption cannot be trusted"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answered with {error.smtp_code}"
    if isinstance(error, TimeoutError):
        return "the mail server does not answer"
    if isinstance(error, OSError):
        return "there is no connection to the mail server"
    return "the mail server did not accept the message"
