"""The examiner's bench: the part of a desk that searches, reviews, watches and reports."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineament.services.batches import Batches
    from lineament.services.compare import Compare
    from lineament.services.copies import Copies
    from lineament.services.disclosure.disclose import Disclosure
    from lineament.services.disclosure.transactions import Transactions
    from lineament.services.disclosure.vics import CaseExport
    from lineament.services.photographs import Photographs
    from lineament.services.pictures import Pictures
    from lineament.services.probes import Probes
    from lineament.services.record import Record
    from lineament.services.report import Report
    from lineament.services.review.proficiency import Measuring
    from lineament.services.review.reviews import Reviews
    from lineament.services.search import Search
    from lineament.services.watches.comparing import CompareWatched
    from lineament.services.watches.hooks import WebHooks
    from lineament.services.watches.keeping import Watches
    from lineament.services.watches.notify import Notify
    from lineament.settings import Settings
    from lineament.workspace import Workspace


class Bench:
    """The services of searches and what follows from them, in one official's name."""

    workspace: Workspace
    record: Record

    @property
    def settings(self) -> Settings:
        """The settings of the workspace."""
        return self.workspace.settings

    @cached_property
    def pictures(self) -> Pictures:
        """Shows the pictures of candidates."""
        from lineament.services.pictures import Pictures

        return Pictures(self.record, self.workspace.keys, self.workspace.blobs)

    @cached_property
    def probes(self) -> Probes:
        """Adds probes to cases."""
        from lineament.services.probes import Probes

        return Probes(self.record, self.workspace.keys, self.workspace.blobs, lambda: self.workspace.analyser)

    @cached_property
    def search(self) -> Search:
        """Searches the gallery."""
        from lineament.services.search import Search

        held = self.workspace
        return Search(
            self.record,
            held.keys,
            lambda: held.gallery,
            lambda: held.pack.rates,
            damped=lambda: not held.pack.centred,
        )

    @cached_property
    def reviews(self) -> Reviews:
        """Decides about candidates."""
        from lineament.services.review.reviews import Reviews

        return Reviews(self.record)

    @cached_property
    def measuring(self) -> Measuring:
        """Measures reviewers."""
        from lineament.services.review.proficiency import Measuring

        return Measuring(self.record)

    @cached_property
    def photographs(self) -> Photographs:
        """Adds photographs to cases and searches with them."""
        from lineament.services.photographs import Photographs

        return Photographs(self.record, self.probes, self.search)

    @cached_property
    def batches(self) -> Batches:
        """Takes photographs for a batch, and searches them."""
        from lineament.services.batches import Batches

        return Batches(self.record, lambda: self.probes, lambda: self.search)

    @cached_property
    def copies(self) -> Copies:
        """Makes photographs of candidates' pictures."""
        from lineament.services.copies import Copies

        return Copies(self.record, self.workspace.keys, self.workspace.blobs, lambda: self.probes)

    @cached_property
    def compare(self) -> Compare:
        """Compares two pictures."""
        from lineament.services.compare import Compare

        return Compare(self.record, self.workspace.analyser)

    @cached_property
    def watches(self) -> Watches:
        """Keeps probes on watch."""
        from lineament.services.watches.keeping import Watches

        held = self.workspace
        return Watches(self.record, held.keys, lambda: held.model_of(held.pack_name))

    @cached_property
    def compare_watched(self) -> CompareWatched:
        """Compares what is on watch with what was enrolled."""
        from lineament.services.watches.comparing import CompareWatched

        held = self.workspace
        return CompareWatched(
            self.record,
            held.keys,
            lambda: held.gallery,
            lambda: held.pack.rates,
            mails=lambda: held.post.outbox is not None,
        )

    @cached_property
    def web_hooks(self) -> WebHooks:
        """Manages the web hooks of the agency."""
        from lineament.services.watches.hooks import WebHooks

        return WebHooks(self.record, self.settings.web_hook_addresses)

    @cached_property
    def notify(self) -> Notify:
        """Sends notices."""
        from lineament.services.watches.notify import Notify

        return Notify(self.record, lambda: self.workspace.post, self.settings.web_hook_addresses)

    @cached_property
    def report(self) -> Report:
        """Writes the report of a search."""
        from lineament.services.report import Report

        return Report(self.record, self.pictures, lambda: self.probes)

    @cached_property
    def disclosure(self) -> Disclosure:
        """Makes disclosure packs of cases."""
        from lineament.services.disclosure.disclose import Disclosure

        held = self.workspace
        return Disclosure(self.record, held.keys, held.blobs, lambda: held.analyser, lambda: held.pack)

    @cached_property
    def transactions(self) -> Transactions:
        """Writes whom searches asked about as transactions for other systems."""
        from lineament.services.disclosure.transactions import Transactions

        held = self.workspace
        return Transactions(self.record, held.keys, held.blobs, lambda: held.analyser)

    @cached_property
    def case_export(self) -> CaseExport:
        """Exports cases for other programs."""
        from lineament.services.disclosure.vics import CaseExport
        from lineament.services.leads.leads import Leads

        held = self.workspace
        return CaseExport(self.record, held.keys, held.blobs, Leads(self.record, held.keys))
