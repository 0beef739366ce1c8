"""A candidate list as its reader may see it: before they decided, without rank, score, name and page (R17).

The services give a list out only through ``seen_search`` and ``seen_searches``. What is hidden is not in what they
return, so no page, command or report can show it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from lineament.errors import NotFound, Undecided
from lineament.model.accounts import Official, Permission
from lineament.model.blind import FoundAt, HiddenEntry, HiddenFace
from lineament.model.cases import Case
from lineament.model.policy import Policy
from lineament.model.review import REVIEWERS, Review, ReviewOutcome, reviews_by_entry, undecided
from lineament.model.search import Candidate, ListEntry, entry_number
from lineament.services.cases.access import case_of_search
from lineament.services.people.policies import policy_for
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.keys import Vault
from lineament.store.searches import StoredSearch

_NAME_BYTES = 8
_MOST_DIGITS = 4
"""Most digits of a rank; a name has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedBefore:
    """The exclusion of a face that an earlier review of the case came to."""

    search_id: str
    at: datetime
    same_photograph: bool  # as the probe of this list


@dataclass(frozen=True, kw_only=True)
class SeenList:
    """A list and how far its review is, for one reader."""

    case: Case
    whole: StoredSearch  # what was recorded; only for the services
    policy: Policy  # of the case's agency
    reviews: Mapping[int, Review]  # by entry; those without a decision are left out
    excluded: Mapping[int, ExcludedBefore]  # by entry
    reader: Official
    vault: Vault

    @cached_property
    def entries(self) -> tuple[ListEntry, ...]:
        """The entries of the list that are not erased, by rank."""
        return self.whole.result.entries

    @cached_property
    def is_blind(self) -> bool:
        """Whether the policy hides the list from this reader until they decided.

        Auditors never decide, and check those who do.
        """
        return self.policy.blind_review and not self.reader.may(Permission.READ_LEDGER)

    def knows(self, entry: int) -> bool:
        """Return whether the reader may know where the pictures of an entry were found."""
        review = self.reviews.get(entry)
        return not self.is_blind or (
            review is not None and (review.outcome is not None or review.of(self.reader.account_id) is not None)
        )

    @cached_property
    def is_open(self) -> bool:
        """Whether the reader may see ranks and scores: one of them would tell something of all that are undecided."""
        numbers = [entry.number for entry in self.entries]
        return not self.is_blind or all(self.knows(number) or number in self.excluded for number in numbers)

    @property
    def left(self) -> list[int]:
        """The entries that the reader has yet to decide, in the order in which they see them."""
        numbers = [number for number in self.order if number not in self.excluded]
        return undecided(numbers, self.reviews, self.reader.account_id)

    @cached_property
    def order(self) -> list[int]:
        """The entries as the reader sees them: by rank, or shuffled for this person."""
        numbers = [entry.number for entry in self.entries]
        return numbers if self.is_open else sorted(numbers, key=self._place)

    @cached_property
    def shown(self) -> StoredSearch:
        """The search as the reader may see it."""
        if self.is_open:
            return self.whole
        by_number = {entry.number: entry for entry in self.entries}
        hidden = tuple(self._hidden(by_number[number]) for number in self.order)
        result = replace(self.whole.result, candidates=(), hidden=hidden)
        return replace(self.whole, result=result, erased=(), gone=len(self.whole.erased))

    def name(self, rank: int) -> str:
        """Return the name of a picture of the list in addresses: its rank, or while that is hidden a random one."""
        return str(rank) if self.is_open else self._names[rank]

    @cached_property
    def names_now(self) -> dict[str, str]:
        """The names of all pictures now, by those that they had while they were hidden; empty while they are."""
        return {name: str(rank) for rank, name in self._names.items()} if self.is_open else {}

    def rank(self, name: str) -> int:
        """Return the rank of the picture of that name. Raises NotFound, also for ranks that are hidden."""
        if self.is_open and name.isdecimal() and len(name) <= _MOST_DIGITS:
            return int(name)
        found = next((rank for rank, hidden in self._names.items() if hidden == name), None)
        if found is None:
            raise NotFound(what="candidate", name=name[:32], hint="lineament search")
        return found

    def require_known(self, entry: int) -> None:
        """Raise Undecided if where the pictures of an entry were found is hidden from the reader."""
        if not self.knows(entry):
            raise Undecided(left=1)

    def require_open(self) -> None:
        """Raise Undecided if ranks and scores are hidden from the reader."""
        if not self.is_open:
            raise Undecided(left=sum(not self.knows(entry.number) for entry in self.entries))

    # ------------------------------------------------------------ hiding

    @cached_property
    def _names(self) -> dict[int, str]:
        """The random names of all pictures, by rank."""
        ranks = [candidate.rank for candidate in self.whole.result.candidates]
        return {rank: self._digest("candidate", rank)[: 2 * _NAME_BYTES] for rank in ranks}

    def _place(self, entry: int) -> str:
        return self._digest("order", self.reader.account_id, entry)

    def _digest(self, kind: str, *parts: object) -> str:
        text = "/".join(map(str, (self.whole.result.search_id, *parts)))
        return self.vault.lookup(f"{kind} of a hidden list", text).hex()

    def _hidden(self, entry: ListEntry) -> HiddenEntry:
        pictures = sorted((entry.candidate, *entry.further), key=lambda picture: self._names[picture.rank])
        known = self.knows(entry.number)
        faces = tuple(self._hidden_face(picture, known=known) for picture in pictures)
        return HiddenEntry(number=entry.number, faces=faces, more=bool(entry.unlisted))

    def _hidden_face(self, picture: Candidate, *, known: bool) -> HiddenFace:
        where = FoundAt(uri=picture.uri, page_uri=picture.page_uri, page_title=picture.page_title)
        return HiddenFace(
            name=self._names[picture.rank],
            source=picture.source,
            captured_at=picture.captured_at,
            person=picture.person,
            near_duplicates=len(picture.near_duplicates),
            part=picture.part,
            parts=picture.parts,
            time_code=picture.time_code,
            incomplete=picture.incomplete,
            found_at=where if known else None,
        )


