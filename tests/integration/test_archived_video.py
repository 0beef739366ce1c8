"""Videos in web archives: their frames are taken as those of a file are, whatever the record says that they are."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from tests.support.archives import JPEG, LIMIT, Warc, chunked, http, read_archives, record, refusals_by_name
from tests.support.films import film, pan
from tests.support.folders import left_out

from lineament.errors import InvalidValue
from lineament.sandbox.files import locate
from lineament.sources.base import Item, Refusal
from lineament.sources.video import sampled
from lineament.sources.video.sampled import frames
from lineament.sources.webarchive.connector import WarcConnector

VIDEO = "https://e.example/v"
PAGE = "https://e.example/page"
TIMES = [0.0, 0.5, 1.0]
CODECS = {"mp4": "mpeg4", "webm": "libvpx", "ts": "mpeg2video"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of a little more than a second."""
    return film(tmp_path_factory.mktemp("video") / "a.mp4", pan("obama.jpg", 12))


@pytest.fixture(scope="module")
def video(path: Path) -> bytes:
    return path.read_bytes()


def taken(path: Path) -> list[Item]:
    """Return what was taken of an archive; nothing may be refused."""
    found = read_archives(path)
    assert [str(refusal.why) for refusal in found if isinstance(refusal, Refusal)] == []
    return [item for item in found if isinstance(item, Item)]


def written(path: Path, *records: bytes) -> Path:
    path.write_bytes(b"".join(records))
    return path


@pytest.mark.parametrize("page_first", [True, False])
def test_frames_come_with_their_time_and_the_page(path: Path, video: bytes, tmp_path: Path, page_first: bool) -> None:
    warc = Warc(tmp_path / "a.warc.gz")
    html = f"<title>News</title><p>The minister speaks.<video><source src='{VIDEO}'></video>"
    if page_first:
        warc.page(PAGE, html)
    warc.answer(VIDEO, video, "video/mp4")
    if not page_first:
        warc.page(PAGE, html)
    found = taken(warc.close())
    assert [item.untrusted for item in found] == [frame.untrusted for frame in frames(locate(path)[0])]
    assert [item.provenance.time_code for item in found] == pytest.approx(TIMES, abs=0.05)
    assert [item.provenance.uri for item in found[:2]] == [f"{VIDEO}#t=0", f"{VIDEO}#t=0.5"]
    for item in found:
        provenance = item.provenance
        assert (provenance.page_uri, provenance.page_title, provenance.connector) == (PAGE, "News", "video 1")
        assert provenance.captured_at is not None
        assert "The minister speaks." in str(provenance.words)
        assert provenance.page_record is not None


TYPES = ("application/octet-stream", "text/html", "text/plain", "", "image/jpeg", '"video/mp4"', "audio/mp4", "x")


@pytest.mark.parametrize("suffix", CODECS)
def test_the_bytes_decide_that_it_is_a_video(tmp_path: Path, suffix: str) -> None:
    video = film(tmp_path / f"a.{suffix}", pan("obama.jpg", 12), codec=CODECS[suffix]).read_bytes()
    records = [record(http(video, kind), uri=f"https://e.example/{at}") for at, kind in enumerate(TYPES)]
    assert len(taken(written(tmp_path / "a.warc", *records))) == 3 * len(TYPES)


WAYS: dict[str, Callable[[bytes], list[bytes]]] = {
    "in chunks": lambda data: [record(http(chunked(data, 999), None, headers=["Transfer-Encoding: chunked"]))],
    "said to be in chunks": lambda data: [record(http(data, None, headers=["Transfer-Encoding: chunked"]))],
    "packed": lambda data: [record(http(gzip.compress(data), None, headers=["Content-Encoding: gzip"]))],
    "packed and in chunks": lambda data: [
        record(
            http(
                chunked(gzip.compress(data), 7000),
                "video/mp4",
                headers=["Content-Encoding: gzip", "Transfer-Encoding: chunked"],
            )
        )
    ],
    "206, all of it": lambda data: [
        record(
            http(data, "video/mp4", "HTTP/1.1 206 OK", headers=[f"Content-Range: bytes 0-{len(data) - 1}/{len(data)}"])
        )
    ],
    "a resource": lambda data: [record(data, "resource", "video/mp4")],
    "a conversion": lambda data: [record(data, "conversion", "application/octet-stream")],
    "in the page": lambda data: [
        record(http(f"<video src='data:video/mp4;base64,{base64.b64encode(data).decode()}'>".encode(), "text/html"))
    ],
}


@pytest.mark.parametrize("way", WAYS)
def test_the_ways_in_which_a_video_is_kept(video: bytes, tmp_path: Path, way: str) -> None:
    assert len(taken(written(tmp_path / "a.warc", *WAYS[way](video)))) == 3


