"""What people read in a disclosure pack: a page that shows what it holds, and a text that says how to verify it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import lineament
from lineament.model.actions import Action
from lineament.model.jurisdictions import Topic
from lineament.model.rates import ErrorRates
from lineament.model.search import expected_words
from lineament.services.disclosure.snapshot import Snapshot
from lineament.services.report import CAVEAT, how_cut
from lineament.services.standalone import page_template

_PACKAGE = "lineament.services.disclosure"
RARE = 1e-4
"""The share of strangers at whose score the misses are shown."""


def pages_of(snapshot: Snapshot, rates: ErrorRates, told: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts for people by the names of their files; ``told`` is what else they tell."""
    case = told["case"]
    records = case["records"]
    evidence = [line["details"] for line in case["timeline"] if line["action"] == Action.EVIDENCE_RECORDED.value]
    notices = [line["details"] for line in case["timeline"] if line["action"] == Action.DEFENCE_NOTIFIED.value]
    values = {
        **told,
        "snapshot": snapshot,
        "faces": {probe["id"]: {face["face"]: face["file"] for face in probe["faces"]} for probe in case["probes"]},
        "reviews": {name: _by_search(records.get(name, ())) for name in ("decisions", "candidate_notes")},
        "evidence": _by_search(evidence),
        "notices": notices,
        "replaced": {notice.get("replaces") for notice in notices},
        "asked": snapshot.case.law.about(Topic.NOTICE),
        "cut": {one.stored.result.search_id: how_cut(one.stored.result) for one in snapshot.searches},
        "numbers": {search["id"]: search["number"] for search in case["searches"]},
        "missed": _missed(rates),
        "version": lineament.__version__,
        "cautions": (*(line.words for line in snapshot.case.law.warnings), CAVEAT),
        "moment": lambda at: f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M}",
        "expected": expected_words,
        "from_json": json.loads,
    }
    names = ("README.txt", "index.html")
    return {name: page_template(_PACKAGE, f"{name}.j2").render(**values) for name in names}


def _by_search(found: Iterable[Mapping[str, Any]]) -> defaultdict[str, list[Mapping[str, Any]]]:
    """Return what is about searches by the search that it is about, in order of time and candidate."""
    by_search: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in sorted(found, key=lambda each: (each.get("entry", 0), each.get("at", ""), each.get("number", 0))):
        key = one.get("search_id") or one["search"]
        by_search[str(key)].append(one)
    return by_search


def _missed(rates: ErrorRates) -> list[dict[str, Any]]:
    """Return the share of mated faces below the score that a share of RARE of the strangers reaches, by grade."""
    found = []
    for grade, misses in enumerate(rates.misses):
        score = rates.score_for(RARE, grade, [0.0] * grade + [1.0])
        low, high = misses.interval_at(score)
        share = misses.share_at(score)
        facts = {"grade": grade, "share": share, "low": low, "high": high}
        found.append({**facts, "people": misses.people, "pairs": misses.comparisons})
    return found
