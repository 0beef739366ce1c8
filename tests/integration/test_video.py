"""Videos made of the portraits: pans, cuts, rotated and stretched pictures; and hostile files."""

from __future__ import annotations

import io
import os
import re
import socket
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from tests.support.films import RATE, SIZE, film, pan

from lineament.errors import NoSuchFile
from lineament.sandbox.files import locate
from lineament.sources.base import Connector, Item, Refusal
from lineament.sources.video import worker as video_worker
from lineament.sources.video.connector import VideoConnector
from lineament.sources.video.frames import Chooser, FrameReason
from lineament.sources.video.sampled import SampledFrame, frames, time_text

LIMIT = 10_000_000


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """Two seconds of one person, then two of another."""
    return film(tmp_path / "cut.mp4", pan("obama.jpg", 20), pan("sunak.jpg", 20))


def taken(path: Path) -> list[SampledFrame]:
    return list(frames(locate(path)[0]))


def refusal(path: Path) -> str:
    *_, last = VideoConnector(path, None, LIMIT).items()
    assert isinstance(last, Refusal)
    return str(last.why)


def test_frames_are_sampled_at_the_start_at_cuts_and_in_between(cut: Path) -> None:
    found = taken(cut)
    assert [(round(item.time_code, 2), item.why) for item in found] == [
        (0.0, FrameReason.SCENE),
        (0.5, FrameReason.GOES_ON),
        (1.0, FrameReason.GOES_ON),
        (1.5, FrameReason.GOES_ON),
        (2.0, FrameReason.SCENE),
        (2.5, FrameReason.GOES_ON),
        (3.0, FrameReason.GOES_ON),
        (3.5, FrameReason.GOES_ON),
    ]
    image = Image.open(io.BytesIO(found[4].untrusted))
    assert (image.format, image.size) == ("JPEG", SIZE)
    shown = np.asarray(image, np.float64)
    expected = next(pan("sunak.jpg", 1)).astype(np.float64)
    assert np.abs(shown - expected).mean() < 8


def test_each_frame_is_a_picture_with_its_time(cut: Path) -> None:
    (cut.parent / "cut.mp4.json").write_text('{"page_uri": "https://example.org/", "licence": "CC0"}')
    reader: Connector = VideoConnector(cut, None, LIMIT)
    assert isinstance(reader, Connector)
    assert reader.count() is None
    first, second, *rest = reader.items()
    assert reader.count() == len(rest) + 2 == 8
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert second.name == f"{cut} at 0:00:00.5"
    provenance = second.provenance
    assert (provenance.uri, provenance.time_code, provenance.connector) == (f"file://{cut}#t=0.5", 0.5, "video 1")
    assert (provenance.page_uri, provenance.licence) == ("https://example.org/", "CC0")
    assert first.provenance.uri.endswith("#t=0")
    assert [item.untrusted for item in reader.items() if isinstance(item, Item)][:2] == [
        first.untrusted,
        second.untrusted,
    ]


