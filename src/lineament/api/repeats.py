"""Requests that name themselves (``Idempotency-Key``): sent again, they are answered again and done once."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.responses import Response, StreamingResponse

from lineament.errors import Damaged, InvalidValue, Refused, WrongState
from lineament.services.people.api_keys import Admitted
from lineament.store.api_tables import FORGOTTEN
from lineament.store.db import Store
from lineament.store.keys import Cipher, subkey

HEADER = "idempotency-key"
KEPT_FOR = timedelta(hours=24)
"""How long an answer is given again."""
UNDER_WAY = timedelta(minutes=10)
"""How long a request that was never answered, because the server was killed, keeps others of its name away."""
_MOST_KEPT = 2**20
_MOMENT = 2  # seconds
_NAME = re.compile(r"[!-~]{1,255}")
_ABOUT = b"answer to a program"
_TOLD = ("content-type", "location", "etag", "retry-after")


@dataclass(frozen=True, slots=True)
class NamedRequest:
    """A request, and the name that its program gave it."""

    name: str  # unlike that of any other key
    digest: bytes  # SHA-256 of what was asked
    cipher: Cipher


class Repeats:
    """Answers to named requests, in the database: sealed under what the program sent, which is stored nowhere."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, named: NamedRequest, at: datetime) -> Response | None:
        """Note that a request begins; return its answer if it was answered before.

        Raises InvalidValue if the name was used for another request, WrongState if it is still under way.
        """
        found: tuple[bytes, bytes | None] | None
        try:
            with self._store.begin_aside() as tx:
                found = tx.api_answers.begin(named.name, named.digest, at, at + UNDER_WAY)
        except Refused:  # on PostgreSQL another of that name began at the same moment
            found = named.digest, None
        if found is None:
            return None
        digest, content = found
        if digest != named.digest:
            why = "it names another request already; give each request a name of its own"
            raise InvalidValue(what="The header Idempotency-Key", value="…", why=why, field=HEADER)
        if content is None:
            event = "sent again; ask again in a moment"
            raise WrongState(what="request", name="…", state="under way", event=event, retry_after=_MOMENT)
        if content == FORGOTTEN:
            event = "given again; what was asked was done once"
            state = "forgotten, because something was erased since"
            raise WrongState(what="answer to the request", name="…", state=state, event=event)
        try:
            return _opened(named.cipher.open(content, _ABOUT))
        except Damaged:
            why = "its answer cannot be read any more; send the request under another name"
            raise InvalidValue(what="The header Idempotency-Key", value="…", why=why, field=HEADER) from None

    def end(self, named: NamedRequest, response: Response, at: datetime) -> None:
        """Keep the answer, or forget the request if it did nothing that must not be done twice."""
        whole = not isinstance(response, StreamingResponse) and len(response.body) <= _MOST_KEPT
        with self._store.begin_aside() as tx:
            if response.status_code in {401, 429} or response.status_code >= 500 or not whole:
                tx.api_answers.forget(named.name)
            else:
                content = named.cipher.seal(_sealed(response), _ABOUT)
                # Whoever erased something, and was told nothing but that, is told so again.
                tx.api_answers.answer(named.name, content, at + KEPT_FOR, names_nothing=not response.body)

    def forget(self, named: NamedRequest) -> None:
        """Forget a request that ended without an answer."""
        with self._store.begin_aside() as tx:
            tx.api_answers.forget(named.name)


def named_request(untrusted_name: str, admitted: Admitted, secret: str, *asked: bytes) -> NamedRequest:
    """Return a request under its name. Raises InvalidValue for what cannot be one."""
    if not _NAME.fullmatch(untrusted_name):
        why = "use 1 to 255 printable characters without blanks, such as a UUID"
        raise InvalidValue(what="The header Idempotency-Key", value="…", why=why, field=HEADER)
    digest = hashlib.sha256()
    for part in asked:
        digest.update(len(part).to_bytes(8, "big") + part)
    name = f"{admitted.key.id}|{untrusted_name}"
    key = hashlib.sha256(f"{secret}|{untrusted_name}".encode(errors="surrogatepass")).digest()
    return NamedRequest(name, digest.digest(), Cipher(subkey(key, "answer to a program")))


def _sealed(response: Response) -> bytes:
    headers = {name: response.headers[name] for name in _TOLD if name in response.headers}
    return json.dumps([response.status_code, headers]).encode() + b"\n" + bytes(response.body)


def _opened(content: bytes) -> Response:
    head, _, body = content.partition(b"\n")
    status, headers = json.loads(head)
    return Response(body, status_code=status, headers={**headers, "idempotency-replayed": "true"})
