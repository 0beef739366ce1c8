"""The pictures that a page shows: their addresses, their alternative text and the text around them.

libxml2 (lxml) reads the HTML as a stream of tags, without building a tree: time is linear however deep it is nested,
and memory is small. Nothing is fetched and no script runs.
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
from lineament.sources.html.embedded import addresses_in, mentions_data, nested_in
from lineament.sources.permission.reservations import META
from lineament.sources.provenance import LONGEST_TEXT, one_line

LARGEST_PAGE = 2**25
"""Most bytes of HTML."""
MOST_LINKS = 2000
"""Pictures of one page."""
MOST_EMBEDDED = 20_000
"""“data:” addresses of one page."""
MOST_TAGS = 500_000
"""Elements of one page that are read."""
MOST_PIECES = 2 * MOST_TAGS
"""Pieces of text of one page: the parser reports bytes that are not text, such as zeros, one at a time."""
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
_SETS = ("srcset", "data-srcset", "data-lazy-srcset", "imagesrcset")
_SOURCES = ("src", "data-src", "data-original", "data-lazy-src", "data-lazy", "href", "xlink:href")
_STYLED = re.compile(r"url\(\s*(?:\"([^\"]{1,4096})\"|'([^']{1,4096})'|([^\s\"'()]{1,4096}))\s*\)", re.IGNORECASE)
_META_IMAGES = frozenset({"og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"})
_RESERVATIONS = META | {"x-robots-tag"}  # which is a header, but forbids following links wherever it stands
_META_CHARSET = re.compile(rb"<meta[^>]{0,256}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_CANDIDATE = re.compile(r"[\s,]*+(\S++)")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(slots=True)
class Link:
    """A picture on a page."""

    uri: str  # absolute, as uri_key() writes it
    words: str | None  # its alternative text and the text around it, one line


@dataclass(slots=True)
class Embedded:
    """A picture, or something else, that a page holds as a “data:” address."""

    data: str  # the address; the URL standard, not RFC 2397, says what browsers accept
    words: str | None


@dataclass(slots=True)
class Page:
    """The content of a page."""

    title: str | None = None
    links: list[Link] = field(default_factory=list)
    embedded: list[Embedded] = field(default_factory=list)  # each once, in the order of the page
    more: int = 0  # links beyond MOST_LINKS
    more_embedded: int = 0  # addresses beyond MOST_EMBEDDED
    cut: bool = False  # it has more than MOST_TAGS elements or MOST_PIECES of text, and the rest was not read
    meta: list[tuple[str, str]] = field(default_factory=list)  # name and content of what may be a reservation


def charset_of(html: bytes, declared: str | None) -> str:
    """Return the encoding of a page: by its byte order mark, its header, its meta element, or its bytes."""
    for mark, name in _BOMS:
        if html.startswith(mark):
            return name
    within = _META_CHARSET.search(html, 0, 4096)
    for label in (declared, within[1].decode("ascii", "replace") if within else None):
        known = _codec(label)
        if known is not None:
            return "utf-8" if within is not None and known.startswith("utf-16") else known
    try:
        html.decode()
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def _codec(name: str | None) -> str | None:
    """Return the name of a text encoding as browsers interpret it; None if Python does not know it."""
    if not name or len(name) > 40:
        return None
    try:
        found = codecs.lookup(name.strip("\"' "))
    except (LookupError, ValueError):
        return None
    if not found._is_text_encoding:  # noqa: SLF001 - there is no public attribute
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


def to_utf8(html: bytes, charset: str) -> bytes:
    """Return a page in UTF-8; what is invalid in another encoding is replaced."""
    return html if charset == "utf-8" else html.decode(charset, "replace").encode("utf-8", "replace")


def parse_page(html: bytes, charset: str, uri: str) -> Page:
    """Read the page at ``uri``; one that cannot be parsed is read as far as possible."""
    return PageParser().page(html, charset, uri)


class PageParser:
    """Reads pages one after the other with one parser, because creating it takes as long as reading a short page."""

    def __init__(self) -> None:
        self._tags = _Tags()
        self._parser = etree.HTMLParser(
            target=self._tags, encoding="utf-8", no_network=True, recover=True, huge_tree=True
        )  # the size of a page is limited already

    def page(self, html: bytes, charset: str, uri: str) -> Page:
        """Do as ``parse_page``."""
        text = to_utf8(html, charset)
        self._tags.begin(uri, embeds=mentions_data(text))
        with suppress(etree.LxmlError, _TooManyTagsError):  # what came before counts
            etree.fromstring(text, self._parser)
        return self._tags.page()


def embedded_in(text: bytes, charset: str) -> tuple[list[Embedded], int]:
    """Return the “data:” addresses in a text that is no page, each once, and how many there are beyond the most."""
    found: dict[str, None] = {}
    more = 0
    for uri in addresses_in(to_utf8(text, charset).decode("utf-8", "replace")):
        for each in (uri, *nested_in(uri, LARGEST_PAGE)):
            if each in found or len(found) < MOST_EMBEDDED:
                found[each] = None
            else:
                more += 1
    return [Embedded(uri, None) for uri in found], more


class _TooManyTagsError(Exception):
    """The page has more elements than are read."""


@dataclass(slots=True)
class _PictureReference:
    """A picture, and its place in the text of the page."""

    uri: str
    alt: str | None
    at: int  # pieces of text before it; -1 if only the head names it


class _Tags:
    """The target of the parser: collects what the tags of a page say."""

    def __init__(self) -> None:
        self.begin("")

    def begin(self, uri: str, *, embeds: bool = False) -> None:
        """Start a new page, at ``uri``; ``embeds``: it may hold “data:” addresses."""
        self._base = uri
        self._based = False
        self._tags = self._pieces = 0
        self._silent = 0
        self._title: list[str] | None = None
        self._titled = ""
        self._text: list[str] = []
        self._add_text = self._text.append  # where text goes now
        self._seen: dict[str, _PictureReference] = {}
        self._embeds = embeds
        self._embedded: dict[str, _PictureReference] = {}
        self._unshown: list[str] = []  # of scripts and styles
        self._more = self._more_embedded = 0
        self._meta: list[tuple[str, str]] = []

    # ------------------------------------------------------------ called by the parser

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._tags += 1
        if self._tags > MOST_TAGS:
            raise _TooManyTagsError
        if tag not in _INLINE:
            self._text.append(" ")
        if tag in _HANDLERS:
            _HANDLERS[tag](self, attributes)
        if "style" in attributes:
            for found in _STYLED.finditer(attributes["style"]):
                if (uri := found[1] or found[2] or found[3])[:5].lower() != "data:":  # which are found by themselves
                    self._add(uri, attributes.get("title"), len(self._text))
        if "background" in attributes:
            self._add(attributes["background"], attributes.get("title"), len(self._text))
        if self._embeds:
            self._embed_from(attributes)

    def end(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent -= self._silent > 0
            self._redirect_text()
        elif tag == "title" and self._title is not None:
            self._titled, self._title = "".join(self._title), None
            self._redirect_text()

    def data(self, text: str) -> None:
        self._pieces += 1
        if self._pieces > MOST_PIECES:
            raise _TooManyTagsError
        self._add_text(text)

    def comment(self, text: str) -> None:
        if self._embeds:
            self._unshown.append(f" {text} ")

    def close(self) -> None:
        """Return nothing; ``page`` gives the result."""

    def _redirect_text(self) -> None:
        into = self._text if self._title is None else self._title
        if self._silent and self._title is None:
            self._add_text = self._unshown.append if self._embeds else _discard
        else:
            self._add_text = into.append

    # ------------------------------------------------------------ the elements

    def _on_silent(self, _: dict[str, str]) -> None:
        self._silent += 1
        self._redirect_text()

    def _on_title(self, _: dict[str, str]) -> None:
        if not self._titled:
            self._title = []
            self._redirect_text()

    def _on_base(self, attributes: dict[str, str]) -> None:
        if not self._based and "href" in attributes:
            self._based = True
            self._base = absolute(self._base, attributes["href"]) or self._base

    def _on_meta(self, attributes: dict[str, str]) -> None:
        name = (attributes.get("name") or attributes.get("property") or "").strip().lower()
        content = attributes.get("content") or ""
        if name in _META_IMAGES:
            self._add(content, None, -1)
        elif name in _RESERVATIONS:
            self._meta.append((name, content))

    def _on_image(self, attributes: dict[str, str]) -> None:
        alt = attributes.get("alt") or attributes.get("title")
        for name in _SOURCES:
            if name in attributes:
                self._add(attributes[name], alt, len(self._text))
        for name in _SETS:
            if name in attributes:
                for uri in srcset(attributes[name]):
                    self._add(uri, alt, len(self._text))

    def _on_video(self, attributes: dict[str, str]) -> None:
        for name in ("poster", "src"):
            if name in attributes:
                self._add(attributes[name], attributes.get("title"), len(self._text))

    def _on_object(self, attributes: dict[str, str]) -> None:
        self._add(attributes.get("data") or "", attributes.get("title"), len(self._text))

    def _on_link(self, attributes: dict[str, str]) -> None:
        href = attributes.get("href") or ""
        if href.partition("?")[0].partition("#")[0].lower().endswith(PICTURES):
            self._add(href, attributes.get("title"), len(self._text))

    def _on_head_link(self, attributes: dict[str, str]) -> None:
        rel = (attributes.get("rel") or "").strip().lower()
        if rel == "image_src" or (rel == "preload" and (attributes.get("as") or "").lower() == "image"):
            for uri in (attributes.get("href") or "", *srcset(attributes.get("imagesrcset") or "")):
                self._add(uri, None, -1)

    def _add(self, uri: str, alt: str | None, at: int) -> None:
        if self._embeds and uri.lstrip()[:5].lower() == "data:":
            self._remember(self._embedded, uri.strip(), alt, at, MOST_EMBEDDED)
            for inner in nested_in(uri.strip(), LARGEST_PAGE):
                self._remember(self._embedded, inner, alt, at, MOST_EMBEDDED)
        elif (found := absolute(self._base, uri)) is not None:
            self._remember(self._seen, found, alt, at, MOST_LINKS)

    def _embed_from(self, attributes: dict[str, str]) -> None:
        """Add what the attributes of an element embed, whatever they are called."""
        for name, value in attributes.items():
            if name in _SETS:  # read with the others
                continue
            if value[:5].lower() == "data:":
                self._add(value, attributes.get("title"), len(self._text))
            elif "data" in value:
                self._embed_all(value, attributes.get("title"), len(self._text))

    def _embed_all(self, text: str, alt: str | None, at: int) -> None:
        """Add every “data:” address in a piece of CSS or of a script."""
        for uri in addresses_in(text):
            self._remember(self._embedded, uri, alt, at, MOST_EMBEDDED)
            for inner in nested_in(uri, LARGEST_PAGE):
                self._remember(self._embedded, inner, alt, at, MOST_EMBEDDED)

    def _remember(self, seen: dict[str, _PictureReference], uri: str, alt: str | None, at: int, most: int) -> None:
        before = seen.get(uri)
        if before is None:
            if len(seen) < most:
                seen[uri] = _PictureReference(uri, alt, at)
            elif seen is self._embedded:
                self._more_embedded += 1
            else:
                self._more += 1
        elif before.alt is None and (alt or before.at < 0):
            before.alt, before.at = alt, at if before.at < 0 else before.at

    def page(self) -> Page:
        """Return everything that was collected."""
        title = one_line(self._titled)
        text, ends = "".join(self._text), [0, *accumulate(map(len, self._text))]
        links = [Link(picture.uri, _words(picture, text, ends)) for picture in self._seen.values()]
        if self._embeds:
            self._embed_all("".join(self._unshown), None, -1)
            self._embed_all(text, None, -1)
        embedded = [Embedded(picture.uri, _words(picture, text, ends)) for picture in self._embedded.values()]
        return Page(
            title=title,
            links=links,
            embedded=embedded,
            more=self._more,
            more_embedded=self._more_embedded,
            cut=self._tags > MOST_TAGS or self._pieces > MOST_PIECES,
            meta=self._meta,
        )


_HANDLERS: dict[str, Callable[[_Tags, dict[str, str]], None]] = {
    **dict.fromkeys(_SILENT, _Tags._on_silent),  # noqa: SLF001 - its own
    "title": _Tags._on_title,  # noqa: SLF001
    "img": _Tags._on_image,  # noqa: SLF001
    "source": _Tags._on_image,  # noqa: SLF001
    "image": _Tags._on_image,  # noqa: SLF001
    "input": _Tags._on_image,  # noqa: SLF001
    "embed": _Tags._on_image,  # noqa: SLF001
    "object": _Tags._on_object,  # noqa: SLF001
    "a": _Tags._on_link,  # noqa: SLF001
    "area": _Tags._on_link,  # noqa: SLF001
    "link": _Tags._on_head_link,  # noqa: SLF001
    "meta": _Tags._on_meta,  # noqa: SLF001
    "base": _Tags._on_base,  # noqa: SLF001
    "video": _Tags._on_video,  # noqa: SLF001
}


def _discard(_: str) -> None:
    """Drop text that is not shown on the page."""


def _words(picture: _PictureReference, text: str, ends: list[int]) -> str | None:
    """Return the words around a picture; ``ends[n]`` is the length of the first ``n`` pieces of text."""
    at = -1 if picture.at < 0 else ends[picture.at]
    around = "" if at < 0 else text[max(at - AROUND, 0) : at + AROUND]
    return one_line(f"{(picture.alt or '')[:LONGEST_TEXT]} {around}")


def srcset(value: str) -> Iterator[str]:
    """Yield the addresses in a srcset, which may contain commas."""
    at = 0
    if "data:" not in value:
        value = value[: 2**16]
    for _ in range(64):
        found = _CANDIDATE.match(value, at)
        if found is None:
            return
        at = found.end()
        uri = found[1].rstrip(",")
        if uri == found[1]:  # followed by its width or density
            comma = value.find(",", at)
            at = len(value) if comma < 0 else comma
        if uri:
            yield uri