def test_a_repetition_is_another_place_of_the_frames(video: bytes, tmp_path: Path) -> None:
    digest = ["WARC-Payload-Digest: sha1:ABC"]
    first = record(http(video, "video/mp4"), uri=VIDEO, headers=digest)
    again = record(http(b"", "video/mp4"), "revisit", uri=f"{VIDEO}?again", headers=digest)
    found = taken(written(tmp_path / "a.warc", again, first))
    assert [item.provenance.uri.partition("#")[0] for item in found] == [f"{VIDEO}?again"] * 3 + [VIDEO] * 3
    why = refusals_by_name(written(tmp_path / "b.warc", again))
    assert "repeats an earlier answer" in why[f"{VIDEO}?again"]


NOT_TAKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "404": (lambda data: http(data, "video/mp4", "HTTP/1.1 404 No"), "no longer exists"),
    "a first part": (
        lambda data: http(data, "video/mp4", "HTTP/1.1 206 OK", headers=["Content-Range: bytes 0-99/9999999"]),
        "bytes 0 to 99",
    ),
    "a later part": (
        lambda data: http(data[500:], "video/mp4", "HTTP/1.1 206 OK", headers=["Content-Range: bytes 500-999/9999999"]),
        "bytes 500 to 999",
    ),
    "a page": (lambda _: http(b"<html>log in", "video/mp4"), "its host says that it is a video"),
    "nothing": (lambda _: http(b"", "video/mp4"), "it is empty"),
    "reserved": (lambda data: http(data, "video/mp4", headers=["X-Robots-Tag: noai"]), "noai"),
}


@pytest.mark.parametrize("kind", NOT_TAKEN)
def test_what_is_not_taken_is_refused_by_name(video: bytes, tmp_path: Path, kind: str) -> None:
    make, words = NOT_TAKEN[kind]
    (refused,) = read_archives(written(tmp_path / "a.warc", record(make(video), uri=VIDEO)))
    assert isinstance(refused, Refusal)
    assert words in str(refused.why)
    assert refused.name == VIDEO


def test_a_video_that_breaks_off_gives_what_it_has(tmp_path: Path) -> None:
    data = film(tmp_path / "a.ts", pan("obama.jpg", 30), codec="mpeg2video").read_bytes()
    whole = record(http(data, "video/mp2t"), uri=VIDEO)
    found = read_archives(written(tmp_path / "a.warc", whole[: -len(data) // 2]))
    assert 0 < sum(isinstance(item, Item) for item in found) < 6
    assert isinstance(found[-1], Refusal)
    assert "the record is truncated" in str(found[-1].why)
    packed = record(http(gzip.compress(data)[:-5000], None, headers=["Content-Encoding: gzip"]), uri=VIDEO)
    assert sum(isinstance(item, Item) for item in read_archives(written(tmp_path / "b.warc", packed))) > 0


def test_a_video_larger_than_the_disk_may_hold_is_refused(
    video: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampled, "LARGEST_VIDEO", len(video) - 1)
    for name, body, headers in (
        ("plain", video, []),
        ("packed", gzip.compress(video), ["Content-Encoding: gzip"]),
        ("chunks", chunked(video, 4096), ["Transfer-Encoding: chunked"]),
    ):
        path = written(tmp_path / f"{name}.warc", record(http(body, "video/mp4", headers=headers), uri=VIDEO))
        assert "ingest it as a file" in refusals_by_name(path)[VIDEO]
    bomb = record(http(gzip.compress(bytes(10**8)), "video/mp4", headers=["Content-Encoding: gzip"]), uri=VIDEO)
    assert list(refusals_by_name(written(tmp_path / "bomb.warc", bomb))) == [VIDEO]


def test_sound_is_counted_and_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    archive = written(tmp_path / "a.warc", record(http(path.read_bytes(), "audio/mp4"), uri=VIDEO))
    assert read_archives(archive) == []
    assert left_out(WarcConnector([archive], LIMIT)) == {"no_picture": 1}


def test_every_cursor_resumes_among_frames(video: bytes, tmp_path: Path) -> None:
    """A run that is interrupted among the frames of a video reads the video again; what is before it, never."""
    picture = [record(http(JPEG), uri=f"https://e.example/{number}.jpg") for number in range(2)]
    page = record(http(f"<video src={VIDEO}></video><img src=/0.jpg><img src=/1.jpg>".encode(), "text/html"), uri=PAGE)
    archive = written(tmp_path / "a.warc", page, picture[0], record(http(video, "video/mp4"), uri=VIDEO), picture[1])
    whole = [(item, cursor) for item, cursor in WarcConnector([archive], LIMIT).items_from(None)]
    names = [item.name for item, _ in whole if isinstance(item, Item)]
    assert len(names) == 5
    for number, (_, cursor) in enumerate(whole):
        rest = [item.name for item, _ in WarcConnector([archive], LIMIT).items_from(cursor) if isinstance(item, Item)]
        assert rest == names[min(number + 1, 1) if number < 4 else number + 1 :]
    with pytest.raises(InvalidValue):
        read_archives(archive, cursor="video")
