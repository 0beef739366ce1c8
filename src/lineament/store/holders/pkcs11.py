"""The key-encryption key in a token (HSM, smart card, SoftHSM) behind PKCS#11; it never leaves the token.

Each version is an AES-256 key object, sensitive and not extractable, under one label; its id is its number. The token
itself encrypts (CKM_AES_GCM).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from lineament.errors import InvalidValue, KeyHolderUnavailable, WorkspaceExists, WrongKey
from lineament.store.holders.base import secret_in

_NONCE = 12
_TAG_BITS = 128
_NUMBER = 4
"""Bytes of a version's number, before the nonce."""

_in_use = threading.Lock()
"""A process signs in to a token for all of its sessions at once, so one session is open at a time."""


class Pkcs11Holder:
    """See KeyHolder."""

    def __init__(self, module: Path, token: str, label: str, pin_file: Path) -> None:
        """Open nothing yet.

        Args:
            module: The library of the token's maker.
            token: The label of the token.
            label: That of the key objects.
            pin_file: A file of mode 0600 with the PIN of the user.
        """
        self._module, self._token, self._label, self._pin_file = module, token, label, pin_file

    @classmethod
    def of(cls, uri: str, pin_file: Path | None) -> Pkcs11Holder:
        """Return the holder at ``pkcs11:token=…;object=…?module-path=…`` (RFC 7512). Raises InvalidValue."""
        path, _, query = uri.removeprefix("pkcs11:").partition("?")
        named = dict(part.partition("=")[::2] for part in path.split(";"))
        modules = parse_qs(query).get("module-path", [])
        token, label = unquote(named.get("token", "")), unquote(named.get("object", ""))
        if not token or not label or len(modules) != 1 or pin_file is None:
            why = "write pkcs11:token=NAME;object=NAME?module-path=/path/of/library.so, and name the file of the PIN"
            raise InvalidValue(what="The key holder", value=uri[:200], why=why)
        return cls(Path(modules[0]), token, label, pin_file)

    def __repr__(self) -> str:
        return f"Pkcs11Holder({self.place!r})"

    @property
    def place(self) -> str:
        """See KeyHolder."""
        return f"token “{self._token}”, object “{self._label}”"

    def create(self) -> None:
        """See KeyHolder."""
        with self._session() as session:
            if self._versions(session):
                raise WorkspaceExists(path=self.place)
            self._generate(session, 1)

    def wrap(self, plain: bytes, about: bytes) -> bytes:
        """See KeyHolder: number of the version, nonce, ciphertext and tag."""
        from pkcs11 import GCMParams, Mechanism

        nonce = os.urandom(_NONCE)
        with self._session() as session:
            versions = self._versions(session)
            if not versions:
                raise WrongKey(path=self.place)
            number = max(versions)
            parameters = GCMParams(nonce, about, _TAG_BITS)
            sealed = versions[number].encrypt(plain, mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
        return number.to_bytes(_NUMBER, "big") + nonce + bytes(sealed)

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        """See KeyHolder."""
        from pkcs11 import GCMParams, Mechanism, PKCS11Error

        number, rest = int.from_bytes(wrapped[:_NUMBER], "big"), wrapped[_NUMBER:]
        with self._session() as session:
            version = self._versions(session).get(number)
            if version is None or len(rest) < _NONCE + _TAG_BITS // 8:
                raise WrongKey(path=self.place)
            parameters = GCMParams(rest[:_NONCE], about, _TAG_BITS)
            try:
                plain = version.decrypt(rest[_NONCE:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
            except PKCS11Error:  # tokens disagree on which error a wrong tag is
                raise WrongKey(path=self.place) from None
        return bytes(plain)

    def rotate(self) -> None:
        """See KeyHolder."""
        with self._session() as session:
            versions = self._versions(session)
            if not versions:
                raise WrongKey(path=self.place)
            self._generate(session, max(versions) + 1)

    def retire(self) -> None:
        """See KeyHolder."""
        with self._session() as session:
            versions = self._versions(session)
            for number in sorted(versions)[:-1]:
                versions[number].destroy()

    def _generate(self, session: Any, number: int) -> None:
        from pkcs11 import Attribute, KeyType

        session.generate_key(
            KeyType.AES,
            256,
            label=self._label,
            id=number.to_bytes(_NUMBER, "big"),
            store=True,
            template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True},
        )

    def _versions(self, session: Any) -> dict[int, Any]:
        from pkcs11 import Attribute, ObjectClass

        which = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._label}
        return {int.from_bytes(key.id, "big"): key for key in session.get_objects(which)}

    @contextmanager
    def _session(self) -> Iterator[Any]:
        import pkcs11

        pin = secret_in(self._pin_file)
        with _in_use:
            try:
                library = pkcs11.lib(str(self._module))
                token = library.get_token(token_label=self._token)
                with token.open(rw=True, user_pin=pin) as session:
                    yield session
            except (pkcs11.PKCS11Error, RuntimeError) as error:
                why = str(error) or type(error).__name__
                raise KeyHolderUnavailable(place=self.place, why=why) from None
