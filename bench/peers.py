"""Error rates of Lineament and of other libraries: the same photographs, the same protocol, in one table.

Each library finds and chooses the face by itself; the one nearest to the middle counts. Templates are compared by
their cosine. A library that cannot be loaded is left out, with its error. deepface and insightface cannot be installed
beside Lineament, because they bring another OpenCV; give the Python of an environment of their own:

    python -m bench.peers --python deepface=DIR/bin/python --python insightface=DIR/bin/python
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench import lfw, machine
from bench.lfw import Photographs
from bench.peer_faces import PEERS
from lineament.model.evaluation.identification import TARGETS
from lineament.model.evaluation.measure import OpenSetTest, Protocol, measure
from lineament.model.evaluation.resampling import Insufficient
from lineament.model.evaluation.samples import Samples
from lineament.model.evaluation.verification import RATES
from lineament.model.packs import CURRENT
from lineament.services.evaluate.cache import TemplateCache
from lineament.services.evaluate.evaluate import cache_key
from lineament.services.evaluate.labelled import read_set
from lineament.services.evaluate.templates import Extractor, FaceChoice, samples_of
from lineament.settings import Settings
from lineament.views.evaluation_tables import rate_words
from lineament.workspace.vision import Vision

PAGE = lfw.ROOT / "docs" / "reference" / "peers.md"
RATE, FMR = TARGETS.index(0.01), RATES.index(1e-4)


def ours(folder: Path) -> Samples:
    """Return the templates of the default pack, as ``lineament evaluate`` makes them."""
    labelled = read_set(folder)
    vision = Vision(Settings(), CURRENT)
    try:
        analyser = vision.analyser
        kept = lfw.OUT / "peers-own.npz" if folder == lfw.LFW else None
        lfw.OUT.mkdir(exist_ok=True)
        cache = TemplateCache(kept, cache_key(analyser, FaceChoice.MIDDLE), analyser.dimension)
        extractor = Extractor(analyser, cache, choice=FaceChoice.MIDDLE, most=2**28, workers=2 * vision.processors)
        templates = extractor.run(labelled.pictures, lambda _: None)
        return samples_of(labelled, templates, analyser.dimension)[0]
    finally:
        vision.close()


def peer(name: str, python: str, chosen: Photographs) -> Samples | str:
    """Return the templates of a peer, or the last line of its error."""
    listed = "\n".join(map(str, chosen.paths))
    kept = lfw.OUT / f"peer-{name}-{hashlib.sha256(listed.encode()).hexdigest()[:12]}.npz"
    whole = lfw.LFW in chosen.paths[0].parents
    with tempfile.TemporaryDirectory(prefix="bench-peer-") as folder:
        if not (whole and kept.exists()):
            paths, out = Path(folder) / "paths", Path(folder) / "out.npz"
            paths.write_text(listed, "utf-8")
            command = [python, "-W", "ignore", "-m", "bench.peer_faces", name, str(paths), str(out)]
            done = subprocess.run(command, cwd=lfw.ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no error was printed"])[-1]
                return last.replace(str(Path.home()), "~").encode("ascii", "ignore").decode()
            lfw.OUT.mkdir(exist_ok=True)
            if whole:
                kept.write_bytes(out.read_bytes())
            kept = kept if whole else out
        with np.load(kept) as stored:
            vectors = stored["vectors"]
    return Samples.of_vectors(vectors, chosen.people)


def row(name: str, found: Samples) -> str:
    """Return one line of the table."""
    measured = measure(OpenSetTest.of(found, Protocol()), [], None)
    rate, pairs = measured.at_rates[RATE].at, measured.pairs_at_rates[FMR].at
    cells = [
        f"{measured.failed:,}",
        rate_words(measured.rank_curve[0]),
        rate_words(rate if isinstance(rate, Insufficient) else rate.fnir),
        rate_words(pairs if isinstance(pairs, Insufficient) else pairs.fnmr),
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


HEAD = """\
| library | no face | FNIR(N, 1, no threshold) | FNIR(N, 1, T), FPIR 0.01 | FNMR, FMR 1e-4 |
| --- | ---: | ---: | ---: | ---: |"""


TEMPLATE = """# Other libraries on the same photographs

Written by `python -m bench.peers --write` on {date};
{machine}.

{photographs:,} photographs of {people:,} people, half of Labeled Faces in the Wild:
{whose}.

Each library finds the faces by itself; the one nearest to the middle of the photograph counts. Templates are compared
by their cosine, and measured as [`lineament evaluate`](../guide/evaluating.md) does: a photograph without a face counts
as a miss, and in brackets are 95 % intervals by resampling people.

{table}

{left_out}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PYTHON")
    parser.add_argument("--write", action="store_true")
    lfw.add_folder_option(parser)
    given = parser.parse_args()
    pythons = dict.fromkeys(PEERS, sys.executable) | dict(each.split("=", 1) for each in given.python)
    chosen = lfw.photographs(given.lfw)
    rows, left_out = [row(f"**lineament**, {lfw.shipped_pack().model}", ours(given.lfw))], []
    for name in PEERS:
        found = peer(name, pythons[name], chosen)
        if isinstance(found, str):
            why = (
                "its weights are in no wheel, and their download failed"
                if "download" in found
                else "it cannot be loaded"
            )
            left_out.append(f"Not measured: {name}; {why}: `{found}`")
        else:
            rows.append(row(name, found))
    text = TEMPLATE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine.line("openvino", "opencv-python-headless"),
        photographs=len(chosen),
        people=len(chosen.names),
        whose="\n".join(textwrap.wrap(lfw.WHOSE, 120)),
        table="\n".join([HEAD, *rows]),
        left_out="\n\n".join(left_out),
    )
    print(text)
    if given.write:
        PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
