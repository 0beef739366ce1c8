"""The composition root: the only place that reads settings and builds things."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from lineament.errors import NoWorkspace, WorkspaceExists, WrongKey
from lineament.identity.mail import SmtpOutbox
from lineament.identity.openid import Provider
from lineament.index.scan import ScanIndex
from lineament.ledger.log import Ledger
from lineament.model.accounts import HOME_AGENCY, Official
from lineament.model.agencies import AgencyTerms
from lineament.services.audit import Audit
from lineament.services.cases.casework import Casework
from lineament.services.cases.members import Members
from lineament.services.cases.retain import Retain
from lineament.services.cases.room import Room
from lineament.services.compare import Compare
from lineament.services.doctor import Doctor
from lineament.services.gallery.abuse import KnownAbuse
from lineament.services.gallery.crawls import Crawls
from lineament.services.gallery.erase import Erase
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.ingest import Ingest
from lineament.services.gallery.register import Register
from lineament.services.gallery.takeout import TakeOut
from lineament.services.jobs.queue import Jobs
from lineament.services.people.agencies import Agencies
from lineament.services.people.invitations import Post
from lineament.services.people.officials import People
from lineament.services.people.policies import at_the_machine
from lineament.services.people.signin import SignIn
from lineament.services.people.stops import Stops
from lineament.services.pictures import Pictures
from lineament.services.probes import Probes
from lineament.services.record import Clock, Record
from lineament.services.report import Report
from lineament.services.search import Search
from lineament.settings import Settings
from lineament.store.blobs import BlobFolder, Blobs
from lineament.store.db import Store
from lineament.store.keys import KeyRing
from lineament.vision.analyse import Analyser
from lineament.vision.decode import Decoder
from lineament.vision.packs import Pack, default_pack

LOOPBACK = "http://127.0.0.1:8471"
"""Where the pages are, as long as nobody says otherwise."""


def now() -> datetime:
    """The time by this machine's clock, UTC."""
    return datetime.now(UTC)


class Desk:
    """Where one official works: every service, acting in that person's name. Cheap; one a request.

    The house behind it (database, keys, nets, indexes) is shared by all.
    """

    settings: Settings
    clock: Clock
    store: Store

    def __init__(self, house: Workspace, record: Record) -> None:
        self.house = house
        self.record = record
        self.settings = house.settings
        self.clock = house.clock
        self.store = house.store

    @property
    def official(self) -> Official:
        """Who works here."""
        return self.record.official

    @cached_property
    def sources(self) -> Register:
        """Registers sources."""
        return Register(self.record, self.house.keys, self.house.blobs)

    @cached_property
    def agencies(self) -> Agencies:
        """Registers, vets and licenses agencies."""
        return Agencies(self.record, self.house.post)

    @cached_property
    def people(self) -> People:
        """Invites officials, and manages their accounts."""
        return People(self.record, self.house.post)

    @cached_property
    def stops(self) -> Stops:
        """Stops and resumes searching."""
        return Stops(self.record)

    @cached_property
    def casework(self) -> Casework:
        """Opens, authorises and closes cases."""
        return Casework(self.record, self.house.keys, self.house.blobs, self.room)

    @cached_property
    def room(self) -> Room:
        """Messages, notes and files of a case."""
        return Room(self.record, self.house.keys, self.house.blobs)

    @cached_property
    def members(self) -> Members:
        """Who works on a case."""
        return Members(self.record)

    @cached_property
    def retain(self) -> Retain:
        """Destroys what its clock has run out for."""
        return Retain(self.record, self.house.blobs)

    @cached_property
    def pictures(self) -> Pictures:
        """Shows the pictures of candidates."""
        return Pictures(self.record, self.house.keys, self.house.blobs)

    @cached_property
    def audit(self) -> Audit:
        """Reads and verifies the ledger."""
        return Audit(self.record)

    @cached_property
    def ingest(self) -> Ingest:
        """Takes pictures in."""
        house = self.house
        return Ingest(self.record, house.keys, house.blobs, house.analyser, house.gallery)

    @cached_property
    def jobs(self) -> Jobs:
        """Asks for jobs, shows and stops them."""
        return Jobs(self.record)

    @cached_property
    def known_abuse(self) -> KnownAbuse:
        """Takes lists of known-abuse material in."""
        return KnownAbuse(self.record, self.house.keys, self.house.blobs, self.house.crawls)

    @cached_property
    def probes(self) -> Probes:
        """Takes probes in."""
        return Probes(self.record, self.house.keys, self.house.blobs, lambda: self.house.analyser)

    @cached_property
    def search(self) -> Search:
        """Searches the gallery."""
        house = self.house
        return Search(self.record, house.keys, lambda: house.gallery, lambda: house.pack.false_matches)

    @cached_property
    def compare(self) -> Compare:
        """Compares two pictures."""
        return Compare(self.record, self.house.analyser)

    @cached_property
    def erase(self) -> Erase:
        """Erases faces, captures and sources."""
        return Erase(self.record, self.house.keys, self.house.blobs, lambda: self.house.gallery, self.house.crawls)

    @cached_property
    def takeout(self) -> TakeOut:
        """Takes out what was crawled."""
        return TakeOut(self.record, self.house.crawls)

    @cached_property
    def report(self) -> Report:
        """Writes the report of a search."""
        return Report(self.record, self.pictures, lambda: self.probes)


