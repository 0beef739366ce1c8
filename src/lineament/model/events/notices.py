"""Events of web hooks and of the notices that are sent to them and by e-mail. No address is recorded of a receiver."""

from __future__ import annotations

from lineament.model.actions import Action
from lineament.model.events.base import Event


class HookAdded(Event, action=Action.HOOK_ADDED):
    """An address of the agency is told from now on when a watch fires."""

    hook: str
    url: str


class HookRotated(Event, action=Action.HOOK_ROTATED):
    """The secret that signs the messages to a web hook was replaced."""

    hook: str


class HookTested(Event, action=Action.HOOK_TESTED):
    """A message that tells nothing is sent to a web hook."""

    hook: str
    notice: str


class HookRemoved(Event, action=Action.HOOK_REMOVED):
    """A web hook was removed with its secret."""

    hook: str
    given_up: int  # notices that waited for it


class NoticeDelivered(Event, action=Action.NOTICE_DELIVERED):
    """A notice was delivered."""

    notice: str
    kind: str
    hook: str | None  # to a web hook, or
    to: str | None  # by e-mail to this account
    attempts: int


class NoticeGivenUp(Event, action=Action.NOTICE_GIVEN_UP):
    """A notice could not be delivered for so long that it was given up."""

    notice: str
    kind: str
    hook: str | None
    to: str | None
    attempts: int
    why: str
