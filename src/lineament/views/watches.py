"""Watches and web hooks as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.model.watches import Notice, ProbeWatch, WatchFinding
    from lineament.services.watches.hooks import HookInUse, NewSecret
    from lineament.services.watches.keeping import KeptWatch


def watch_json(watch: ProbeWatch) -> dict[str, Any]:
    """Return a watch as it was begun, and as it was ended."""
    return {
        "watch": watch.id,
        "case": watch.case,
        "probe": watch.probe_id,
        "face": watch.face,
        "reason": watch.terms.reason,
        "sources": list(watch.terms.sources),
        "until": watch.terms.ends_on.isoformat(),
        "begun_by": watch.begun_by,
        "begun_at": iso(watch.begun_at),
        "key": watch.key_id,
        "let_on_by": watch.let_on_by,
        "ended_by": watch.ended_by,
        "ended_at": None if watch.ended_at is None else iso(watch.ended_at),
    }


def watches_json(listed: Iterable[KeptWatch]) -> dict[str, Any]:
    """Return the watches of a case, with what each found and what stands against it."""
    return {"watches": [kept_watch_json(kept) for kept in listed]}


def kept_watch_json(kept: KeptWatch) -> dict[str, Any]:
    """Return a watch with what it found and what stands against it."""
    progress = kept.progress
    return watch_json(kept.watch) | {
        "state": kept.standing.value,
        "against": [{"code": reason.code.value, "words": reason.words} for reason in kept.against],
        "faces_compared": progress.compared,
        "compared_at": None if progress.looked_at is None else iso(progress.looked_at),
        "times_held": progress.refused,
        "found": [
            _finding(finding) | {"told": [_notice(notice) for notice in kept.told[finding.id]]}
            for finding in kept.findings
        ],
    }


def finding_json(finding: WatchFinding) -> dict[str, Any]:
    """Return what a watch found, and where it belongs."""
    return {
        "watch": finding.watch_id,
        "case": finding.case,
        "probe": finding.probe_id,
        "face": finding.face,
        **_finding(finding),
    }


def _finding(finding: WatchFinding) -> dict[str, Any]:
    return {
        "finding": finding.id,
        "search": finding.search_id,
        "at": iso(finding.at),
        "candidates": finding.listed,
        "seen_by": finding.seen_by,
        "seen_at": None if finding.seen_at is None else iso(finding.seen_at),
    }


def _notice(notice: Notice) -> dict[str, Any]:
    return {
        "notice": notice.id,
        "kind": notice.kind.value,
        "by": "e-mail" if notice.hook_id is None else "web hook",
        "at": iso(notice.at),
        "state": notice.standing,
        "attempts": notice.attempts,
        "why": notice.why,
        "next_at": None if notice.next_at is None else iso(notice.next_at),
    }


def hooks_json(listed: Iterable[HookInUse]) -> dict[str, Any]:
    """Return the web hooks of an agency with the newest notices to each."""
    return {
        "web_hooks": [
            {
                "web_hook": each.hook.id,
                "url": each.hook.url,
                "added_by": each.hook.added_by,
                "added_at": iso(each.hook.added_at),
                "rotated_at": None if each.hook.rotated_at is None else iso(each.hook.rotated_at),
                "notices": [_notice(notice) for notice in each.notices],
            }
            for each in listed
        ]
    }


def secret_json(made: NewSecret) -> dict[str, Any]:
    """Return a web hook with its secret, which is shown this once."""
    return {"web_hook": made.hook.id, "url": made.hook.url, "secret": made.secret}


def notice_json(notice: Notice) -> dict[str, Any]:
    """Return a notice."""
    return _notice(notice)
