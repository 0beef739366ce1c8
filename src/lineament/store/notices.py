"""Web hooks of agencies, and the notices that are sent to them and by e-mail, until they are delivered or given up."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.watches import HookSecrets, Notice, NoticeKind, WebHook
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.sealed import SealedColumn, checked_id
from lineament.store.watch_tables import notices, web_hooks

_WAITING = notices.c.next_at.is_not(None)


class NoticeRows:
    """The web hooks and notices of all agencies."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "web_hooks")

    # ------------------------------------------------------------ web hooks

    def add_hook(self, hook: WebHook, held: HookSecrets) -> None:
        """Add a web hook with its secrets."""
        row = {"id": hook.id, "agency_id": hook.agency_id, "added_at": hook.added_at}
        self._connection.execute(sa.insert(web_hooks), row | {"sealed": self._seal(hook, held)})

    def rotate(self, hook: WebHook, held: HookSecrets, at: datetime) -> None:
        """Replace the secrets of a web hook."""
        values = {"sealed": self._seal(hook, held), "rotated_at": at}
        self._connection.execute(sa.update(web_hooks).where(web_hooks.c.id == hook.id).values(values))

    def remove_hook(self, hook: WebHook, at: datetime) -> int:
        """Remove a web hook and its secrets; its notices stay, and those that wait are given up. Return how many."""
        values = {"sealed": self._seal(hook, HookSecrets(current="")), "removed_at": at}
        self._connection.execute(sa.update(web_hooks).where(web_hooks.c.id == hook.id).values(values))
        over = {"next_at": None, "why": "the web hook was removed"}
        mine = sa.update(notices).where(notices.c.hook_id == hook.id, _WAITING)
        return self._connection.execute(mine.values(over)).rowcount

    def hook(self, hook_id: str) -> WebHook:
        """Return a web hook, of any agency. Raises NotFound if there is none."""
        return self._hook(self._hook_row(hook_id))

    def secrets(self, hook_id: str) -> HookSecrets:
        """Return the secrets of a web hook. Raises NotFound."""
        row = self._hook_row(hook_id)
        kept = self._sealed.open(row["id"], row["sealed"])
        until = kept["before_until"]
        return HookSecrets(
            current=kept["secret"],
            before=kept["before"],
            before_until=None if until is None else datetime.fromisoformat(until),
        )

    def hooks_of(self, agency_id: str) -> list[WebHook]:
        """Return the web hooks of an agency that are not removed, the oldest first."""
        query = sa.select(web_hooks).where(web_hooks.c.agency_id == agency_id, web_hooks.c.removed_at.is_(None))
        rows = self._connection.execute(query.order_by(web_hooks.c.added_at, web_hooks.c.id)).mappings()
        return [self._hook(row) for row in rows]

    # ------------------------------------------------------------ notices

    def add(  # noqa: PLR0913 - what a notice consists of
        self,
        agency_id: str,
        kind: NoticeKind,
        at: datetime,
        *,
        hook_id: str | None = None,
        account_id: str | None = None,
        finding_id: str | None = None,
    ) -> str:
        """Add a notice that is due at once, to a web hook or an account; return its id."""
        new = secrets.token_hex(16)
        row = {
            "id": new,
            "agency_id": agency_id,
            "kind": kind.value,
            "at": at,
            "hook_id": hook_id,
            "account_id": account_id,
            "finding_id": finding_id,
            "attempts": 0,
            "next_at": at,
            "why": "",
        }
        self._connection.execute(sa.insert(notices), row)
        return new

    def get(self, notice_id: str) -> Notice:
        """Return a notice. Raises NotFound."""
        query = sa.select(notices).where(notices.c.id == checked_id(notice_id))
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(what="notice", name=notice_id[:40], hint="lineament hook list")
        return self._notice(row)

    def due(self, at: datetime, most: int) -> list[Notice]:
        """Return the notices that are to be sent now, those that wait longest first."""
        query = sa.select(notices).where(notices.c.next_at <= at).order_by(notices.c.next_at, notices.c.id).limit(most)
        return [self._notice(row) for row in self._connection.execute(query).mappings()]

    def next_due(self) -> datetime | None:
        """Return when the next notice is to be sent; None if none waits."""
        query = sa.select(notices.c.next_at).where(_WAITING).order_by(notices.c.next_at).limit(1)
        found: datetime | None = self._connection.scalar(query)
        return found

    def of_hook(self, hook_id: str, most: int) -> list[Notice]:
        """Return the newest notices to a web hook, the newest first."""
        query = sa.select(notices).where(notices.c.hook_id == hook_id)
        rows = self._connection.execute(query.order_by(notices.c.at.desc(), notices.c.id).limit(most)).mappings()
        return [self._notice(row) for row in rows]

    def of_findings(self, ids: Sequence[str]) -> dict[str, list[Notice]]:
        """Return the notices of findings, by finding."""
        found: dict[str, list[Notice]] = {}
        query = sa.select(notices).where(notices.c.finding_id.in_(ids)).order_by(notices.c.at, notices.c.id)
        for row in self._connection.execute(query).mappings():
            found.setdefault(row["finding_id"], []).append(self._notice(row))
        return found

    def delivered(self, notice_id: str, attempts: int, at: datetime) -> None:
        """Note that a notice was delivered."""
        self._set(notice_id, attempts=attempts, next_at=None, delivered_at=at, why="")

    def failed(self, notice_id: str, attempts: int, why: str, next_at: datetime | None) -> None:
        """Note that a notice was not delivered, and when it is tried again; None: never."""
        self._set(notice_id, attempts=attempts, next_at=next_at, why=why)

    def delete_over(self, agency_id: str, before: datetime) -> int:
        """Delete the notices of an agency that were sent before that time and wait no more; return how many."""
        old = (notices.c.agency_id == agency_id, notices.c.at < before, notices.c.next_at.is_(None))
        return self._connection.execute(sa.delete(notices).where(*old)).rowcount

    # ------------------------------------------------------------ rows

    def _set(self, notice_id: str, **values: Any) -> None:
        waiting = sa.update(notices).where(notices.c.id == notice_id, _WAITING)
        self._connection.execute(waiting.values(**values))

    def _seal(self, hook: WebHook, held: HookSecrets) -> bytes:
        until = None if held.before_until is None else held.before_until.isoformat()
        facts = {"url": hook.url, "by": hook.added_by, "secret": held.current, "before": held.before}
        return self._sealed.seal(hook.id, facts | {"before_until": until})

    def _hook_row(self, hook_id: str) -> RowMapping:
        query = sa.select(web_hooks).where(web_hooks.c.id == checked_id(hook_id))
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(what="web hook", name=hook_id[:40], hint="lineament hook list")
        return row

    def _hook(self, row: RowMapping) -> WebHook:
        checked(self._connection, self._vault, "web_hooks", row)
        kept = self._sealed.open(row["id"], row["sealed"])
        same = ("id", "agency_id", "added_at", "removed_at", "rotated_at")
        return WebHook(**{name: row[name] for name in same}, url=kept["url"], added_by=kept["by"])

    def _notice(self, row: RowMapping) -> Notice:
        checked(self._connection, self._vault, "notices", row)
        same = ("id", "agency_id", "at", "hook_id", "account_id", "finding_id", "attempts", "next_at", "delivered_at")
        return Notice(**{name: row[name] for name in same}, kind=NoticeKind(row["kind"]), why=row["why"])
