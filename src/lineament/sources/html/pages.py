"""What a page says of the pictures that it shows: where they are, their alternative text and the text around.

The HTML is read by libxml2 (lxml) as a stream of tags, without a tree: linear in time however it is nested, and
little memory. Nothing is fetched and nothing is run.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate

from lxml import etree

from lineament.sources.addresses import absolute
from lineament.sources.provenance import LONGEST_TEXT, one_line

LARGEST_PAGE = 2**24
"""Bytes of HTML."""
MOST_LINKS = 2000
"""Pictures of one page."""
MOST_TAGS = 500_000
"""Elements of one page that are looked at."""
MOST_PIECES = 2 * MOST_TAGS
"""Pieces of text of one page: what is no text, such as zeros, comes one by one, each larger than it was."""
AROUND = 160
"""Characters of text before and after a picture."""
PICTURES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif"),
    *(".tif", ".tiff", ".bmp", ".gif", ".jp2", ".j2k", ".jpx"),
)
"""Endings of the paths of pictures that a page links to."""

_SILENT = frozenset({"script", "style", "template", "noembed", "noframes", "textarea"})
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "ins", "kbd", "mark", "q", "s", "small", "span"}
    | {"strong", "sub", "sup", "u", "wbr"}
)
_META_IMAGES = frozenset({"og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"})
_META_CHARSET = re.compile(rb"<meta[^>]{0,256}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_CANDIDATE = re.compile(r"[\s,]*+(\S++)")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(slots=True)
class Link:
    """A picture on a page."""

    uri: str  # absolute, as uri_key() writes it
    words: str | None  # its alternative text and the text around it, one line


@dataclass(slots=True)
class Page:
    """What is kept of a page."""

    title: str | None = None
    links: list[Link] = field(default_factory=list)
    meta: list[tuple[str, str]] = field(default_factory=list)  # name and content, where they may reserve something


def charset_of(html: bytes, declared: str | None) -> str:
    """The encoding of a page: by its byte order mark, its header, its meta element, or else by its bytes."""
    for mark, name in _BOMS:
        if html.startswith(mark):
            return name
    within = _META_CHARSET.search(html, 0, 4096)
    for said in (declared, within[1].decode("ascii", "replace") if within else None):
        known = _codec(said)
        if known is not None:
            return "utf-8" if within is not None and known.startswith("utf-16") else known
    try:
        html.decode()
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def _codec(name: str | None) -> str | None:
    """A text encoding that Python knows, as browsers take it; None where it is none."""
    if not name or len(name) > 40:
        return None
    try:
        found = codecs.lookup(name.strip("\"' "))
    except (LookupError, ValueError):
        return None
    if not found._is_text_encoding:  # noqa: SLF001 - there is no public way to ask
        return None
    if found.name in {
        "idna",
        "punycode",
        "unicode_escape",
        "raw-unicode-escape",
        "unicode-escape",
        "utf-7",
        "undefined",
    }:
        return None
    return "windows-1252" if found.name in {"iso8859-1", "ascii"} else found.name


def parse_page(html: bytes, charset: str, uri: str) -> Page:
    """What the page at ``uri`` says; a page that cannot be parsed says as much as could be read of it."""
    return PageParser().page(html, charset, uri)


class PageParser:
    """Reads pages one after the other: its parser is made once, which takes as long as a short page."""

    def __init__(self) -> None:
        self._tags = _Tags()
        self._parser = etree.HTMLParser(target=self._tags, encoding="utf-8", no_network=True, recover=True)

    def page(self, html: bytes, charset: str, uri: str) -> Page:
        """As ``parse_page``."""
        if charset != "utf-8":
            html = html.decode(charset, "replace").encode("utf-8", "replace")
        self._tags.begin(uri)
        with suppress(etree.LxmlError, _TooManyTagsError):  # what came before counts
            etree.fromstring(html, self._parser)
        return self._tags.page()


class _TooManyTagsError(Exception):
    """The page has more elements than are looked at."""


@dataclass(slots=True)
class _Seen:
    """A picture, and where it stands in the text of the page."""

    uri: str
    alt: str | None
    at: int  # pieces of text before it; -1 for one that only the head names


class _Tags:
    """Takes the tags of a page one by one."""

    def __init__(self) -> None:
        self.begin("")

    def begin(self, uri: str) -> None:
        """A new page, at ``uri``."""
        self._base = uri
        self._based = False
        self._tags = self._pieces = 0
        self._silent = 0
        self._title: list[str] | None = None
        self._titled = ""
        self._text: list[str] = []
        self._heard = self._text.append  # where text goes now
        self._seen: dict[str, _Seen] = {}
        self._meta: list[tuple[str, str]] = []

    # ------------------------------------------------------------ called by the parser

    def start(self, tag: str, said: dict[str, str]) -> None:
        self._tags += 1
        if self._tags > MOST_TAGS:
            raise _TooManyTagsError
        if tag not in _INLINE:
            self._text.append(" ")
        if tag in _HANDLERS:
            _HANDLERS[tag](self, said)

    def end(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent -= self._silent > 0
            self._listen()
        elif tag == "title" and self._title is not None:
            self._titled, self._title = "".join(self._title), None
            self._listen()

    def data(self, text: str) -> None:
        self._pieces += 1
        if self._pieces > MOST_PIECES:
            raise _TooManyTagsError
        self._heard(text)

    def close(self) -> None:
        """Nothing is made; ``page`` is asked afterwards."""

    def _listen(self) -> None:
        into = self._text if self._title is None else self._title
        self._heard = _nowhere if self._silent and self._title is None else into.append

    # ------------------------------------------------------------ the elements

    def _on_silent(self, _: dict[str, str]) -> None:
        self._silent += 1
        self._listen()

    def _on_title(self, _: dict[str, str]) -> None:
        if not self._titled:
            self._title = []
            self._listen()

    def _on_base(self, said: dict[str, str]) -> None:
        if not self._based and "href" in said:
            self._based = True
            self._base = absolute(self._base, said["href"]) or self._base

    def _on_meta(self, said: dict[str, str]) -> None:
        name = (said.get("name") or said.get("property") or "").strip().lower()
        content = said.get("content") or ""
        if name in _META_IMAGES:
            self._add(content, None, -1)
        elif name and len(self._meta) < 64:
            self._meta.append((name, content))

    def _on_image(self, said: dict[str, str]) -> None:
        alt = said.get("alt") or said.get("title")
        for name in ("src", "data-src", "data-original", "href", "xlink:href"):
            if name in said:
                self._add(said[name], alt, len(self._text))
        for name in ("srcset", "data-srcset"):
            if name in said:
                for uri in srcset(said[name]):
                    self._add(uri, alt, len(self._text))

    def _on_video(self, said: dict[str, str]) -> None:
        if "poster" in said:
            self._add(said["poster"], said.get("title"), len(self._text))

    def _on_link(self, said: dict[str, str]) -> None:
        href = said.get("href") or ""
        if href.partition("?")[0].partition("#")[0].lower().endswith(PICTURES):
            self._add(href, said.get("title"), len(self._text))

    def _on_head_link(self, said: dict[str, str]) -> None:
        if (said.get("rel") or "").strip().lower() == "image_src":
            self._add(said.get("href") or "", None, -1)

    def _add(self, uri: str, alt: str | None, at: int) -> None:
        found = absolute(self._base, uri)
        if found is None:
            return
        before = self._seen.get(found)
        if before is None:
            if len(self._seen) < MOST_LINKS:
                self._seen[found] = _Seen(found, alt, at)
        elif before.alt is None and (alt or before.at < 0):
            before.alt, before.at = alt, at if before.at < 0 else before.at

    def page(self) -> Page:
        """All that was seen."""
        title = one_line(self._titled)
        text, ends = "".join(self._text), [0, *accumulate(map(len, self._text))]
        links = [Link(one.uri, _words(one, text, ends)) for one in self._seen.values()]
        return Page(title=title, links=links, meta=self._meta)


_HANDLERS: dict[str, Callable[[_Tags, dict[str, str]], None]] = {
    **dict.fromkeys(_SILENT, _Tags._on_silent),  # noqa: SLF001 - its own
    "title": _Tags._on_title,  # noqa: SLF001
    "img": _Tags._on_image,  # noqa: SLF001
    "source": _Tags._on_image,  # noqa: SLF001
    "image": _Tags._on_image,  # noqa: SLF001
    "a": _Tags._on_link,  # noqa: SLF001
    "area": _Tags._on_link,  # noqa: SLF001
    "link": _Tags._on_head_link,  # noqa: SLF001
    "meta": _Tags._on_meta,  # noqa: SLF001
    "base": _Tags._on_base,  # noqa: SLF001
    "video": _Tags._on_video,  # noqa: SLF001
}


def _nowhere(_: str) -> None:
    """Where text goes that nobody reads on the page."""


def _words(one: _Seen, text: str, ends: list[int]) -> str | None:
    """``ends``: characters of text after so many of its pieces."""
    at = -1 if one.at < 0 else ends[one.at]
    around = "" if at < 0 else text[max(at - AROUND, 0) : at + AROUND]
    return one_line(f"{(one.alt or '')[:LONGEST_TEXT]} {around}")


def srcset(value: str) -> Iterator[str]:
    """The addresses in a srcset, of which each may have commas in it."""
    value, at = value[: 2**16], 0
    for _ in range(64):
        found = _CANDIDATE.match(value, at)
        if found is None:
            return
        at = found.end()
        uri = found[1].rstrip(",")
        if uri == found[1]:  # its width or density follows
            comma = value.find(",", at)
            at = len(value) if comma < 0 else comma
        if uri:
            yield uri
