"""Reads a text as a person does: without what is invisible, and whatever letters it is disguised in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

UNKNOWN: Final = "\N{LATIN LETTER ALVEOLAR CLICK}"
"""Stands in a folded word for a letter of a script that nobody folds, and is taken for any letter."""

_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Fillers and the empty Braille pattern, which Unicode counts as letters or symbols."""
_DROPPED = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me"})
"""Categories without a shape of their own: control and format characters, unassigned code points, marks on letters."""
_THIN = str.maketrans(dict.fromkeys("\u2005\u2006\u2009\u200a\u202f\u205f", "-"))
"""Blanks that are hardly seen inside a word are read as hyphens are."""
_AS_LETTERS = str.maketrans("|@$!€", "lasie")
_INSIDE_WORDS = re.compile(r"(?<=\w)[|@$!€](?=\w)")
_MIXED = re.compile(r"\w*[a-z]\w*|\b\w\b")
_NOT_LATIN = re.compile(r"[^\W0-9a-z]")
_SPELT = re.compile(r"(?<!\w)\w(?: \w){3,}(?!\w)")
_ALIKE = str.maketrans("l14035789", "iiaoestbg")


def says_something(text: str) -> bool:
    """Return whether a text holds at least one letter or digit that can be seen."""
    return any(unicodedata.category(letter)[0] in "LN" and letter not in _INVISIBLE_LETTERS for letter in text)


def folded(text: str) -> tuple[str, str]:
    """Return two readings of a text in small letters without accents, its words separated by single blanks.

    Look-alikes of other scripts become the letters that they look like (decancer, which knows 95 % of the look-alikes
    of Latin letters that Unicode lists). A letter of another script in a Latin word, or alone, becomes ``UNKNOWN``.
    Punctuation separates words in the first reading, and is dropped inside words in the second.
    """
    from decancer_py import parse

    shaped = _shapes(text).replace("ß", "ss")  # without accents: decancer reads some accented letters as others
    plain = _shapes(str(parse(shaped, disable_bidi=True)).casefold()).replace("_", "-")
    plain = _INSIDE_WORDS.sub(lambda found: found.group().translate(_AS_LETTERS), plain)
    plain = _MIXED.sub(lambda found: _NOT_LATIN.sub(UNKNOWN, found.group()), plain)
    apart = " ".join(re.sub(r"[^\w\s]", " ", plain).split())
    joined = " ".join(re.sub(r"[^\w\s]", "", plain).split())
    return _SPELT.sub(lambda found: found.group().replace(" ", ""), apart), joined


def alike(words: str) -> str:
    """Return folded words with the letters and digits made one that are taken for each other: 1 and l are i."""
    return words.replace("rn", "m").replace("vv", "w").translate(_ALIKE)


def pattern(written: str, *, unknown: bool = False) -> re.Pattern[str]:
    """Compile a regular expression in small letters, to be searched in folded texts that ``alike`` returned.

    It is found at the beginning of a word. ä, ö and ü also stand for ae, oe and ue. With ``unknown`` every letter also
    stands for ``UNKNOWN``, which takes long to compile.
    """
    expanded = _LETTER.sub(_expand_unknown if unknown else _expand, written)
    return re.compile(rf"\b(?:{expanded or '(?!)'})")


def words_found(searched_for: re.Pattern[str], reading: str) -> Iterator[str]:
    """Yield the whole words of a folded text in which a pattern is found."""
    searched = alike(reading)
    for found in searched_for.finditer(searched):
        first = searched.count(" ", 0, found.start())
        yield " ".join(reading.split(" ")[first : first + found.group().strip().count(" ") + 1])


_LETTER = re.compile(r"\\.|\[[^]]*\]|rn|vv|[a-zäöü]")
_UMLAUTS = {"ä": "ae?", "ö": "oe?", "ü": "ue?"}


def _expand(found: re.Match[str]) -> str:
    text = found.group()
    if text.startswith("["):
        return text.translate(_ALIKE)
    return text if text.startswith("\\") else _UMLAUTS.get(text) or alike(text)


def _expand_unknown(found: re.Match[str]) -> str:
    text = found.group()
    if text.startswith("\\"):
        return text
    if text in {"rn", "vv"}:
        return f"(?:{alike(text)}|[{text[0]}{UNKNOWN}]{UNKNOWN}|{UNKNOWN}{text[1]}?)"
    if text in _UMLAUTS:
        return f"[{_UMLAUTS[text][0]}{UNKNOWN}][e{UNKNOWN}]?"
    return f"[{text.strip('[]').translate(_ALIKE)}{UNKNOWN}]"


def _shapes(text: str) -> str:
    return "".join(map(_shape, unicodedata.normalize("NFKD", text.translate(_THIN))))


def _shape(letter: str) -> str:
    """Return what is seen of a character: nothing, a blank, or itself."""
    if letter.isspace():
        return " "
    return "" if unicodedata.category(letter) in _DROPPED or letter in _INVISIBLE_LETTERS else letter
