"""Takes what was erased out of the tables of PostgreSQL."""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.cases import KEYS_DESTROYED
from lineament.store.deletions import UPGRADED
from lineament.store.meta import MetaRows

_VACUUM = (
    "VACUUM FULL sources",
    "VACUUM FULL meta",
    "VACUUM captures, places, bands, runs, run_refusals, faces, templates, prepared_faces",
    "VACUUM api_collections, subjects, collection_faces",
    "VACUUM candidates, near_duplicates, ledger_details, deletions, crawl_deletions, drops, drop_files",
    "VACUUM probes, searches, search_probes, approvals, case_papers, case_members, case_invitations, jobs",
    "VACUUM evidence, defence_notices",
    "VACUUM watches, watch_progress, watch_findings, notices",
    "VACUUM search_batches, batch_photographs, api_keys, api_answers",
    "VACUUM decisions, candidate_notes, known_pairs, review_lists, review_turns",
)
_NOT_REMOVED = sa.text("""
    SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables WHERE relname IN (
        'captures', 'places', 'bands', 'faces', 'templates', 'prepared_faces', 'candidates', 'near_duplicates',
        'ledger_details', 'deletions', 'crawl_deletions', 'probes', 'searches', 'search_probes', 'case_papers',
        'evidence', 'defence_notices', 'api_collections', 'subjects', 'collection_faces')
""")
"""Deleted rows that VACUUM has just left, because somebody still sees them."""
_VACUUM_CASES = "VACUUM FULL cases"
_AGAIN = 0.1
"""Seconds until it tries again."""


def vacuum(connection: Connection, mark: str | None, patience: float) -> bool:
    """Rewrite the tables of keys and free the space of other rows; return whether nothing erased is left in them.

    ``connection`` commits each statement by itself, and ``mark`` says what was erased. Somebody who still sees erased
    rows keeps them there. That may be the database's own upkeep, which soon ends, so it tries again for ``patience``
    seconds.
    """
    done = _vacuum(connection, mark)
    until = time.monotonic() + patience
    while not done and time.monotonic() < until:
        time.sleep(_AGAIN)
        done = _vacuum(connection, mark)
    return done


def _vacuum(connection: Connection, mark: str | None) -> bool:
    meta = MetaRows(connection)
    keys = meta.get(KEYS_DESTROYED)
    whole = [_VACUUM_CASES] if keys is not None else []
    if mark == UPGRADED:  # columns were dropped, which only a rewritten table is without
        whole.append("VACUUM FULL captures")
    for statement in (*whole, *_VACUUM):
        connection.exec_driver_sql(statement)
    left = connection.execute(_NOT_REMOVED).scalar_one()
    if keys is not None and not left:
        meta.forget(KEYS_DESTROYED, keys)
    return not left
