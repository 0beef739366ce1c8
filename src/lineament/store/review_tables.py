"""The tables of reviews: decisions, notes, and what waits for whom."""

from __future__ import annotations

import sqlalchemy as sa

from lineament.store.columns import Moment, at_least, metadata, not_blank

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("search_id", sa.ForeignKey("searches.id"), nullable=False),
    sa.Column("entry", sa.Integer, nullable=False),  # of the list
    sa.Column("seat", sa.Integer, nullable=False),  # of two people: 1 for whoever decided first
    sa.Column("number", sa.Integer, nullable=False),  # of this person's decisions about it, from 1
    sa.Column("account_id", sa.ForeignKey("accounts.id")),  # NULL: the one person of a solo workspace
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: the reviewer's name, outcome, checklist and grounds
    sa.Column("mac", sa.LargeBinary),
    not_blank("id"),
    at_least("entry", 1),
    at_least("number", 1),
    sa.CheckConstraint("seat IN (1, 2)", name="seat_of_two"),  # R19: never a third
    sa.UniqueConstraint("search_id", "entry", "seat", "number", name="uq_decisions_of_seat"),
    sa.UniqueConstraint(
        "search_id", "entry", "account_id", "number", name="uq_decisions_of_person"
    ),  # R19: nobody takes both seats
)

candidate_notes = sa.Table(
    "candidate_notes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("search_id", sa.ForeignKey("searches.id"), nullable=False, index=True),
    sa.Column("entry", sa.Integer, nullable=False),
    sa.Column("account_id", sa.ForeignKey("accounts.id")),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: the author's name and the text
    sa.Column("mac", sa.LargeBinary),
    not_blank("id"),
    at_least("entry", 1),
)

known_pairs = sa.Table(  # R23: candidates whose truth a supervisor knows; no reviewer reads them
    "known_pairs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("search_id", sa.ForeignKey("searches.id"), nullable=False),
    sa.Column("entry", sa.Integer, nullable=False),
    sa.Column("account_id", sa.ForeignKey("accounts.id")),
    sa.Column("agency_id", sa.ForeignKey("agencies.id"), nullable=False, index=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # JSON: whether they are one person, and who said so
    sa.Column("mac", sa.LargeBinary),
    not_blank("id"),
    at_least("entry", 1),
    sa.UniqueConstraint("search_id", "entry", name="uq_known_pairs_of_entry"),
)

review_lists = sa.Table(  # lists with candidates; what follows from the decisions, kept so that queues are quick
    "review_lists",
    metadata,
    sa.Column("search_id", sa.ForeignKey("searches.id"), primary_key=True),
    sa.Column("case_id", sa.ForeignKey("cases.id"), nullable=False),
    sa.Column("made_at", Moment, nullable=False),
    sa.Column("done_at", Moment),  # when the last outcome came to stand
    sa.Index("ix_review_lists_waiting", "case_id", "done_at", "made_at"),
)

review_turns = sa.Table(  # whose turn it is: who searched, and who was asked
    "review_turns",
    metadata,
    sa.Column("search_id", sa.ForeignKey("review_lists.search_id"), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("since", Moment, nullable=False),
    sa.Column("asked_by", sa.ForeignKey("accounts.id")),  # NULL: nobody; they searched, or began by themselves
    sa.Column("done_at", Moment),  # when nothing of it was left for them to decide
    sa.Index("ix_review_turns_waiting", "account_id", "done_at", "since"),
)
