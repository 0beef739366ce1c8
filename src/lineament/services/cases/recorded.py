"""Builds the ledger events of cases."""

from __future__ import annotations

from lineament.model.cases import Authorisation, Case, CaseTerms
from lineament.model.events.cases import CaseAuthorised, CaseOpened, CaseRefused
from lineament.services.cases.destroy import DestroyedCounts


def case_opened(key: str, terms: CaseTerms) -> CaseOpened:
    """Return the event of a case that was opened with these terms."""
    return CaseOpened(
        key=key,
        ref=terms.ref,
        offence=terms.offence,
        purpose=terms.purpose,
        basis=terms.basis,
        authorised_by=terms.authorised_by,
        jurisdiction=terms.jurisdiction,
        seeks=terms.seeks.value,
        exempt_because=terms.exempt_because,
        distressing=terms.is_distressing,
    )


def case_authorised(case: Case, decision: Authorisation) -> CaseAuthorised:
    """Return the event of a decision that granted the searches of a case."""
    return CaseAuthorised(
        case=case.ref,
        authority=decision.authority,
        decided_at=decision.decided_at,
        outcome=decision.outcome.value,
        scope=decision.scope,
        document=decision.document_sha256,
        expires_on=decision.expires_on,
    )


def case_refused(case: Case, decision: Authorisation, destroyed: DestroyedCounts) -> CaseRefused:
    """Return the event of a decision that refused the searches of a case, with what was destroyed."""
    return CaseRefused(
        case=case.ref,
        authority=decision.authority,
        decided_at=decision.decided_at,
        outcome=decision.outcome.value,
        scope=decision.scope,
        document=decision.document_sha256,
        expires_on=decision.expires_on,
        searches=destroyed.searches,
        photographs=destroyed.photographs,
        papers=destroyed.papers,
    )
