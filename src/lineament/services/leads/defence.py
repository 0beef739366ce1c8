"""Notice to the defence: what the law of a case asks for, and what was given."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from lineament.model.accounts import Permission
from lineament.model.cases import GONE, Case
from lineament.model.defence import DefenceNotice, DefenceNoticeDraft
from lineament.model.events.leads import DefenceNotified
from lineament.model.evidence import require_stands, standing
from lineament.model.jurisdictions import Line, Topic
from lineament.services.cases.access import case_for
from lineament.services.keyholder import case_key
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.ring import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenceTold:
    """What the defence of a case is to be told by law, and what it was told."""

    asked: tuple[Line, ...]  # by the law; empty if it asks for nothing
    recorded: tuple[DefenceNotice, ...]  # also what was replaced, the oldest first

    @property
    def given(self) -> tuple[DefenceNotice, ...]:
        """The notices that stand."""
        return standing(self.recorded)

    @property
    def is_due(self) -> bool:
        """Whether the law asks for notice, and none is recorded."""
        return bool(self.asked) and not self.given


class DefenceNotices:
    """Records that the defence was told of the searches of a case."""

    def __init__(self, record: Record, keys: KeyRing) -> None:
        self._record = record
        self._keys = keys

    @needs(Permission.READ_CASES, in_case=True)
    def of_case(self, name: str) -> DefenceTold:
        """Return what the defence is to be told, and what it was told."""
        with self._record.read() as tx:
            return told_to_defence(tx, self._keys, case_for(tx, self._record, name, Permission.READ_CASES))

    @needs(Permission.OPEN_CASES, in_case=True)
    def record(self, name: str, draft: DefenceNoticeDraft) -> DefenceNotice:
        """Record that notice was given; what is recorded is only ever replaced, with a reason.

        Raises InvalidValue if it does not say to whom, when and what, or if what it replaces is not there or was
        replaced before; or NotFound if the case is not seen.
        """
        given_on = draft.complete(self._record.today)
        official = self._record.official
        with self._record.change() as change:
            case = case_for(change.tx, self._record, name, Permission.OPEN_CASES)
            key = case_key(change.tx, self._keys, case)
            require_stands(draft.replaces, standing(change.tx.defence_notices.of_case(case.id, key)), "notice")
            notice = DefenceNotice(
                id=secrets.token_hex(8),
                given_to=draft.given_to.strip(),
                given_on=given_on,
                way=draft.way,
                text=draft.text.strip(),
                recorded_by=official.name,
                account_id=official.account_id,
                agency_id=official.agency_id,
                at=change.at,
                replaces=draft.replaces,
                because="" if draft.replaces is None else draft.because.strip(),
            )
            change.concerns(case)
            change.tx.defence_notices.add(case.id, notice, key)
            change.record(
                DefenceNotified(
                    case=case.ref,
                    notice=notice.id,
                    given_to=notice.given_to,
                    given_on=notice.given_on,
                    way=notice.way.value,
                    text=notice.text,
                    replaces=notice.replaces,
                    because=notice.because,
                )
            )
        return notice


def told_to_defence(tx: Tx, keys: KeyRing, case: Case) -> DefenceTold:
    """Return what the defence of a case is to be told by law, and what it was told."""
    recorded: Sequence[DefenceNotice] = ()
    if case.state not in GONE:
        recorded = tx.defence_notices.of_case(case.id, case_key(tx, keys, case))
    return DefenceTold(asked=case.law.about(Topic.NOTICE) if case.searches else (), recorded=tuple(recorded))
