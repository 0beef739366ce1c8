"""Review, leads, disclosure and watches: each subject has a function of its own below.

Revision ID: 0006
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


_UNSEEN = (
    "\t\n\x0b\x0c\r \x85\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u200e\u200f"
    "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2061\u2062\u2063\u2064\u2066\u2067"
    "\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\u2800\u3000\u3164\ufe00\ufe01\ufe02\ufe03\ufe04"
    "\ufe05\ufe06\ufe07\ufe08\ufe09\ufe0a\ufe0b\ufe0c\ufe0d\ufe0e\ufe0f\ufeff\uffa0\ufff9\ufffa\ufffb"
)
"""Blanks and invisible characters, as ``store/columns.py`` had them in this revision."""


def upgrade() -> None:
    """Change the tables, one subject after another."""
    _disclosure_packs()
    _cases_under_a_law()
    _widen_searches()
    _create_batches()
    _create_evidence()
    _create_defence_notices()
    _create_watches()
    _create_notices()
    _delay_jobs()
    _misuse()
    _publications()
    _create_reviews()


_PAPER_KINDS = "kind IN ('message', 'note', 'file', 'decision')"
_WITH_DISCLOSURES = "kind IN ('message', 'note', 'file', 'decision', 'disclosure')"


def _disclosure_packs() -> None:
    """Let the papers of a case hold disclosure packs, which are sealed, resealed and destroyed as papers are."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_case_papers_kind_known"), "case_papers", type_="check")
        op.create_check_constraint(op.f("ck_case_papers_kind_known"), "case_papers", _WITH_DISCLOSURES)
        return
    if bind.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise RuntimeError("foreign keys are on, and would delete rows of other tables")
    of_table = "FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name = 'case_papers'"
    statement = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'table'").scalar_one()
    indexes = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'index'").scalars().all()
    if statement.count(_PAPER_KINDS) != 1:
        raise RuntimeError("the table case_papers has no constraint on its kinds as it should be")
    made = re.sub(r'CREATE TABLE "?case_papers"?', "CREATE TABLE case_papers_rebuilt", statement, count=1)
    bind.exec_driver_sql(made.replace(_PAPER_KINDS, _WITH_DISCLOSURES))
    bind.exec_driver_sql("INSERT INTO case_papers_rebuilt SELECT * FROM case_papers")
    op.drop_table("case_papers")
    op.rename_table("case_papers_rebuilt", "case_papers")
    for index in indexes:
        bind.exec_driver_sql(index)


def _cases_under_a_law() -> None:
    """Let those who record authorisations see at once which cases wait for one because of their jurisdiction."""
    under = sa.text("state = 'open' AND jurisdiction IS NOT NULL")
    columns = ["agency_id", "jurisdiction", "id"]
    op.create_index("ix_cases_under", "cases", columns, sqlite_where=under, postgresql_where=under)


