"""Measures reviewers with known pairs among the real ones (R23). What comes of it is told to supervisors alone."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lineament.errors import InvalidValue, Refused
from lineament.model.accounts import Permission
from lineament.model.cases import Case
from lineament.model.events.reviews import PairsKnown
from lineament.model.proficiency import KnownPair, Proficiency, proficiency_of
from lineament.model.reasons import ReasonCode
from lineament.services.cases.access import own_case_for, require_open
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.review.reviews import entry_of
from lineament.services.review.seen import seen_search
from lineament.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownList:
    """A list with known pairs."""

    case: Case
    search_id: str
    pairs: tuple[KnownPair, ...]
    decided: int  # decisions that count: the first of each person about each known pair


class Measuring:
    """Records known pairs, and tells how reviewers decided about them."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.MEASURE_REVIEWERS, in_case=True)
    def know(self, search_id: str, truth: Mapping[str, bool]) -> list[KnownPair]:
        """Record of candidates of a list whether they are the person of the probe, once for each list.

        It says nothing of whether somebody decided already; only decisions made afterwards count.

        Args:
            search_id: The search.
            truth: By the name of a picture of the candidate, as the official sees the list; True: the same person.

        Raises:
            InvalidValue: Nothing is said, or two pictures of one candidate contradict each other.
            Refused: The truth is on record already, or the case is not open.
            NotFound: The list is not visible, or has no such picture.
            NotAllowed: The case belongs to another agency.
        """
        official = self._record.official
        with self._record.change() as change:
            tx, seen = change.tx, seen_search(change.tx, self._record, search_id)
            case = own_case_for(tx, self._record, seen.case.key, Permission.MEASURE_REVIEWERS)
            require_open(case)
            if tx.reviews.known_of(search_id):
                raise Refused(ReasonCode.PAIRS_KNOWN.reason())
            same: dict[int, bool] = {}
            for name, is_same in truth.items():
                if same.setdefault(entry_of(seen, name), is_same) != is_same:
                    why = "it is both the same person and another; say one"
                    raise InvalidValue(what="The candidate", value=name, why=why, field="truth")
            if not same:
                raise InvalidValue(what="The truth", value="", why="say it of one candidate at least", field="truth")
            pairs = [
                KnownPair(
                    id=secrets.token_hex(8),
                    search_id=search_id,
                    entry=entry,
                    account_id=official.account_id,
                    agency_id=official.agency_id,
                    at=change.at,
                    same=is_same,
                    said_by=official.name,
                )
                for entry, is_same in sorted(same.items())
            ]
            for pair in pairs:
                tx.reviews.add_known(pair)
            change.concerns(case)
            change.record(PairsKnown(case=case.ref, search=search_id, pairs=len(pairs)))
        return pairs

    @needs(Permission.MEASURE_REVIEWERS, in_case=True)
    def of_search(self, search_id: str) -> dict[str, bool]:
        """Return the names of the pictures of a list whose truth is known; True: the same person as the probe."""
        with self._record.read() as tx:
            seen = seen_search(tx, self._record, search_id)
            own_case_for(tx, self._record, seen.case.key, Permission.MEASURE_REVIEWERS)
            same = {pair.entry: pair.same for pair in tx.reviews.known_of(search_id)}
        return {
            seen.name(picture.rank): same[entry.number]
            for entry in seen.entries
            if entry.number in same
            for picture in (entry.candidate, *entry.further)
        }

    @needs(Permission.MEASURE_REVIEWERS)
    def reviewers(self) -> list[Proficiency]:
        """Return how often each reviewer of the agency was right, by name."""
        with self._record.read() as tx:
            return self._proficiency(tx, tx.reviews.known_of_agency(self._record.official.agency_id))

    @needs(Permission.MEASURE_REVIEWERS)
    def lists(self) -> list[KnownList]:
        """Return the lists of the agency with known pairs, the newest first."""
        of_lists: dict[str, list[KnownPair]] = {}
        with self._record.read() as tx:
            for pair in tx.reviews.known_of_agency(self._record.official.agency_id):
                of_lists.setdefault(pair.search_id, []).append(pair)
            return [self._list(tx, search_id, pairs) for search_id, pairs in reversed(of_lists.items())]

    def _list(self, tx: Tx, search_id: str, pairs: list[KnownPair]) -> KnownList:
        case = seen_search(tx, self._record, search_id).case
        decided = sum(each.mated.pairs + each.others.pairs for each in self._proficiency(tx, pairs))
        return KnownList(case=case, search_id=search_id, pairs=tuple(pairs), decided=decided)

    def _proficiency(self, tx: Tx, pairs: Collection[KnownPair]) -> list[Proficiency]:
        decided = tx.reviews.of_searches({pair.search_id for pair in pairs})
        own = self._record.official.agency_id
        return proficiency_of(
            pairs, [decision for of_list in decided.values() for decision in of_list if decision.agency_id == own]
        )
