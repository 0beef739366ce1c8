"""Words that suggest that the pictures of a case are distressing: abuse, torture, the dead. They decide nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final

from lineament.model.folding import UNKNOWN, folded, pattern, words_found

_EN: Final = (
    r"sexual(?:ly|i[sz]ed)? (?:\w+ ){0,2}?(?:abus|assault|exploit|offen[cs]e|violen|image|crime|extort|tortur)",
    r"(?:child|children|minor|infant|domestic|elder)s? (?:\w+ ){0,2}?(?:abus|exploit)",
    r"(?:abus|exploit)\w* (?:\w+ ){0,2}?(?:child|minor|infant|baby|boy|girl|pupil)",
    r"(?:sexual|child) ?abus|(?:child|bab(?:y|ies)|infant|revenge) ?(?:porn|rap)",
    r"cs(?:a|e|ea)m\b|cse[ai]\b",
    r"indecen(?:t|cy|cies)",
    r"rap(?:e|ed|es|ing|ist|ists)\b",
    r"sextort|molest|incest|pa?edophil|child grooming|grooming (?:of|a) ",
    r"tortur(?:e|ed|es|ing)\b",
    r"behead|dismember|genital mutilat|snuff (?:film|video)|massacre",
    r"corpses?\b|dead bod(?:y|ies)|body parts|human remains|autopsy",
)
_FR: Final = (
    r"(?:abus|agress|attein|violen|exploit|infract|crime|delit|harcel)\w* (?:\w+ ){0,2}?sexuel",
    r"(?:abus|maltrait|exploit)\w* (?:\w+ ){0,2}?(?:enfant|mineur|bebe|nourrisson)",
    r"enfants? (?:\w+ )?maltrait",
    r"viol(?:s|ee?s?|eur|eurs|er)?\b(?! (?:de (?:domicile|secret|correspondance|la vie privee|sepulture)|du secret))",
    r"pedo(?:porn|crimin|phil)|pornographie (?:enfant|infant|juven|de mineur)|corruption de mineur|incest",
    r"tortur|decapit|demembr|mutilations? genital",
    r"cadavres?\b|depouilles? mortelle|restes humains|autopsie",
)
_ES_BREACHED: Final = (
    "domicilio|secreto|derecho|ley|correspondencia|morada|privacidad|dato|contrato|sello|norma|orden|propiedad"
)
"""What “violación” may be of without being a rape."""
_ES: Final = (
    r"(?:abus|agresi|atenta|violen|explotaci|delito|acoso|libertad|indemnidad)\w* (?:\w+ ){0,2}?sexual",
    r"(?:abus|maltrat|explotaci)\w* (?:\w+ ){0,3}?(?:menor|nin[oa]|infan|bebe)",
    rf"viola(?:cion|ciones|dor|dores)\b(?! (?:de|del|a|al) (?:\w+ )?(?:{_ES_BREACHED}))",
    r"pornografia (?:\w+ ){0,2}?(?:infan|menor|juven)|pederast|pedofil|corrupcion de menor|incest|estupr",
    r"tortur|decapita|descuartiz|desmembr|mutilacion(?:es)? genital",
    r"cadaver|restos humanos|autopsia",
)
_PT_BREACHED: Final = (
    "domicilio|segredo|direito|lei|correspondencia|privacidade|dado|contrato|selo|norma|ordem|propriedade"
)
"""What “violação” may be of without being a rape."""
_PT: Final = (
    r"(?:abus|agress|viol|explora|crime|importuna|assedi|coac)\w* (?:\w+ ){0,2}?sexua",
    r"(?:abus|maus tratos|explora)\w* (?:\w+ ){0,3}?(?:menor|crianca|infan|bebe)",
    rf"viola(?:cao|coes|dor|dores)\b(?! (?:de|do|da|dos|das) (?:\w+ )?(?:{_PT_BREACHED}))",
    r"pornografia (?:\w+ ){0,2}?(?:infan|menor|juven|crianca)|pedofil|pederast|estupr|incest",
    r"tortur|decapita|esquartej|desmembr|mutilac(?:ao|oes) genita",
    r"cadaver|restos mortais|autopsia",
)
_DE: Final = (
    r"sexuel\w* (?:\w+ ){0,2}?(?:missbr|gewalt|nötig|übergriff|belästig|ausbeut|handlung|straf|delikt)",
    r"sexual(?:delikt|straf|mord|verbrech|übergriff)|sexual\w* gewalt",
    r"kind(?:es|er)? ?(?:missbr|misshand|porn|schänd)|jugend ?porn",
    r"(?:missbr|misshand|ausbeut)\w* (?:\w+ ){0,2}?(?:kind|jugend|minderj|mädchen|junge|schutzbef|säugling)",
    r"missbrauchs(?:darst|abbild|bild|video|mater|opfer|tat)",
    r"vergewalt|pädophil|pädokrimin|inzest|blutschande",
    r"folter|enthaupt|zerstückel|genitalverst",
    r"leiche|leichnam|leichenteil|obduktion",
)
LANGUAGES: Final = {"en": _EN, "fr": _FR, "es": _ES, "pt": _PT, "de": _DE}
"""By language, ISO 639-1: regular expressions in small letters without accents; each is read in every text."""


def distressing_words(*texts: str) -> tuple[str, ...]:
    """Return the words of the texts, folded, that suggest distressing pictures, in the order of their languages.

    They are read as those of refused purposes are: in any disguise of letters (``model/folding.py``).
    """
    return _read(texts)


@lru_cache(maxsize=1024)
def _read(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_found(texts)))


def _found(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        for reading in dict.fromkeys(folded(text)):
            for language in LANGUAGES:
                yield from words_found(_compiled(language, UNKNOWN in reading), reading)


@cache
def _compiled(language: str, unknown: bool) -> re.Pattern[str]:
    return pattern("|".join(LANGUAGES[language]), unknown=unknown)