def _create_batches() -> None:
    """Make the tables of photographs that are sent together and searched one after another."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "search_batches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", number, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("settings", sa.Text()),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("job_id", sa.Text()),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_search_batches_id_said")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_search_batches_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_search_batches"),
    )
    op.create_index("ix_search_batches_case_id", "search_batches", ["case_id"])
    op.create_table(
        "batch_photographs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("probe_id", sa.Text()),
        sa.Column("face", sa.Integer()),
        sa.Column("search_id", sa.Text()),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("position >= 1", name=op.f("ck_batch_photographs_position_at_least_1")),
        sa.CheckConstraint("face >= 1", name=op.f("ck_batch_photographs_face_at_least_1")),
        sa.ForeignKeyConstraint(["batch_id"], ["search_batches.id"], name="fk_batch_photographs_batch_id"),
        sa.ForeignKeyConstraint(["probe_id"], ["probes.id"], name="fk_batch_photographs_probe_id"),
        sa.PrimaryKeyConstraint("id", name="pk_batch_photographs"),
    )
    op.create_index("ix_batch_photographs_batch_id", "batch_photographs", ["batch_id"])
    op.create_index("ix_batch_photographs_probe_id", "batch_photographs", ["probe_id"])


def _widen_searches() -> None:
    """Let a candidate be searched with, several people at once, and what is new since a search.

    What is NULL is left out of digests, so older rows hold.
    """
    op.add_column("searches", sa.Column("together", sa.Text()))
    op.add_column("searches", sa.Column("newest_face", sa.BigInteger()))
    op.add_column("searches", sa.Column("after_search", sa.Text()))
    op.add_column("searches", sa.Column("after_at", sa.DateTime(timezone=True)))
    op.add_column("searches", sa.Column("after_face", sa.BigInteger()))
    op.add_column("searches", sa.Column("whole_faces", sa.BigInteger()))
    op.add_column("search_probes", sa.Column("person", sa.Integer()))
    op.add_column("search_probes", sa.Column("threshold", sa.Double()))
    op.add_column("search_probes", sa.Column("missed", sa.Double()))
    op.add_column("search_probes", sa.Column("sha256", sa.LargeBinary()))
    op.add_column("search_probes", sa.Column("face_box", sa.Text()))
    op.add_column("search_probes", sa.Column("quality", sa.Text()))
    op.add_column("probes", sa.Column("origin_search", sa.Text()))
    op.add_column("probes", sa.Column("origin_face", sa.BigInteger()))
    op.add_column("probes", sa.Column("origin_capture", sa.BigInteger()))
    op.add_column("probes", sa.Column("origin_source", sa.Text()))
    op.add_column("probes", sa.Column("erased_at", sa.DateTime(timezone=True)))
    _let_probes_be_copies()
    op.create_index("ix_probes_origin_capture", "probes", ["origin_capture"])
    op.create_index("ix_probes_origin_source", "probes", ["origin_source"])


_KINDS = "'cctv', 'social media', 'identity document', 'seized device', 'other photograph'"
_PROBE_CHECKS = {
    "ck_probes_kind_known": f"kind IN ({_KINDS}, 'gallery')",
    "ck_probes_copied_from": "(kind = 'gallery') = (origin_search IS NOT NULL)",
    "ck_probes_erased_when": "(blob IS NULL) = (erased_at IS NOT NULL)",
}


def _let_probes_be_copies() -> None:
    """Accept another kind of photograph, and one whose file was erased. SQLite's table is made anew for that."""
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_probes_kind_known"), "probes", type_="check")
        op.alter_column("probes", "blob", nullable=True)
        for name, text in _PROBE_CHECKS.items():
            op.create_check_constraint(op.f(name), "probes", sa.text(text))
        return
    if bind.exec_driver_sql("PRAGMA foreign_keys").scalar():
        raise RuntimeError("foreign keys are on, and would delete rows of other tables")
    triggers = bind.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    for name, _ in triggers:  # they forbid to rename a table that they name
        op.execute(f"DROP TRIGGER {name}")
    of_table = "FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name = 'probes'"
    (made_by,) = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'table'").scalars()
    indexes = bind.exec_driver_sql(f"SELECT sql {of_table} AND type = 'index'").scalars().all()
    bind.exec_driver_sql(_edited(made_by))
    bind.exec_driver_sql("INSERT INTO probes_rebuilt SELECT * FROM probes")
    op.drop_table("probes")
    op.rename_table("probes_rebuilt", "probes")
    for statement in (*indexes, *(sql for _, sql in triggers)):
        bind.exec_driver_sql(statement)
    if broken := bind.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3):
        raise RuntimeError(f"rows refer to others that are not there: {broken}")


def _edited(made_by: str) -> str:
    """Return the statement that makes the table of probes with its new name and checks."""
    stated = "".join(f", CONSTRAINT {name} CHECK ({text})" for name, text in _PROBE_CHECKS.items())
    for old, new in (
        (r'CREATE TABLE "?probes"?', "CREATE TABLE probes_rebuilt"),
        (r"\bblob BLOB NOT NULL", "blob BLOB"),
        (rf",\s*CONSTRAINT ck_probes_kind_known CHECK \({re.escape(f'kind IN ({_KINDS})')}\)", stated),
    ):
        made_by, many = re.subn(old, lambda _, new=new: new, made_by, count=1)  # type: ignore[misc]
        if many != 1:
            raise RuntimeError("the table of probes is not as it should be")
    return made_by


def _create_evidence() -> None:
    """Make the table of evidence that is independent of a search."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "evidence",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", number, nullable=False),
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaces", sa.Text()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_evidence_id_said")),
        sa.CheckConstraint("entry >= 1", name=op.f("ck_evidence_entry_at_least_1")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_evidence_{column}")
            for column, table in (
                ("case_id", "cases"),
                ("search_id", "searches"),
                ("account_id", "accounts"),
                ("agency_id", "agencies"),
                ("replaces", "evidence"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
        sa.UniqueConstraint("replaces", name="uq_evidence_replaces"),
    )
    op.create_index("ix_evidence_of_case", "evidence", ["case_id", "at"])


def _create_defence_notices() -> None:
    """Make the table of notices to the defence."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    table = "defence_notices"
    op.create_table(
        table,
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", number, nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("replaces", sa.Text()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_defence_notices_id_said")),
        *(
            sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_defence_notices_{column}")
            for column, other in (
                ("case_id", "cases"),
                ("account_id", "accounts"),
                ("agency_id", "agencies"),
                ("replaces", table),
            )
        ),
        sa.PrimaryKeyConstraint("id", name="pk_defence_notices"),
        sa.UniqueConstraint("replaces", name="uq_defence_notices_replaces"),
    )
    op.create_index("ix_defence_notices_of_case", table, ["case_id", "at"])


