"""What names a refused purpose in one language, and the words of crimes that leave it in doubt."""

from __future__ import annotations

from typing import Final, NamedTuple


class Wording(NamedTuple):
    """What names one refused purpose in one language."""

    always: tuple[str, ...]  # refused
    unless_crime: tuple[str, ...]  # refused, except that a text that names a crime or a missing person is in doubt
    doubtful: tuple[str, ...]  # in doubt


CRIMES: Final = (
    # English
    (
        r"murder\w*|kill\w*|homicid\w*|manslaughter|missing|disappear\w*|stabb\w*|shot|shoot\w*|assault\w*|robb\w*|"
        r"raped?\b|rapist\w*|kidnap\w*|abduct\w*|arson\w*|burgl\w*|theft\w*|thief|thieves|stole\w*|steal\w*|fraud\w*|"
        r"traffick\w*|smuggl\w*|extort\w*|threat\w*|attack\w*|bomb\w*|terror\w*|hostage\w*|victim\w*|dead\b|death\w*|"
        r"corpse\w*|injur\w*|abus\w*|violen\w*|tortur\w*|war crimes?|blackmail\w*|drown\w*|beaten|wound\w*|exploit\w*|"
        r"hate crimes?"
    ),
    # French
    (
        r"meurtr\w*|assassin\w*|homicid\w*|tuee?s?\b|disparu\w*|disparition\w*|agress\w*|vols?\b|voleur\w*|braqu\w*|"
        r"viols?\b|violee?s?\b|enlevement\w*|enlevee?s?\b|incendi\w*|cambriol\w*|escroqu\w*|trafic\w*|trafiqu\w*|"
        r"traite\b|passeurs?\b|extor\w*|menac\w*|attentat\w*|attaqu\w*|otages?\b|victim\w*|morte?s?\b|deced\w*|"
        r"cadavr\w*|bless\w*|poignard\w*|crimes? de guerre|noye\w*"
    ),
    # Spanish
    (
        r"asesin\w*|muert\w*|matar\w*|mato\b|desaparec\w*|desaparicion\w*|agred\w*|agresion\w*|robos?\b|robar\w*|"
        r"robado\w*|violacion\w*|violad\w*|secuestr\w*|incendi\w*|estafa\w*|trafico\b|traficant\w*|trata\b|extors\w*|"
        r"amenaz\w*|atentad\w*|ataque\w*|atacad\w*|rehen\w*|victima\w*|cadaver\w*|herid\w*|tortur\w*|apunal\w*|"
        r"crimen\w* de guerra|hurto\w*"
    ),
    # Portuguese
    (
        r"assassinat\w*|assassinad\w*|mort[eoa]s?\b|desaparecid\w*|desaparecimento\w*|agress\w*|agredid\w*|roubo\w*|"
        r"roubad\w*|furto\w*|estupr\w*|violad\w*|sequestr\w*|rapto\w*|raptad\w*|burla\w*|estelionat\w*|ameac\w*|"
        r"atentado\w*|refens?\b|vitima\w*|ferid\w*|esfaque\w*|crimes? de guerra|afogad\w*"
    ),
    # German
    (
        r"mord\w*|ermord\w*|totschlag\w*|getötet\w*|tötung\w*|vermisst\w*|verschwund\w*|überfall\w*|überfallen\w*|"
        r"körperverletz\w*|raub\w*|ausgeraubt\w*|diebstahl\w*|gestohlen\w*|vergewaltig\w*|entführ\w*|brandstift\w*|"
        r"einbruch\w*|einbrüche\w*|betrug\w*|menschenhandel\w*|schleus\w*|erpress\w*|drohung\w*|bedroh\w*|anschlag\w*|"
        r"angriff\w*|angegriffen\w*|geisel\w*|opfer\w*|tote[mnrs]?\b|leiche\w*|verletzt\w*|folter\w*|kriegsverbrech\w*|"
        r"misshand\w*|niedergestochen\w*|ertrunken\w*"
    ),
)
"""Words of crimes, and of people to whom something happened."""
