"""Uploads: a folder of any size is listed, sent part by part, and goes on where it was whenever it is sent again."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lineament.client.answers import Received, Upload, UploadedFile, UploadFiles
from lineament.client.listening import followed
from lineament.client.nouns import Noun, Transport, asked, told, walked
from lineament.client.problems import UnexpectedAnswer
from lineament.client.requests import Request, act, act_on_bytes, get, place
from lineament.client.steps import Aside, Steps, Telling, result

PART = 4 * 2**20
"""Bytes of each part of a file, except its last."""
_LISTED = 1000  # most files in one list
_TOGETHER = 2 * PART  # most bytes of parts in one request
_MOST_PARTS = 500
_ABOUT_OTHERS = (".json", ".xmp", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
"""How the names of side-cars, case exports, tables and manifests end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedFile:
    """A file of this machine that is going to be sent."""

    path: str
    """Its name for the server, with slashes, from the folder on."""
    size: int
    modified: int
    """Milliseconds since 1970."""
    place: Path | None = None
    """Where it is on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the sending of a folder is."""

    files: int
    """That are listed."""
    bytes: int
    sent: int
    """Bytes that are durable at the server."""
    refused: int
    """Files that the server does not take, such as those of a kind that it cannot read."""
    unreadable: int
    """Files that could not be read to the end any more; the server is told, and refuses them."""
    skipped: int
    """Entries that are no regular files, such as links; they are not listed."""


Told = Callable[[Progress], object]


class Uploads(Noun[Transport]):
    """What is on its way into a source."""

    @asked
    def begin(self, source: str) -> Request[Upload]:
        """Begin an upload, or return the one that is under way."""
        return act(Upload, place("sources", source, "uploads"))

    @asked
    def get(self, source: str, upload: str) -> Request[Upload]:
        """Return how much of an upload has arrived, and was taken in."""
        return get(Upload, place("sources", source, "uploads", upload))

    @asked
    def offer(
        self, source: str, upload: str, files: Sequence[OfferedFile], *, last: bool = False, notify: bool = False
    ) -> Request[UploadFiles]:
        """List at most 1000 files, and return what of each has arrived; ``last`` says that the list is complete."""
        return _offer(source, upload, files, last=last, notify=notify)

    @asked
    def missing(self, source: str, upload: str, after: int = 0) -> Request[UploadFiles]:
        """Return the next files of which something is yet to arrive, after the file of that number."""
        return get(UploadFiles, place("sources", source, "uploads", upload, "missing"), after=after)

    @asked
    def send(self, source: str, upload: str, parts: Sequence[tuple[int, int, bytes]]) -> Request[Received]:
        """Send parts of files: of each the number of its file, its first byte, and its bytes."""
        return _send(source, upload, parts)

    @asked
    def give_up(self, source: str, upload: str, files: Sequence[int]) -> Request[Upload]:
        """Have files refused that cannot be read any more, by their numbers, so that nothing waits for them."""
        return _give_up(source, upload, files)

    @asked
    def stop(self, source: str, upload: str) -> Request[Upload]:
        """Delete what is not taken in yet; what is taken in stays."""
        return act(Upload, place("sources", source, "uploads", upload, "stop"))

    @walked
    def folder(
        self, source: str, folder: str | Path, *, progress: Told | None = None, notify: bool = False
    ) -> Steps[Upload]:
        """Send a folder, or a file, and return the upload once all of it has arrived; a worker takes it in.

        Called again after any break, it sends what is missing. ``progress`` is called now and then; with ``notify`` the
        agency's web hooks are told when all of it was taken in.

        Raises Problem, or OSError if the folder cannot be read.
        """
        begun = yield from result(act(Upload, place("sources", source, "uploads")))
        files, skipped = yield Aside(lambda: _files_in(Path(folder)))
        sending = _Sending(source, begun.upload, files, skipped, progress or (lambda _: None))
        yield from sending.steps(notify)
        return (yield from result(get(Upload, place("sources", source, "uploads", begun.upload))))

    @told
    def follow(self, source: str, upload: str) -> Telling[Upload]:
        """Yield an upload whenever more of it was taken in, until all of it is."""
        now = get(Upload, place("sources", source, "uploads", upload))
        return followed(now, None, lambda found: found.ended_at is not None)


def _offer(source: str, upload: str, files: Sequence[OfferedFile], *, last: bool, notify: bool) -> Request[UploadFiles]:
    listed = [{"path": file.path, "size": file.size, "modified": file.modified} for file in files]
    return act(
        UploadFiles, place("sources", source, "uploads", upload, "files"), files=listed, last=last, notify=notify
    )


def _send(source: str, upload: str, parts: Sequence[tuple[int, int, bytes]]) -> Request[Received]:
    head = json.dumps([[number, first, len(content)] for number, first, content in parts], separators=(",", ":"))
    body = b"\n".join([head.encode(), b"".join(content for _, _, content in parts)])
    made = act_on_bytes(Received, place("sources", source, "uploads", upload, "parts"), body, method="PUT")
    return replace(made, headers={"content-type": "application/octet-stream"})  # a part is durable once, however often