def seen_search(tx: Tx, record: Record, search_id: str) -> SeenList:
    """Return a list for its reader. Raises the same NotFound if there is no such search or its case is not seen."""
    case, stored = case_of_search(tx, record, search_id)
    reviews = reviews_by_entry(tx.reviews.of_search(search_id), reviewers_of(policy := policy_for(tx, case.agency_id)))
    return SeenList(
        case=case,
        whole=stored,
        policy=policy,
        reviews=reviews,
        excluded=_excluded_before(tx, case, stored, policy),
        reader=record.official,
        vault=tx.vault,
    )


def seen_searches(
    tx: Tx, record: Record, case: Case, found: Iterable[StoredSearch], policy: Policy | None = None
) -> list[SeenList]:
    """Return lists of a case for their reader; what was excluded before is not looked up.

    ``policy``: that of the case's agency, if the caller read it already.
    """
    listed = list(found)
    policy = policy or policy_for(tx, case.agency_id)
    decided = tx.reviews.of_searches([stored.result.search_id for stored in listed])
    return [
        SeenList(
            case=case,
            whole=stored,
            policy=policy,
            reviews=reviews_by_entry(decided[stored.result.search_id], reviewers_of(policy)),
            excluded={},
            reader=record.official,
            vault=tx.vault,
        )
        for stored in listed
    ]


def reviewers_of(policy: Policy) -> int:
    """Return how many people decide about each candidate under a policy."""
    return REVIEWERS if policy.second_review else 1


def _excluded_before(tx: Tx, case: Case, stored: StoredSearch, policy: Policy) -> dict[int, ExcludedBefore]:
    """Return the entries whose face an earlier review of the case excluded, each with the newest exclusion."""
    result = stored.result
    by_face: dict[int, int] = {}
    for candidate in result.candidates:
        by_face |= {int(face): entry_number(candidate) for face in (candidate.face_id, *candidate.near_duplicates)}
    earlier = tx.reviews.seen_before(case.id, result.search_id, by_face) if by_face else []
    decided = tx.reviews.of_searches({search_id for search_id, *_ in earlier})
    reviews = {id_: reviews_by_entry(of_it, reviewers_of(policy)) for id_, of_it in decided.items()}
    found: dict[int, ExcludedBefore] = {}
    for search_id, rank, face, snapshot in earlier:
        entry = json.loads(snapshot).get("group") or rank
        review = reviews[search_id].get(entry)
        if review is None or review.outcome is not ReviewOutcome.EXCLUDED or review.settled_at is None:
            continue
        if review.settled_at > result.made_at:
            continue  # this list was there before, and is reviewed by itself
        known = found.get(by_face[face])
        if known is None or known.at < review.settled_at:
            same = tx.searches.stored(search_id).result.probe_sha256 == result.probe_sha256
            found[by_face[face]] = ExcludedBefore(search_id=search_id, at=review.settled_at, same_photograph=same)
    return found