def test_a_side_car_that_cannot_be_used_refuses_the_video(cut: Path) -> None:
    (cut.parent / "cut.json").write_text("{")
    (refusal,) = VideoConnector(cut, None, LIMIT).items()
    assert isinstance(refusal, Refusal)
    assert "side-car" in str(refusal.why)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mkv", "libx264"), ("a.webm", "libvpx"), ("a.avi", "mpeg4"), ("a.ts", "mpeg2video"), ("a.mov", "mjpeg")],
)
def test_usual_formats(name: str, codec: str, tmp_path: Path) -> None:
    path = film(tmp_path / name, pan("obama.jpg", 11), codec=codec)
    times = [round(frame.time_code, 1) for frame in taken(path)]
    assert {0.0, 0.5, 1.0} <= set(times) or times == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_pictures_come_upright_and_with_square_pixels(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", pan("obama.jpg", 3), sample_aspect_ratio=Fraction(4, 3))
    assert Image.open(io.BytesIO(taken(path)[0].untrusted)).size == (427, 240)
    with (
        av.open(str(film(tmp_path / "b.mp4", pan("obama.jpg", 3)))) as container,
        av.open(str(tmp_path / "c.mp4"), "w") as out,
    ):
        stream = out.add_stream_from_template(container.streams.video[0])
        stream.set_display_rotation(90)
        for packet in container.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    turned = Image.open(io.BytesIO(taken(tmp_path / "c.mp4")[0].untrusted))
    assert turned.size == (240, 320)
    expected = np.rot90(next(pan("obama.jpg", 1))).astype(np.float64)
    assert np.abs(np.asarray(turned, np.float64) - expected).mean() < 8


def test_a_missing_path_is_reported_immediately(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        VideoConnector(tmp_path / "none.mp4", None, LIMIT)


def test_a_frame_over_the_limit(cut: Path) -> None:
    assert all(
        "more than 100" in str(item.why) for item in VideoConnector(cut, None, 100).items() if isinstance(item, Refusal)
    )
    assert not any(isinstance(item, Item) for item in VideoConnector(cut, None, 100).items())


# ---------------------------------------------------------------- R6: files only


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{there}\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
    "ffconcat": "ffconcat version 1.0\nfile {file}\n",
    "mpd": "<?xml version='1.0'?><MPD><Period><AdaptationSet><Representation><BaseURL>{there}</BaseURL>"
    "</Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_leads_nowhere(kind: str, cut: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        for location in (f"http://127.0.0.1:{port}/a.ts", f"file://{cut}", str(cut)):
            path = cut.parent / f"list.{kind}"
            path.write_text(PLAYLISTS[kind].format(there=location, port=port, file=cut))
            assert "no video of a known kind" in refusal(path)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_devices_are_no_files(path: str) -> None:
    assert "a device" in refusal(Path(path))


def test_no_format_that_is_listed_is_a_stream_a_device_or_a_list_of_others() -> None:
    listed = set(video_worker.FORMATS.split(","))
    assert not listed & {"hls", "dash", "concat", "rtsp", "rtp", "sdp", "lavfi", "fbdev", "x11grab", "v4l2", "image2"}
    assert listed <= {part for name in av.formats_available for part in name.split(",")}


def test_nothing_is_left_when_nobody_wants_the_rest(cut: Path) -> None:
    found = frames(locate(cut)[0])
    next(found)
    before = set(Path("/proc/self/fd").iterdir())
    found.close()  # type: ignore[attr-defined]
    assert len(set(Path("/proc/self/fd").iterdir())) < len(before)


# ---------------------------------------------------------------- hostile files


@pytest.mark.parametrize("data", [b"", b"nonsense" * 100, b"\0\0\0\x18ftypmp42", b"RIFF\xff\xff\xff\x7fAVI LIST"])
def test_an_invalid_video(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(data)
    assert "no video" in refusal(tmp_path / "a.mp4") or "no pictures" in refusal(tmp_path / "a.mp4")


def test_sound_alone_has_no_pictures(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert "no pictures" in refusal(tmp_path / "a.mp4")


def test_a_video_that_breaks_off_gives_what_it_has(tmp_path: Path) -> None:
    path = film(tmp_path / "a.ts", pan("obama.jpg", 30), codec="mpeg2video")
    whole = len(taken(path))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    found = list(VideoConnector(path, None, LIMIT).items())
    assert 0 < sum(isinstance(item, Item) for item in found) < whole


def test_a_video_that_breaks_off_says_where(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", pan("obama.jpg", 60), pan("sunak.jpg", 60), codec="libx264")
    *_, last = VideoConnector(path, None, LIMIT).items()
    assert isinstance(last, Item), "whole"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    connector = VideoConnector(path, None, LIMIT)
    outcomes = connector.items()
    found = [next(outcomes)]
    assert connector.count() == 24, "two a second"
    found += outcomes
    refused = found.pop()
    assert isinstance(refused, Refusal)
    assert re.search(r"it is truncated at 0:00:0\d\.\d of 0:00:12\.0; what is there was taken", str(refused.why))
    assert len(found) > 1
    assert connector.count() == len(found) + 1


def test_longer_sound_is_not_a_truncation(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream: Any = out.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        sound: Any = out.add_stream("aac", rate=8000)
        for pixels in pan("obama.jpg", 10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
        for number in range(80):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, number * 1024
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    assert all(isinstance(item, Item) for item in VideoConnector(tmp_path / "a.mkv", None, LIMIT).items())


def test_garbled_videos_never_end_the_walk(tmp_path: Path) -> None:
    data = film(tmp_path / "a.mp4", pan("obama.jpg", 5)).read_bytes()
    for at in range(0, len(data), len(data) // 6):
        garbled = bytearray(data)
        garbled[at : at + 40] = os.urandom(40)
        (tmp_path / "b.mp4").write_bytes(garbled)
        found = list(VideoConnector(tmp_path / "b.mp4", None, LIMIT).items())
        assert found
        assert all(isinstance(item, Item | Refusal) for item in found)


def test_pictures_larger_than_any_camera_makes(tmp_path: Path) -> None:
    """Return an IVF file that claims 16383 x 16383 pixels."""
    head = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP80", 16383, 16383, 10, 1, 1, 0)
    frame = b"\x10\x02\x00\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(50)
    (tmp_path / "a.ivf").write_bytes(head + struct.pack("<IQ", len(frame), 0) + frame)
    assert "was taken" in refusal(tmp_path / "a.ivf") or "no " in refusal(tmp_path / "a.ivf")


# ---------------------------------------------------------------- choosing


def grey(light: int) -> np.ndarray:
    return np.full((9, 16), light, np.uint8)


def test_a_scene_that_flashes_and_a_video_of_key_frames_alone() -> None:
    chooser = Chooser()
    flashing = [chooser.why(grey(255 * (number % 2)), number / 100, key=False) for number in range(100)]
    assert 0 < sum(why is not None for why in flashing) <= 13
    chooser = Chooser()
    assert sum(chooser.why(grey(9), number / 50, key=True) is not None for number in range(51)) <= 6


def test_a_clock_that_is_set_back() -> None:
    chooser = Chooser()
    assert chooser.why(grey(9), 100, key=False) is FrameReason.SCENE
    assert chooser.why(grey(9), 1, key=False) is FrameReason.GOES_ON
    assert chooser.why(grey(9), 1.4, key=False) is None
    assert chooser.why(grey(9), 1.5, key=False) is FrameReason.GOES_ON


def test_a_time_code_as_a_person_reads_it() -> None:
    assert [time_text(value) for value in (0, 3723.54)] == ["0:00:00.0", "1:02:03.5"]