class Workspace(Desk):
    """A workspace: a folder with keys, pictures and indexes, and a database in it or elsewhere.

    It is also the desk of whoever is at the machine, who does everything while nobody else has an account. The nets
    are loaded when they are first needed, so that listing cases starts at once.
    """

    def __init__(self, settings: Settings, store: Store, keys: KeyRing, *, clock: Clock = now) -> None:
        self.settings = settings
        self.home = settings.home
        self.clock = clock
        self.store = store
        self.keys = keys
        self.blobs: Blobs = BlobFolder(self.home / "blobs")
        with store.read() as tx:
            origin = f"lineament/{tx.meta.get('workspace')}"
            official = at_the_machine(tx, settings.examiner)
        ledger = Ledger(origin=origin, signing_seed=keys.derive("ledger"))
        record = Record(store=store, ledger=ledger, anchor=self.home / "checkpoint", official=official, clock=clock)
        super().__init__(self, record)

    def desk(self, official: Official) -> Desk:
        """Where that official works."""
        return Desk(self, replace(self.record, official=official))

    def desk_at_the_machine(self) -> Desk:
        """The desk of whoever is at the machine, as the accounts stand now."""
        with self.store.read() as tx:
            return self.desk(at_the_machine(tx, self.settings.examiner))

    @classmethod
    def create(cls, settings: Settings, *, clock: Clock = now) -> Self:
        """Make a workspace in ``settings.home``, whole or not at all; WorkspaceExists where something is there."""
        home = settings.home
        if home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise WorkspaceExists(path=home)
        home.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
        try:
            (building / "keys").mkdir(mode=0o700)
            keys = KeyRing.create(building / "keys" / "kek")
            store = Store.create(settings.database_url or _sqlite(building), keys.vault)
            with store.begin() as tx:
                tx.agencies.add(AgencyTerms(name="This agency", jurisdiction="ZZ"), clock(), id=HOME_AGENCY)
                tx.meta.set("workspace", secrets.token_hex(8))
                tx.meta.set("key check", keys.check_value().hex())
            store.close()
            if home.exists():
                home.rmdir()
            building.rename(home)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        return cls.open(settings, clock=clock)

    @classmethod
    def open(cls, settings: Settings, *, clock: Clock = now, suspect: bool = False) -> Self:
        """Open a workspace; NoWorkspace, WrongKey, WorkspaceNewer or LedgerBroken where that cannot be.

        The ledger must go on from the checkpoint anchored on disk, unless the workspace is opened as ``suspect``, to
        be looked into.
        """
        home = settings.home
        key_file = home / "keys" / "kek"
        if not home.is_dir() or not ((home / "lineament.db").exists() or settings.database_url):
            raise NoWorkspace(path=home)
        if not key_file.exists():
            raise WrongKey(path=key_file)
        keys = KeyRing.open(key_file)
        store = Store.open(settings.database_url or _sqlite(home), keys.vault)
        try:
            with store.read() as tx:
                if tx.meta.get("key check") != keys.check_value().hex():
                    raise WrongKey(path=key_file)
            workspace = cls(settings, store, keys, clock=clock)
            if not suspect:
                workspace.audit.check_anchor()
            workspace.erase.finish_deletions()
        except BaseException:
            store.close()
            raise
        return workspace

    @cached_property
    def sign_in(self) -> SignIn:
        """Lets officials in, whoever they are."""
        settings, provider = self.settings, None
        if settings.openid_issuer and settings.openid_client_id and settings.openid_client_secret:
            secret = settings.openid_client_secret.get_secret_value()
            provider = Provider(settings.openid_issuer, settings.openid_client_id, secret, clock=self.clock)
        return SignIn(self.record, self.keys, provider)

    @cached_property
    def processors(self) -> int:
        """How many nets and how many decoders run at once."""
        return len(os.sched_getaffinity(0))

    @cached_property
    def workers(self) -> int:
        """Pictures under way at once in an ingest: while one waits for its decoder, another has the processor."""
        return self.settings.workers or 2 * self.processors

    @cached_property
    def pack(self) -> Pack:
        """The model pack: nets, and what was measured of them."""
        return default_pack(self.settings.cache)

    @cached_property
    def analyser(self) -> Analyser:
        """The nets and the decoding processes."""
        settings = self.settings
        decoder = Decoder(
            workers=self.processors,
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_file_bytes,
            memory=settings.decode_memory,
            seconds=settings.decode_seconds,
        )
        return Analyser(
            pack=self.pack,
            decoder=decoder,
            runtime=settings.runtime.value,
            precision=settings.precision.value,
            threads=self.processors,
        )

    @cached_property
    def gallery(self) -> Gallery:
        """The indexes of all sources."""
        models = {self.pack.model: self.pack.dimension}
        return Gallery(self.store, self.keys, self.home / "index", models=models, open_index=ScanIndex.open)

    @cached_property
    def crawls(self) -> Crawls:
        """What crawls keep."""
        return Crawls(self.store, self.keys, self.home / "crawls")

    @cached_property
    def post(self) -> Post:
        """How invitations reach people: by mail, where there is a server for it."""
        settings = self.settings
        outbox = None if settings.smtp_url is None else SmtpOutbox(settings.smtp_url.get_secret_value())
        return Post(outbox=outbox, base=settings.public_url or LOOPBACK)

    @cached_property
    def doctor(self) -> Doctor:
        """Checks the workspace and the machine."""
        return Doctor(self)

    def warm(self) -> None:
        """Load the nets and build every service now; to be called before several threads use the workspace."""
        _ = self.analyser, self.ingest, self.probes, self.search, self.compare, self.erase, self.report, self.doctor

    def close(self) -> None:
        """Write the indexes, stop the decoding processes, close the database."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.store.close)
            if "analyser" in self.__dict__:
                stack.callback(self.analyser.close)
            if "gallery" in self.__dict__:
                stack.callback(self.gallery.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _sqlite(home: Path) -> str:
    return f"sqlite:///{home / 'lineament.db'}"
