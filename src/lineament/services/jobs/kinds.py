"""The kinds of jobs, and the permission and arguments of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lineament.errors import InvalidValue, NotAllowed, NotFound
from lineament.model.accounts import AccountState, Official, Permission
from lineament.model.jobs import Job, JobProgress
from lineament.model.sources import Source
from lineament.services.people.policies import at_the_machine
from lineament.store.db import Tx

_PATH = re.compile(r"/[!-~]{0,499}")
"""A path with its query, in ASCII."""

Report = Callable[[JobProgress], None]
"""Receives the progress of a job."""

Handler = Callable[[Mapping[str, Any], Report], Mapping[str, Any]]
"""Runs one kind of job in an official's name; takes the arguments and returns the result, both JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of job."""

    name: str
    needs: Permission | None  # checked when it is queued and again when it runs; None: it completes an earlier decision
    words: str  # for people
    can_stop: bool = True
    preposition: str = "of"  # between these words and the source


INGEST = JobKind(name="ingest", needs=Permission.MANAGE_SOURCES, words="Ingest")
LOOK_AGAIN = JobKind(name="look again", needs=Permission.MANAGE_SOURCES, words="Second look")
SWEEP = JobKind(name="sweep", needs=Permission.MACHINE, words="Retention sweep")
ROTATE_KEY = JobKind(name="key rotation", needs=Permission.MACHINE, words="Key rotation")
WITHDRAWAL = JobKind(name="withdrawal", needs=Permission.MANAGE_SOURCES, words="Withdrawal", can_stop=False)
ERASURE = JobKind(name="erasure", needs=Permission.MANAGE_SOURCES, words="Erasure", can_stop=False, preposition="from")
DISCLOSURE = JobKind(name="disclosure", needs=Permission.MANAGE_CASES, words="Disclosure pack")
MISUSE = JobKind(name="misuse report", needs=Permission.MACHINE, words="Weekly report of misuse")
BATCH = JobKind(name="batch", needs=Permission.SEARCH, words="Batch of searches")
EVALUATION = JobKind(name="evaluation", needs=Permission.MANAGE_SOURCES, words="Evaluation")
FIGURES = JobKind(name="figures", needs=Permission.MACHINE, words="Published figures")
DELETIONS = JobKind(name="deletions", needs=None, words="Deletion of what was erased", can_stop=False)
WATCHES = JobKind(name="watches", needs=None, words="Comparison of new faces with what is on watch", can_stop=False)
NOTICES = JobKind(name="notices", needs=None, words="Sending of notices", can_stop=False)

KINDS: Mapping[str, JobKind] = {
    kind.name: kind
    for kind in (
        INGEST,
        LOOK_AGAIN,
        SWEEP,
        ROTATE_KEY,
        WITHDRAWAL,
        ERASURE,
        DISCLOSURE,
        MISUSE,
        BATCH,
        EVALUATION,
        FIGURES,
        DELETIONS,
        WATCHES,
        NOTICES,
    )
}


def kind_of(job: Job) -> JobKind:
    """Return the kind of a job. Raises NotFound if a newer Lineament queued it."""
    kind = KINDS.get(job.request.kind)
    if kind is None:
        raise NotFound(what="kind of job", name=job.request.kind, hint="lineament job list")
    return kind


def official_of(tx: Tx, job: Job) -> Official:
    """Return the official who queued the job. Raises NotAllowed if the account no longer has the permission."""
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
    source: str,
    what: Sequence[str],
    kind: str | None = None,
    workers: int | None = None,
    *,
    skip_hidden: bool = False,
) -> dict[str, Any]:
    """Return the arguments of an ingest, with absolute paths. Raises InvalidValue."""
    named = [name if "://" in name else str(Path(name).absolute()) for name in without_secrets(what)]
    hidden = {"skip_hidden": True} if skip_hidden else {}
    return {"source": source, "what": named, "kind": kind, "workers": workers, **hidden}


def crawl_arguments(source: Source, host: str, path: str) -> dict[str, Any]:
    """Return the arguments of a crawl of a host that a source lists, from one of its pages on. Raises InvalidValue."""
    if host not in source.crawl_starts:
        why = "choose one of those that the source lists"
        raise InvalidValue(what="The host", value=host[:100], why=why, field="host")
    if not _PATH.fullmatch(path):
        why = "it begins with / and is written as in the address bar, without blanks"
        raise InvalidValue(what="The page", value=path[:100], why=why, field="path")
    return ingest_arguments(source.name, [f"https://{host}{path}"], "site")


def sources_of(arguments: Mapping[str, Any]) -> Sequence[str]:
    """Return the sources that the arguments of a job name; empty if it concerns all of them, or none."""
    return [arguments["source"]] if arguments.get("source") else arguments.get("sources") or []


def by_program(official: Official) -> dict[str, str]:
    """Return the argument that keeps a job within the bounds of the key of whoever asks; empty for a person."""
    return {} if official.key is None else {"key": official.key.id}


def look_again_arguments(source: str | None) -> dict[str, Any]:
    """Return the arguments of a second look at one source, or at all."""
    return {"sources": None if source is None else [source]}


def without_secrets(addresses: Sequence[str]) -> Sequence[str]:
    """Return the addresses for a job. Raises InvalidValue if one contains a user name or a password."""
    for address in addresses:
        if "://" in address and "@" in urlsplit(address).netloc:
            why = "it contains a user name or a password, and jobs are stored in the clear; leave them out"
            raise InvalidValue(what="The address", value=address.partition("://")[0] + "://…", why=why)
    return addresses
