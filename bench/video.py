"""Measures how much faster than real time a 720p video is ingested: choosing its frames, and the whole ingest.

    python -m bench.video [--seconds 20] [--only h264.mp4 …]

The videos are generated: 30 frames a second, moving portraits with a cut every five seconds, in five codecs; and one in
which one person crosses the picture without a cut. Besides wall time, the CPU time of all processes is printed, because
it does not depend on other work on the machine: the rate of one processor is a lower bound for two.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import machine
from bench.photographs import PORTRAITS
from lineament.model.sources import SourceTerms
from lineament.model.tracks import Sighting, Tracker
from lineament.sandbox.files import locate
from lineament.services.gallery.items import IngestOutcome, Task
from lineament.settings import Settings
from lineament.sources.video.connector import VideoConnector
from lineament.sources.video.sampled import frames
from lineament.vision.analyse import Analyser
from lineament.workspace import Workspace

WIDTH, HEIGHT, RATE, SECONDS, SCENE = 1280, 720, 30, 20, 5
TARGET = 5.0
MOST_BYTES = 50_000_000
TIMES = 3

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How a video is encoded."""

    name: str
    codec: str
    options: dict[str, str]
    rate: int  # requested bits a second
    noise: int  # levels of grey


VIDEOS = (
    Encoding(name="h264.mp4", codec="libx264", options={"preset": "ultrafast"}, rate=4_000_000, noise=12),
    Encoding(
        name="h265.mp4",
        codec="libx265",
        options={"preset": "ultrafast", "x265-params": "log-level=none"},
        rate=4_000_000,
        noise=12,
    ),
    Encoding(
        name="vp9-noisy.webm",  # as a conference records it, with more noise than the bit rate allows
        codec="libvpx-vp9",
        options={"deadline": "realtime", "cpu-used": "8", "row-mt": "1"},
        rate=4_000_000,
        noise=12,
    ),
    Encoding(
        name="vp9-usual.webm",  # as a platform serves it
        codec="libvpx-vp9",
        options={"deadline": "good", "cpu-used": "4", "row-mt": "1", "tile-columns": "2"},
        rate=2_000_000,
        noise=1,  # none
    ),
    Encoding(name="av1.mp4", codec="libsvtav1", options={"preset": "10"}, rate=2_000_000, noise=12),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of each video")
    parser.add_argument("--only", nargs="+", default=[video.name for video in VIDEOS], metavar="NAME")
    options = parser.parse_args()
    os.environ["SVT_LOG"] = "1"  # AV1 encoder: errors only
    print(machine.line("av", "numpy", "openvino"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for encoding in VIDEOS:
            if encoding.name not in options.only:
                continue
            path = Path(folder) / encoding.name
            encode(path, encoding, scenes(encoding.noise, options.seconds))
            measure_choosing(path, options.seconds)
            measure_ingest(Path(folder), path, options.seconds)
        crossing = Path(folder) / "crossing.mp4"
        encode(crossing, VIDEOS[0], one_person(options.seconds))
        measure_ingest(Path(folder), crossing, options.seconds)


# ---------------------------------------------------------------- the videos


def scenes(noise: int, seconds: int) -> Iterator[Pixels]:
    """Yield frames of portraits that move, with a cut every SCENE seconds."""
    random = np.random.default_rng(1)
    noises = [random.integers(0, noise, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(8)]
    size = (WIDTH + 300, HEIGHT + 300)
    portraits = [np.asarray(Image.open(path).convert("RGB").resize(size)) for path in sorted(PORTRAITS.glob("*.jpg"))]
    for number in range(RATE * seconds):
        portrait = portraits[number // (RATE * SCENE) % len(portraits)]
        at = number % (RATE * SCENE) * 2
        yield np.asarray(cv2.add(portrait[at : at + HEIGHT, at : at + WIDTH], noises[number % 8]), np.uint8)


def one_person(seconds: int) -> Iterator[Pixels]:
    """Yield frames of one portrait that crosses a grey picture from left to right and back."""
    portrait = np.asarray(Image.open(PORTRAITS / "obama.jpg").convert("RGB").resize((360, 450)))
    for number in range(RATE * seconds):
        done = number / (RATE * seconds)
        left = round((WIDTH - 360) * (1 - abs(2 * done - 1)))
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        picture[150:600, left : left + 360] = portrait
        yield picture


def encode(path: Path, encoding: Encoding, pictures: Iterator[Pixels]) -> None:
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(encoding.codec, rate=RATE, options=encoding.options)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", encoding.rate
        for pixels in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))


# ---------------------------------------------------------------- the measurements


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of processing a video, in seconds."""

    length: int  # of the video
    wall: float
    processor: float

    def __str__(self) -> str:
        wall, processor = self.length / self.wall, self.length / self.processor
        return (
            f"{wall:.1f} x real time (target {TARGET:g}); {self.processor:.1f} s of CPU time for"
            f" {self.length} s of video, so one processor reaches {processor:.1f} x"
        )


def cost(work: Callable[[], object], length: int) -> Cost:
    """Return the least cost of TIMES runs on a video of ``length`` seconds."""
    walls, processors = [], []
    for _ in range(TIMES):
        began, used = time.perf_counter(), processor()
        work()
        walls.append(time.perf_counter() - began)
        processors.append(processor() - used)
    return Cost(length=length, wall=min(walls), processor=min(processors))


def processor() -> float:
    """Return the CPU time of this process and of its ended children, in seconds."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measure_choosing(path: Path, seconds: int) -> None:
    """Measure decoding and choosing frames, and the codec alone in this process."""
    place = locate(path)[0]
    found = list(frames(place))
    chosen = cost(lambda: list(frames(place)), seconds)
    alone = cost(lambda: _decode(path), seconds)
    reasons = Counter(frame.why.name.lower() for frame in found)
    rate = path.stat().st_size * 8 / seconds / 1e6
    print(f"{path.name}, {WIDTH} x {HEIGHT}, {rate:.1f} Mbit/s, frames chosen: {chosen}")
    print(f"  decoding alone takes {alone.processor:.1f} s; {len(found)} of {RATE * seconds} frames: {dict(reasons)}")


def _decode(path: Path) -> int:
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return sum(1 for _ in container.decode(video=0))


def measure_ingest(folder: Path, path: Path, seconds: int) -> None:
    """Measure the whole ingest into a new workspace with open nets, and print the tracks of its faces."""
    home = Path(tempfile.mkdtemp(dir=folder)) / "ws"
    with Workspace.create(Settings(home=home)) as workspace:
        workspace.desk_at_the_machine().sources.add(
            SourceTerms(name="bench", controller="bench", basis="bench", jurisdiction="FR")
        )
        workspace.analyser.analyse((PORTRAITS / "obama.jpg").read_bytes(), enrolling=True)
        task = Task(connector=VideoConnector(path, None, MOST_BYTES), kind="video", what=path.name)
        began, used = time.perf_counter(), processor()
        report = workspace.desk_at_the_machine().ingest.run("bench", task, workers=workspace.workers)
        wall = time.perf_counter() - began
        workspace.analyser.close()  # so that the time of its decoders counts
        measured = Cost(length=seconds, wall=wall, processor=processor() - used)
    with Workspace.open(Settings(home=home)) as workspace:
        tracks = track_lengths(workspace.analyser, path)
    counts = [(report.outcomes[outcome], outcome.value) for outcome in IngestOutcome if report.outcomes[outcome]]
    outcomes = ", ".join(f"{count} {outcome}" for count, outcome in counts)
    print(f"{path.name}, the whole ingest: {measured}")
    print(f"  {report.seen} frames: {outcomes}; {report.faces} faces enrolled of {len(tracks)} tracks: {tracks} frames")


def track_lengths(analyser: Analyser, path: Path) -> list[int]:
    """Return the number of frames of each track."""
    tracker: Tracker[None] = Tracker()
    ended = []
    for frame in frames(locate(path)[0]):
        faces = [
            Sighting(
                seconds=frame.time_code, box=face.box, vector=face.template.vector, norm=face.quality.norm, kept=None
            )
            for face in analyser.analyse(frame.untrusted, enrolling=True).faces
        ]
        ended += tracker.add(frame.time_code, faces)
    return [track.seen for track in ended + tracker.end()]


if __name__ == "__main__":
    main()
