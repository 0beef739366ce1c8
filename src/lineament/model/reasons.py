"""Reasons why something is refused: each has a stable code, words for people, a remedy and the command for it.

``docs/reference/errors.md`` lists the codes and is made from this file.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Remedy(StrEnum):
    """A remedy for a reason, with the template of its command.

    The pages turn it into a link (``web.casewords.remedy_link``). Values in braces are details of the reason; words
    in capitals are placeholders for the person who runs the command.
    """

    command: str  # empty if there is none

    def __new__(cls, words: str, command: str) -> Self:
        """Make a member whose value is its words."""
        member = str.__new__(cls, words)
        member._value_ = words
        member.command = command
        return member

    NOTHING = "nothing here", ""  # wait, or ask somebody whom Lineament does not know
    STEP_UP = "show your second factor", "lineament step-up"
    AUTHORISE = (
        "record an authorisation of the case",
        "lineament case authorise {ref} --authority TEXT --decided DATE --scope TEXT",
    )
    ALLOW = "state why it is allowed", "lineament case allow {ref} --words {words} --because TEXT"
    EVIDENCE = (
        "record evidence that is independent of the search",
        "lineament lead evidence {search} {name} --kind KIND --text TEXT --reference TEXT --independent",
    )
    APPROVALS = "have the photograph approved", "lineament probe approve {probe}"
    PEOPLE = "become a member of the case", "lineament case add-member {ref} ACCOUNT --role examiner"
    WITNESS = "have the record witnessed", "lineament ledger submit"
    SOURCES = "choose other sources", "lineament source list"


class ReasonCode(StrEnum):
    """Every reason, with the template of its words and its remedy. The codes are stable; the words may change."""

    template: str
    remedy: Remedy

    def __new__(cls, code: str, template: str, remedy: Remedy = Remedy.NOTHING) -> Self:
        """Create a member whose value is its code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.template = template
        member.remedy = remedy
        return member

    def reason(self, **details: object) -> Reason:
        """Return the reason with its details filled in. Raises KeyError if its words or its command need another."""
        quoted = {name: shlex.quote(str(value)) for name, value in details.items()}
        command = self.remedy.command.format(**quoted)
        return Reason(code=self, words=self.template.format(**details), remedy=self.remedy, command=command or None)

    # stops and the official
    ALL_STOPPED = "all-stopped", "all searching was stopped on {at:%Y-%m-%d %H:%M} UTC: {reason}"
    AGENCY_STOPPED = "agency-stopped", "the searching of this agency was stopped on {at:%Y-%m-%d %H:%M} UTC: {reason}"
    NO_SUCH_STOP = "no-such-stop", "there is no such stop"
    ROLES = "roles", "your roles do not allow you to search in this case", Remedy.PEOPLE
    UNTRAINED = "untrained", "your training in face comparison has lapsed or was never recorded"
    SECOND_FACTOR = (
        "second-factor",
        "your second factor was not shown within the last {minutes} minutes",
        Remedy.STEP_UP,
    )

    # the agency
    NOT_VETTED = "not-vetted", "the agency has not been vetted yet"
    VETTING_REFUSED = "vetting-refused", "the vetting of the agency was refused on {at:%Y-%m-%d}"
    VETTING_EXPIRED = "vetting-expired", "the vetting of the agency ran out on {last} and has to be renewed"
    NO_LICENCE = "no-licence", "the agency has no licence yet"
    LICENCE_NOT_STARTED = "licence-not-started", "the {kind} of the agency begins on {first}"
    LICENCE_EXPIRED = "licence-expired", "the {kind} of the agency ended on {last}"
    SEARCHES_USED = "searches-used", "the {limit:,} searches of this month are used; the next on {following}"
    SEATS_TAKEN = (
        "seats-taken",
        "{taken:,} seats are taken and the licence of {seats:,} runs until {last}; close an account, or ask for more",
    )
    LICENSED_AFTER_VETTING = "licensed-after-vetting", "an agency is licensed only after a vetting has approved it"
    HOME_AGENCY = "home-agency", "the agency that runs this workspace needs no vetting and no licence"
    AGENCY_KEEPS_NAME = "agency-keeps-name", "an agency keeps the name under which it was vetted"
    PUBLISHED = "published", "these figures are published already"
    NOT_PUBLISHED = "not-published", "these figures are not published"
    ACCOUNTS_SETTING = "accounts-setting", "the setting accounts is switched on by the second account, and not by hand"

    # the case
    CASE_NOT_OPEN = "case-not-open", "the case {ref} is {state}"
    ROOM_CLOSED = "room-closed", "the case {ref} is {state}, and its room with it"
    INVITATION_CASE_CLOSED = "invitation-case-closed", "the case is closed"
    NOT_AUTHORISED = (
        "not-authorised",
        "the case {ref} seeks a suspect and has no authorisation yet",
        Remedy.AUTHORISE,
    )
    LAW_ASKS_AUTHORISATION = (
        "law-asks-authorisation",
        "in {law} such a search needs a warrant or another authorisation ({section}), and the case {ref} has none",
        Remedy.AUTHORISE,
    )
    CASE_LOCKED = (
        "case-locked",
        "the case {ref} locked at {at:%Y-%m-%d %H:%M} UTC: no authorisation came within {hours} hours",
        Remedy.AUTHORISE,
    )
    AUTHORISATION_EXPIRED = (
        "authorisation-expired",
        "the authorisation of the case {ref} ended on {last}",
        Remedy.AUTHORISE,
    )
    NOT_AWAITING = "not-awaiting", "the case {ref} does not wait for an authorisation"
    NO_URGENT_SEARCHES = "no-urgent-searches", "the policy of the agency allows no search before the authorisation"
    NOTHING_TO_HOLD = "nothing-to-hold", "the case {ref} is {state}, and nothing of it is left to hold"
    ON_HOLD = "on-hold", "the case {ref} is on legal hold already"
    NOT_ON_HOLD = "not-on-hold", "the case {ref} is not on legal hold"
    CASE_DESTROYED = (
        "case-destroyed",
        "the key of the case {ref} was destroyed, and what belonged to the case with it",
    )
    NO_REASON = "no-reason", "no reason is given for the search"
    PURPOSE = "purpose", "the purpose is refused ({name}): {why}"
    PURPOSE_IN_DOUBT = (
        "purpose-in-doubt",
        "“{words}” may name a purpose that is refused ({name}); a supervisor must state why it is allowed here",
        Remedy.ALLOW,
    )
    OFFENCE_IN_DOUBT = (
        "offence-in-doubt",
        (
            "in {law} faces are searched only for listed offences ({section}), and “{words}” names none of them; a "
            "supervisor must state which one it is"
        ),
        Remedy.ALLOW,
    )
    NOTHING_IN_DOUBT = "nothing-in-doubt", "no word of the case {ref} leaves its purpose or its offence in doubt"

    # review
    REVIEWED = "reviewed", "two other people decided about this candidate already"
    REVIEWER_HAS_PACK = (
        "reviewer-has-pack",
        "you saved a disclosure pack of this case, which shows ranks, scores and decisions; somebody else reviews it",
    )
    KNOWS_PAIRS = (
        "knows-pairs",
        "the truth about this list is on record, to measure its reviewers; supervisors do not review it",
    )
    PAIRS_KNOWN = "pairs-known", "the truth about the candidates of this list is on record already"
    NO_LEAD_OF_KNOWN = (
        "no-lead-of-known",
        "the truth about candidates of this list was known, and it measured its reviewers; no lead comes of it",
    )

    COMPARED_BLIND = (
        "compared-blind",
        "lists of the agency are reviewed blind, so a program is told no score of a face of the gallery",
    )

    # probes and pictures
    APPROVALS = (
        "approvals",
        "{given} of the {wanted} further approvals of this photograph were given",
        Remedy.APPROVALS,
    )
    PROBE_SEARCHED = "probe-searched", "a search or a watch used the photograph, so it stays with the case as evidence"
    BATCH_RUNS = "batch-runs", "the photographs of this batch are being searched; wait until that has ended, or stop it"
    ALREADY_WATCHED = "already-watched", "this face is on watch already, until {last}"
    WATCH_AGENCY = "watch-agency", "the agency of whoever began the watch may not search now"
    WATCH_KEY = (
        "watch-key",
        "the key with which a program began the watch was revoked; let it go on if the case still needs it, or end it",
    )
    WATCH_KEY_VALID = "watch-key-valid", "no revoked key holds the watch, so there is nothing to let go on"
    WATCH_OVER = "watch-over", "the watch is {state}"
    WATCH_ERASED = "watch-erased", "the photograph of the watch was a copy of a picture that was erased"
    WATCH_MODEL = (
        "watch-model",
        (
            "the face of the watch was described by the model {model}, and the workspace uses {in_use}; add its "
            "photograph again and begin the watch with that"
        ),
    )
    WATCH_THRESHOLD = (
        "watch-threshold",
        (
            "the threshold cannot be trusted: {why}; the watch compares nothing until the database is restored from a "
            "backup, so call the auditor"
        ),
    )
    PROBE_HELD = "probe-held", "the case {ref} is on legal hold, so nothing of it is destroyed"
    PROBE_KIND = "probe-kind", "a {kind} face is not searched: {why}"
    FACE_ERASED = "face-erased", "the face was erased before, so it is not enrolled again"
    KNOWN_ABUSE = (
        "known-abuse",
        "the picture is on a list of known-abuse material, so nothing but the face is shown",
    )

    KNOWN_ABUSE_COPY = (
        "known-abuse-copy",
        "the picture is on a list of known-abuse material: it is not kept, so nothing is searched with it",
    )
    NOT_EVERY_FACE = (
        "not-every-face",
        "stored faces cannot be compared, so nobody can say which pictures show all of these people; search for any",
    )
    NOT_RECORDED_THEN = (
        "not-recorded-then",
        "the search was made by a version that did not record which faces there were; search again for all of them",
    )
    NO_ORIGINAL = "no-original", "the original of the picture is not kept, because it shows a face that was erased"

    # leads
    NO_LEAD = "no-lead", "two people have not decided that this candidate is a lead"
    NO_EVIDENCE = (
        "no-evidence",
        "no evidence that is independent of the search is recorded for this lead, so it does not leave",
        Remedy.EVIDENCE,
    )

    # sources
    NO_SOURCE = (
        "no-source",
        "no source may be searched today; register one, or see: lineament source list",
        Remedy.SOURCES,
    )
    SOURCE_NOT_SHARED = "source-not-shared", "the source {name} is not shared with your agency", Remedy.SOURCES
    SOURCE_DRAFTED = (
        "source-drafted",
        "the source {name} is drafted and waits for the approval of a second person",
        Remedy.SOURCES,
    )
    SOURCE_NOT_LIVE = "source-not-live", "the source {name} is {state}", Remedy.SOURCES
    SOURCE_EXPIRED = "source-expired", "the source {name} expired on {last}", Remedy.SOURCES
    SOURCE_DESTROYED = (
        "source-destroyed",
        "the key of the source {name} was destroyed when it was withdrawn",
        Remedy.SOURCES,
    )
    OWN_DRAFT = "own-draft", "you drafted the source {name}, so you cannot approve it; ask somebody else"
    OWN_DRAFT_DECLINED = (
        "own-draft-declined",
        "you drafted the source {name}, so it is not for you to decline it; withdraw it instead",
    )
    SHARED_WITH_ALL = (
        "shared-with-all",
        (
            "the source {name} is shared with every agency, so none can be removed; share it with those that may "
            "search it, and all others are excluded"
        ),
    )
    NOTHING_CRAWLED = "nothing-crawled", "nothing was crawled for the source {name}, or it is destroyed"
    CLOCK_NOT_BEHIND = "clock-not-behind", "the clock is not behind the newest entry of the ledger; nothing is refused"
    NOT_WITHDRAWN = "not-withdrawn", "the source {name} is {state}; a receipt is for a withdrawn one"
    NOT_ALL_DESTROYED = (
        "not-all-destroyed",
        "not all of the source {name} is destroyed yet; see: lineament doctor",
    )

    # changes of the threshold and of the model
    OWN_CHANGE = "own-change", "you proposed change {number}, so you cannot decide about it; ask somebody else"
    NOT_YOUR_CHANGE = "not-your-change", "you did not propose change {number}; whoever did can withdraw it"
    CHANGE_EXPIRED = (
        "change-expired",
        (
            "the workspace uses another model or another threshold than when change {number} was proposed, so what was "
            "measured for it no longer holds; propose it again"
        ),
    )
    CHANGE_NOT_APPROVED = (
        "change-not-approved",
        "the change to the model {model} waits for the approval of a second person",
    )

    # accounts and second factors
    ACCOUNT_NOT_ACTIVE = "account-not-active", "the account of {name} is {state}"
    OWN_ACCOUNT = "own-account", "nobody manages their own account; another {who} does"
    HAS_ADMINISTRATOR = "has-administrator", "the agency has an administrator, who invites the others"
    OPERATOR_ELSEWHERE = "operator-elsewhere", "operators belong to the agency that runs this workspace"
    LAST_OF_ROLE = "last-of-role", "this is the last {role} of the agency; make somebody else one first"
    NO_KEEPER = (
        "no-keeper",
        (
            "with a second account the person at the machine may do nothing but upkeep, and there would be no "
            "{missing} in the agency that runs this workspace; invite one first"
        ),
    )
    PASSKEYS_ONLY = "passkeys-only", "your agency accepts passkeys only"
    NO_RECOVERY_CODES = "no-recovery-codes", "your agency accepts passkeys only, so there are no recovery codes"
    ONLY_FACTOR = "only-factor", "this is your only second factor; add another one before you remove it"
    MOST_FACTORS = "most-factors", "an account has at most {limit} second factors; remove one first"

    # the record
    ANCHOR_STALE = (
        "anchor-stale",
        "the record was {when}, and has to be witnessed from outside every {hours} hours; tell an operator",
        Remedy.WITNESS,
    )
    ANCHOR_DISPUTED = (
        "anchor-disputed",
        "{who} saw {size:,} entries of the record at {at:%Y-%m-%d %H:%M} UTC that this record does not begin with",
    )
    OWN_WITNESSES = (
        "own-witnesses",
        "you proposed this policy of witnesses, so you cannot approve it; ask somebody else",
    )
    NO_WITNESSES_WAIT = "no-witnesses-wait", "no policy of witnesses waits for an approval"
    NOTHING_RESTORED = (
        "nothing-restored",
        "the ledger continues from its checkpoint, so there is no restored database to accept",
    )

    # jobs
    ALWAYS_FINISHED = "always-finished", "a job of this kind cannot be stopped"
    WITHDRAWAL_WAITS = "withdrawal-waits", "the withdrawal of {name} is under way already"

    # the database
    ROW_REFUSED = "row-refused", "the database refuses the row: {why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason against a request; ``str`` returns its words."""

    code: ReasonCode
    words: str
    remedy: Remedy
    command: str | None  # the command of the remedy, its values quoted for a shell; None if there is none

    def __str__(self) -> str:
        return self.words
