"""The names of the actions that the ledger records."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """A recorded action (R39). Its value is part of the leaf and never changes: lower-case letters and underscores."""

    WORKSPACE_CREATED = "workspace_created"
    SOURCE_REGISTERED = "source_registered"
    SOURCE_APPROVED = "source_approved"
    SOURCE_DECLINED = "source_declined"
    SOURCE_SHARED = "source_shared"
    SOURCE_UNSHARED = "source_unshared"
    PERMISSION_OPENED = "permission_opened"
    SOURCE_SUSPENDED = "source_suspended"
    SOURCE_RESUMED = "source_resumed"
    SOURCE_WITHDRAWN = "source_withdrawn"
    KNOWN_ABUSE_LOADED = "known_abuse_loaded"
    WARC_TAKEN_OUT = "warc_taken_out"
    SOURCE_BLUR_SET = "source_blur_set"
    SOURCE_PICTURES_READ = "source_pictures_read"
    DROP_BEGUN = "drop_begun"
    DROP_DISCARDED = "drop_discarded"
    RUN_BEGUN = "run_begun"
    RUN_ENDED = "run_ended"
    BATCH_INGESTED = "batch_ingested"
    FACE_DRAWN = "face_drawn"
    LOOKED_AGAIN = "looked_again"
    MODEL_ADOPTED = "model_adopted"
    FACES_COUNTED = "faces_counted"
    PACK_ADDED = "pack_added"
    PACK_CHOSEN = "pack_chosen"
    PACK_IN_USE = "pack_in_use"
    CASE_OPENED = "case_opened"
    CASE_CLOSED = "case_closed"
    PROBE_ADDED = "probe_added"
    SEARCH = "search"
    COMPARED = "compared"
    PAGE_OPENED = "page_opened"
    ORIGINAL_VIEWED = "original_viewed"
    REPORT_WRITTEN = "report_written"
    ERASURE_REQUESTED = "erasure_requested"
    FACE_ERASED = "face_erased"
    CAPTURE_ERASED = "capture_erased"
    RETENTION_ENDED = "retention_ended"
    DETAILS_ERASED = "details_erased"
    ROWS_BOUND = "rows_bound"
    LEDGER_READ = "ledger_read"
    RESTORE_ACCEPTED = "restore_accepted"
    ENTRY_PROVEN = "entry_proven"
    LEDGER_EXPORTED = "ledger_exported"
    CLOCK_ACCEPTED = "clock_accepted"
    CASE_READ = "case_read"
    LIST_READ = "list_read"
    CANDIDATE_READ = "candidate_read"
    PROBE_APPROVED = "probe_approved"
    PROBE_REPLAYED = "probe_replayed"
    PROBE_REMOVED = "probe_removed"
    PROBES_DESTROYED = "probes_destroyed"
    CASE_AUTHORISED = "case_authorised"
    CASE_REFUSED = "case_refused"
    CASE_URGENT = "case_urgent"
    PURPOSE_ALLOWED = "purpose_allowed"
    CASE_HELD = "case_held"
    CASE_RELEASED = "case_released"
    CASE_DESTROYED = "case_destroyed"
    CASE_BLUR_SET = "case_blur_set"
    MEMBER_ADDED = "member_added"
    MEMBER_REMOVED = "member_removed"
    MEMBER_INVITED = "member_invited"
    MEMBER_JOINED = "member_joined"
    INVITATION_WITHDRAWN = "invitation_withdrawn"
    PAPER_ADDED = "paper_added"
    PAPER_OPENED = "paper_opened"
    CASE_DISCLOSED = "case_disclosed"
    DISCLOSURE_TAKEN = "disclosure_taken"
    AGENCY_REGISTERED = "agency_registered"
    AGENCY_RENAMED = "agency_renamed"
    AGENCY_VETTED = "agency_vetted"
    AGENCY_LICENSED = "agency_licensed"
    AGENCY_STOPPED = "agency_stopped"
    AGENCY_RESUMED = "agency_resumed"
    ALL_STOPPED = "all_stopped"
    ALL_RESUMED = "all_resumed"
    POLICY_CHANGED = "policy_changed"
    ACCOUNT_INVITED = "account_invited"
    ACCOUNT_JOINED = "account_joined"
    ACCOUNT_ROLES_CHANGED = "account_roles_changed"
    ACCOUNT_TRAINED = "account_trained"
    ACCOUNT_SUSPENDED = "account_suspended"
    ACCOUNT_RESTORED = "account_restored"
    ACCOUNT_RESET = "account_reset"
    ACCOUNT_CLOSED = "account_closed"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    FACTOR_SHOWN = "factor_shown"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - what was done, not the password
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_LOCKED = "sign_in_locked"
    SIGN_IN_UNLOCKED = "sign_in_unlocked"
    SESSION_ENDED = "session_ended"
    KEY_ROTATION_BEGUN = "key_rotation_begun"
    KEY_ROTATED = "key_rotated"
    JOB_STOPPED = "job_stopped"
    CHANGE_PROPOSED = "change_proposed"
    CHANGE_APPROVED = "change_approved"
    CHANGE_DECLINED = "change_declined"
    CHANGE_WITHDRAWN = "change_withdrawn"
    CHANGE_MADE = "change_made"
    WITNESSES_PROPOSED = "witnesses_proposed"
    WITNESSES_CHANGED = "witnesses_changed"


VIEWS = frozenset(
    {
        Action.CASE_READ,
        Action.LIST_READ,
        Action.CANDIDATE_READ,
        Action.ORIGINAL_VIEWED,
        Action.PAGE_OPENED,
        Action.PAPER_OPENED,
        Action.PERMISSION_OPENED,
        Action.SOURCE_PICTURES_READ,
        Action.LEDGER_READ,
    }
)
"""The actions of somebody who only looked; pages leave them out until they are asked for."""

VIEW_ACTIONS = frozenset(action.value for action in VIEWS)
"""Their values, as the store has them."""