def _create_watches() -> None:
    """Make the tables of probes on watch, of how far each is, and of what they found; searches name their watch."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    said = "length(trim(reason, '{}')) > 0"
    op.create_table(
        "watches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", number, nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("begun_by", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("probe_id", sa.Text(), nullable=False),
        sa.Column("face", sa.Integer(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_by", sa.LargeBinary()),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_watches_id_said")),
        sa.CheckConstraint(said.format(_UNSEEN), name=op.f("ck_watches_reason_said")),
        sa.CheckConstraint("length(begun_by) > 28", name=op.f("ck_watches_begun_by_said")),
        sa.CheckConstraint("face >= 1", name=op.f("ck_watches_face_at_least_1")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_watches_ended_by_somebody")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_watches_case_id"),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_watches_agency_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_watches_account_id"),
        sa.ForeignKeyConstraint(["probe_id", "case_id"], ["probes.id", "probes.case_id"], name="fk_watches_probe_id"),
        sa.PrimaryKeyConstraint("id", name="pk_watches"),
    )
    op.create_index("ix_watches_case_id", "watches", ["case_id"])
    op.create_index("ix_watches_on", "watches", ["ended_at", "ends_on"])
    op.create_index("ix_watches_of_probe", "watches", ["probe_id"])
    op.create_table(
        "watch_progress",
        sa.Column("watch_id", sa.Text(), nullable=False),
        sa.Column("faces", sa.Text(), nullable=False),
        sa.Column("compared", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
        sa.Column("against", sa.Text(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True)),
        sa.Column("mac", sa.LargeBinary()),
        *(
            sa.CheckConstraint(f"{column} >= 0", name=op.f(f"ck_watch_progress_{column}_at_least_0"))
            for column in ("compared", "refused")
        ),
        sa.ForeignKeyConstraint(["watch_id"], ["watches.id"], name="fk_watch_progress_watch_id"),
        sa.PrimaryKeyConstraint("watch_id", name="pk_watch_progress"),
    )
    op.create_table(
        "watch_findings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("watch_id", sa.Text(), nullable=False),
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("seen_by", sa.LargeBinary()),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_watch_findings_id_said")),
        sa.CheckConstraint("listed >= 1", name=op.f("ck_watch_findings_listed_at_least_1")),
        sa.CheckConstraint("(seen_at IS NULL) = (seen_by IS NULL)", name=op.f("ck_watch_findings_seen_by_somebody")),
        sa.ForeignKeyConstraint(["watch_id"], ["watches.id"], name="fk_watch_findings_watch_id"),
        sa.ForeignKeyConstraint(["search_id"], ["searches.id"], name="fk_watch_findings_search_id"),
        sa.PrimaryKeyConstraint("id", name="pk_watch_findings"),
        sa.UniqueConstraint("search_id", name="uq_watch_findings_search_id"),
    )
    op.create_index("ix_watch_findings_watch_id", "watch_findings", ["watch_id"])
    op.add_column("searches", sa.Column("watch_id", sa.Text()))


def _create_notices() -> None:
    """Make the tables of web hooks, and of who is told what."""
    op.create_table(
        "web_hooks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True)),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_web_hooks_id_said")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_web_hooks_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_web_hooks"),
    )
    op.create_index("ix_web_hooks_agency_id", "web_hooks", ["agency_id"])
    op.create_table(
        "notices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hook_id", sa.Text()),
        sa.Column("account_id", sa.Text()),
        sa.Column("finding_id", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_notices_id_said")),
        sa.CheckConstraint("kind IN ('watch.fired', 'test')", name=op.f("ck_notices_kind_known")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_notices_attempts_at_least_0")),
        sa.CheckConstraint("(hook_id IS NULL) <> (account_id IS NULL)", name=op.f("ck_notices_one_receiver")),
        sa.CheckConstraint("delivered_at IS NULL OR next_at IS NULL", name=op.f("ck_notices_delivered_is_over")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_notices_agency_id"),
        sa.ForeignKeyConstraint(["hook_id"], ["web_hooks.id"], name="fk_notices_hook_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_notices_account_id"),
        sa.ForeignKeyConstraint(["finding_id"], ["watch_findings.id"], name="fk_notices_finding_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_finding_id", "notices", ["finding_id"])
    op.create_index("ix_notices_due", "notices", ["next_at"])
    op.create_index("ix_notices_of_hook", "notices", ["hook_id", "at"])


def _delay_jobs() -> None:
    """Let a job wait until a time. NULL is left out of MACs, so older rows hold."""
    op.add_column("jobs", sa.Column("not_before", sa.DateTime(timezone=True)))


def _misuse() -> None:
    """Make the tables of the weekly reports of misuse and of guarded faces."""
    op.create_table(
        "misuse_reports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_misuse_reports_id_said")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_misuse_reports_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_misuse_reports"),
        sa.UniqueConstraint("agency_id", "week", name="uq_misuse_reports_agency_id"),
    )
    op.create_table(
        "misuse_findings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_misuse_findings_id_said")),
        sa.CheckConstraint("state IN ('open', 'explained', 'passed on')", name=op.f("ck_misuse_findings_state_known")),
        sa.ForeignKeyConstraint(["report_id"], ["misuse_reports.id"], name="fk_misuse_findings_report_id"),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_misuse_findings_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_misuse_findings"),
    )
    op.create_index("ix_misuse_findings_report_id", "misuse_findings", ["report_id"])
    op.create_index("ix_misuse_findings_of_agency", "misuse_findings", ["agency_id", "state"])
    op.create_table(
        "guarded_faces",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary()),
        *(
            sa.CheckConstraint(f"length(trim({column}, ' \t\r\n')) > 0", name=op.f(f"ck_guarded_faces_{column}_said"))
            for column in ("id", "model")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_guarded_faces_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_guarded_faces"),
    )
    op.create_index("ix_guarded_faces_agency_id", "guarded_faces", ["agency_id"])


def _publications() -> None:
    """Make the tables of what is published, and of the figures of each quarter."""
    op.create_table(
        "publications",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("agency_id IS NOT NULL OR id = 'everything'", name=op.f("ck_publications_scope_known")),
        sa.CheckConstraint("agency_id IS NULL OR id = agency_id", name=op.f("ck_publications_one_an_agency")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_publications_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_publications"),
    )
    op.create_table(
        "published_figures",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("quarter", sa.Date(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(scope, ' \t\r\n')) > 0", name=op.f("ck_published_figures_scope_said")),
        sa.PrimaryKeyConstraint("id", name="pk_published_figures"),
        sa.UniqueConstraint("scope", "quarter", name="uq_published_figures_scope"),
    )


def _create_reviews() -> None:
    """Make the tables of decisions about candidates, notes on them, and what waits for whom."""
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f("ck_decisions_id_said")),
        *(
            sa.CheckConstraint(f"{column} >= 1", name=op.f(f"ck_decisions_{column}_at_least_1"))
            for column in ("entry", "number")
        ),
        sa.CheckConstraint("seat IN (1, 2)", name=op.f("ck_decisions_seat_of_two")),
        sa.ForeignKeyConstraint(["search_id"], ["searches.id"], name="fk_decisions_search_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_decisions_account_id"),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_decisions_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("search_id", "entry", "seat", "number", name="uq_decisions_of_seat"),
        sa.UniqueConstraint("search_id", "entry", "account_id", "number", name="uq_decisions_of_person"),
    )
    _create_said_of_entry("candidate_notes", "search_id")
    _create_said_of_entry(
        "known_pairs", "agency_id", sa.UniqueConstraint("search_id", "entry", name="uq_known_pairs_of_entry")
    )
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "review_lists",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("case_id", number, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["search_id"], ["searches.id"], name="fk_review_lists_search_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_review_lists_case_id"),
        sa.PrimaryKeyConstraint("search_id", name="pk_review_lists"),
    )
    op.create_index("ix_review_lists_waiting", "review_lists", ["case_id", "done_at", "made_at"])
    op.create_table(
        "review_turns",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Text()),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["search_id"], ["review_lists.search_id"], name="fk_review_turns_search_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_review_turns_account_id"),
        sa.ForeignKeyConstraint(["asked_by"], ["accounts.id"], name="fk_review_turns_asked_by"),
        sa.PrimaryKeyConstraint("search_id", "account_id", name="pk_review_turns"),
    )
    op.create_index("ix_review_turns_waiting", "review_turns", ["account_id", "done_at", "since"])


def _create_said_of_entry(table: str, indexed: str, *constraints: sa.Constraint) -> None:
    """Make a table of what people say of entries of lists, with an index on one of its columns."""
    op.create_table(
        table,
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text()),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary()),
        sa.CheckConstraint("length(trim(id, ' \t\r\n')) > 0", name=op.f(f"ck_{table}_id_said")),
        sa.CheckConstraint("entry >= 1", name=op.f(f"ck_{table}_entry_at_least_1")),
        *(
            sa.ForeignKeyConstraint([f"{other}_id"], [f"{rows}.id"], name=f"fk_{table}_{other}_id")
            for other, rows in (("search", "searches"), ("account", "accounts"), ("agency", "agencies"))
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        *constraints,
    )
    op.create_index(f"ix_{table}_{indexed}", table, [indexed])
