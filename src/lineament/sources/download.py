"""Fetches one large file over HTTPS whose SHA-256 is known; half a file never stays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from lineament.errors import DownloadFailed
from lineament.sandbox.limited_http import LimitedNetwork, limited_client

SECONDS = 30.0
"""Most seconds without a byte."""
LONGEST = 6 * 3600.0
"""Most seconds for the whole file."""
REDIRECTS = 5
CHUNK = 1 << 18
"""Bytes between two reports of the progress."""


def download(
    address: str, into: Path, *, sha256: str, most: int, on_progress: Callable[[int, int | None], None]
) -> None:
    """Fetch a file; it gets its name once it is complete and has this digest.

    Args:
        address: Begins with https://, as every address that it redirects to has to.
        into: The file; there is none yet.
        sha256: Of its content, hexadecimal.
        most: Bytes; a larger file is refused.
        on_progress: Called with the bytes received so far, and their total if the server says it.

    Raises:
        DownloadFailed: There is no network, the server refuses, or the content has another digest.
    """
    part = into.with_name(f".{into.name}.part")
    digest, here = hashlib.sha256(), 0
    try:
        with _opened(address, most) as response, part.open("wb") as file:
            total = _whole(response.headers.get("content-length"))
            for chunk in response.iter_raw(CHUNK):
                here += len(chunk)
                if here > most:
                    raise DownloadFailed(address=address, why=f"it has more than {most:,} bytes")
                digest.update(chunk)
                file.write(chunk)
                on_progress(here, total)
        if digest.hexdigest() != sha256:
            raise DownloadFailed(address=address, why="its content is not the one that was pinned (SHA-256 differs)")
        part.rename(into)
    except httpx.TimeoutException as error:
        raise DownloadFailed(address=address, why="the server does not answer") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DownloadFailed(address=address, why="there is no connection") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _opened(address: str, most: int) -> Iterator[httpx.Response]:
    """Open a file, following redirects to https:// alone."""
    network = LimitedNetwork()
    with limited_client(network, timeout=SECONDS) as client:
        url = httpx.URL(address)
        for _ in range(REDIRECTS + 1):
            if url.scheme != "https":
                raise DownloadFailed(address=address, why="it leads to an address without encryption")
            network.allow(seconds=SECONDS, size=0)
            headers = {"Accept-Encoding": "identity", "User-Agent": "lineament"}
            with client.stream("GET", url, headers=headers) as response:
                if response.is_redirect and "location" in response.headers:
                    url = url.join(response.headers["location"])
                    continue
                if response.status_code != 200:
                    raise DownloadFailed(address=address, why=f"the server answered with {response.status_code}")
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise DownloadFailed(address=address, why="the server compresses it although it was asked not to")
                network.allow(seconds=LONGEST, size=most)
                yield response
                return
        raise DownloadFailed(address=address, why="it leads from one address to the next")


def _whole(untrusted: str | None) -> int | None:
    return int(untrusted) if untrusted is not None and untrusted.isascii() and untrusted.isdecimal() else None
