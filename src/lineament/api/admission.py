"""Who calls: the key of a request is checked, counted, and turned into a desk."""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from lineament.errors import KeyRefused, NotFound, TooManyAttempts
from lineament.model.accounts import Permission
from lineament.services.people.api_keys import Admitted, KeyEntrance
from lineament.workspace import Desk, Workspace

REFUSED_PER_MINUTE = 30
"""Keys that open nothing, of one network address; beyond them it is refused before any key is looked up."""
_MOST_KNOWN = 1000
_SCHEME = "bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of a program, and the desk at which it acts: the official's, within the bounds of the key."""

    desk: Desk
    admitted: Admitted
    secret: str = field(repr=False)  # what the program sent; seals what only it may read again

    @property
    def case(self) -> str:
        """The case to which the key is bound, by its key. Raises NotFound if it is bound to none."""
        if self.admitted.case_key is None:
            raise NotFound(what="case of this key", name=self.admitted.key.name, hint="lineament key list")
        return self.admitted.case_key

    @property
    def reason(self) -> str:
        """The reason of searches that state none."""
        return self.admitted.key.reason

    def source(self, name: str) -> str:
        """Return the name of a source with which the key may work. Raises NotFound for any other."""
        if not self.desk.official.may_use(name):
            raise NotFound(what="source", name=name, hint="lineament source list")
        return name


class Admission:
    """Admits programs by their keys, at the rate that each key has."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._entrance = KeyEntrance(workspace.desk_at_the_machine().record.everywhere)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._known: OrderedDict[bytes, None] = OrderedDict()  # digests of keys that were right lately
        self._refused = RateLimitItemPerMinute(max(1, REFUSED_PER_MINUTE // workspace.processes), namespace="refused")

    def bearer(self, request: Request) -> Call:
        """Admit a request by the key in its header ``Authorization: Bearer``. Raises KeyRefused or TooManyAttempts."""
        sent = request.headers.getlist("authorization")
        scheme, _, text = (sent[0] if len(sent) == 1 else "").partition(" ")  # of two, a proxy may read the other
        return self.key(request, text.strip() if scheme.lower() == _SCHEME else "")

    def key(self, request: Request, untrusted_text: str) -> Call:
        """Admit a request by the text of a key, wherever it stood."""
        name = hashlib.sha256(untrusted_text.encode(errors="surrogatepass")).digest()
        admitted = self._checked(request, name, lambda: self._entrance.admit(untrusted_text))
        return self._call(admitted, untrusted_text)

    def expect_signer(self, request: Request, key_id: str) -> None:
        """Raise KeyRefused or TooManyAttempts, before its body is read, if no key with that id signs requests."""
        self._checked(request, _signer(key_id), lambda: self._entrance.admit_signer(key_id))

    def signed(self, request: Request, key_id: str, check: Callable[[str], None]) -> Call:
        """Admit a request that was signed with the secret of a key; ``check`` raises KeyRefused for a wrong one."""

        def admit() -> Admitted:
            admitted = self._entrance.admit_signer(key_id)
            check(admitted.key.signing_secret or "")
            self._entrance.signed(admitted)
            return admitted

        admitted = self._checked(request, _signer(key_id), admit)
        return self._call(admitted, admitted.key.signing_secret or "")

    def again(self, call: Call) -> Call:
        """Admit the key of a request that goes on, without counting another one. Raises KeyRefused."""
        admitted = self._entrance.admit(call.secret)
        return Call(desk=self._workspace.desk(admitted.official), admitted=admitted, secret=call.secret)

    def _checked(self, request: Request, name: bytes, admit: Callable[[], Admitted]) -> Admitted:
        """Run a check, unless the network address sent too many keys that open nothing and this is not known as one."""
        client = client_of(request)
        if name not in self._known and not self._limiter.test(self._refused, client):
            raise self._too_many(self._refused, client, "your network address sends keys that open nothing")
        try:
            admitted = admit()
        except KeyRefused:
            self._known.pop(name, None)
            self._limiter.hit(self._refused, client)
            raise
        self._known.pop(name, None)  # other threads may drop it at any moment
        self._known[name] = None
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return admitted

    def _call(self, admitted: Admitted, secret: str) -> Call:
        key = admitted.key
        rate = RateLimitItemPerMinute(max(1, key.per_minute // self._workspace.processes), namespace="key")
        if not self._limiter.hit(rate, key.id):
            raise self._too_many(rate, key.id, "this key makes more requests a minute than it may")
        return Call(desk=self._workspace.desk(admitted.official), admitted=admitted, secret=secret)

    def _too_many(self, rate: RateLimitItem, name: str, why: str) -> TooManyAttempts:
        reset = self._limiter.get_window_stats(rate, name).reset_time
        return TooManyAttempts(why=why, seconds=max(1, math.ceil(reset - time.time())))


def _signer(key_id: str) -> bytes:
    return hashlib.sha256(f"signer {key_id}".encode(errors="surrogatepass")).digest()


def client_of(request: Request) -> str:
    """Return the network address of a request, as the server worked it out (``web.gateway``)."""
    found: str = request.scope.get("state", {}).get("client", "")
    return found or (request.client.host if request.client is not None else "")


def require(call: Call, permission: Permission) -> None:
    """Raise NotAllowed unless key and official have the permission."""
    call.desk.record.require(permission)
