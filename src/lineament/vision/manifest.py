"""The manifest of a model pack: its nets, where their files come from, and the licences under which they are used.

A manifest is written by strangers. What is read here is bounded and finite, and names of files lead to no other folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

PIPELINE = 2
"""To be increased whenever alignment, second look or mirroring change the vectors of the same weights (R31)."""

MAX_MANIFEST = 1 << 20
"""Bytes of a manifest, and of the centre that is measured for it."""
MAX_FILE = 1 << 30
"""Bytes of a file of weights."""
MAX_RECOGNISERS = 4
MAX_DIMENSION = 4096
"""Of one recogniser; a template of 16 kB."""
NAMES = "up to 40 small letters, digits, dots, dashes and underscores"
"""What the name of a pack may be."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]{1,200}(:[0-9]{1,5})?(/[A-Za-z0-9._~%+/-]{0,500})?")
_WHEEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def is_name(untrusted: str) -> bool:
    """Return whether a pack may have this name."""
    return _NAME.fullmatch(untrusted) is not None


class Unfit(Exception):
    """Why a pack cannot be used; the caller adds which pack and the remedy."""


class Colours(StrEnum):
    """The order of the three channels in a net's input."""

    RGB = "RGB"
    BGR = "BGR"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetTerms:
    """A net: its file, and the conversion of pixels of 0 to 255 to its input."""

    file: str
    sha256: str
    colours: Colours
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    expanded_sha256: str | None = None  # of the expanded file; without it, it is not cached
    weights: str | None = None  # the second file of OpenVINO IR
    weights_sha256: str | None = None

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each of its files, by name."""
        second = {self.weights: self.weights_sha256} if self.weights and self.weights_sha256 else {}
        return {self.file: self.sha256} | second


@dataclass(frozen=True, slots=True, kw_only=True)
class RecogniserTerms:
    """A recogniser: its net, and how a face is shown to it."""

    net: NetTerms
    side: int
    points: tuple[tuple[float, float], ...]
    dimension: int
    views: tuple[float, ...] = (1.0, 1.0)
    centre: tuple[float, ...] | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTerms:
    """Where to get a file: from an installed package, or from an address."""

    wheel: str | None = None  # the name of the package
    address: str | None = None
    size: int | None = None  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceTerms:
    """The licence of a part of a pack, as whoever adds the pack has to accept it."""

    part: str
    name: str
    owner: str
    address: str
    forbids: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The description of a pack."""

    name: str
    licence: str
    detector: NetTerms
    recognisers: tuple[RecogniserTerms, ...]
    known_as: str | None = None  # the model's name in workspaces of earlier versions
    files: Mapping[str, FileTerms] = field(default_factory=dict)
    licences: tuple[LicenceTerms, ...] = ()
    reference: tuple[float, ...] | None = None  # the vector of a portrait that ships, not centred, (dimension,)

    @property
    def model(self) -> str:
        """The name with eight hexadecimal digits of a digest over everything that determines a vector."""
        if self.known_as is not None:
            return self.known_as

        def net(of: NetTerms) -> list[object]:
            return [of.sha256, of.weights_sha256, of.colours.value, of.mean, of.scale]

        parts = [
            [net(of.net), of.side, of.points, of.dimension, of.views, of.centre, of.weight] for of in self.recognisers
        ]
        facts = [PIPELINE, net(self.detector), parts]
        digest = hashlib.sha256(json.dumps(facts, separators=(",", ":")).encode()).hexdigest()
        return f"{self.name}/{digest[:8]}"

    @property
    def dimension(self) -> int:
        """The length of a template's vector."""
        return sum(recogniser.dimension for recogniser in self.recognisers)

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each file, by name."""
        nets = [self.detector, *(recogniser.net for recogniser in self.recognisers)]
        return {name: digest for net in nets for name, digest in net.digests.items()}

    @property
    def licence_words(self) -> str:
        """The licences as they are shown and accepted; their digest is recorded."""
        words = [f"{self.name}: {self.licence}"]
        words += [f"{of.part}: {of.name}. {of.owner}. {of.forbids} {of.address}" for of in self.licences]
        return "\n".join(words)

    def referenced(self, untrusted: object) -> Manifest:
        """Return the manifest with the vector of the portrait that ships. Raises Unfit."""
        return replace(self, reference=self._vector("reference", untrusted, 1.0))

    def _vector(self, called: str, untrusted: object, most: float) -> tuple[float, ...]:
        whole = range(self.dimension, self.dimension + 1)
        return _Table({called: untrusted}, f"the {called}").numbers(called, whole, -most, most)

    def centred(self, untrusted: object) -> Manifest:
        """Return the manifest with the centres of all its recognisers, given side by side. Raises Unfit."""
        if any(recogniser.centre is not None for recogniser in self.recognisers):
            raise Unfit("there is a centre in the manifest, and another one beside it")
        rest = self._vector("centre", untrusted, 1e3)
        parts = []
        for recogniser in self.recognisers:
            own, rest = rest[: recogniser.dimension], rest[recogniser.dimension :]
            parts.append(replace(recogniser, centre=own))
        return replace(self, recognisers=tuple(parts))


def parse(untrusted: bytes, *, form: str, detector: NetTerms) -> Manifest:
    """Return what a manifest says.

    Args:
        untrusted: The text of the manifest.
        form: ``toml`` or ``json``.
        detector: The one that is used if the manifest names none.

    Raises:
        Unfit: It cannot be read, or something in it cannot be used.
    """
    facts = _Table(_object(untrusted, form), "the manifest")
    tables = facts.tables("recogniser", MAX_RECOGNISERS)
    if not tables:
        raise Unfit("there must be a recogniser")
    own = facts.tables("detector", 1) if facts.has("detector") else ()
    found = Manifest(
        name=facts.name("name"),
        licence=facts.text("licence", 4000),
        detector=_detector(own[0]) if own else detector,
        recognisers=tuple(_recogniser(table) for table in tables),
        files=_files(facts.take("files")) if facts.has("files") else {},
        licences=tuple(_licence(table) for table in facts.tables("licences", 2 * MAX_RECOGNISERS)),
    )
    if facts.has("reference"):
        found = found.referenced(facts.take("reference"))
    facts.done()
    _check_files(found)
    return found


def written(manifest: Manifest) -> bytes:
    """Return a manifest as JSON, so that ``parse`` returns an equal one."""

    def shown(value: object) -> object:
        """Leave out keys without a value."""
        if isinstance(value, dict):
            return {key: shown(each) for key, each in value.items() if each is not None and each != {}}
        return [shown(each) for each in value] if isinstance(value, list | tuple) else value

    facts = asdict(manifest)
    del facts["known_as"]
    recognisers = facts.pop("recognisers")
    facts["recogniser"] = [{**recogniser.pop("net"), **recogniser} for recogniser in recognisers]
    return json.dumps(shown(facts), ensure_ascii=False, indent=1).encode()


class _Table:
    """A table of a manifest, from which each key is taken once; what is left over at the end is unknown."""

    def __init__(self, untrusted: object, called: str) -> None:
        if not isinstance(untrusted, Mapping):
            raise Unfit(f"{called} is not a table")
        self._rest, self.called = dict(untrusted), called

    def has(self, key: str) -> bool:
        return key in self._rest

    def take(self, key: str) -> object:
        if key not in self._rest:
            raise Unfit(f"{self.called} has no “{key}”")
        return self._rest.pop(key)

    def done(self) -> None:
        if self._rest:
            raise Unfit(f"{self.called} has “{str(next(iter(self._rest)))[:40]}”, which is not known")

    def tables(self, key: str, most: int) -> tuple[_Table, ...]:
        """Take a table or a list of at most ``most`` tables; an empty tuple if the key is missing."""
        value = self.take(key) if self.has(key) else []
        tables = value if isinstance(value, list) else [value]
        if len(tables) > most:
            raise Unfit(f"there may be at most {most} of “{key}”")
        return tuple(_Table(table, f"“{key}”") for table in tables)

    def text(self, key: str, most: int) -> str:
        value = self.take(key)
        if not isinstance(value, str) or not 0 < len(value) <= most or not _printable(value):
            raise Unfit(f"“{key}” must be text of at most {most:,} characters")
        return value

    def name(self, key: str) -> str:
        return self._like(key, _NAME, f"“{key}” must be {NAMES}")

    def file(self, key: str) -> str:
        return self._like(key, _FILE, f"“{key}” must be the name of a file in the same folder")

    def digest(self, key: str) -> str:
        return self._like(key, _DIGEST, f"“{key}” must be a SHA-256 of 64 hexadecimal digits")

    def wheel(self, key: str) -> str:
        return self._like(key, _WHEEL, f"“{key}” must be the name of a package")

    def address(self, key: str) -> str:
        return self._like(key, _ADDRESS, f"“{key}” must be an address that begins with https://")

    def whole(self, key: str, low: int, high: int) -> int:
        value = self.take(key)
        if type(value) is not int or not low <= value <= high:
            raise Unfit(f"“{key}” must be a whole number from {low} to {high:,}")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        return _number(self.take(key), f"“{key}” must be a number from {low:g} to {high:g}", low, high)

    def numbers(self, key: str, count: range, low: float, high: float) -> tuple[float, ...]:
        """Take a list of finite numbers whose length is in ``count``; True and False are not numbers."""
        value = self.take(key)
        many = str(count.start) if len(count) == 1 else f"{count.start} to {count.stop - 1}"
        why = f"“{key}” must be {many} numbers from {low:g} to {high:g}"
        if not isinstance(value, list) or len(value) not in count:
            raise Unfit(why)
        return tuple(_number(each, why, low, high) for each in value)

    def _like(self, key: str, pattern: re.Pattern[str], why: str) -> str:
        value = self.take(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Unfit(why)
        return value


def _object(untrusted: bytes, form: str) -> object:
    if len(untrusted) > MAX_MANIFEST:
        raise Unfit(f"a manifest has at most {MAX_MANIFEST:,} bytes")
    try:
        text = untrusted.decode("utf-8")
        return json.loads(text) if form == "json" else tomllib.loads(text)
    except UnicodeDecodeError:
        raise Unfit("it is not text in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise Unfit(f"it cannot be read as {form.upper()} ({str(error)[:200]})") from None


def _printable(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


def _number(untrusted: object, why: str, low: float, high: float) -> float:
    if isinstance(untrusted, bool) or not isinstance(untrusted, int | float) or not low <= untrusted <= high:
        raise Unfit(why)  # NaN is in no range
    return float(untrusted)


def _net(table: _Table) -> NetTerms:
    colours = table.take("colours")
    if not isinstance(colours, str) or colours not in {"RGB", "BGR"}:
        raise Unfit(f"“colours” is one of RGB and BGR, not {str(colours)[:20]}")
    file = table.file("file")
    weights = table.file("weights") if table.has("weights") else None
    if (weights is not None or file.endswith(".xml")) and weights != f"{file.removesuffix('.xml')}.bin":
        raise Unfit(f"the weights of {file} must be the .bin of that name beside it")
    found = NetTerms(
        file=file,
        sha256=table.digest("sha256"),
        colours=Colours(colours),
        mean=_three(table, "mean", -1e4) if table.has("mean") else (0.0, 0.0, 0.0),
        scale=_three(table, "scale", 1e-6) if table.has("scale") else (1.0, 1.0, 1.0),
        expanded_sha256=table.digest("expanded_sha256") if table.has("expanded_sha256") else None,
        weights=weights,
        weights_sha256=table.digest("weights_sha256") if weights is not None else None,
    )
    if 0.0 in found.scale:
        raise Unfit("“scale” must not be 0")
    return found


def _three(table: _Table, key: str, low: float) -> tuple[float, float, float]:
    first, second, third = table.numbers(key, range(3, 4), low, 1e4)
    return first, second, third


def _detector(table: _Table) -> NetTerms:
    found = _net(table)
    table.done()
    return found


def _recogniser(table: _Table) -> RecogniserTerms:
    side = table.whole("side", 32, 512)
    pairs = table.take("points")
    if not isinstance(pairs, list) or len(pairs) != 5:
        raise Unfit("there must be five template points")
    points = [_Table({"points": pair}, "a point").numbers("points", range(2, 3), -side, 2 * side) for pair in pairs]
    if len(set(points)) != 5:
        raise Unfit("the five template points must differ")
    dimension = table.whole("dimension", 1, MAX_DIMENSION)
    found = RecogniserTerms(
        side=side,
        points=tuple((x, y) for x, y in points),
        dimension=dimension,
        views=table.numbers("views", range(1, 3), 0.5, 2.0) if table.has("views") else (1.0, 1.0),
        centre=table.numbers("centre", range(dimension, dimension + 1), -1e3, 1e3) if table.has("centre") else None,
        weight=table.number("weight", 1e-3, 1e3) if table.has("weight") else 1.0,
        net=_net(table),
    )
    table.done()
    return found


def _files(untrusted: object) -> dict[str, FileTerms]:
    if not isinstance(untrusted, Mapping) or len(untrusted) > 2 * (MAX_RECOGNISERS + 1):
        raise Unfit(f"“files” must be at most {2 * (MAX_RECOGNISERS + 1)} tables, each with the name of a file")
    found = {}
    for name, terms in untrusted.items():
        table = _Table(terms, f"“files” of {str(name)[:40]}")
        found[_Table({"files": name}, "the manifest").file("files")] = FileTerms(
            wheel=table.wheel("wheel") if table.has("wheel") else None,
            address=table.address("address") if table.has("address") else None,
            size=table.whole("size", 1, MAX_FILE) if table.has("size") else None,
        )
        table.done()
    return found


def _licence(table: _Table) -> LicenceTerms:
    found = LicenceTerms(
        part=table.text("part", 200),
        name=table.text("name", 200),
        owner=table.text("owner", 400),
        address=table.address("address"),
        forbids=table.text("forbids", 4000),
    )
    table.done()
    return found


def _check_files(manifest: Manifest) -> None:
    """Refuse one name for two contents, and places of files that no net uses."""
    seen: dict[str, str] = {}
    for net in (manifest.detector, *(recogniser.net for recogniser in manifest.recognisers)):
        for name, digest in net.digests.items():
            if seen.setdefault(name, digest) != digest:
                raise Unfit(f"the file {name} has two digests")
    unused = sorted(set(manifest.files) - set(seen))
    if unused:
        raise Unfit(f"“files” has {unused[0]}, which no net uses")
