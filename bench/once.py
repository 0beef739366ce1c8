"""Checks duplicates: equal bytes are one picture, near-identical pictures are grouped, and no others are.

Each photograph of LFW (else each portrait) is also rescaled, recompressed, brightened, cropped by 2 and by 10 per cent
a side, and mirrored. The first three should be grouped with their original; cropping and mirroring change a picture
too much for a perceptual hash. Two photographs in one group count as wrong, whoever they show; LFW holds some twice.
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
from lineament.store.raw import batched
from lineament.vision.derive import perceptual_hash
from lineament.workspace import Workspace

BATCH = 64
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def variants(whole: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Yield the variants of a photograph by name, as JPEG."""
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
        enrolled_at=NOW,
        original=None,
        thumbnail=None,
    )


def phash(encoded: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return perceptual_hash(np.ascontiguousarray(pixels[:, :, ::-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=2000)
    parser.add_argument("--others", type=int, default=200_000, help="further captures with random hashes")
    given = parser.parse_args()
    paths = sorted(LFW.glob("*/*.jpg")) if LFW.is_dir() else sorted(PORTRAITS.glob("*.jpg"))
    np.random.default_rng(3).shuffle(paths)
    with tempfile.TemporaryDirectory() as folder, Workspace.create(Settings(home=Path(folder) / "ws")) as workspace:
        source = workspace.desk_at_the_machine().sources.add(
            SourceTerms(name="m", controller="b", basis="made", jurisdiction="FR")
        )
        add_others(workspace, source, given.others)
        print(
            json.dumps(measure(workspace, source, paths[: given.photographs]) | {"machine": machine.line()}, indent=1)
        )


def add_others(workspace: Workspace, source: Source, many: int) -> None:
    random = np.random.default_rng(4)
    for start in range(0, many, 10_000):
        with workspace.store.begin() as tx:
            new = [
                capture(source, f"x:{n}", b"%d" % n, random.bytes(32)) for n in range(start, min(many, start + 10_000))
            ]
            hashes = {id_: added.phash for id_, added in zip(tx.captures.add_all(new), new, strict=True)}
            for batch in batched(hashes.items(), BATCH):
                tx.places.group(source.id, dict(batch))


def measure(workspace: Workspace, source: Source, paths: list[Path]) -> dict[str, object]:
    files: list[tuple[str, str, bytes]] = []  # photograph, variant, content
    for path in paths:
        whole = cv2.imread(str(path))
        assert whole is not None
        files += [(path.name, variant, encoded) for variant, encoded in variants(whole)]
    variant_of: dict[int, tuple[str, str]] = {}
    seconds, twice = 0.0, 0
    for batch in batched(files, BATCH):
        new = [capture(source, f"{name}/{variant}", encoded, phash(encoded)) for name, variant, encoded in batch]
        with workspace.store.begin() as tx:
            twice += len(tx.places.with_bytes(source.id, [added.sha256 for added in new]))
            ids = tx.captures.add_all(new)
            began = time.perf_counter()
            tx.places.group(source.id, {id_: added.phash for id_, added in zip(ids, new, strict=True)})
            seconds += time.perf_counter() - began
            variant_of.update(zip(ids, ((name, variant) for name, variant, _ in batch), strict=True))
    digests = [hashlib.sha256(encoded).hexdigest() for _, _, encoded in files]
    with workspace.store.read() as tx:
        same = len(tx.places.with_bytes(source.id, digests))
        groups = {id_: set(tx.places.group_of(CaptureId(id_))) for id_ in variant_of}
    original = {name: id_ for id_, (name, variant) in variant_of.items() if variant == "original"}
    grouped = Counter(variant for id_, (name, variant) in variant_of.items() if id_ in groups[original[name]])
    stranger = ("", "")
    wrong = sum(
        any(variant_of.get(other, stranger)[0] != name for other in groups[id_])
        for id_, (name, _) in variant_of.items()
    )
    return {
        "photographs": len(paths),
        "pictures": len(files),
        "same bytes found again": f"{same} of {len(set(digests))}, {twice} by mistake",
        "with their original": {variant: round(many / len(paths), 4) for variant, many in grouped.items()},
        "with another photograph": wrong,
        "milliseconds a picture": round(1000 * seconds / len(files), 3),
    }


if __name__ == "__main__":
    main()
