"""Asks witnesses (C2SP tlog-witness) and time-stamp authorities (RFC 3161), within limits of time and size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

import httpx

from lineament.errors import InvalidValue, WitnessUnavailable
from lineament.ledger.checkpoint import LONGEST_NOTE, encode_base64
from lineament.ledger.stamps import MOST_BYTES, ask_for_stamp, stamped_at
from lineament.model.hosts import is_this_machine
from lineament.sandbox.limited_http import client_for_one_response

SECONDS = 20.0
"""Most seconds for a whole answer."""
_MOST = max(LONGEST_NOTE, MOST_BYTES)
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "lineament"}
_PLAIN = re.compile(r"[!-~]{1,500}")
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer over HTTP."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """The witness cosigned another size last than the one that was assumed (409)."""

    size: int


def checked_witness(url: str) -> str:
    """Return the prefix of a witness: https, or http on this machine. Raises InvalidValue."""
    return _checked(url, plain=False)


def checked_authority(url: str) -> str:
    """Return the address of an authority; http will do, as a token is signed and the question is a digest."""
    return _checked(url, plain=True)


def add_checkpoint(name: str, url: str, note: str, old: int, proof: list[bytes]) -> str | Behind:
    """Ask a witness to cosign; return its signature lines, unverified, or the size that it cosigned last.

    Raises WitnessUnavailable if it does not answer, or refuses.
    """
    lines = [f"old {old}", *map(encode_base64, proof)]
    body = "\n".join(lines) + "\n\n" + note
    answer = _exchange(name, httpx.Request("POST", f"{url}/add-checkpoint", content=body.encode(), headers=_HEADERS))
    text = answer.body.decode("utf-8", "replace")
    if answer.status == 409 and _SIZE.fullmatch(text):
        return Behind(size=int(text))
    _require_success(name, answer)
    return text


def newest_at(name: str, url: str, origin: str) -> str | None:
    """Return the newest checkpoint of a log that a witness cosigned, unverified; None if it has none.

    Raises WitnessUnavailable.
    """
    digest = sha256(origin.encode()).hexdigest()
    answer = _exchange(name, httpx.Request("GET", f"{url}/{digest}/checkpoint", headers=_HEADERS))
    if answer.status == 404:
        return None
    _require_success(name, answer)
    return answer.body.decode("utf-8", "replace")


def stamp(name: str, url: str, text: str, roots: str) -> bytes:
    """Return the verified response of an authority on the text of a checkpoint. Raises WitnessUnavailable."""
    question = ask_for_stamp(text)
    headers = {**_HEADERS, "content-type": "application/timestamp-query"}
    answer = _exchange(name, httpx.Request("POST", url, content=question.der, headers=headers))
    _require_success(name, answer)
    try:
        stamped_at(answer.body, text, roots, question.nonce)
    except InvalidValue as error:
        raise WitnessUnavailable(name=name, why=f"its time-stamp is wrong: {error.details['why']}") from error
    return answer.body


def _require_success(name: str, answer: Answer) -> None:
    if answer.status != 200:
        raise WitnessUnavailable(name=name, why=f"it answered with {answer.status}", status=answer.status)


def _exchange(name: str, request: httpx.Request) -> Answer:
    try:
        with client_for_one_response(seconds=SECONDS, size=2 * _MOST) as client:  # _read refuses more than half
            response = client.send(request, stream=True)
            try:
                return Answer(status=response.status_code, body=_read(name, response))
            finally:
                response.close()
    except httpx.TimeoutException as error:
        raise WitnessUnavailable(name=name, why="it does not answer, or takes too long") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise WitnessUnavailable(name=name, why="there is no connection") from error


def _read(name: str, response: httpx.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > _MOST:
            raise WitnessUnavailable(name=name, why="its answer is too long")
    return bytes(content)


def _checked(url: str, *, plain: bool) -> str:
    try:
        parts = urlsplit(url if _PLAIN.fullmatch(url) else "")
        safe = parts.scheme == "https" or (parts.scheme == "http" and (plain or is_this_machine(parts.hostname)))
        whole = bool(parts.hostname) and not parts.username and not parts.fragment and parts.port != 0
    except ValueError:
        safe = whole = False
    if not safe or not whole:
        why = "write a whole address that begins with https://"
        raise InvalidValue(what="The address", value=url[:100], why=why, field="url")
    return url.rstrip("/")
