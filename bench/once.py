"""Once only: are the same bytes one picture, and are near-identical pictures grouped, and no others?

Photographs of LFW (else the portraits), each also rescaled, recompressed, lit, cropped by 2 and by 10 per cent a side
and mirrored. The first three are to be grouped with their original; cropping and mirroring change a picture so much
that a perceptual hash does not promise it. Two photographs in one group are counted as wrong, whoever they show; LFW
holds some photographs twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from bench import machine
from bench.photographs import LFW, PORTRAITS
from lineament.model.faces import CaptureId, NewCapture, Provenance
from lineament.model.sources import Source, SourceTerms
from lineament.settings import Settings
from lineament.vision.derive import perceptual_hash
from lineament.workspace import Workspace

BATCH = 64
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def variants(whole: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Files made of one photograph, by what was done to it."""
    height, width = whole.shape[:2]

    def cropped(share: float) -> np.ndarray:
        down, across = round(height * share), round(width * share)
        return whole[down : height - down, across : width - across]

    yield "original", jpeg(whole, 92)
    yield "rescaled to a half", jpeg(cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 85)
    yield "recompressed at 40", jpeg(whole, 40)
    yield "lit by 20", jpeg(np.clip(whole.astype(np.int16) + 20, 0, 255).astype(np.uint8), 90)
    yield "cropped by 2 %", jpeg(cropped(0.02), 90)
    yield "cropped by 10 %", jpeg(cropped(0.10), 90)
    yield "mirrored", jpeg(whole[:, ::-1], 90)


def jpeg(pixels: np.ndarray, quality: int) -> bytes:
    done, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return encoded.tobytes()


def capture(source: Source, uri: str, encoded: bytes, phash: bytes) -> NewCapture:
    return NewCapture(
        source_id=source.id,
        provenance=Provenance(uri=uri),
        sha256=hashlib.sha256(encoded).hexdigest(),
        phash=phash,
        media_type="image/jpeg",
        size=len(encoded),
        width=250,
        height=250,
        taken_at=None,
        place=None,
        enrolled_at=NOW,
        original=None,
        thumbnail=None,
    )


def hashed(encoded: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return perceptual_hash(np.ascontiguousarray(pixels[:, :, ::-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=2000)
    parser.add_argument("--others", type=int, default=200_000, help="captures with random hashes beside them")
    asked = parser.parse_args()
    paths = sorted(LFW.glob("*/*.jpg")) if LFW.is_dir() else sorted(PORTRAITS.glob("*.jpg"))
    np.random.default_rng(3).shuffle(paths)
    with tempfile.TemporaryDirectory() as folder, Workspace.create(Settings(home=Path(folder) / "ws")) as workspace:
        source = workspace.desk_at_the_machine().sources.add(
            SourceTerms(name="m", controller="b", basis="made", jurisdiction="FR")
        )
        padded(workspace, source, asked.others)
        print(
            json.dumps(measured(workspace, source, paths[: asked.photographs]) | {"machine": machine.line()}, indent=1)
        )


def padded(workspace: Workspace, source: Source, many: int) -> None:
    drawn = np.random.default_rng(4)
    for start in range(0, many, 10_000):
        with workspace.store.begin() as tx:
            new = [
                capture(source, f"x:{n}", b"%d" % n, drawn.bytes(32)) for n in range(start, min(many, start + 10_000))
            ]
            ids = tx.captures.add_all(new)
            for at in range(0, len(new), BATCH):
                tx.places.group(
                    source.id, {i: one.phash for i, one in zip(ids[at : at + BATCH], new[at : at + BATCH], strict=True)}
                )


def measured(workspace: Workspace, source: Source, paths: list[Path]) -> dict[str, object]:
    made: list[tuple[str, str, bytes]] = []  # photograph, variant, file
    for path in paths:
        whole = cv2.imread(str(path))
        assert whole is not None
        made += [(path.name, what, encoded) for what, encoded in variants(whole)]
    of: dict[int, tuple[str, str]] = {}
    seconds, twice = 0.0, 0
    for start in range(0, len(made), BATCH):
        some = made[start : start + BATCH]
        new = [capture(source, f"{name}/{what}", encoded, hashed(encoded)) for name, what, encoded in some]
        with workspace.store.begin() as tx:
            twice += len(tx.places.with_bytes(source.id, [one.sha256 for one in new]))
            ids = tx.captures.add_all(new)
            began = time.perf_counter()
            tx.places.group(source.id, {i: one.phash for i, one in zip(ids, new, strict=True)})
            seconds += time.perf_counter() - began
            of.update(zip(ids, ((name, what) for name, what, _ in some), strict=True))
    again = [hashlib.sha256(encoded).hexdigest() for _, _, encoded in made]
    with workspace.store.read() as tx:
        same = len(tx.places.with_bytes(source.id, again))
        groups = {id_: set(tx.places.group_of(CaptureId(id_))) for id_ in of}
    original = {name: id_ for id_, (name, what) in of.items() if what == "original"}
    found = Counter(what for id_, (name, what) in of.items() if id_ in groups[original[name]])
    wrong = sum(any(of.get(other, ("a stranger", ""))[0] != of[id_][0] for other in groups[id_]) for id_ in of)
    return {
        "photographs": len(paths),
        "pictures": len(made),
        "same bytes found again": f"{same} of {len(set(again))}, {twice} by mistake",
        "with their original": {what: round(many / len(paths), 4) for what, many in found.items()},
        "with another photograph": wrong,
        "milliseconds a picture": round(1000 * seconds / len(made), 3),
    }


if __name__ == "__main__":
    main()
