"""A desk: the services, each acting in the name of one official."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lineament.workspace.bench import Bench
from lineament.workspace.leads_desk import LeadsDesk
from lineament.workspace.oversight import Oversight
from lineament.workspace.programs_desk import ProgramsDesk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineament.model.accounts import Official
    from lineament.services.audit import Audit
    from lineament.services.cases.casework import Casework
    from lineament.services.cases.members import Members
    from lineament.services.cases.overview import Overview
    from lineament.services.cases.retain import Retain
    from lineament.services.cases.room import Room
    from lineament.services.clock import AcceptClock
    from lineament.services.collect import Collect
    from lineament.services.doctor import Doctor
    from lineament.services.evaluate.asked import Evaluations
    from lineament.services.gallery.abuse import KnownAbuse
    from lineament.services.gallery.draw import DrawFaces
    from lineament.services.gallery.enrol import Enrol
    from lineament.services.gallery.erase import Erase
    from lineament.services.gallery.ingest import Ingest
    from lineament.services.gallery.look_again import LookAgain
    from lineament.services.gallery.newest import NewestFaces
    from lineament.services.gallery.pack_adding import PackAdding
    from lineament.services.gallery.packs import Packs
    from lineament.services.gallery.register import Register
    from lineament.services.gallery.requested import RequestedErasures
    from lineament.services.gallery.take_in import TakeIn
    from lineament.services.gallery.takeout import TakeOut
    from lineament.services.gallery.unsearched import Unsearched
    from lineament.services.jobs.kinds import Handler
    from lineament.services.jobs.queue import Jobs
    from lineament.services.operating import Operating
    from lineament.services.people.agencies import Agencies
    from lineament.services.people.api_keys import ApiKeys
    from lineament.services.people.officials import People
    from lineament.services.people.stops import Stops
    from lineament.services.record import Clock, Record
    from lineament.services.restore import Restore
    from lineament.services.rotation.rotate import KeyRotation
    from lineament.services.threshold.changes import Proposals
    from lineament.services.witnessing.policy import Witnesses
    from lineament.workspace import Workspace


class Desk(Bench, LeadsDesk, Oversight, ProgramsDesk):
    """Every service, acting in one official's name. It is cheap: one for each request."""

    def __init__(self, workspace: Workspace, record: Record) -> None:
        self.workspace = workspace
        self.record = record

    @property
    def official(self) -> Official:
        """The official in whose name the services act."""
        return self.record.official

    @property
    def clock(self) -> Clock:
        """Returns the current time, UTC."""
        return self.workspace.clock

    @cached_property
    def sources(self) -> Register:
        """Registers sources."""
        from lineament.services.gallery.register import Register

        return Register(self.record, self.workspace.keys, self.workspace.blobs)

    @cached_property
    def agencies(self) -> Agencies:
        """Registers, vets and licenses agencies."""
        from lineament.services.people.agencies import Agencies

        return Agencies(self.record, self.workspace.post)

    @cached_property
    def people(self) -> People:
        """Invites officials, and manages their accounts."""
        from lineament.services.people.officials import People

        return People(self.record, self.workspace.post)

    @cached_property
    def api_keys(self) -> ApiKeys:
        """Makes and revokes keys with which programs act for officials."""
        from lineament.services.people.api_keys import ApiKeys

        return ApiKeys(self.record)

    @cached_property
    def stops(self) -> Stops:
        """Stops and resumes searching."""
        from lineament.services.people.stops import Stops

        return Stops(self.record)

    @cached_property
    def proposals(self) -> Proposals:
        """Changes the threshold, and decides about changes of the model."""
        from lineament.services.threshold.changes import ModelInUse, Proposals

        held = self.workspace
        in_use = ModelInUse(pack=held.pack_name, model=held.model_of(held.pack_name))
        return Proposals(self.record, in_use, held.model_to_use)

    @cached_property
    def casework(self) -> Casework:
        """Opens, authorises and closes cases."""
        from lineament.services.cases.casework import Casework

        return Casework(self.record, self.workspace.keys, self.workspace.blobs, self.room)

    @cached_property
    def overview(self) -> Overview:
        """Reads many cases for one page."""
        from lineament.services.cases.overview import Overview

        return Overview(self.record)

    @cached_property
    def room(self) -> Room:
        """Messages, notes and files of a case."""
        from lineament.services.cases.room import Room

        return Room(self.record, self.workspace.keys, self.workspace.blobs)

    @cached_property
    def members(self) -> Members:
        """Adds, invites and removes members of cases."""
        from lineament.services.cases.members import Members

        return Members(self.record)

    @cached_property
    def retain(self) -> Retain:
        """Destroys everything whose retention period is over."""
        from lineament.services.cases.retain import Retain, RetainedFolders
        from lineament.workspace.measuring import ended_evaluations, evaluation_folders

        folders = RetainedFolders(
            drops=self.workspace.drops,
            evaluations=evaluation_folders(self.workspace),
            ended=ended_evaluations(self.workspace),
        )
        return Retain(self.record.everywhere, self.workspace.blobs, lambda: self.erase, folders)

    @cached_property
    def key_rotation(self) -> KeyRotation:
        """Rotates keys."""
        from lineament.services.rotation.rotate import KeyRotation
        from lineament.services.rotation.source import SourceFiles

        held = self.workspace
        files = SourceFiles(blobs=held.blobs, crawls=held.crawls, gallery=lambda: held.gallery)
        return KeyRotation(self.record.everywhere, held.keys, files)

    @cached_property
    def audit(self) -> Audit:
        """Reads and verifies the ledger."""
        from lineament.services.audit import Audit

        return Audit(self.record)

    @cached_property
    def accept_clock(self) -> AcceptClock:
        """Accepts a clock that was ahead before."""
        from lineament.services.clock import AcceptClock

        return AcceptClock(self.record, self.workspace.clock)

    @cached_property
    def restore(self) -> Restore:
        """Accepts a database that was restored from a backup."""
        from lineament.services.restore import Restore

        return Restore(self.record.everywhere)

    @cached_property
    def operating(self) -> Operating:
        """Looks at the installation as a whole, for its operators."""
        from lineament.services.operating import Operating

        held = self.workspace
        return Operating(self.record, lambda: held.pack.model, lambda: held.opened_gallery, lambda: held.blobs)

    @cached_property
    def witnesses(self) -> Witnesses:
        """Has the ledger witnessed from outside."""
        from lineament.services.witnessing.policy import Witnesses

        return Witnesses(self.record)

    @cached_property
    def ingest(self) -> Ingest:
        """Ingests pictures."""
        from lineament.services.gallery.ingest import Ingest

        held = self.workspace
        return Ingest(self.record, held.keys, held.blobs, held.analyser, held.gallery)

    @cached_property
    def enrol(self) -> Enrol:
        """Enrols pictures that a program sends."""
        from lineament.services.gallery.enrol import Enrol

        return Enrol(self.record, lambda: self.ingest, self.settings.max_file_bytes)

    @cached_property
    def look_again(self) -> LookAgain:
        """Looks again at pictures with the model in use."""
        from lineament.services.gallery.look_again import LookAgain, Switch

        held = self.workspace
        following = held.next_pack_name
        in_use = held.pack_name
        switch = None if following == in_use else Switch(pack=following, against=held.model_of(in_use))
        return LookAgain(
            *(self.record, held.keys, held.blobs, lambda: held.vision_of(following).analyser, lambda: held.gallery),
            switch=switch,
        )

    @cached_property
    def packs(self) -> Packs:
        """Adds model packs, and lets the gallery be moved to one."""
        from lineament.services.gallery.packs import Packs

        return Packs(self.record, self.workspace)

    @cached_property
    def pack_adding(self) -> PackAdding:
        """Adds and verifies model packs."""
        from lineament.services.gallery.pack_adding import PackAdding

        return PackAdding(self.record, self.workspace)

    @cached_property
    def unsearched(self) -> Unsearched:
        """Shows the pictures of sources from which a face is in no search."""
        from lineament.services.gallery.unsearched import Unsearched

        return Unsearched(self.record, self.workspace.keys, self.workspace.blobs)

    @cached_property
    def newest_faces(self) -> NewestFaces:
        """Shows what of a source is fresh."""
        from lineament.services.gallery.newest import NewestFaces

        return NewestFaces(self.record, self.workspace.keys, self.workspace.blobs)

    @cached_property
    def draw_faces(self) -> DrawFaces:
        """Enrols faces that the detector missed, from boxes drawn by hand."""
        from lineament.services.gallery.draw import DrawFaces

        return DrawFaces(self.record, self.workspace.keys, self.workspace.blobs, lambda: self.workspace.analyser)

    @cached_property
    def collect(self) -> Collect:
        """Collects for a source."""
        from lineament.services.collect import Collect, CollectedFiles, CollectLimits

        held = self.workspace
        limits = CollectLimits(max_bytes=self.settings.max_file_bytes, workers=held.workers)
        files = CollectedFiles(keys=held.keys, crawls=held.crawls, drops=held.drops)
        return Collect(self.record, files, lambda: self.ingest, lambda: self.erase, limits)

    @cached_property
    def take_in(self) -> TakeIn:
        """Takes files in that are sent through the browser."""
        from lineament.services.gallery.take_in import TakeIn

        return TakeIn(self.record, self.workspace.keys, self.workspace.drops)

    @cached_property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of the kinds of jobs, in this official's name."""
        from lineament.workspace.handlers import handlers_of

        return handlers_of(self)

    @cached_property
    def jobs(self) -> Jobs:
        """Queues, shows and stops jobs."""
        from lineament.services.jobs.queue import Jobs
        from lineament.workspace.handlers import settling

        return Jobs(self.record, settling(self.workspace))

    @cached_property
    def evaluations(self) -> Evaluations:
        """Measures error rates on pictures that a program sends."""
        from lineament.services.evaluate.asked import Evaluations
        from lineament.workspace.measuring import ended_evaluations, evaluation_folders, measure_of

        folders, settle = evaluation_folders(self.workspace), ended_evaluations(self.workspace).settle
        return Evaluations(self.record, folders, measure_of(self.workspace), settle)

    @cached_property
    def known_abuse(self) -> KnownAbuse:
        """Loads lists of known-abuse material."""
        from lineament.services.gallery.abuse import KnownAbuse

        return KnownAbuse(self.record.everywhere, self.workspace.keys, self.workspace.blobs, self.workspace.crawls)

    @cached_property
    def erase(self) -> Erase:
        """Erases faces, captures and sources."""
        from lineament.services.gallery.erase import Erase, SourceFolders

        held = self.workspace
        folders = SourceFolders(crawls=held.crawls, drops=held.drops)
        return Erase(self.record.everywhere, held.keys, held.blobs, lambda: held.gallery, folders)

    @cached_property
    def requested_erasures(self) -> RequestedErasures:
        """Asks for erasures, which jobs do."""
        from lineament.services.gallery.requested import RequestedErasures

        return RequestedErasures(self.record.everywhere, lambda: self.erase)

    @cached_property
    def takeout(self) -> TakeOut:
        """Exports what was crawled."""
        from lineament.services.gallery.takeout import TakeOut

        return TakeOut(self.record, self.workspace.crawls)

    @cached_property
    def doctor(self) -> Doctor:
        """Checks the workspace and the machine."""
        from lineament.services.doctor import Doctor

        return Doctor(self.record.everywhere, self.workspace, self.audit)
