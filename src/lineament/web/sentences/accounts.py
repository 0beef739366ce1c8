"""Sentences about agencies, accounts and sign-ins."""

from __future__ import annotations

from markupsafe import Markup, escape

from lineament.model.agencies import VettingOutcome
from lineament.model.events import people as events
from lineament.views.policies import setting_words
from lineament.web.sentences.base import NOTHING, Names, because, count, listed, sentence_of, tell

_FACTORS = {"totp": "an authenticator app", "passkey": "a passkey", "recovery": "a recovery code"}
_HOW = {
    "password": "with a password",
    "passkey": "with a passkey",
    "openid": "through the agency’s own sign-in",
    "unlocked with the password": "again with the password, in a locked session",
}


@sentence_of.register
def _(event: events.AgencyRegistered, _names: Names) -> Markup:
    return tell("registered the agency {} in {}", event.name, event.jurisdiction)


@sentence_of.register
def _(event: events.AgencyRenamed, _names: Names) -> Markup:
    return tell("renamed the agency that runs this workspace to {}, in {}", event.name, event.jurisdiction)


@sentence_of.register
def _(event: events.AgencyVetted, names: Names) -> Markup:
    if event.outcome == VettingOutcome.REFUSED:
        return tell("recorded that {} refused {} after its vetting", event.by, names.agency(event.agency))
    agency = names.agency(event.agency)
    return tell("recorded that {} vetted {}, which may use Lineament until {}", event.by, agency, event.renew_on)


@sentence_of.register
def _(event: events.AgencyLicensed, names: Names) -> Markup:
    terms = listed([count(event.seats, "seat"), count(event.searches_a_month, "search a month", "searches a month")])
    agency, kind = names.agency(event.agency), event.kind
    return tell("gave {} a {} licence from {} to {}: {}", agency, kind, event.first_day, event.last_day, terms)


@sentence_of.register
def _(event: events.AgencyStopped, names: Names) -> Markup:
    return tell("stopped the searching of {}", names.agency(event.agency)) + because(event.reason)


@sentence_of.register
def _(event: events.AgencyResumed, names: Names) -> Markup:
    return tell("let {} search again", names.agency(event.agency))


@sentence_of.register
def _(event: events.AllStopped, _names: Names) -> Markup:
    return Markup("stopped all searching") + because(event.reason)


@sentence_of.register
def _(_event: events.AllResumed, _names: Names) -> Markup:
    return Markup("let everybody search again")


@sentence_of.register
def _(event: events.PolicyChanged, names: Names) -> Markup:
    settings = [
        Markup("{}: {}").format(name.replace("_", " "), setting_words(value)) for name, value in event.settings.items()
    ]
    return tell("changed the policy of {}: {}", names.agency(event.agency), Markup("; ").join(settings))


@sentence_of.register
def _(event: events.AccountInvited, _names: Names) -> Markup:
    return tell("invited {} ({}) as {}", event.name, event.email, listed(event.roles))


@sentence_of.register
def _(event: events.AccountJoined, _names: Names) -> Markup:
    return tell("accepted the invitation{}, and signs in {}", _terminal(event.terminal), _how(event.how))


@sentence_of.register
def _(event: events.AccountReset, _names: Names) -> Markup:
    return tell("reset the sign-in of {} and invited them again{}", event.name, _ended(event.sessions))


@sentence_of.register
def _(event: events.AccountRolesChanged, _names: Names) -> Markup:
    return tell("changed the roles of {} from {} to {}", event.name, listed(event.before), listed(event.roles))


@sentence_of.register
def _(event: events.AccountTrained, _names: Names) -> Markup:
    if event.until is None:
        return tell("revoked the training of {}", event.name)
    return tell("recorded that {} is trained until {}", event.name, event.until)


@sentence_of.register
def _(event: events.AccountSuspended, _names: Names) -> Markup:
    return tell("suspended the account of {}{}", event.name, _ended(event.sessions))


@sentence_of.register
def _(event: events.AccountRestored, _names: Names) -> Markup:
    return tell("restored the account of {}", event.name)


@sentence_of.register
def _(event: events.AccountClosed, _names: Names) -> Markup:
    left = tell("; they left {}", count(event.cases, "case")) if event.cases else NOTHING
    return tell("closed the account of {}{}{}", event.name, _ended(event.sessions), left)


@sentence_of.register
def _(event: events.FactorAdded, _names: Names) -> Markup:
    return tell("added {} as a second factor", _factor(event.factor))


@sentence_of.register
def _(event: events.FactorRemoved, _names: Names) -> Markup:
    return tell("removed {} as a second factor", _factor(event.factor))


@sentence_of.register
def _(event: events.FactorShown, _names: Names) -> Markup:
    return tell("showed {} as the second factor", _factor(event.factor))


@sentence_of.register
def _(event: events.PasswordChanged, _names: Names) -> Markup:
    return tell("changed their password{}", _ended(event.sessions_ended))


@sentence_of.register
def _(event: events.AccountSignedIn, _names: Names) -> Markup:
    return tell("signed in {}{}", _how(event.how), _terminal(event.terminal))


@sentence_of.register
def _(_event: events.AccountSignedOut, _names: Names) -> Markup:
    return Markup("signed out")


@sentence_of.register
def _(event: events.SignInLocked, _names: Names) -> Markup:
    failures = escape("passwords" if event.what == "password" else "second factors")
    return tell("was locked out for {}, after several wrong {}", count(event.minutes, "minute"), failures)


@sentence_of.register
def _(event: events.SignInUnlocked, _names: Names) -> Markup:
    return tell("let {} try to sign in again", event.name)


@sentence_of.register
def _(event: events.SessionEnded, _names: Names) -> Markup:
    if event.name is None:
        return Markup("ended one of their own sessions")
    return tell("ended {} of {}", count(event.sessions or 0, "session"), event.name)


def _how(how: str) -> Markup:
    return escape(_HOW[how]) if how in _HOW else tell("with {}", how)


def _factor(kind: str) -> str:
    return escape(_FACTORS[kind]) if kind in _FACTORS else kind


def _terminal(terminal: bool | None) -> Markup:
    return Markup(" in the terminal") if terminal else NOTHING


def _ended(sessions: int) -> Markup:
    return tell("; {} ended", count(sessions, "session")) if sessions else NOTHING
