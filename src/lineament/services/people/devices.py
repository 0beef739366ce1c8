"""Known devices: browsers in which the owner of an account signed in with everything that is asked.

The key in such a browser's cookie is signed with the workspace's key, is good for one account and for ninety days, and
is forgotten when the owner or an administrator ends the sessions. It opens nothing: it only lets an attempt be made.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime, timedelta

from lineament.services.people.callers import TERMINAL, AttemptPlace, Caller
from lineament.services.people.sessions import Session
from lineament.store.db import Tx

KNOWN_FOR = timedelta(days=90)
"""How long a device is known after the sign-in that made it known."""

MOST = 5
"""The most keys in one browser's cookie: of so many people who share it."""

_RANDOM_BYTES = 24
_SIGNED = 32  # characters of the signature


class Devices:
    """Makes the keys of devices, and finds out which account knows them."""

    def __init__(self, signing_key: bytes) -> None:
        self._signing_key = signing_key

    def signed(self, untrusted_key: str) -> bool:
        """Return whether this workspace made the key; no query is needed to know that."""
        return hmac.compare_digest(
            self._signature(untrusted_key[:-_SIGNED]).encode(), untrusted_key[-_SIGNED:].encode(errors="replace")
        )

    def place(self, tx: Tx, account_id: str, caller: Caller, at: datetime, *, terminal: bool) -> AttemptPlace:
        """Return where attempts on an account are counted; an account that does not exist costs the same query."""
        signed = [key for key in caller.devices[:MOST] if self.signed(key)]
        known = tx.devices.known(account_id, signed, at - KNOWN_FOR)
        if terminal:
            return TERMINAL
        return AttemptPlace() if known is None else AttemptPlace(name=known, device=known)

    def place_of(self, tx: Tx, session: Session, caller: Caller, at: datetime) -> AttemptPlace:
        """Return where the attempts of a session's owner are counted."""
        return self.place(tx, session.account.id, caller, at, terminal=session.signed_in.terminal)

    def remember(self, tx: Tx, account_id: str, caller: Caller, at: datetime) -> str | None:
        """Return the key for a new device of the account, whose owner has just signed in; None if it is known."""
        if not caller.client or self.place(tx, account_id, caller, at, terminal=False).known:
            return None
        random = secrets.token_urlsafe(_RANDOM_BYTES)
        key = random + self._signature(random)
        tx.devices.add(account_id, key, at)
        return key

    def _signature(self, random: str) -> str:
        digest = hmac.digest(self._signing_key, random.encode(errors="surrogatepass"), "sha256")
        return base64.urlsafe_b64encode(digest).decode()[:_SIGNED]
