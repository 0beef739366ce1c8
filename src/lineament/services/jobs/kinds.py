"""What kinds of jobs there are, and what each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lineament.errors import InvalidValue, NotAllowed, NotFound
from lineament.model.accounts import AccountState, Official, Permission
from lineament.model.jobs import Job, JobProgress
from lineament.services.people.policies import at_the_machine
from lineament.store.db import Tx

Report = Callable[[JobProgress], None]
"""Hears how far a job is."""

Handler = Callable[[Mapping[str, Any], Report], Mapping[str, Any]]
"""Does the work of a kind of job in one official's name; takes its arguments and returns its result, JSON both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of job."""

    name: str
    needs: Permission | None  # when it is asked for, and again when it runs; None: it ends what was decided before
    words: str  # as a person reads it
    can_stop: bool = True


INGEST = JobKind(name="ingest", needs=Permission.MANAGE_SOURCES, words="Ingest")
SWEEP = JobKind(name="sweep", needs=Permission.MACHINE, words="Retention sweep")
DELETIONS = JobKind(name="deletions", needs=None, words="Deletion of what was erased", can_stop=False)

KINDS: Mapping[str, JobKind] = {kind.name: kind for kind in (INGEST, SWEEP, DELETIONS)}


def kind_of(job: Job) -> JobKind:
    """Return the kind of a job; NotFound if a newer Lineament asked for it."""
    kind = KINDS.get(job.request.kind)
    if kind is None:
        raise NotFound(what="kind of job", name=job.request.kind, hint="lineament job list")
    return kind


def official_of(tx: Tx, job: Job) -> Official:
    """Return who asked for the job, as the account stands now; NotAllowed if it may not do that any more."""
    kind, request = kind_of(job), job.request
    if request.account_id is None:
        official = at_the_machine(tx, request.requested_by)
    else:
        account = tx.accounts.get(request.account_id)
        official = account.official
        if account.state is not AccountState.ACTIVE and kind.needs is not None:
            raise NotAllowed(what=kind.needs.value)
    if kind.needs is not None and not official.may(kind.needs):
        raise NotAllowed(what=kind.needs.value)
    return official


def ingest_arguments(
    source: str, what: Sequence[str], kind: str | None = None, workers: int | None = None
) -> dict[str, Any]:
    """Return the arguments of an ingest, with paths that hold wherever the worker runs. InvalidValue."""
    named = [name if "://" in name else str(Path(name).absolute()) for name in without_secrets(what)]
    return {"source": source, "what": named, "kind": kind, "workers": workers}


def without_secrets(addresses: Sequence[str]) -> Sequence[str]:
    """Return addresses as they may be kept in a job; InvalidValue if one carries a user name or a password."""
    for address in addresses:
        if "://" in address and "@" in urlsplit(address).netloc:
            why = "it names a user or a password, and jobs are kept in the clear; leave them out"
            raise InvalidValue(what="The address", value=address.partition("://")[0] + "://…", why=why)
    return addresses
