"""Sentences about the ledger and its witnesses, the keys, and changes of the threshold and of the model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from markupsafe import Markup, escape

from lineament.model.events import keys, proposals
from lineament.model.events import ledger as events
from lineament.model.events.base import JSON
from lineament.model.proposals import ProposalKind
from lineament.model.witnessing import WitnessPolicy
from lineament.views.proposals import strangers_expected
from lineament.web.sentences.base import NOTHING, Names, because, count, if_any, listed, sentence_of, tell
from lineament.web.sentences.sources import pack_of


@sentence_of.register
def _(_event: events.WorkspaceCreated, _names: Names) -> Markup:
    return Markup("created this workspace")


@sentence_of.register
def _(event: events.LedgerRead, names: Names) -> Markup:
    narrowed = [
        tell("of {}", event.named or "somebody of another agency") if event.person else NOTHING,
        tell("of {}", names.case(event.case)) if event.case else NOTHING,
        tell("of the kind {}", event.kind) if event.kind else NOTHING,
        tell("from {} to {}", _minute(event.since), _minute(event.until)) if event.since and event.until else NOTHING,
        tell("before entry {}", event.before) if event.before is not None else NOTHING,
        Markup("with those who only looked") if event.views else NOTHING,
    ]
    return Markup(" ").join(["read the ledger", *filter(None, narrowed)])


@sentence_of.register
def _(event: events.LedgerExported, names: Names) -> Markup:
    if event.case is None:
        return Markup("exported the ledger")
    return tell("exported the ledger with the details of {}", names.case(event.case))


@sentence_of.register
def _(_event: events.RowsBound, _names: Names) -> Markup:
    return Markup("upgraded the workspace: the ledger now vouches for what an older version had stored")


@sentence_of.register
def _(event: events.ClockAccepted, _names: Names) -> Markup:
    return Markup("accepted that the clock of the machine was set back") + because(event.because)


@sentence_of.register
def _(event: events.RestoreAccepted, _names: Names) -> Markup:
    entries = count(event.entries, "entry", "entries")
    return tell("accepted a database of {} that was restored from a backup", entries) + because(event.reason)


@sentence_of.register
def _(event: events.WitnessesProposed, _names: Names) -> Markup:
    policy = _policy(event.policy)
    return tell("proposed that the ledger is witnessed by {}, as change {}", policy, event.change) + because(
        event.reason
    )


@sentence_of.register
def _(event: events.WitnessesChanged, _names: Names) -> Markup:
    alone = _alone(event.alone)
    return tell("put change {} into force{}: the ledger is witnessed by {}", event.change, alone, _policy(event.policy))


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _policy(stored: Mapping[str, JSON]) -> Markup:
    policy = WitnessPolicy.from_json(stored)
    groups = (policy.witnesses_needed, policy.witnesses), (policy.stamps_needed, policy.authorities)
    asked = [tell("{} of {}", needed, listed(each.name for each in group)) for needed, group in groups if group]
    if not asked:
        return Markup("nobody")
    return tell("{} every {}", Markup(" and ").join(asked), count(policy.stale_after_hours, "hour"))


@sentence_of.register
def _(event: events.EntryProven, _names: Names) -> Markup:
    if event.entry is not None:
        return tell("made the proof of entry {}", escape(f"{event.entry:,}"))
    first = count(event.old or 0, "entry", "entries")
    return tell("made the proof that the ledger continues from its first {}", first)


@sentence_of.register
def _(event: events.DetailsErased, _names: Names) -> Markup:
    erased = sum(last - first + 1 for first, last in event.entries)
    return tell("erased the details of {}", count(erased, "entry", "entries")) + because(event.reason)


# ---------------------------------------------------------------- keys


@sentence_of.register
def _(event: keys.KeyRotationBegun, names: Names) -> Markup:
    return tell("began to change the key of {}", _key_of(event, names))


@sentence_of.register
def _(event: keys.KeyRotationEnded, names: Names) -> Markup:
    resealed = count(event.resealed, "item was", "items were")
    damaged = if_any(event.damaged, "; {} could not be opened")
    return tell("changed the key of {}: {} sealed again{}", _key_of(event, names), resealed, damaged)


def _key_of(event: keys.KeyRotationBegun | keys.KeyRotationEnded, names: Names) -> Markup:
    if event.of == "case":
        return names.case(event.name or "")
    return names.source(event.name or "") if event.of == "source" else Markup("the workspace")


# ---------------------------------------------------------------- changes of the threshold and of the model


@sentence_of.register
def _(event: proposals.ChangeProposed, _names: Names) -> Markup:
    return tell("proposed change {}, {}", event.change, _change(event)) + because(event.reason)


@sentence_of.register
def _(event: proposals.ChangeApproved, _names: Names) -> Markup:
    return tell("approved change {}", event.change) + because(event.reason)


@sentence_of.register
def _(event: proposals.ChangeDeclined, _names: Names) -> Markup:
    return tell("declined change {}", event.change) + because(event.reason)


@sentence_of.register
def _(event: proposals.ChangeWithdrawn, _names: Names) -> Markup:
    return tell("withdrew change {}", event.change) + because(event.reason)


@sentence_of.register
def _(event: proposals.ChangeMade, _names: Names) -> Markup:
    return tell("put change {} into force{}: {}", event.change, _alone(event.alone), _change(event))


def _change(event: proposals.ChangeProposed | proposals.ChangeMade) -> Markup:
    strangers = tell("a threshold at which {} are expected", escape(strangers_expected(event.strangers)))
    return tell("{} and {}", pack_of(event.pack), strangers) if event.kind == ProposalKind.PACK else strangers


def _alone(alone: bool) -> Markup:
    return Markup(", working alone") if alone else NOTHING
