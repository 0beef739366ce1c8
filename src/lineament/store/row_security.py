"""Row-level security of PostgreSQL: the second wall behind the services' own conditions (R47, ADR 0045).

Each transaction says for whom it works. A row of an agency or a case is there only for whom it concerns, and a
transaction that says nothing sees and writes no such row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import DatabaseUnguarded


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom a transaction works: one official of an agency."""

    agency_id: str
    account_id: str
    operates: bool = False  # the workspace: agencies, their first accounts, the sources, stops; never cases


EVERYWHERE = None
"""The scope of the machine and of upkeep, which concerns every agency: workers, erasures, rotations, sign-in."""

_SETTINGS = """
    SELECT set_config('lineament.scope', :scope, true), set_config('lineament.agency', :agency, true),
        set_config('lineament.account', :account, true)
"""
SETTINGS = sa.text(_SETTINGS)
"""Says for whom the open transaction works; the settings end with it."""
ENTER = sa.text(_SETTINGS + ", (SELECT version_num FROM alembic_version) AS revision")  # noqa: S608 - no value from outside
"""The same, and the revision of the schema, which another process may have upgraded meanwhile."""


def settings_of(scope: Scope | None) -> dict[str, str]:
    """Return the values of ``SETTINGS`` for a scope."""
    if scope is EVERYWHERE:
        return {"scope": "everywhere", "agency": "", "account": ""}
    return {"scope": "operator" if scope.operates else "agency", "agency": scope.agency_id, "account": scope.account_id}


@dataclass(frozen=True, slots=True)
class TablePolicy:
    """Which rows of a table an official sees, as a condition in SQL, and which may be written if those differ."""

    seen: str
    changed: str = ""
    added: str = ""
    operated: bool = False  # an operator sees and writes the rows of every agency


AGENCY = "(SELECT current_setting('lineament.agency', true))"
_OWN = f"agency_id = {AGENCY}"
_IN_CASE = "EXISTS (SELECT FROM cases WHERE cases.id = {table}.case_id)"


def _of(parent: str, column: str) -> TablePolicy:
    """Return the policy of rows that are seen with the row of another table to which they belong."""
    return TablePolicy(f"EXISTS (SELECT FROM {parent} WHERE {parent}.id = {{table}}.{column})")


_OF_CASE = TablePolicy(_IN_CASE)
_OF_AGENCY = TablePolicy(_OWN)
_OF_AGENCY_OR_CASE = TablePolicy(f"{_OWN} OR {_IN_CASE}")
_OF_SEARCH = _of("searches", "search_id")
_OF_ACCOUNT = TablePolicy(f"EXISTS (SELECT FROM accounts WHERE accounts.id = {{table}}.account_id AND accounts.{_OWN})")
_OPERATED = TablePolicy(_OWN, operated=True)
_OWN_OR_EVERYBODYS = TablePolicy(f"agency_id IS NULL OR {_OWN}", _OWN, operated=True)
_SHARED = "(SELECT lineament_shared_cases())"

_SHARES_A_CASE = f"id IN (SELECT agency_id FROM cases WHERE cases.id IN {_SHARED})"  # noqa: S608 - no value from outside
_HAS_A_COLLEAGUE = "EXISTS (SELECT FROM accounts WHERE accounts.agency_id = agencies.id)"

POLICIES: dict[str, TablePolicy] = {
    "cases": TablePolicy(f"{_OWN} OR id IN {_SHARED}"),
    "case_members": TablePolicy(f"account_id = (SELECT current_setting('lineament.account', true)) OR {_IN_CASE}"),
    "case_invitations": _OF_CASE,
    "case_papers": _OF_CASE,
    "evidence": _OF_CASE,
    "defence_notices": _OF_CASE,
    "probes": _OF_CASE,
    "approvals": _of("probes", "probe_id"),
    "searches": _OF_AGENCY_OR_CASE,
    "searches_gone": _OF_AGENCY,
    "search_probes": _OF_SEARCH,
    "candidates": _OF_SEARCH,
    "near_duplicates": _OF_SEARCH,
    "search_batches": _OF_CASE,
    "batch_photographs": _of("search_batches", "batch_id"),
    "decisions": _OF_SEARCH,
    "candidate_notes": _OF_SEARCH,
    "known_pairs": _OF_AGENCY,
    "review_lists": _OF_SEARCH,
    "review_turns": _OF_SEARCH,
    "watches": _OF_AGENCY_OR_CASE,
    "watch_progress": _of("watches", "watch_id"),
    "watch_findings": _of("watches", "watch_id"),
    "web_hooks": _OF_AGENCY,
    "notices": _OF_AGENCY,
    "misuse_reports": _OF_AGENCY,
    "misuse_findings": _OF_AGENCY,
    "guarded_faces": _OF_AGENCY,
    "publications": _OWN_OR_EVERYBODYS,
    "agencies": TablePolicy(
        f"id IN ({AGENCY}, 'home') OR {_SHARES_A_CASE} OR {_HAS_A_COLLEAGUE}", f"id = {AGENCY}", operated=True
    ),
    "accounts": TablePolicy(
        f"{_OWN} OR EXISTS (SELECT FROM case_members WHERE case_members.account_id = accounts.id)", _OWN, operated=True
    ),
    "invitations": replace(_OF_ACCOUNT, operated=True),
    "factors": _OF_ACCOUNT,
    "sessions": _OF_ACCOUNT,
    "api_keys": _OF_AGENCY,
    "devices": _OF_ACCOUNT,
    "stops": _OWN_OR_EVERYBODYS,
    "source_shares": TablePolicy(_OWN, "false", operated=True),
    "drops": _OPERATED,
    "drop_files": _of("drops", "drop_id"),
    "jobs": _OPERATED,
    # Any transaction may add an entry: that of an official who acts on another agency is filed there.
    "ledger_details": TablePolicy(f"{_OWN} OR host_id = {AGENCY} OR {_IN_CASE}", added="true"),
}
"""The policy of each table with rows of agencies or cases."""

