"""The tables of photographs that are searched with, of searches, and of their lists."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Day, Hex, Moment, Real, Words, at_least, digest, metadata, not_blank, one_of, said

probes = sa.Table(
    "probes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), nullable=False, index=True),
    sa.Column("sha256", Hex, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("blob", Hex, index=True),  # NULL: what it was copied from was erased, and the copy with it
    sa.Column("faces", sa.LargeBinary, nullable=False),  # JSON with the templates, sealed under the case's key
    sa.Column("model", sa.Text),  # of the templates; NULL if no face was found
    sa.Column("edits", sa.Text, nullable=False),  # JSON
    sa.Column("digests", sa.Text, nullable=False),  # JSON: of the pixels, as decoded and after each edit
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("made_at", Moment, nullable=False, index=True),
    sa.Column("part", sa.Integer, nullable=False, server_default="1"),  # which picture of its file, from 1
    sa.Column("parts", sa.Integer, nullable=False, server_default="1"),  # of the file
    sa.Column("incomplete", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("missing", Real),  # as in captures
    sa.Column("origin_search", sa.Text),  # whose candidate it copies; empty: a face that a program named; NULL: no copy
    sa.Column("origin_face", sa.BigInteger),  # of the candidate; this and the next two are NULL once it is erased
    sa.Column("origin_capture", sa.BigInteger, index=True),
    sa.Column("origin_source", sa.Text, index=True),
    sa.Column("erased_at", Moment),
    sa.UniqueConstraint("id", "case_id"),
    not_blank("id"),
    digest("sha256"),
    digest("blob"),
    one_of("kind", "cctv", "social media", "identity document", "seized device", "other photograph", "gallery"),
    sa.CheckConstraint("(kind = 'gallery') = (origin_search IS NOT NULL)", name="copied_from"),
    sa.CheckConstraint("(blob IS NULL) = (erased_at IS NOT NULL)", name="erased_when"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("probe_id", sa.ForeignKey("probes.id"), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
)

searches = sa.Table(
    "searches",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), nullable=False, index=True),
    sa.Column("reason", Words, nullable=False),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),  # of the examiner
    sa.Column("examiner", sa.LargeBinary, nullable=False),  # the name, sealed (R46)
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("gallery_faces", sa.BigInteger, nullable=False),
    sa.Column("sources", sa.Text, nullable=False),  # JSON
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("threshold", Real, nullable=False),
    sa.Column("since", Day),
    sa.Column("until", Day),
    sa.Column("most", sa.Integer, nullable=False),  # candidates asked for
    sa.Column("probe_id", sa.Text, nullable=False),
    sa.Column("probe_sha256", Hex, nullable=False),
    sa.Column("face", sa.Integer, nullable=False),
    sa.Column("face_box", sa.Text, nullable=False),  # JSON
    sa.Column("quality", sa.Text, nullable=False),  # JSON
    sa.Column("seconds", Real, nullable=False),
    sa.Column("strangers", Real),  # expected above the threshold; NULL: it was not set by that
    sa.Column("signed", sa.Text),  # JSON: the change that set it; NULL: the default of the product
    sa.Column("missed", Real),  # share of mated faces below the threshold for such a probe; NULL: not measured
    sa.Column("uncompared", sa.BigInteger, nullable=False, server_default="0"),  # faces enrolled and not compared
    sa.Column("altered", sa.Text),  # JSON: sources whose stored faces are not those enrolled; NULL: none
    sa.Column("together", sa.Text),  # how several people were searched, "all" or "any"; NULL: one person was
    sa.Column("newest_face", sa.BigInteger),  # the highest number that a face had by then; NULL: not recorded
    sa.Column("after_search", sa.Text),  # only faces enrolled since that search; NULL: every face
    sa.Column("after_at", Moment),  # when that search was made
    sa.Column("after_face", sa.BigInteger),  # the highest number that a face had by then
    sa.Column("whole_faces", sa.BigInteger),  # of the gallery, new or not
    sa.Column("watch_id", sa.Text),  # that fired; NULL: somebody searched
    sa.Column("ledger_entry", sa.ForeignKey("ledger_entries.seq"), nullable=False, unique=True),
    sa.ForeignKeyConstraint(["probe_id", "case_id"], ["probes.id", "probes.case_id"]),
    not_blank("id"),
    said("reason"),
    sa.CheckConstraint("length(examiner) > 28", name="examiner_said"),  # more than what sealing adds
    not_blank("model"),
    one_of("mode", "identification", "investigation", "manual"),
    at_least("face", 1),
    at_least("gallery_faces", 0),
    digest("probe_sha256"),
    sa.Index("ix_searches_of_agency", "agency_id", "made_at"),
)

searches_gone = sa.Table(  # searches of an agency, by month, that were destroyed with their cases
    "searches_gone",
    metadata,
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), primary_key=True),
    sa.Column("month", Day, primary_key=True),  # its first day, UTC
    sa.Column("searches", sa.BigInteger, nullable=False),
    at_least("searches", 1),
)

search_probes = sa.Table(
    "search_probes",
    metadata,
    sa.Column("search_id", sa.ForeignKey("searches.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("probe_id", sa.ForeignKey("probes.id"), nullable=False, index=True),
    sa.Column("face", sa.Integer, nullable=False),
    # The rest is of another person, and NULL for a further photograph of the same one.
    sa.Column("person", sa.Integer),  # from 2
    sa.Column("threshold", Real),
    sa.Column("missed", Real),  # as in searches
    sa.Column("sha256", Hex),
    sa.Column("face_box", sa.Text),  # JSON
    sa.Column("quality", sa.Text),  # JSON
    at_least("position", 1),
    at_least("face", 1),
)

candidates = sa.Table(
    "candidates",
    metadata,
    sa.Column("search_id", sa.ForeignKey("searches.id"), primary_key=True),
    sa.Column("rank", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("score", Real, nullable=False),
    sa.Column("expected_false", Real, nullable=False),
    # The rest is NULL once the face is erased; no foreign key, because faces are erased.
    sa.Column("face_id", sa.BigInteger, index=True),
    sa.Column("source", sa.Text, index=True),
    sa.Column("snapshot", sa.Text),  # JSON: everything that was shown
    at_least("rank", 1),
    sa.CheckConstraint("(face_id IS NULL) = (snapshot IS NULL)", name="erased_whole"),
    sa.CheckConstraint("(source IS NULL) = (snapshot IS NULL)", name="erased_with_source"),
)

near_duplicates = sa.Table(
    "near_duplicates",
    metadata,
    sa.Column("search_id", sa.Text, primary_key=True),
    sa.Column("rank", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("face_id", sa.BigInteger, nullable=False, index=True),
    sa.ForeignKeyConstraint(["search_id", "rank"], ["candidates.search_id", "candidates.rank"]),
)
