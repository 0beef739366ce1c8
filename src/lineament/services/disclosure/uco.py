"""A case as CASE/UCO JSON-LD (caseontology.org), which other forensic tools read: the facts of ``case.json`` again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import lineament
from lineament.services.disclosure.snapshot import DisclosedSearch, Snapshot

Node = dict[str, Any]

_NAMESPACE = uuid.UUID("5f0d6c3a-4f5e-5c58-9d0e-6c1c6f2f3a11")
"""Names in a graph are UUIDs of this namespace, so that the same pack always has the same names."""
_CONTEXT = {
    "kb": "https://lineament.example/kb/",
    "lineament": "https://lineament.example/terms/",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
    "uco-analysis": "https://ontology.unifiedcyberontology.org/uco/analysis/",
    "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
    "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
    "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
    "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
    "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def case_graph(snapshot: Snapshot, case: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the graph of a pack; ``files`` has the digest and size of each of its files by name."""
    return _Graph(snapshot, case, files).graph()


class _Graph:
    def __init__(self, snapshot: Snapshot, case: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]) -> None:
        self._snapshot = snapshot
        self._case = case
        self._files = files
        self._nodes: dict[str, Node] = {}

    def graph(self) -> dict[str, Any]:
        """Return the graph as JSON-LD."""
        case, terms = self._snapshot.case, self._snapshot.case.terms
        agency = self._add("Organization", "agency", **{"uco-core:name": self._snapshot.agency})
        objects = [self._photograph(one) for one in self._case["probes"]]
        for disclosed, told in zip(self._snapshot.searches, self._case["searches"], strict=True):
            objects += self._search(disclosed, told, agency)
        self._add(
            "Investigation",
            "case",
            **{
                "uco-core:name": case.ref,
                "uco-core:description": [f"Offence: {terms.offence}", f"Purpose: {terms.purpose}"],
                "uco-core:object": objects,
            },
            **self._authorised(),
        )
        return {"@context": _CONTEXT, "@graph": list(self._nodes.values())}

    def _authorised(self) -> Node:
        granted = self._snapshot.case.authorisation
        if granted is None:
            return {}
        facts: Node = {
            "uco-core:description": f"{granted.authority}: {granted.outcome.value}. {granted.scope}",
            "case-investigation:authorizationType": granted.outcome.value,
        }
        name = self._add("Authorization", "authorisation", **facts)
        return {"case-investigation:relevantAuthorization": [name]}

    # ------------------------------------------------------------ photographs and searches

    def _photograph(self, told: Mapping[str, Any]) -> Node:
        """Add a photograph of the case."""
        row = told["row"]
        if row is None:
            return self._observable(f"probe {told['id']}", f"photograph {told['id']}, erased since", [])
        file = self._files.get(told["original"] or "", {})
        facets = [self._content(f"probe {told['id']}", row["sha256"], row["media_type"], file.get("bytes"))]
        return self._observable(f"probe {told['id']}", f"photograph {told['id']}, declared as: {row['kind']}", facets)

    def _search(self, disclosed: DisclosedSearch, told: Mapping[str, Any], agency: Node) -> list[Node]:
        """Add a search: an action on photographs, whose result is a list of candidates, which may be empty."""
        result, id_ = disclosed.stored.result, told["id"]
        examiner = self._add(
            "Person",
            f"examiner {disclosed.stored.examiner}",
            **{
                "uco-core:name": disclosed.stored.examiner,
            },
        )
        tool = self._add(
            "Tool",
            f"tool {result.model}",
            **{
                "uco-core:name": "Lineament",
                "uco-core:description": f"model {result.model}; pack made with Lineament {lineament.__version__}",
            },
        )
        candidates = [self._candidate(id_, one) for one in told["list"]]
        words = (
            "no candidate" if not candidates else f"{len(candidates)} candidates; a candidate is only a starting point"
        )
        watched = [] if result.watch is None else [f"Found by the watch {result.watch}, among faces enrolled since"]
        record = self._add(
            "ProvenanceRecord",
            f"list {id_}",
            **{
                "uco-core:description": f"Candidate list of the search {id_}: {words}",
                "uco-core:object": candidates,
                "case-investigation:exhibitNumber": f"{self._snapshot.case.ref}/{told['number']}",
            },
        )
        asked = [result.probe_id, *(other.probe_id for other in result.others)]
        action = self._add(
            "InvestigativeAction",
            f"search {id_}",
            **{
                "uco-core:name": f"search {told['number']}",
                "uco-core:description": [
                    f"Reason: {result.reason}",
                    f"{result.gallery_faces} faces compared, of the sources {', '.join(result.sources)}",
                    f"Mode {result.mode.value}, threshold {result.threshold!r}, at most {result.limit} entries",
                    *watched,
                    f"Ledger entry {result.ledger_entry}, commitment {disclosed.stored.commitment}",
                ],
                "uco-action:startTime": _time(result.made_at),
                "uco-action:performer": examiner,
                "uco-action:instrument": [tool],
                "uco-action:object": [_ref("ObservableObject", f"probe {one}") for one in asked],
                "uco-action:result": [record],
                "uco-action:environment": agency,
            },
        )
        return [action, record, *candidates]

    def _candidate(self, search: str, told: Mapping[str, Any]) -> Node:
        """Add a candidate: the picture that showed it, with where it was found, rank and score."""
        name = f"candidate {search} {told['rank']}"
        facets = [
            self._facet(
                "lineament:CandidateFacet",
                name,
                **{
                    "lineament:rank": told["rank"],
                    "lineament:score": _double(told["score"]),
                    "lineament:strangersExpected": _double(told["expected_false"]),
                    "lineament:erased": told["erased"],
                },
            )
        ]
        shown = told["snapshot"]
        if shown is not None:
            facets.append(self._content(name, shown["sha256"], None, None))
            facets.append(
                self._facet(
                    "uco-observable:URLFacet",
                    f"{name} address",
                    **{
                        "uco-observable:fullValue": shown["uri"],
                    },
                )
            )
        words = f"candidate {told['rank']} of the search {search}"
        return self._observable(name, words + (", whose face was erased since" if told["erased"] else ""), facets)

    # ------------------------------------------------------------ nodes

    def _observable(self, name: str, words: str, facets: Sequence[Node]) -> Node:
        return self._add("ObservableObject", name, **{"uco-core:description": words, "uco-core:hasFacet": list(facets)})

    def _content(self, name: str, sha256: str, media_type: str | None, size: int | None) -> Node:
        facts: Node = {
            "uco-observable:hash": [
                {
                    **_ref("Hash", f"{name} hash"),
                    "@type": "uco-types:Hash",
                    "uco-types:hashMethod": "SHA256",
                    "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": sha256},
                }
            ]
        }
        if media_type is not None:
            facts["uco-observable:mimeType"] = media_type
        if size is not None:
            facts["uco-observable:sizeInBytes"] = {"@type": "xsd:integer", "@value": size}
        return self._facet("uco-observable:ContentDataFacet", f"{name} content", **facts)

    @staticmethod
    def _facet(kind: str, name: str, **facts: Any) -> Node:
        types = [kind] if kind.startswith("uco-") else [kind, "uco-core:Facet"]
        return {**_ref(kind.partition(":")[2], name), "@type": types, **facts}

    def _add(self, kind: str, name: str, **facts: Any) -> Node:
        node = _ref(kind, name)
        self._nodes.setdefault(node["@id"], {**node, "@type": _TYPES[kind], **facts})
        return node


_TYPES = {
    "Investigation": "case-investigation:Investigation",
    "InvestigativeAction": "case-investigation:InvestigativeAction",
    "ProvenanceRecord": "case-investigation:ProvenanceRecord",
    "Authorization": "case-investigation:Authorization",
    "ObservableObject": "uco-observable:ObservableObject",
    "Organization": "uco-identity:Organization",
    "Person": "uco-identity:Person",
    "Tool": "uco-tool:Tool",
}


def _ref(kind: str, name: str) -> Node:
    return {"@id": f"kb:{kind}-{uuid.uuid5(_NAMESPACE, f'{kind} {name}')}"}


def _double(value: float) -> Node:
    return {"@type": "xsd:double", "@value": repr(value)}


def _time(at: datetime) -> Node:
    return {"@type": "xsd:dateTime", "@value": at.isoformat()}
