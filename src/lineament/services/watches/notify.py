"""Sends notices, by web hook and by e-mail, and again with growing delays until they are delivered or given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from lineament.errors import HookUnavailable, InvalidValue, MailUnavailable
from lineament.model.accounts import AccountState, Official
from lineament.model.events.notices import NoticeDelivered, NoticeGivenUp
from lineament.model.jobs import JobProgress
from lineament.model.watches import Notice, next_attempt
from lineament.services.jobs.kinds import Report
from lineament.services.needs import open_to_all
from lineament.services.people.invitations import Post
from lineament.services.record import Record
from lineament.services.watches.asking import ask_to_notify
from lineament.services.watches.comparing import MACHINE_NAME
from lineament.services.watches.sending import body_of, headers_of, send

AT_ONCE = 100
"""Notices that are read at once."""
SUBJECT = "A watch fired"
TEXT = """A watch of one of your cases fired: pictures that were taken in since came close to its photograph.

Sign in to see it:

{link}

A candidate is a starting point, never the sole basis for action. This message names no case and no person.
"""


class Notify:
    """Runs the job that sends notices."""

    def __init__(self, record: Record, post: Callable[[], Post], own: Sequence[str]) -> None:
        """``own`` are the addresses of private networks that the operator allows."""
        self._record = record
        self._open_post = post
        self._own = own

    @cached_property
    def _post(self) -> Post:
        return self._open_post()

    @open_to_all("it sends what committed changes ask for, and tells nothing of any case")
    def job(self, _arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        """Send what is due, and ask for the next job if anything has to be tried again."""
        done = 0
        while due := self._due():
            for notice in due:
                self._try(notice)
                done += 1
                report(JobProgress(done=done, words="notices"))
        with self._record.begin() as tx:
            if (following := tx.notices.next_due()) is not None:
                ask_to_notify(tx, self._record.official, self._record.clock(), following)
        return {"notices": done}

    def _due(self) -> Sequence[Notice]:
        with self._record.read() as tx:
            return tx.notices.due(self._record.clock(), AT_ONCE)

    def _try(self, notice: Notice) -> None:
        why = self._send(notice)
        attempts, at = notice.attempts + 1, self._record.clock()
        following = None if not why else next_attempt(attempts, at)
        to = {"hook": notice.hook_id, "to": notice.account_id}
        if why and following is not None:
            with self._record.begin() as tx:
                tx.notices.failed(notice.id, attempts, why, following)
            return
        machine = replace(self._record, official=Official(name=MACHINE_NAME, agency_id=notice.agency_id))
        with machine.change() as change:
            change.in_agency(notice.agency_id)
            if why:
                change.tx.notices.failed(notice.id, attempts, why, None)
                change.record(NoticeGivenUp(notice=notice.id, kind=notice.kind.value, attempts=attempts, why=why, **to))
            else:
                change.tx.notices.delivered(notice.id, attempts, change.at)
                change.record(NoticeDelivered(notice=notice.id, kind=notice.kind.value, attempts=attempts, **to))

    def _send(self, notice: Notice) -> str:
        """Send a notice; return why that failed, or ""."""
        try:
            if notice.hook_id is not None:
                self._to_hook(notice, notice.hook_id)
            elif notice.account_id is not None:
                self._by_mail(notice.account_id)
        except (HookUnavailable, MailUnavailable, InvalidValue) as error:
            return str(error.details["why"])
        return ""

    def _to_hook(self, notice: Notice, hook_id: str) -> None:
        with self._record.read() as tx:
            hook, held = tx.notices.hook(hook_id), tx.notices.secrets(hook_id)
        if hook.removed_at is not None:
            raise HookUnavailable(why="it was removed")
        at, body = self._record.clock(), body_of(notice)
        send(hook.url, body, headers_of(notice, held.valid(at), at, body), self._own)

    def _by_mail(self, account_id: str) -> None:
        post = self._post
        if post.outbox is None:
            raise MailUnavailable(why="no mail server is configured")
        with self._record.read() as tx:
            account = tx.accounts.get(account_id)
        if account.state is not AccountState.ACTIVE:
            raise MailUnavailable(why="the account is not active")
        post.outbox.send(account.email, SUBJECT, TEXT.format(link=f"{post.base}/"))