def _give_up(source: str, upload: str, files: Sequence[int]) -> Request[Upload]:
    return act(Upload, place("sources", source, "uploads", upload, "give-up"), files=list(files))


class _Sending:
    """The sending of a folder."""

    def __init__(self, source: str, upload: str, files: Sequence[OfferedFile], skipped: int, told: Told) -> None:
        self._source, self._upload, self._files, self._told = source, upload, files, told
        size = sum(file.size for file in files)
        self._progress = Progress(files=len(files), bytes=size, sent=0, refused=0, unreadable=0, skipped=skipped)
        self._waiting: deque[tuple[UploadedFile, OfferedFile]] = deque()

    def steps(self, notify: bool) -> Steps[None]:
        """List the files, and send what of them is missing."""
        for first in range(0, max(1, len(self._files)), _LISTED):
            listed = self._files[first : first + _LISTED]
            last = first + _LISTED >= len(self._files)
            found = yield from result(_offer(self._source, self._upload, listed, last=last, notify=notify and last))
            self._listed(listed, found)
        while self._waiting:
            yield from self._send_some()
        self._told(self._progress)

    def _listed(self, offered: Sequence[OfferedFile], found: UploadFiles) -> None:
        if len(found.files) != len(offered):
            raise UnexpectedAnswer("the server answered with other files than were listed")
        for file, local in zip(found.files, offered, strict=True):
            if file.why is None:
                self._count(sent=file.received)
            else:
                self._count(refused=1)
            if file.why is None and file.received < file.size:
                self._waiting.append((file, local))
        self._told(self._progress)

    def _send_some(self) -> Steps[None]:
        parts: list[tuple[int, int, bytes]] = []
        taken: dict[int, tuple[UploadedFile, OfferedFile]] = {}
        while self._waiting and len(parts) < _MOST_PARTS and sum(len(part[2]) for part in parts) <= _TOGETHER - PART:
            file, local = self._waiting.popleft()
            content = yield Aside(partial(_part_of, local, file.received))
            if content is None:
                yield from result(_give_up(self._source, self._upload, [file.file]))
                self._count(unreadable=1)
                continue
            parts.append((file.file, file.received, content))
            taken[file.file] = (file, local)
        if not parts:
            return
        found = yield from result(_send(self._source, self._upload, parts))
        received = {file.file: file.received for file in found.received}
        arrived = sum(received.get(number, 0) - file.received for number, (file, _) in taken.items())
        if arrived <= 0:
            raise UnexpectedAnswer("the server keeps nothing of what is sent")
        self._count(sent=arrived)
        for number, (file, local) in reversed(taken.items()):
            durable = received.get(number, file.received)
            if durable < file.size:
                self._waiting.appendleft((replace(file, received=durable), local))
        self._told(self._progress)

    def _count(self, **more: int) -> None:
        now: dict[str, Any] = {name: getattr(self._progress, name) + many for name, many in more.items()}
        self._progress = replace(self._progress, **now)


def _files_in(folder: Path) -> tuple[list[OfferedFile], int]:
    """Return the files of a folder, and how many entries are none. Links are not followed: they may lead out of it."""
    if folder.is_file():
        return [_offered(folder, folder.parent)], 0
    found, skipped = [], 0
    for path in _entries(folder):
        if path.is_symlink() or not path.is_file():
            skipped += 1
        else:
            found.append(_offered(path, folder))
    return found, skipped


def _entries(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder and its folders, however deep, except folders. Raises OSError if one cannot be read.

    What says something of other files comes first, then the other files, then what is in the folders within: a case
    export is listed before its media, and no folder is left and entered again.
    """
    waiting = [folder]
    while waiting:
        folders = []
        for entry in sorted(os.scandir(waiting.pop()), key=_place_in_list):
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            else:
                yield Path(entry.path)
        waiting += reversed(folders)


def _place_in_list(entry: os.DirEntry[str]) -> tuple[bool, bool, str]:
    return entry.is_dir(follow_symlinks=False), not entry.name.lower().endswith(_ABOUT_OTHERS), entry.name


def _offered(path: Path, folder: Path) -> OfferedFile:
    found = path.stat()
    name = path.relative_to(folder).as_posix().encode(errors="backslashreplace").decode()
    return OfferedFile(path=name, size=found.st_size, modified=found.st_mtime_ns // 10**6, place=path)


def _part_of(file: OfferedFile, first: int) -> bytes | None:
    """Return the part of a file that begins at a byte; None if it cannot be read any more, or was changed."""
    if file.place is None:
        return None
    try:
        with file.place.open("rb") as opened:
            opened.seek(first)
            content = opened.read(PART)
    except OSError:
        return None
    return content if len(content) == min(PART, file.size - first) else None
