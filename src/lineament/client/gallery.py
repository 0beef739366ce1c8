"""Sources, the pictures that are sent into them in one request, and the runs that took pictures in."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lineament.client.answers import Job, Pictures, Run, RunWithRefusals, Source
from lineament.client.nouns import Noun, Transport, asked, told
from lineament.client.requests import Request, act, act_on_parts, fields_of, get, json_text, place
from lineament.client.steps import Telling, pages


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTerms:
    """The terms of a new source."""

    name: str
    controller: str
    basis: str
    jurisdiction: str
    expires: date | None = None
    retention_days: int | None = None
    page_base: str | None = None
    hosts: tuple[str, ...] = ()
    licence: str | None = None
    contact: str | None = None
    shares: Mapping[str, date | None] = field(default_factory=dict)
    """The agencies that alone may search it, each with its last day or None."""
    permission: tuple[str, bytes] | None = None
    """The document that permits it: its name and its bytes."""


class Sources(Noun[Transport]):
    """The sources that the key may see."""

    @told
    def list(self) -> Telling[Source]:
        """Yield every source, by name."""
        return pages(get(Source, place("sources")))

    @asked
    def get(self, source: str) -> Request[Source]:
        """Return a source: its terms and what it holds."""
        return get(Source, place("sources", source))

    @asked
    def add(self, terms: SourceTerms) -> Request[Source]:
        """Register a source; in an agency nothing is taken in before a second person has approved it."""
        sent = fields_of(terms)
        if terms.permission is not None:
            name, content = terms.permission
            sent["permission"] = {"name": name, "content": base64.b64encode(content).decode()}
        return act(Source, place("sources"), **sent)

    @asked
    def suspend(self, source: str) -> Request[Source]:
        """Take a source out of every search until it is resumed."""
        return act(Source, place("sources", source, "suspend"))

    @asked
    def resume(self, source: str) -> Request[Source]:
        """Let a suspended source be searched again."""
        return act(Source, place("sources", source, "resume"))

    @told
    def runs(self, source: str) -> Telling[Run]:
        """Yield the runs that took something into a source, newest first."""
        return pages(get(Run, place("sources", source, "runs")))

    @asked
    def run(self, source: str, run: int) -> Request[RunWithRefusals]:
        """Return one run: its progress, and what it refused first."""
        return get(RunWithRefusals, place("sources", source, "runs", run))

    @asked
    def crawl(self, source: str, host: str, *, path: str | None = None, notify: bool = False) -> Request[Job]:
        """Have a host crawled that the source lists, by a job; with ``notify`` web hooks are told of its end."""
        return act(Job, place("sources", source, "crawls"), host=host, path=path, notify=notify)

    @asked
    def look_again(self, source: str, *, notify: bool = False) -> Request[Job]:
        """Have the model in use look again at the pictures of a source, by a job."""
        return act(Job, place("sources", source, "second-looks"), notify=notify)

    @asked
    def enrol(
        self,
        source: str,
        pictures: Mapping[str, bytes],
        provenance: Sequence[Mapping[str, Any] | None] | None = None,
    ) -> Request[Pictures]:
        """Take pictures in, at most 100 and 64 MiB by one request, and return what became of each, in their order.

        ``pictures`` has the bytes of each under its name; ``provenance`` says of each where it is from (uri, page_uri,
        page_title, captured_at, licence).
        """
        texts = None if provenance is None else {"provenance": json_text(list(provenance))}
        files = [("picture", (name, content)) for name, content in pictures.items()]
        return act_on_parts(Pictures, place("sources", source, "pictures"), files, texts=texts)
