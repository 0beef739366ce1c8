"""Tables that belong to sources, apart from captures and faces."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Day, Hex, Id, Moment, Real, Words, at_least, digest, metadata, not_blank

source_shares = sa.Table(
    "source_shares",
    metadata,
    sa.Column("source_id", sa.ForeignKey("sources.id"), primary_key=True),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), primary_key=True),
    sa.Column("until", Day),  # the last day
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
)

places = sa.Table(
    "places",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("capture_id", sa.ForeignKey("captures.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("source_id", sa.ForeignKey("sources.id"), nullable=False),
    sa.Column("finding", sa.LargeBinary, nullable=False),  # as in captures: no two rows of both have the same
    sa.Column("uri", Words, nullable=False),
    sa.Column("page_uri", Words),
    sa.Column("page_title", Words),
    sa.Column("captured_at", Moment),
    sa.Column("licence", Words),
    sa.Column("evidence", Words, nullable=False),  # JSON
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    sa.UniqueConstraint("source_id", "finding"),
    not_blank("uri"),
    digest("finding"),
)
"""Where else a picture was found; its first place is in its capture."""

bands = sa.Table(
    "bands",
    metadata,
    sa.Column("source_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column(
        "band", sa.Integer, primary_key=True, autoincrement=False
    ),  # 16 bits of a perceptual hash and their position
    sa.Column("capture_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Index of perceptual hashes; no foreign key, because the rows of an erased capture are looked up by its hash."""

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("source_id", sa.ForeignKey("sources.id"), nullable=False, index=True),
    sa.Column("connector", sa.Text, nullable=False),
    sa.Column("what", Words, nullable=False),
    sa.Column("begun_at", Moment, nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("cursor", Words),
    sa.Column("counts", sa.Text, nullable=False),  # JSON: by outcome
    sa.Column("faces", sa.BigInteger, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    not_blank("connector"),
    at_least("faces", 0),
)

run_refusals = sa.Table(
    "run_refusals",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", Words, nullable=False),
    sa.Column("why", Words, nullable=False),
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
    at_least("position", 1),
)

face_removals = sa.Table(
    "face_removals",
    metadata,
    sa.Column("source_id", sa.ForeignKey("sources.id"), primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),  # of the source's tally, since then
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # the rows of faces that were deleted (store/tally.py)
)
"""What an index that is open has to forget, so that an erasure does not make it read every row."""

known_abuse = sa.Table(
    "known_abuse",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # keyed
    sa.Column("at", Moment, nullable=False),
    digest("digest"),
)

known_hashes = sa.Table(
    "known_hashes",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # up to thousands of perceptual hashes, one after the other
    sa.Column("at", Moment, nullable=False),
)
"""Perceptual hashes of known-abuse material: near ones can be found only if their bits can be read."""

crawl_deletions = sa.Table(
    "crawl_deletions",
    metadata,
    sa.Column("source_id", sa.ForeignKey("sources.id"), primary_key=True),
    sa.Column("sha256", Hex, primary_key=True),
    digest("sha256"),
)
"""Pictures whose records in the crawls of a source are yet to be destroyed."""

prepared_faces = sa.Table(  # faces as another model describes them, until it is the one in use
    "prepared_faces",
    metadata,
    sa.Column("face_id", Id, sa.ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sa.Column("source_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("x", Real, nullable=False),
    sa.Column("y", Real, nullable=False),
    sa.Column("width", Real, nullable=False),
    sa.Column("height", Real, nullable=False),
    sa.Column("landmarks", sa.Text, nullable=False),  # JSON
    sa.Column("quality", sa.Text, nullable=False),  # JSON
    sa.Column("grade", sa.SmallInteger, nullable=False),
    sa.Column("sealed", sa.LargeBinary),  # the template; NULL: the face cannot be compared
    sa.Column("mac", sa.LargeBinary),  # of the whole row (store/guard.py)
)
