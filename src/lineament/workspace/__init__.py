"""The composition root: the only place that reads settings and builds things."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lineament.errors import (
    ClockBehind,
    NotFound,
    NoWorkspace,
    PackDamaged,
    PicturesNotDeleted,
    WorkspaceExists,
    WrongKey,
)
from lineament.model.packs import ADDED, BEFORE, CURRENT, NEXT_PACK, PACK, AddedPack
from lineament.workspace.desk import Desk
from lineament.workspace.pictures import check_folder, check_place
from lineament.workspace.vision import Vision, pack_of_older

if TYPE_CHECKING:
    from lineament.ledger.log import Ledger
    from lineament.model.accounts import Official
    from lineament.services.gallery.crawls import Crawls
    from lineament.services.gallery.drops import DropFolders
    from lineament.services.gallery.indexes import Gallery
    from lineament.services.jobs.worker import Worker
    from lineament.services.people.invitations import Post
    from lineament.services.people.signin import SignIn
    from lineament.services.record import Clock
    from lineament.settings import Settings
    from lineament.store.blobs import Blobs
    from lineament.store.db import Store, Tx
    from lineament.store.holders.base import KeyHolder
    from lineament.store.ring import KeyRing
    from lineament.vision.analyse import Analyser
    from lineament.vision.packs import Pack

__all__ = ["LOOPBACK", "Desk", "Workspace", "now"]

LOOPBACK = "http://127.0.0.1:8471"
"""The default origin of the pages."""


def now() -> datetime:
    """Return the time by this machine's clock, UTC."""
    return datetime.now(UTC)


