"""How much faster than real time a video of 720p is taken in: its frames chosen alone, and the way to the gallery.

    python -m bench.video [--seconds 20] [--only h264.mp4 …]

The videos are made here: 30 frames a second, portraits that move over the picture with a cut every five seconds, in
five codecs; and one in which one person crosses the picture and there is no cut. Beside the clock, the processor's time
of all processes is told, for that is the same on a machine which others use too: what one processor does in it is the
least that two will do.
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
from lineament.services.gallery.ingest import Task
from lineament.services.gallery.items import IngestOutcome
from lineament.settings import Settings
from lineament.sources.video.connector import VideoConnector, frames
from lineament.vision.analyse import Analyser
from lineament.workspace import Workspace

WIDTH, HEIGHT, RATE, SECONDS, SCENE = 1280, 720, 30, 20, 5
TARGET = 5.0
MOST_BYTES = 50_000_000
TIMES = 3

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A video and how it is made."""

    name: str
    codec: str
    options: dict[str, str]
    rate: int  # bits a second that are asked for
    noise: int  # levels of grey


VIDEOS = (
    Made(name="h264.mp4", codec="libx264", options={"preset": "ultrafast"}, rate=4_000_000, noise=12),
    Made(
        name="h265.mp4",
        codec="libx265",
        options={"preset": "ultrafast", "x265-params": "log-level=none"},
        rate=4_000_000,
        noise=12,
    ),
    Made(
        name="vp9-noisy.webm",  # as a conference records it, and more noise than it can take
        codec="libvpx-vp9",
        options={"deadline": "realtime", "cpu-used": "8", "row-mt": "1"},
        rate=4_000_000,
        noise=12,
    ),
    Made(
        name="vp9-usual.webm",  # as a platform serves it
        codec="libvpx-vp9",
        options={"deadline": "good", "cpu-used": "4", "row-mt": "1", "tile-columns": "2"},
        rate=2_000_000,
        noise=1,  # none
    ),
    Made(name="av1.mp4", codec="libsvtav1", options={"preset": "10"}, rate=2_000_000, noise=12),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of each video")
    parser.add_argument("--only", nargs="+", default=[video.name for video in VIDEOS], metavar="NAME")
    options = parser.parse_args()
    os.environ["SVT_LOG"] = "1"  # of the AV1 encoder: errors alone
    print(machine.line("av", "numpy", "openvino"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for made in VIDEOS:
            if made.name not in options.only:
                continue
            path = Path(folder) / made.name
            make(path, made, scenes(made.noise, options.seconds))
            choosing(path, options.seconds)
            whole(Path(folder), path, options.seconds)
        crossing = Path(folder) / "crossing.mp4"
        make(crossing, VIDEOS[0], one_person(options.seconds))
        whole(Path(folder), crossing, options.seconds)


# ---------------------------------------------------------------- the videos


def scenes(noise: int, seconds: int) -> Iterator[Pixels]:
    """Portraits under a window that moves, with a cut every SCENE seconds."""
    drawn = np.random.default_rng(1)
    shaken = [drawn.integers(0, noise, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(8)]
    size = (WIDTH + 300, HEIGHT + 300)
    portraits = [np.asarray(Image.open(one).convert("RGB").resize(size)) for one in sorted(PORTRAITS.glob("*.jpg"))]
    for number in range(RATE * seconds):
        portrait = portraits[number // (RATE * SCENE) % len(portraits)]
        at = number % (RATE * SCENE) * 2
        yield np.asarray(cv2.add(portrait[at : at + HEIGHT, at : at + WIDTH], shaken[number % 8]), np.uint8)


def one_person(seconds: int) -> Iterator[Pixels]:
    """One portrait that crosses a grey picture from left to right and back."""
    portrait = np.asarray(Image.open(PORTRAITS / "obama.jpg").convert("RGB").resize((360, 450)))
    for number in range(RATE * seconds):
        way = number / (RATE * seconds)
        left = round((WIDTH - 360) * (1 - abs(2 * way - 1)))
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        picture[150:600, left : left + 360] = portrait
        yield picture


def make(path: Path, made: Made, pictures: Iterator[Pixels]) -> None:
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(made.codec, rate=RATE, options=made.options)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", made.rate
        for pixels in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))


# ---------------------------------------------------------------- what is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of taking in a video, all in seconds."""

    length: int

    clock: float
    processor: float

    def __str__(self) -> str:
        clock, one = self.length / self.clock, self.length / self.processor
        return (
            f"{clock:.1f} x real time by the clock (target {TARGET:g}); {self.processor:.1f} s of processor time for"
            f" {self.length} s of video, so one processor does {one:.1f} x"
        )


def cost(work: Callable[[], object], length: int) -> Cost:
    """The least of TIMES runs on a video of so many seconds."""
    clocks, processors = [], []
    for _ in range(TIMES):
        clock, used = time.perf_counter(), processor()
        work()
        clocks.append(time.perf_counter() - clock)
        processors.append(processor() - used)
    return Cost(length=length, clock=min(clocks), processor=min(processors))


def processor() -> float:
    """Seconds of this process and of its children that have ended."""
    used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def choosing(path: Path, seconds: int) -> None:
    """Frames decoded and chosen; and what the codec alone costs in this process."""
    place = locate(path)[0]
    found = list(frames(place))
    chosen = cost(lambda: list(frames(place)), seconds)
    alone = cost(lambda: _decoded(path), seconds)
    why = Counter(one.why.name.lower() for one in found)
    rate = path.stat().st_size * 8 / seconds / 1e6
    print(f"{path.name}, {WIDTH} x {HEIGHT}, {rate:.1f} Mbit/s, frames chosen: {chosen}")
    print(f"  decoding alone takes {alone.processor:.1f} s; {len(found)} of {RATE * seconds} frames: {dict(why)}")


def _decoded(path: Path) -> int:
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return sum(1 for _ in container.decode(video=0))


def whole(folder: Path, path: Path, seconds: int) -> None:
    """The whole ingest into a new workspace, its nets open already; and the tracks of the same faces."""
    home = Path(tempfile.mkdtemp(dir=folder)) / "ws"
    with Workspace.create(Settings(home=home)) as workspace:
        workspace.desk_at_the_machine().sources.add(
            SourceTerms(name="bench", controller="bench", basis="bench", jurisdiction="FR")
        )
        workspace.analyser.analyse((PORTRAITS / "obama.jpg").read_bytes(), enrolling=True)
        task = Task(connector=VideoConnector(path, None, MOST_BYTES), kind="video", what=path.name, video=True)
        clock, used = time.perf_counter(), processor()
        report = workspace.desk_at_the_machine().ingest.run("bench", task, workers=workspace.workers)
        clock = time.perf_counter() - clock
        workspace.analyser.close()  # its decoders have ended, and their time is counted
        told = Cost(length=seconds, clock=clock, processor=processor() - used)
        tracks = tracked(workspace.analyser, path)
    outcomes = ", ".join(f"{report.outcomes[seen]} {seen.value}" for seen in IngestOutcome if report.outcomes[seen])
    print(f"{path.name}, the whole ingest: {told}")
    print(f"  {report.seen} frames: {outcomes}; {report.faces} faces enrolled of {len(tracks)} tracks: {tracks} frames")


def tracked(analyser: Analyser, path: Path) -> list[int]:
    """In how many frames each track was seen."""
    tracker: Tracker[None] = Tracker()
    over = []
    for frame in frames(locate(path)[0]):
        faces = [
            Sighting(
                seconds=frame.time_code, box=face.box, vector=face.template.vector, norm=face.quality.norm, kept=None
            )
            for face in analyser.analyse(frame.untrusted, enrolling=True).faces
        ]
        over += tracker.add(frame.time_code, faces)
    return [track.seen for track in over + tracker.end()]


if __name__ == "__main__":
    main()