_GALLERY = "the gallery, which every agency may search; shares and stops decide what of it"
_LEDGER = "the ledger's tree: digests, and what kind of action it was; names are in ledger_details"
_PROGRAM = "the program's own record, without rows of agencies or cases"
WITHOUT_POLICY: dict[str, str] = {
    "alembic_version": _PROGRAM,
    "api_collections": _GALLERY,
    "api_answers": "sealed under keys that only programs have",
    "bands": _GALLERY,
    "captures": _GALLERY,
    "client_counts": "keyed digests of network addresses, before anybody is signed in",
    "collection_faces": _GALLERY,
    "counters": _PROGRAM,
    "crawl_deletions": _GALLERY,
    "deletions": "addresses of blobs that a committed erasure has yet to delete",
    "face_removals": _GALLERY,
    "faces": _GALLERY,
    "kept_pages": "sealed under keys that only the browsers have",
    "known_abuse": "keyed digests of files, known to every ingest",
    "known_hashes": "perceptual hashes of files, sealed, known to every ingest",
    "ledger_checkpoint": _LEDGER,
    "ledger_entries": _LEDGER,
    "ledger_nodes": _LEDGER,
    "meta": _PROGRAM,
    "places": _GALLERY,
    "prepared_faces": _GALLERY,
    "proposals": "changes of the threshold and the model, which are the whole workspace's; sealed",
    "published_figures": "what everybody may read",
    "run_refusals": _GALLERY,
    "runs": _GALLERY,
    "sign_in_failures": "keyed digests of addresses that somebody typed, before anybody is signed in",
    "sources": _GALLERY,
    "subjects": _GALLERY,
    "suppressions": "keyed digests of erased pictures, known to every ingest",
    "templates": _GALLERY,
    "witness_policies": "who witnesses the ledger, which is the whole workspace's; sealed",
}
"""Why the other tables have none. A test finds every table of the database in one of the two."""

_SCOPE = "(SELECT current_setting('lineament.scope', true))"
# Memberships decide who sees a case, and a case who sees memberships: one of the two has to look past the policies.
_FUNCTION = """
    CREATE OR REPLACE FUNCTION lineament_shared_cases() RETURNS SETOF bigint LANGUAGE sql STABLE
    SET lineament.scope = 'everywhere'
    AS 'SELECT case_id FROM case_members WHERE account_id = current_setting(''lineament.account'', true)'
"""
_POLICIES_NOW = sa.text("SELECT policyname, tablename FROM pg_policies WHERE schemaname = current_schema()")


def apply_policies(connection: Connection) -> None:
    """State the policies of this version, as the owner of the tables; those of an earlier version go."""
    for name, table in connection.execute(_POLICIES_NOW).all():
        connection.exec_driver_sql(f'DROP POLICY "{name}" ON "{table}"')
    connection.exec_driver_sql(_FUNCTION)
    for table, policy in POLICIES.items():
        seen = policy.seen.format(table=table)
        changed = policy.changed.format(table=table) or seen
        added = policy.added or changed
        whole = f"{_SCOPE} IN ('everywhere', 'operator')" if policy.operated else f"{_SCOPE} = 'everywhere'"
        rules = {
            "see": f"SELECT USING ({whole} OR {seen})",
            "add": f"INSERT WITH CHECK ({whole} OR {added})",
            "change": f"UPDATE USING ({whole} OR {changed}) WITH CHECK ({whole} OR {changed})",
            "delete": f"DELETE USING ({whole} OR {changed})",
        }
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        connection.exec_driver_sql(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for verb, rule in rules.items():
            connection.exec_driver_sql(f"CREATE POLICY lineament_{verb} ON {table} FOR {rule}")


_ROLE = sa.text("""
    SELECT rolname, rolsuper, rolbypassrls, EXISTS (
        SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname = current_schema() AND relkind IN ('r', 'p') AND pg_has_role(current_user, relowner, 'MEMBER'))
    FROM pg_roles WHERE rolname = current_user
""")


def check_role(connection: Connection) -> None:
    """Raise DatabaseUnguarded if the policies do not bind the role of this connection."""
    name, superuser, bypasses, owns = connection.execute(_ROLE).one()
    reasons = {"is a superuser": superuser, "has BYPASSRLS": bypasses, "owns its tables": owns}
    for why, holds in reasons.items():
        if holds:
            raise DatabaseUnguarded(role=name, why=why)
