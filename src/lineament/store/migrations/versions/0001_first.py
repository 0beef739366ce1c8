"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTERS = ("source", "capture", "place", "run", "face", "case", "writer")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, the counters, and the triggers that keep the ledger as it is."""
    for make in TABLES:
        make()
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.bulk_insert(counters, [{"name": name, "value": 0} for name in COUNTERS])
    triggers = TRIGGERS_SQLITE if op.get_bind().dialect.name == "sqlite" else TRIGGERS_POSTGRESQL
    for statement in triggers:
        op.execute(statement)


def _said(table: str, column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"length(trim({column}, ' \t\r\n')) > 0", name=op.f(f"ck_{table}_{column}_said"))


def _digest(table: str, column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"length({column}) = 32", name=op.f(f"ck_{table}_{column}_digest"))


def _at_least(table: str, column: str, least: int) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} >= {least}", name=op.f(f"ck_{table}_{column}_at_least_{least}"))


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("offence", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("authorised_by", sa.Text()),
        sa.Column("jurisdiction", sa.Text()),
        sa.Column("seeks", sa.Text(), nullable=False),
        sa.Column("exempt_because", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("urgent_since", sa.DateTime(timezone=True)),
        sa.Column("urgent_because", sa.Text()),
        sa.Column("authorisation", sa.LargeBinary()),
        sa.Column("authorised_until", sa.Date()),
        sa.Column("hold_because", sa.Text()),
        sa.Column("wrapped_key", sa.LargeBinary()),
        sa.Column("words", sa.Text(), nullable=False),
        _said("cases", "basis"),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_cases_closed_when")),
        sa.CheckConstraint(
            "seeks <> 'initial identification' OR length(trim(exempt_because, ' \t\r\n')) > 0",
            name=op.f("ck_cases_exemption_said"),
        ),
        sa.CheckConstraint("hold_because IS NULL OR state <> 'destroyed'", name=op.f("ck_cases_held_is_kept")),
        _said("cases", "key"),
        sa.CheckConstraint(
            "(wrapped_key IS NULL) = (state IN ('refused', 'destroyed'))", name=op.f("ck_cases_keyless_is_gone")
        ),
        _said("cases", "offence"),
        _said("cases", "purpose"),
        _said("cases", "ref"),
        sa.CheckConstraint(
            "seeks IN ('suspect', 'initial identification', 'missing person', 'victim', 'deceased person')",
            name=op.f("ck_cases_seeks_known"),
        ),
        sa.CheckConstraint("state IN ('open', 'closed', 'refused', 'destroyed')", name=op.f("ck_cases_state_known")),
        sa.CheckConstraint("(urgent_since IS NULL) = (urgent_because IS NULL)", name=op.f("ck_cases_urgency_said")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_cases_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("agency_id", "ref", name="uq_cases_agency_id"),
        sa.UniqueConstraint("key", name="uq_cases_key"),
    )
    op.create_index("ix_cases_closed_at", "cases", ["closed_at"])
    op.create_index("ix_cases_of_agency", "cases", ["agency_id", "state", "id"])
    op.create_index("ix_cases_expiring", "cases", ["agency_id", "state", "authorised_until"])
    op.create_index("ix_cases_urgent", "cases", ["agency_id", "state", "urgent_since"])


def _counters() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )


def _deletions() -> None:
    op.create_table(
        "deletions",
        sa.Column("address", sa.LargeBinary(), nullable=False),
        _digest("deletions", "address"),
        sa.PrimaryKeyConstraint("address", name="pk_deletions"),
    )


def _ledger_checkpoint() -> None:
    op.create_table(
        "ledger_checkpoint",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ledger_checkpoint_only_one")),
        _digest("ledger_checkpoint", "root"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_checkpoint"),
    )


def _ledger_entries() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("seq", Id, autoincrement=False, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        _said("ledger_entries", "action"),
        _digest("ledger_entries", "commitment"),
        _digest("ledger_entries", "leaf"),
        _at_least("ledger_entries", "seq", 0),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger_entries"),
    )


def _ledger_nodes() -> None:
    op.create_table(
        "ledger_nodes",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        _digest("ledger_nodes", "hash"),
        sa.PrimaryKeyConstraint("level", "position", name="pk_ledger_nodes"),
        sqlite_with_rowid=False,
    )


def _meta() -> None:
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )


def _sources() -> None:
    op.create_table(
        "sources",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("controller", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.Text(), nullable=False),
        sa.Column("permission_sha256", sa.LargeBinary()),
        sa.Column("expires_on", sa.Date()),
        sa.Column("retention_days", sa.Integer()),
        sa.Column("page_base", sa.Text()),
        sa.Column("hosts", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text()),
        sa.Column("contact", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drafted_by", sa.Text()),
        sa.Column("approved_by", sa.Text()),
        sa.Column("approved_at", sa.DateTime(timezone=True)),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("permission", sa.LargeBinary()),
        sa.Column("permission_name", sa.Text()),
        sa.Column("wrapped_key", sa.LargeBinary()),
        sa.Column("destroyed", sa.Text()),
        sa.Column("captures", sa.BigInteger(), nullable=False),
        sa.Column("faces", sa.BigInteger(), nullable=False),
        sa.Column("last_face_id", sa.BigInteger(), nullable=False),
        _said("sources", "basis"),
        _said("sources", "controller"),
        _said("sources", "jurisdiction"),
        _said("sources", "name"),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_sources_approved_when")),
        sa.CheckConstraint(
            "state IN ('drafted', 'withdrawn') OR drafted_by IS NULL OR approved_by IS NOT NULL",
            name=op.f("ck_sources_approved_is_live"),
        ),
        sa.CheckConstraint("drafted_by <> approved_by", name=op.f("ck_sources_two_persons")),
        sa.CheckConstraint(
            "state IN ('drafted', 'live', 'suspended', 'withdrawn')", name=op.f("ck_sources_state_known")
        ),
        sa.CheckConstraint(
            "wrapped_key IS NOT NULL OR state = 'withdrawn'", name=op.f("ck_sources_keyless_is_withdrawn")
        ),
        _at_least("sources", "captures", 0),
        _at_least("sources", "faces", 0),
        _digest("sources", "permission"),
        _digest("sources", "permission_sha256"),
        sa.ForeignKeyConstraint(["approved_by"], ["accounts.id"], name="fk_sources_approved_by"),
        sa.ForeignKeyConstraint(["drafted_by"], ["accounts.id"], name="fk_sources_drafted_by"),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("name", name="uq_sources_name"),
    )


def _source_shares() -> None:
    op.create_table(
        "source_shares",
        sa.Column("source_id", Id, nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("until", sa.Date()),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_source_shares_agency_id"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_source_shares_source_id"),
        sa.PrimaryKeyConstraint("source_id", "agency_id", name="pk_source_shares"),
    )


def _suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_suppressions"),
    )


def _captures() -> None:
    op.create_table(
        "captures",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("finding", sa.LargeBinary(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("page_uri", sa.Text()),
        sa.Column("page_title", sa.Text()),
        sa.Column("captured_at", sa.DateTime(timezone=True)),
        sa.Column("licence", sa.Text()),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("phash", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.Text()),
        sa.Column("latitude", sa.Double()),
        sa.Column("longitude", sa.Double()),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("original", sa.LargeBinary()),
        sa.Column("thumbnail", sa.LargeBinary()),
        sa.Column("page", sa.LargeBinary()),
        sa.Column("barred", sa.Boolean(), nullable=False),
        sa.Column("credentials", sa.Text()),
        sa.Column("group_id", sa.BigInteger()),
        _said("captures", "uri"),
        sa.CheckConstraint(
            "NOT barred OR (original IS NULL AND thumbnail IS NULL)", name=op.f("ck_captures_barred_is_not_kept")
        ),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_captures_place_whole")),
        _at_least("captures", "height", 1),
        _digest("captures", "finding"),
        _digest("captures", "original"),
        _digest("captures", "page"),
        _digest("captures", "sha256"),
        _digest("captures", "thumbnail"),
        _at_least("captures", "width", 1),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_captures_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_captures"),
        sa.UniqueConstraint("source_id", "finding", name="uq_captures_source_id"),
        sa.UniqueConstraint("source_id", "sha256", name="uq_captures_bytes"),
    )
    op.create_index("ix_captures_group_id", "captures", ["group_id"])
    op.create_index("ix_captures_original", "captures", ["original"])
    op.create_index("ix_captures_page", "captures", ["page"])
    op.create_index("ix_captures_thumbnail", "captures", ["thumbnail"])


def _crawl_deletions() -> None:
    op.create_table(
        "crawl_deletions",
        sa.Column("source_id", Id, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        _digest("crawl_deletions", "sha256"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_crawl_deletions_source_id"),
        sa.PrimaryKeyConstraint("source_id", "sha256", name="pk_crawl_deletions"),
    )


def _known_abuse() -> None:
    op.create_table(
        "known_abuse",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _digest("known_abuse", "digest"),
        sa.PrimaryKeyConstraint("digest", name="pk_known_abuse"),
    )


def _places() -> None:
    op.create_table(
        "places",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("capture_id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("finding", sa.LargeBinary(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("page_uri", sa.Text()),
        sa.Column("page_title", sa.Text()),
        sa.Column("captured_at", sa.DateTime(timezone=True)),
        sa.Column("licence", sa.Text()),
        sa.Column("evidence", sa.Text(), nullable=False),
        _digest("places", "finding"),
        _said("places", "uri"),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name="fk_places_capture_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_places_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_places"),
        sa.UniqueConstraint("source_id", "finding", name="uq_places_source_id"),
    )
    op.create_index("ix_places_capture_id", "places", ["capture_id"])


def _bands() -> None:
    op.create_table(
        "bands",
        sa.Column("source_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("capture_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("source_id", "band", "capture_id", name="pk_bands"),
        sqlite_with_rowid=False,
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("cursor", sa.Text()),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("faces", sa.BigInteger(), nullable=False),
        _said("runs", "connector"),
        _at_least("runs", "faces", 0),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_runs_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_source_id", "runs", ["source_id"])


def _run_refusals() -> None:
    op.create_table(
        "run_refusals",
        sa.Column("run_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        _at_least("run_refusals", "position", 1),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_refusals_run_id"),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_run_refusals"),
    )


def _ledger_details() -> None:
    op.create_table(
        "ledger_details",
        sa.Column("seq", Id, autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("agency_id", sa.Text()),
        sa.Column("case_id", sa.BigInteger()),
        sa.Column("host_id", sa.Text()),
        sa.ForeignKeyConstraint(["seq"], ["ledger_entries.seq"], name="fk_ledger_details_seq"),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger_details"),
    )
    op.create_index("ix_ledger_details_of_agency", "ledger_details", ["agency_id", "seq"])
    op.create_index("ix_ledger_details_of_case", "ledger_details", ["case_id", "seq"])
    op.create_index("ix_ledger_details_of_host", "ledger_details", ["host_id", "seq"])


def _probes() -> None:
    op.create_table(
        "probes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", Id, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("faces", sa.LargeBinary(), nullable=False),
        sa.Column("model", sa.Text()),
        sa.Column("edits", sa.Text(), nullable=False),
        sa.Column("digests", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        _digest("probes", "blob"),
        _said("probes", "id"),
        sa.CheckConstraint(
            "kind IN ('cctv', 'social media', 'identity document', 'seized device', 'other photograph')",
            name=op.f("ck_probes_kind_known"),
        ),
        _digest("probes", "sha256"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_probes_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_probes"),
        sa.UniqueConstraint("id", "case_id", name="uq_probes_id"),
    )
    op.create_index("ix_probes_blob", "probes", ["blob"])
    op.create_index("ix_probes_case_id", "probes", ["case_id"])
    op.create_index("ix_probes_made_at", "probes", ["made_at"])


def _faces() -> None:
    op.create_table(
        "faces",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("capture_id", Id, nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("captured_day", sa.Integer(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("width", sa.Double(), nullable=False),
        sa.Column("height", sa.Double(), nullable=False),
        sa.Column("landmarks", sa.Text(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("crop", sa.LargeBinary(), nullable=False),
        _said("faces", "model"),
        _digest("faces", "crop"),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name="fk_faces_capture_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name="fk_faces_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_faces"),
    )
    op.create_index("ix_faces_capture_id", "faces", ["capture_id"])
    op.create_index("ix_faces_crop", "faces", ["crop"])
    op.create_index("ix_faces_of_source", "faces", ["source_id", "id", "model", "captured_day"])


def _searches() -> None:
    op.create_table(
        "searches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", Id, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("examiner", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("gallery_faces", sa.BigInteger(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("since", sa.Date()),
        sa.Column("until", sa.Date()),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("probe_id", sa.Text(), nullable=False),
        sa.Column("probe_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("face", sa.Integer(), nullable=False),
        sa.Column("face_box", sa.Text(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("ledger_entry", Id, nullable=False),
        sa.CheckConstraint("length(examiner) > 28", name=op.f("ck_searches_examiner_said")),
        _at_least("searches", "face", 1),
        _at_least("searches", "gallery_faces", 0),
        _said("searches", "id"),
        sa.CheckConstraint(
            "mode IN ('identification', 'investigation', 'manual')", name=op.f("ck_searches_mode_known")
        ),
        _said("searches", "model"),
        _digest("searches", "probe_sha256"),
        _said("searches", "reason"),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_searches_agency_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_searches_case_id"),
        sa.ForeignKeyConstraint(["ledger_entry"], ["ledger_entries.seq"], name="fk_searches_ledger_entry"),
        sa.ForeignKeyConstraint(["probe_id", "case_id"], ["probes.id", "probes.case_id"], name="fk_searches_probe_id"),
        sa.PrimaryKeyConstraint("id", name="pk_searches"),
        sa.UniqueConstraint("ledger_entry", name="uq_searches_ledger_entry"),
    )
    op.create_index("ix_searches_case_id", "searches", ["case_id"])
    op.create_index("ix_searches_of_agency", "searches", ["agency_id", "made_at"])
    op.create_table(
        "searches_gone",
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("searches", sa.BigInteger(), nullable=False),
        _at_least("searches_gone", "searches", 1),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_searches_gone_agency_id"),
        sa.PrimaryKeyConstraint("agency_id", "month", name="pk_searches_gone"),
    )


def _candidates() -> None:
    op.create_table(
        "candidates",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("expected_false", sa.Double(), nullable=False),
        sa.Column("face_id", sa.BigInteger()),
        sa.Column("source", sa.Text()),
        sa.Column("snapshot", sa.Text()),
        sa.CheckConstraint("(face_id IS NULL) = (snapshot IS NULL)", name=op.f("ck_candidates_erased_whole")),
        sa.CheckConstraint("(source IS NULL) = (snapshot IS NULL)", name=op.f("ck_candidates_erased_with_source")),
        _at_least("candidates", "rank", 1),
        sa.ForeignKeyConstraint(["search_id"], ["searches.id"], name="fk_candidates_search_id"),
        sa.PrimaryKeyConstraint("search_id", "rank", name="pk_candidates"),
    )
    op.create_index("ix_candidates_face_id", "candidates", ["face_id"])
    op.create_index("ix_candidates_source", "candidates", ["source"])


def _templates() -> None:
    op.create_table(
        "templates",
        sa.Column("face_id", Id, autoincrement=False, nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["face_id"], ["faces.id"], name="fk_templates_face_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("face_id", name="pk_templates"),
    )


def _near_duplicates() -> None:
    op.create_table(
        "near_duplicates",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("face_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["search_id", "rank"], ["candidates.search_id", "candidates.rank"], name="fk_near_duplicates_search_id"
        ),
        sa.PrimaryKeyConstraint("search_id", "rank", "position", name="pk_near_duplicates"),
    )
    op.create_index("ix_near_duplicates_face_id", "near_duplicates", ["face_id"])


def _agencies() -> None:
    op.create_table(
        "agencies",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        _said("agencies", "id"),
        _digest("agencies", "lookup"),
        sa.PrimaryKeyConstraint("id", name="pk_agencies"),
        sa.UniqueConstraint("lookup", name="uq_agencies_lookup"),
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("lookup", sa.LargeBinary()),
        sa.Column("openid", sa.LargeBinary()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("password", sa.LargeBinary()),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trained_until", sa.Date()),
        sa.Column("last_seen_at", sa.DateTime(timezone=True)),
        _said("accounts", "id"),
        _digest("accounts", "lookup"),
        _digest("accounts", "openid"),
        sa.CheckConstraint(
            "state IN ('invited', 'active', 'suspended', 'closed')", name=op.f("ck_accounts_state_known")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_accounts_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("lookup", name="uq_accounts_lookup"),
        sa.UniqueConstraint("openid", name="uq_accounts_openid"),
    )
    op.create_index("ix_accounts_agency_id", "accounts", ["agency_id"])


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _digest("invitations", "digest"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_invitations_account_id"),
        sa.PrimaryKeyConstraint("digest", name="pk_invitations"),
    )
    op.create_index("ix_invitations_account_id", "invitations", ["account_id"])


def _factors() -> None:
    op.create_table(
        "factors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lookup", sa.LargeBinary()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        _at_least("factors", "counter", 0),
        sa.CheckConstraint("kind IN ('passkey', 'totp', 'recovery')", name=op.f("ck_factors_kind_known")),
        _digest("factors", "lookup"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_factors_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_factors"),
        sa.UniqueConstraint("lookup", name="uq_factors_lookup"),
    )
    op.create_index("ix_factors_account_id", "factors", ["account_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True)),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("terminal", sa.Boolean(), nullable=False),
        sa.Column("challenge", sa.LargeBinary()),
        _digest("sessions", "digest"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sessions_account_id"),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
        sa.UniqueConstraint("id", name="uq_sessions_id"),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])


def _sign_in_failures() -> None:
    op.create_table(
        "sign_in_failures",
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        _at_least("sign_in_failures", "failures", 1),
        _digest("sign_in_failures", "lookup"),
        sa.PrimaryKeyConstraint("lookup", name="pk_sign_in_failures"),
    )


def _stops() -> None:
    op.create_table(
        "stops",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("agency_id IS NULL OR id = agency_id", name=op.f("ck_stops_one_an_agency")),
        sa.CheckConstraint("agency_id IS NOT NULL OR id = 'everything'", name=op.f("ck_stops_scope_known")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_stops_agency_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stops"),
    )


def _case_members() -> None:
    op.create_table(
        "case_members",
        sa.Column("case_id", Id, nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date()),
        sa.CheckConstraint("role IN ('examiner', 'reviewer', 'observer')", name=op.f("ck_case_members_role_known")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_case_members_account_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_members_case_id"),
        sa.PrimaryKeyConstraint("case_id", "account_id", name="pk_case_members"),
    )
    op.create_index("ix_case_members_of_account", "case_members", ["account_id", "case_id"])
    op.create_index("ix_case_members_until", "case_members", ["until"])


def _case_invitations() -> None:
    op.create_table(
        "case_invitations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", Id, nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("until", sa.Date()),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        _digest("case_invitations", "lookup"),
        sa.CheckConstraint("role IN ('examiner', 'reviewer', 'observer')", name=op.f("ck_case_invitations_role_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_invitations_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_case_invitations"),
    )
    op.create_index("ix_case_invitations_case_id", "case_invitations", ["case_id"])
    op.create_index("ix_case_invitations_lookup", "case_invitations", ["lookup"])


def _case_papers() -> None:
    op.create_table(
        "case_papers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("blob", sa.LargeBinary()),
        _digest("case_papers", "blob"),
        sa.CheckConstraint("(blob IS NULL) = (kind IN ('message', 'note'))", name=op.f("ck_case_papers_file_has_blob")),
        sa.CheckConstraint("kind IN ('message', 'note', 'file', 'decision')", name=op.f("ck_case_papers_kind_known")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name="fk_case_papers_agency_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_papers_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_case_papers"),
    )
    op.create_index("ix_case_papers_blob", "case_papers", ["blob"])
    op.create_index("ix_case_papers_of_case", "case_papers", ["case_id", "at"])


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("probe_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_approvals_account_id"),
        sa.ForeignKeyConstraint(["probe_id"], ["probes.id"], name="fk_approvals_probe_id"),
        sa.PrimaryKeyConstraint("probe_id", "account_id", name="pk_approvals"),
    )


def _search_probes() -> None:
    op.create_table(
        "search_probes",
        sa.Column("search_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("probe_id", sa.Text(), nullable=False),
        sa.Column("face", sa.Integer(), nullable=False),
        _at_least("search_probes", "face", 1),
        _at_least("search_probes", "position", 1),
        sa.ForeignKeyConstraint(["probe_id"], ["probes.id"], name="fk_search_probes_probe_id"),
        sa.ForeignKeyConstraint(["search_id"], ["searches.id"], name="fk_search_probes_search_id"),
        sa.PrimaryKeyConstraint("search_id", "position", name="pk_search_probes"),
    )
    op.create_index("ix_search_probes_probe_id", "search_probes", ["probe_id"])


TABLES = (
    _agencies,
    _counters,
    _deletions,
    _ledger_checkpoint,
    _ledger_entries,
    _ledger_nodes,
    _meta,
    _sign_in_failures,
    _suppressions,
    _accounts,
    _sources,
    _source_shares,
    _bands,
    _captures,
    _places,
    _crawl_deletions,
    _known_abuse,
    _runs,
    _run_refusals,
    _cases,
    _ledger_details,
    _stops,
    _case_invitations,
    _case_members,
    _case_papers,
    _faces,
    _factors,
    _invitations,
    _probes,
    _sessions,
    _approvals,
    _searches,
    _templates,
    _candidates,
    _search_probes,
    _near_duplicates,
)

# ---------------------------------------------------------------- what is in the ledger stays as it is

# A search needs a case that is open, whatever the program says (R7).
# Entries and nodes are neither changed nor deleted; details are deleted when a person is erased (R43), never changed.
# REPLACE passes by delete triggers on connections without recursive triggers, so inserting is watched too.
TRIGGERS_SQLITE = [
    """
    CREATE TRIGGER searches_need_an_open_case BEFORE INSERT ON searches
    WHEN (SELECT state FROM cases WHERE id = NEW.case_id) <> 'open'
    BEGIN SELECT RAISE(ABORT, 'a search needs an open case'); END
    """,
    """
    CREATE TRIGGER ledger_entries_follow BEFORE INSERT ON ledger_entries
    WHEN NEW.seq IS NULL OR NEW.seq <> (SELECT COALESCE(MAX(seq) + 1, 0) FROM ledger_entries)
    BEGIN SELECT RAISE(ABORT, 'entries follow each other'); END
    """,
    """
    CREATE TRIGGER ledger_entries_change BEFORE UPDATE ON ledger_entries
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
    """,
    """
    CREATE TRIGGER ledger_entries_delete BEFORE DELETE ON ledger_entries
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
    """,
    """
    CREATE TRIGGER ledger_nodes_replace BEFORE INSERT ON ledger_nodes
    WHEN EXISTS (SELECT 1 FROM ledger_nodes WHERE level = NEW.level AND position = NEW.position)
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
    """,
    """
    CREATE TRIGGER ledger_nodes_change BEFORE UPDATE ON ledger_nodes
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
    """,
    """
    CREATE TRIGGER ledger_nodes_delete BEFORE DELETE ON ledger_nodes
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
    """,
    """
    CREATE TRIGGER ledger_details_replace BEFORE INSERT ON ledger_details
    WHEN EXISTS (SELECT 1 FROM ledger_details WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
    """,
    """
    CREATE TRIGGER ledger_details_change BEFORE UPDATE ON ledger_details
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END
    """,
]

TRIGGERS_POSTGRESQL = [
    """
    CREATE FUNCTION needs_an_open_case() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT state FROM cases WHERE id = NEW.case_id) <> 'open' THEN
            RAISE EXCEPTION 'a search needs an open case' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER searches_need_an_open_case BEFORE INSERT ON searches
    FOR EACH ROW EXECUTE FUNCTION needs_an_open_case()
    """,
    """
    CREATE FUNCTION ledger_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger only grows' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE FUNCTION ledger_follows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.seq <> (SELECT COALESCE(MAX(seq) + 1, 0) FROM ledger_entries) THEN
            RAISE EXCEPTION 'entries follow each other' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER ledger_entries_follow BEFORE INSERT ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_follows()
    """,
    """
    CREATE TRIGGER ledger_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays()
    """,
    """
    CREATE TRIGGER ledger_nodes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_nodes
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays()
    """,
    """
    CREATE TRIGGER ledger_details_stay BEFORE UPDATE OR TRUNCATE ON ledger_details
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays()
    """,
]
