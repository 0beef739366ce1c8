"""Web hooks of the official's agency: added, tested, listed, and removed by its administrators."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from lineament.errors import InvalidValue, NotFound
from lineament.model.accounts import Permission
from lineament.model.events.notices import HookAdded, HookRemoved, HookRotated, HookTested
from lineament.model.watches import HookSecrets, Notice, NoticeKind, WebHook
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.watches.asking import ask_to_notify
from lineament.services.watches.sending import checked_hook, new_secret
from lineament.store.db import Tx

MOST_HOOKS = 5
"""Most web hooks of an agency."""
BOTH_SECRETS = timedelta(days=1)
"""How long the secret before the current one signs as well, so that a receiver can change over."""
SHOWN = 20
"""Newest notices that are shown of a web hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """A web hook and its secret, which is shown this once."""

    hook: WebHook
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookInUse:
    """A web hook with the newest notices to it."""

    hook: WebHook
    notices: Sequence[Notice]


class WebHooks:
    """The web hooks of the official's agency."""

    def __init__(self, record: Record, own: Sequence[str]) -> None:
        """``own`` are the addresses of private networks that the operator allows."""
        self._record = record
        self._own = own

    @needs(Permission.MANAGE_PEOPLE)
    def list(self) -> Sequence[HookInUse]:
        """Return the web hooks of the agency, the oldest first, with their newest notices."""
        with self._record.read() as tx:
            found = tx.notices.hooks_of(self._record.official.agency_id)
            return [HookInUse(hook=hook, notices=tx.notices.of_hook(hook.id, SHOWN)) for hook in found]

    @needs(Permission.MANAGE_PEOPLE)
    def add(self, url: str) -> NewSecret:
        """Tell that address from now on when a watch of a case of the agency fires; its secret is returned once.

        Raises InvalidValue for an address that is not https, is there already, or is one too many.
        """
        checked = checked_hook(url.strip(), self._own)
        official, secret = self._record.official, new_secret()
        with self._record.change() as change:
            there = change.tx.notices.hooks_of(official.agency_id)
            if any(hook.url == checked for hook in there) or len(there) >= MOST_HOOKS:
                full = f"an agency has at most {MOST_HOOKS} web hooks; remove one first"
                why = full if len(there) >= MOST_HOOKS else "the agency has this web hook already"
                raise InvalidValue(what="The address of the web hook", value=checked[:100], why=why, field="url")
            hook = WebHook(
                id=secrets.token_hex(8),
                agency_id=official.agency_id,
                url=checked,
                added_by=official.name,
                added_at=change.at,
            )
            change.tx.notices.add_hook(hook, HookSecrets(current=secret))
            change.record(HookAdded(hook=hook.id, url=checked))
        return NewSecret(hook=hook, secret=secret)

    @needs(Permission.MANAGE_PEOPLE)
    def rotate(self, hook_id: str) -> NewSecret:
        """Replace the secret of a web hook, and return the new one once; for a day both sign. Raises NotFound."""
        secret = new_secret()
        with self._record.change() as change:
            hook = self._find(change.tx, hook_id)
            before = change.tx.notices.secrets(hook.id)
            held = HookSecrets(current=secret, before=before.current, before_until=change.at + BOTH_SECRETS)
            change.tx.notices.rotate(hook, held, change.at)
            change.record(HookRotated(hook=hook.id))
            return NewSecret(hook=replace(hook, rotated_at=change.at), secret=secret)

    @needs(Permission.MANAGE_PEOPLE)
    def test(self, hook_id: str) -> Notice:
        """Send a message of the kind “test” to a web hook, by a job as any other. Raises NotFound."""
        with self._record.change() as change:
            hook = self._find(change.tx, hook_id)
            notice = change.tx.notices.add(hook.agency_id, NoticeKind.TEST, change.at, hook_id=hook.id)
            ask_to_notify(change.tx, self._record.official, change.at)
            change.record(HookTested(hook=hook.id, notice=notice))
            return change.tx.notices.get(notice)

    @needs(Permission.MANAGE_PEOPLE)
    def remove(self, hook_id: str) -> None:
        """Remove a web hook and its secret; what waits for it is given up, what was sent stays on record."""
        with self._record.change() as change:
            hook = self._find(change.tx, hook_id)
            given_up = change.tx.notices.remove_hook(hook, change.at)
            change.record(HookRemoved(hook=hook.id, given_up=given_up))

    def _find(self, tx: Tx, hook_id: str) -> WebHook:
        """Return a web hook of the agency. Raises the same NotFound if there is none or another agency has it."""
        found = [hook for hook in tx.notices.hooks_of(self._record.official.agency_id) if hook.id == hook_id]
        if not found:
            raise NotFound(what="web hook", name=hook_id[:40], hint="lineament hook list")
        return found[0]
