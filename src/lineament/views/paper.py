"""Reports as PDF/UA and PDF/A: what they say as blocks, which Typst lays out (``paper.typ``).

The same blocks give the same bytes. Everything is set as it is, and never read as markup.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typst import Fonts

LAYOUT = Path(__file__).parent / "paper.typ"
_FIRST, _CJK = "Noto Sans", "Noto Sans CJK SC"
UNWRITTEN = (
    "The typefaces of this PDF lack some of the letters used; they are written as their numbers in Unicode, such as "
    "<U+13000>. The report as a web page shows them."
)
LONGEST_WHOLE = 2500
"""Letters up to which a block of lines stays on one page."""
_BREAKS = re.compile(r"(?<=[/?&=_.,;:-])(?=[^\s/])")
_WORD = re.compile(r"\S{24,}")
_RUN = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A line of text; ``tone`` is plain, quiet, small or strong."""

    text: str
    tone: str = "plain"
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture, JPEG; without one, the words in its place."""

    jpeg: bytes | None
    alt: str
    caption: str = ""
    none: str = "erased"


@dataclass(slots=True)
class Sheets:
    """A report that is being composed."""

    title: str
    author: str
    foot: str
    at: datetime  # written
    unwritten: bool = False  # whether a letter was missing
    _blocks: list[dict[str, Any]] = field(default_factory=list)
    _pictures: list[bytes] = field(default_factory=list)

    def heading(self, text: str, level: int = 2) -> None:
        """Add a heading; the title has level 1."""
        self._add("title" if level == 1 else "heading", text=text, level=level)

    def caution(self, text: str) -> None:
        """Add a warning."""
        self._add("caution", text=text)

    def paragraph(self, text: str, *, quiet: bool = False) -> None:
        """Add a paragraph."""
        self._add("paragraph", **_line(Said(text=text, tone="quiet" if quiet else "plain")))

    def facts(self, rows: Iterable[tuple[str, str]], picture: Shown | None = None) -> None:
        """Add names and values, beside a picture if there is one."""
        listed = [list(row) for row in rows]
        if picture is None:
            self._add("rows", rows=listed)
        else:
            self._add("head", rows=listed, picture=self._picture(picture))

    def item(self, picture: Shown, lines: Sequence[Said]) -> None:
        """Add a picture with lines beside it; they stay on one page if they fit."""
        whole = sum(len(line.text) for line in lines) <= LONGEST_WHOLE
        said = [_line(line) for line in lines]
        self._add("item", picture=self._picture(picture), lines=said, breakable=not whole)

    def pair(self, left: Shown, right: Shown) -> None:
        """Add two pictures side by side, of the same size."""
        self._add("pair", left=self._picture(left), right=self._picture(right))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> None:
        """Add a table; ``widths`` are the shares of its columns."""
        self._add("table", head=list(head), rows=[list(row) for row in rows], widths=list(widths))

    def pdf(self) -> bytes:
        """Return the PDF."""
        from typst import TypstError

        try:
            return self._compiled(_has)
        except TypstError:  # a typeface has a letter and not its combination: only plain letters are set then
            return self._compiled(_has_plain)

    # ------------------------------------------------------------ composing

    def _add(self, kind: str, **facts: Any) -> None:
        self._blocks.append({"kind": kind, **facts})

    def _picture(self, shown: Shown) -> dict[str, Any]:
        number = None
        if shown.jpeg is not None:
            self._pictures.append(shown.jpeg)
            number = len(self._pictures) - 1
        return {"jpeg": number, "alt": shown.alt, "caption": shown.caption, "none": shown.none}

    def _compiled(self, has: Callable[[str], bool]) -> bytes:
        import typst

        self.unwritten = False
        said = {
            "title": self._written(self.title, has),
            "author": self._written(self.author, has),
            "foot": self._written(self.foot, has),
            "blocks": self._spelled(self._blocks, has),
            "pictures": [list(jpeg) for jpeg in self._pictures],
            "fonts": _families(),
        }
        if self.unwritten:
            note = {"kind": "paragraph", **_line(Said(text=UNWRITTEN, tone="quiet"))}
            said["blocks"] = [*said["blocks"], self._spelled(note, has)]
        pdf = typst.compile(
            LAYOUT.read_bytes(),
            font_paths=_fonts(),
            sys_inputs={"paper": json.dumps(said)},
            format="pdf",
            pdf_standards=["ua-1", "a-2a"],  # a screen reader reads it, and an archive keeps it
            timestamp=int(self.at.timestamp()),
        )
        return bytes(pdf)

    def _spelled(self, value: Any, has: Callable[[str], bool], key: str = "") -> Any:
        """Return a block with its texts in letters that the typefaces have."""
        if isinstance(value, dict):
            return {name: self._spelled(inner, has, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._spelled(inner, has, key) for inner in value]
        if isinstance(value, str) and key not in {"kind", "tone", "link"}:
            return _breakable(self._written(value, has))
        return value

    def _written(self, text: str, has: Callable[[str], bool]) -> str:
        """Return a text on one line, in letters that the typefaces have; others as <U+13000>."""
        return "".join(self._letter(letter, has) for letter in text)

    def _letter(self, letter: str, has: Callable[[str], bool]) -> str:
        if not letter.isprintable():
            return " "
        if has(letter):
            return letter
        self.unwritten = True
        return f"<U+{ord(letter):04X}>"


def _line(said: Said) -> dict[str, Any]:
    link = said.link if said.link is not None and said.link.isascii() and said.link.isprintable() else None
    return {"text": said.text, "tone": said.tone, "link": link}


def _breakable(text: str) -> str:
    """Return a text in which a long word, such as an address, may be broken."""
    return _WORD.sub(lambda found: "\u200b".join(_pieces(found.group())), text)


def _pieces(word: str) -> Iterator[str]:
    for part in _BREAKS.split(word):
        yield from (part[start : start + _RUN] for start in range(0, len(part), _RUN))


@cache
def _folders() -> list[Path]:
    import manimgx_fonts
    import manimgx_fonts_cjk

    return [Path(str(package.__file__)).parent for package in (manimgx_fonts, manimgx_fonts_cjk)]


@cache
def _fonts() -> Fonts:
    import typst

    folders = [str(folder) for folder in _folders()]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)


@cache
def _families() -> list[str]:
    """Return the names of the typefaces in the order in which a letter is looked for."""
    scripts = sorted(name for name in _fonts().families() if name.startswith(f"{_FIRST} ") and "CJK" not in name)
    return [_FIRST, *scripts, _CJK]


@cache
def _has(letter: str) -> bool:
    """Return whether a typeface has a letter."""
    paths = [path for folder in _folders() for path in sorted(folder.glob("NotoSans*.tt[fc]"))]
    return any(ord(letter) in _letters(path) for path in paths)  # the large ones last, which take long to read


@cache
def _letters(path: Path) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(path, fontNumber=0, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _has_plain(letter: str) -> bool:
    return unicodedata.category(letter)[0] not in "MC" and _has(letter)