class Workspace:
    """A workspace: a folder with keys, pictures and indexes, and a database in it or elsewhere.

    It holds what all desks share, each part built when it is first needed; the nets take longest. Work is done at a
    desk, in an official's name.
    """

    def __init__(
        self, settings: Settings, store: Store, keys: KeyRing, *, clock: Clock = now, vision: Vision | None = None
    ) -> None:
        self.settings = settings
        self.home = settings.home
        from lineament.services.clock import TrustedClock

        self.clock = TrustedClock(clock, store)
        self.store = store
        self.keys = keys
        self._vision = vision or Vision(settings)
        with store.read() as tx:
            check_place(settings, tx)
            self.pack_name = tx.meta.get(PACK) or pack_of_older(tx)
            self._added = self._added_packs(tx)
        self._vision.choose(self.pack_name, self._added.get(self.pack_name))
        self._following: dict[str, Vision] = {}
        self._gallery: Gallery | None = None
        self._closing = contextlib.ExitStack()  # what the gallery was opened with
        self._building = threading.RLock()
        self.suspect = False  # opened for inspection, whatever was done to it
        self.processes = 1  # that serve its pages on this machine, and share what the machine can do at a time

    @classmethod
    def create(cls, settings: Settings, *, clock: Clock = now) -> Self:
        """Make a workspace in ``settings.home``, whole or not at all. Raises WorkspaceExists if something is there."""
        from lineament.ledger.log import Ledger
        from lineament.model.accounts import HOME_AGENCY
        from lineament.model.agencies import AgencyTerms
        from lineament.store.db import Store
        from lineament.store.ring import RING, KeyRing, Keys
        from lineament.workspace.pictures import new_pictures

        home = settings.home
        if home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise WorkspaceExists(path=home)
        home.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
        try:
            (building / "keys").mkdir(mode=0o700)
            holder = _holder(settings, building)
            holder.create()
            keys = KeyRing(holder, Keys.new())
            url = _database(settings, building)
            with (
                contextlib.closing(Store.create(url, keys, owner=settings.owner_url)) as store,
                store.begin() as tx,
            ):
                tx.agencies.add(AgencyTerms(name="This agency", jurisdiction="ZZ"), clock(), id=HOME_AGENCY)
                name = secrets.token_hex(8)
                tx.meta.set("workspace", name)
                tx.meta.set(RING, keys.wrapped(keys.keys))
                tx.meta.set(PACK, CURRENT)
                new_pictures(settings, tx, name)
            Ledger(origin=f"lineament/{name}", signing_seed=keys.derive("ledger")).first_anchor(building / "checkpoint")
            if home.exists():
                home.rmdir()
            building.rename(home)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        return cls.open(settings, clock=clock)

    @classmethod
    def open(cls, settings: Settings, *, clock: Clock = now, suspect: bool = False, nets: bool = False) -> Self:
        """Open a workspace, and finish deletions that were interrupted.

        The ledger must continue the checkpoint anchored on disk, unless the workspace is opened as ``suspect``, for
        inspection. ``nets`` loads the nets in the background meanwhile, for work that needs them.

        Raises:
            NoWorkspace: There is none in ``settings.home``.
            WrongKey: The key is missing, or is not this workspace's.
            KeyHolderUnavailable: Whoever holds the key cannot be asked.
            WorkspaceNewer: A later version of Lineament made it.
            LedgerBroken: The ledger does not continue its checkpoint.
            PicturesElsewhere or FilesElsewhere: Its pictures are not where the settings say, or not in this folder.
        """
        home = settings.home
        if not home.is_dir() or not ((home / "lineament.db").exists() or settings.database_url):
            raise NoWorkspace(path=home)
        holder = _holder(settings, home)
        if settings.key_holder == "file" and not Path(holder.place).exists():
            raise WrongKey(path=holder.place)
        with contextlib.ExitStack() as undo:
            vision = Vision(settings)
            undo.callback(vision.close)
            if nets:
                vision.load_ahead()  # before the imports below, which take as long
            from lineament.services.gallery.tallies import count_older_sources
            from lineament.store.db import Store
            from lineament.store.ring import KeyRing, keep_ring

            keys = KeyRing(holder)
            url, most = _database(settings, home), settings.database_connections
            store = Store.open(url, keys, owner=settings.owner_url, connections=most)
            undo.callback(store.close)
            keep_ring(store, keys)
            check_folder(home, store)
            workspace = cls(settings, store, keys, clock=clock, vision=vision)
            workspace.suspect = suspect
            desk = workspace.desk_at_the_machine()
            if not suspect:
                desk.audit.check_anchor()
            with contextlib.suppress(ClockBehind, PicturesNotDeleted):  # then it is done once that is corrected
                if not suspect:
                    desk.audit.bind_rows()
                    count_older_sources(desk.record, keys)
                desk.erase.finish_deletions()
            undo.pop_all()
        return workspace

    def desk(self, official: Official) -> Desk:
        """Return a desk where that official works."""
        from lineament.services.record import Record

        anchor = self.home / "checkpoint"
        record = Record(store=self.store, ledger=self.ledger, anchor=anchor, official=official, clock=self.clock)
        return Desk(self, record)

    def desk_at_the_machine(self) -> Desk:
        """Return the desk of the official at the machine: for everything in a solo workspace, else for upkeep.

        In a suspect workspace whose own agency was altered it is for upkeep too. Raises AccessAltered in any other.
        """
        from lineament.errors import AccessAltered
        from lineament.model.accounts import Official
        from lineament.services.people.policies import at_the_machine

        try:
            with self.store.read() as tx:
                official = at_the_machine(tx, self.settings.examiner)
        except AccessAltered:
            if not self.suspect:
                raise
            official = Official(name=self.settings.examiner, solo=False)
        return self.desk(official)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, which signs with a key of this workspace."""
        from lineament.ledger.log import Ledger

        with self.store.read() as tx:
            origin = f"lineament/{tx.meta.get('workspace')}"
        return Ledger(origin=origin, signing_seed=self.keys.derive("ledger"))

    @cached_property
    def blobs(self) -> Blobs:
        """The sealed pictures."""
        from lineament.workspace.pictures import kept_pictures

        with self.store.read() as tx:
            return kept_pictures(self.settings, tx)

    @cached_property
    def sign_in(self) -> SignIn:
        """Signs officials in."""
        from lineament.services.people.signin import SignIn

        settings, provider = self.settings, None
        if settings.openid_issuer and settings.openid_client_id and settings.openid_client_secret:
            from lineament.identity.openid import Provider

            secret = settings.openid_client_secret.reveal()
            provider = Provider(settings.openid_issuer, settings.openid_client_id, secret, clock=self.clock)
        return SignIn(self.desk_at_the_machine().record, self.keys, provider, self.processes)

    @cached_property
    def workers(self) -> int:
        """Pictures in progress at once in an ingest: while one waits for its decoder, another has the processor."""
        return self.settings.workers or 2 * self._vision.processors

    @property
    def pack(self) -> Pack:
        """The model pack: nets, and what was measured of them."""
        return self._vision.pack

    @property
    def analyser(self) -> Analyser:
        """The nets and the decoding processes."""
        return self._vision.analyser

    @property
    def next_pack_name(self) -> str:
        """The pack to which the gallery is being moved: the chosen one, or the newest that ships for that of 0.2.

        The pack in use, if there is nothing to move.
        """
        with self.store.read() as tx:
            chosen = tx.meta.get(NEXT_PACK)
        return chosen or (CURRENT if self.pack_name == BEFORE else self.pack_name)

    @property
    def next_model(self) -> str:
        """The model of that pack."""
        return self.model_of(self.next_pack_name)

    @property
    def added_packs(self) -> dict[str, AddedPack]:
        """The packs that were added to this workspace, by name."""
        with self.store.read() as tx:
            return self._added_packs(tx)

    def _added_packs(self, tx: Tx) -> dict[str, AddedPack]:
        found = map(AddedPack.from_json, tx.meta.beginning(ADDED).values())
        return {pack.name: pack for pack in found}

    def model_of(self, pack: str) -> str:
        """Return the model of a pack of this name. Raises NotFound if neither is it shipped nor was it added."""
        from lineament.vision.packs import SHIPPED

        if pack in SHIPPED:
            return SHIPPED[pack].model
        return self._added_pack(pack).model

    def model_to_use(self, pack: str) -> str:
        """Return the model of a pack that the gallery may be moved to.

        Raises:
            NotFound: It neither ships nor was it added.
            PackDamaged: A file of it is missing or altered, as far as can be told without reading all files.
        """
        from lineament.vision.added import describe_added
        from lineament.vision.packs import SHIPPED

        if pack not in SHIPPED and pack != self.pack_name:
            trouble = describe_added(self.home, self._added_pack(pack)).trouble
            if trouble:
                raise PackDamaged(pack=pack, why=trouble)
        return self.model_of(pack)

    def _added_pack(self, name: str) -> AddedPack:
        added = self.added_packs.get(name)
        if added is None:
            raise NotFound(what="model pack", name=name, hint="lineament pack list")
        return added

    def vision_of(self, pack: str) -> Vision:
        """Return the nets of a pack of this name, in use or not. Raises NotFound."""
        from lineament.vision.packs import SHIPPED

        if pack == self.pack_name:
            return self._vision
        with self._building:
            if pack not in self._following:
                added = None if pack in SHIPPED else self._added_pack(pack)
                self._following[pack] = Vision(self.settings, pack, added)
            return self._following[pack]

    @property
    def gallery(self) -> Gallery:
        """The indexes of all sources."""
        from lineament.workspace.indexes import new_gallery

        with self._building:
            if self._gallery is None:
                models = {self.pack.model: self.pack.dimension}
                self._gallery = new_gallery(self.settings, self.store, self.keys, models, self._closing)
            return self._gallery

    @property
    def opened_gallery(self) -> Gallery | None:
        """The indexes, if anybody has needed them yet."""
        return self._gallery

    @property
    def cache(self) -> Path:
        """The folder of what can be computed again, such as expanded weights."""
        return self.settings.cache

    @contextlib.contextmanager
    def trial(self, pack: Pack) -> Iterator[Analyser]:
        """Yield an analyser with a pack that is being tried, in f32."""
        from lineament.workspace.vision import new_analyser

        with contextlib.closing(new_analyser(self.settings, pack, 1, "f32")) as analyser:
            yield analyser

    @cached_property
    def crawls(self) -> Crawls:
        """The folders of the crawls."""
        from lineament.services.gallery.crawls import Crawls

        return Crawls(self.store, self.keys, self.home / "crawls")

    @cached_property
    def drops(self) -> DropFolders:
        """The folders of what is sent through the browser."""
        from lineament.services.gallery.drops import DropFolders

        return DropFolders(self.store, self.home / "drops")

    @cached_property
    def post(self) -> Post:
        """Delivers invitations, by mail if a server is configured."""
        from lineament.services.people.invitations import Post

        settings, outbox = self.settings, None
        if settings.smtp_url is not None:
            from lineament.identity.mail import SmtpOutbox

            outbox = SmtpOutbox(settings.smtp_url.reveal())
        return Post(outbox=outbox, base=settings.public_url or LOOPBACK)

    @property
    def worker(self) -> Worker:
        """Runs jobs in this process."""
        from lineament.services.jobs.worker import Worker
        from lineament.workspace.handlers import settling

        record = self.desk_at_the_machine().record
        return Worker(record, lambda official: self.desk(official).handlers, settling(self))

    def warm(self) -> None:
        """Load the nets and build all that desks share, before several threads use the workspace."""
        _ = self.analyser, self.gallery, self.ledger, self.blobs, self.crawls, self.drops, self.post, self.sign_in

    def close(self) -> None:
        """Write the indexes, stop the decoding processes, close the database."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.store.close)
            if "blobs" in self.__dict__:
                stack.callback(self.blobs.close)
            stack.callback(self._vision.close)
            for vision in self._following.values():
                stack.callback(vision.close)
            stack.callback(self._closing.close)
            if self._gallery is not None:
                stack.callback(self._gallery.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _database(settings: Settings, folder: Path) -> str:
    """Return the address of the database: the configured one, else that of SQLite in ``folder``."""
    return settings.database_url.reveal() if settings.database_url else f"sqlite:///{folder / 'lineament.db'}"


def _holder(settings: Settings, folder: Path) -> KeyHolder:
    """Return who holds the key-encryption key: the configured one, else the file in ``folder``."""
    from lineament.store.holders.choose import holder_at

    return holder_at(settings.key_holder, folder / "keys" / "kek", settings.key_secret)
