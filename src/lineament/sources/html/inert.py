"""A stranger's page as text through which nothing in it can act: no links, styles, forms, pictures or frames.

What is shown is written anew from the tags and the text that libxml2 (lxml) reports: elements of a short list, without
any attribute, around escaped text. The addresses that the page names are shown as text.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from html import escape

from lxml import etree

from lineament.sources.html.pages import MOST_PIECES, MOST_TAGS

MOST_CHARACTERS = 2**22
"""Characters of one page that are shown."""
LONGEST_ADDRESS = 1000
"""Characters of an address that are shown."""
SHOWN = frozenset(
    {"article", "aside", "blockquote", "caption", "dd", "div", "dl", "dt", "figcaption", "figure", "footer", "h1", "h2"}
    | {"h3", "h4", "h5", "h6", "header", "li", "main", "nav", "ol", "p", "pre", "section", "ul"}
    | {"table", "tbody", "td", "tfoot", "th", "thead", "tr"}
    | {"abbr", "b", "cite", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "samp", "small", "strong", "sub"}
    | {"sup", "u", "var"}
)
"""Elements that are kept, without their attributes."""
_EMPTY = frozenset({"br", "hr"})
_SILENT = frozenset({"script", "style", "template", "title", "noembed", "noframes"})
_NAMED = {
    **dict.fromkeys(("a", "area", "image"), "href"),
    **dict.fromkeys(("audio", "embed", "frame", "iframe", "img", "source", "track", "video"), "src"),
    "object": "data",
    "form": "action",
}
"""The attribute that names an address, of the elements that do."""
_WORDS = {"img": "picture", "image": "picture", "area": "link", "a": "link", "form": "form to"}
_TURNS = frozenset(chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Controls that write text backwards (UAX 9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InertPage:
    """A page as it may be shown."""

    html: str  # of SHOWN elements without attributes
    whole: bool  # False if it is longer than what is shown


def inert(untrusted_html: str) -> InertPage:
    """Return a page as it may be shown; one that cannot be parsed is shown as far as possible."""
    writer = _Writer()
    parser = etree.HTMLParser(target=writer, encoding="utf-8", no_network=True, recover=True, huge_tree=True)
    whole = True
    try:
        with suppress(etree.LxmlError):  # what came before is shown
            etree.fromstring(untrusted_html.encode("utf-8", "replace"), parser)
    except _TooLongError:
        whole = False
    return InertPage(html="".join(writer.parts), whole=whole)


class _TooLongError(Exception):
    """The page is longer than what is shown."""


class _Writer:
    """The target of the parser: writes the page anew."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._size = self._events = 0
        self._silent = 0  # elements around this one whose text is not shown

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count(MOST_TAGS)
        if tag in _SILENT:
            self._silent += 1
        elif tag in SHOWN or tag in _EMPTY:
            self.parts.append(f"<{tag}>")
        if tag != "a":
            self._describe(tag, attributes)
        elif attributes.get("href"):
            self._text(f"[{_address(attributes['href'])}] ")

    def end(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in SHOWN:
            self.parts.append(f"</{tag}>")

    def data(self, text: str) -> None:
        self._count(MOST_PIECES)
        if not self._silent:
            self._text(text)

    def close(self) -> None:
        """Return nothing; ``parts`` has the result."""

    def _describe(self, tag: str, attributes: dict[str, str]) -> None:
        """Write what the page names, as text."""
        named = attributes.get(_NAMED.get(tag, "")) or attributes.get("xlink:href" if tag == "image" else "")
        words = [attributes.get(name) or "" for name in ("alt", "placeholder") if attributes.get(name)]
        if tag == "input" and attributes.get("type", "").lower() != "hidden":
            words.append(attributes.get("value") or "")
        if named:
            words.append(_address(named))
        if tag in _NAMED and words:
            words.insert(0, _WORDS.get(tag, tag))
        if text := " · ".join(filter(None, words)):
            self._text(f" [{text}] ")

    def _text(self, text: str) -> None:
        self._size += len(text)
        if self._size > MOST_CHARACTERS:
            raise _TooLongError
        self.parts.append(escape(_without_turns(text)))

    def _count(self, most: int) -> None:
        self._events += 1
        if self._events > most:
            raise _TooLongError


def _address(untrusted: str) -> str:
    text = " ".join(untrusted.split())
    return text if len(text) <= LONGEST_ADDRESS else f"{text[:LONGEST_ADDRESS]}…"


def _without_turns(text: str) -> str:
    """Return a text in which the controls that write it backwards are shown, as [U+202E]."""
    if _TURNS.isdisjoint(text):
        return text
    return "".join(f"[U+{ord(char):04X}]" if char in _TURNS else char for char in text)
