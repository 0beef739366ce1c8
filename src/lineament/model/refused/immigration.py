"""Words of immigration enforcement."""

from __future__ import annotations

from typing import Final

from lineament.model.refused.wording import Wording

_MIGRANT_EN = r"(?:im|e)?migrants?|aliens?|foreigners?|workers?|people|persons?"
_STATUS_EN = (
    r"status|enforcement\w*|control\w*|check\w*|offen[cs]e\w*|violation\w*|raid\w*|removal\w*|arrest\w*|detention\w*|"
    r"sweep\w*|crackdown\w*"
)
IMMIGRATION: Final = {
    "en": Wording(
        always=(
            rf"immigration (?:{_STATUS_EN})",
            r"(?:enforc\w*|breach\w*|violat\w*) (?:of )?(?:the )?(?:im)?migration",
            r"(?:removal|deportation) (?:orders?|proceedings?|lists?|flights?)\b",
            r"visa overstay\w*",
            r"ice (?:detainers?|raids?|holds?)\b",
        ),
        unless_crime=(
            rf"(?:undocumented|illegal|irregular|unauthori[sz]ed|unlawful|clandestine) (?:{_MIGRANT_EN})\b",
            r"deport\w*",
            r"overstay\w*",
            r"asylum (?:status|claims?|applica\w*)",
        ),
        doubtful=(
            r"(?:im|e)?migr(?:ant|at)\w*",
            r"asylum\w*",
            r"refugees?\b",
            r"visas?\b",
            r"undocumented",
            r"residence (?:permit|status)\w*",
            r"border (?:control|cross|guard|check|polic)\w*",
            r"illegal (?:entry|stay|residence|immigration)",
            r"aliens?\b",
            r"foreigners?\b",
            r"leave to remain|without papers",
            r"(?:his|her|their|home) country\b",
        ),
    ),
    "fr": Wording(
        always=(
            (
                r"(?:controles?|statuts?|situation|polices?|infractions?|rafles?|verifi\w+|lutte contre) "
                r"(?:de |des |du |d |l |la |le |a |sur |aux |au ){0,3}(?:immigr\w+|migra\w+|migratoires?)"
            ),
            r"(?:mesures?|arretes?|decisions?|ordres?|ordonnances?) (?:d )(?:expulsion|reconduite)",
            r"oqtf\b|obligations? de quitter le territoire",
            r"reconduite\w* a la frontiere",
            r"sejours? irreguliers?",
        ),
        unless_crime=(
            r"sans papiers?\b",
            (
                r"(?:immigres?|migrants?|etrangers?|personnes?) (?:clandestin\w*|illega\w+|irregulier\w*|"
                r"en situation irreguliere)"
            ),
            r"situation irreguliere",
            r"expuls\w*",
            r"demand\w+ d asile",
        ),
        doubtful=(
            r"(?:im|e)?migr(?:ant|at|e\b|es\b|ee)\w*",
            r"asile\b",
            r"refugie\w*",
            r"visas?\b",
            r"etrangers?\b",
            r"titres? de sejour|carte de sejour",
            r"clandestin\w*",
            r"(?:son|leur) pays\b",
        ),
    ),
    "es": Wording(
        always=(
            (
                r"(?:control\w*|estatus|estado|situacion|redadas?|infraccion\w*|aplica\w+|policia|"
                r"verific\w+|leyes|ley|orden\w*) "
                r"(?:de |la |las |los |el |del |sobre ){0,3}(?:in|e)?(?:migra\w+|migratori\w+|extranjeria)"
            ),
            r"(?:orden\w*|procedimiento\w*) de (?:expulsion|deportacion)",
            r"estancia (?:ilegal|irregular)",
        ),
        unless_crime=(
            (
                r"(?:in|e)?(?:migrantes?|extranjeros?|personas?|trabajador\w*) "
                r"(?:ilegal\w*|irregular\w*|indocumentad\w*|clandestin\w*|sin papeles)"
            ),
            r"indocumentad\w*",
            r"sin papeles",
            r"deporta\w*",
            r"expuls\w*",
            r"solicit\w+ (?:de )?asilo",
        ),
        doubtful=(
            r"(?:in|e)?migra(?:nt|cion|tori)\w*",
            r"asilo\b|asilad\w*",
            r"refugiad\w*",
            r"visados?\b|visas?\b",
            r"extranjer\w*",
            r"permisos? de residencia",
            r"su pais\b",
        ),
    ),
    "pt": Wording(
        always=(
            (
                r"(?:control\w*|estatuto|estado|situacao|fiscaliza\w+|rusgas?|infrac\w+|policia|"
                r"verific\w+|leis?|ordem|ordens) "
                r"(?:de |da |das |do |dos |sobre |a |o ){0,3}(?:i|e)?(?:migra\w+|migratori\w+|estrangeiros)"
            ),
            r"(?:ordem|ordens|processos?) de (?:expulsao|deportacao|afastamento)",
            r"permanencia (?:ilegal|irregular)",
        ),
        unless_crime=(
            (
                r"(?:i|e)?(?:migrantes?|estrangeiros?|pessoas|trabalhador\w*) "
                r"(?:ilega\w*|irregular\w*|indocumentad\w*|clandestin\w*|sem documentos|sem papeis)"
            ),
            r"indocumentad\w*",
            r"deporta\w*",
            r"expuls\w*",
            r"(?:pedidos?|requerentes?) (?:de )?asilo",
        ),
        doubtful=(
            r"(?:i|e)?migra(?:nt|c|tori)\w*",
            r"asilo\b|asilad\w*",
            r"refugiad\w*",
            r"vistos? (?:de|caducad\w*|expirad\w*|vencid\w*)\b",
            r"estrangeir\w*",
            r"autorizac\w+ de residencia",
            r"seu pais\b",
        ),
    ),
    "de": Wording(
        always=(
            r"(?:ein|zu)wanderungs(?:kontroll|status|durchsetz|vollzug|verstoß|razzi)\w*",
            r"(?:ausländer|aufenthalts|migrations|asyl)(?:kontroll|status|durchsetz|vollzug|razzi|verstoß)\w*",
            r"abschiebe?(?:anordnung|beschluss|flug|haft|liste|verf)\w*",
            r"kontrolle von (?:ausländer|migrant|flüchtling)\w*",
        ),
        unless_crime=(
            r"abschieb\w*|abgeschoben\w*|abzuschieben",
            (
                r"(?:illegale[mnrs]?|irreguläre[mnrs]?|unerlaubte[mnrs]?|papierlose[mnrs]?) "
                r"(?:einwander\w*|einreise\w*|aufenthalt\w*|migra\w*|ausländer\w*|arbeiter\w*)"
            ),
            r"ausreisepflichtig\w*",
            r"(?:ausländer|aufenthalts|asyl)(?:recht|gesetz|behörde|antrag|bewerber)\w*",
        ),
        doubtful=(
            r"asyl\w*",
            r"flüchtling\w*|geflüchtete[nr]? (?:person|mensch|famil|kind|frau|mann)\w*",
            r"(?:ein|zu)wander\w*",
            r"(?:im|e)?migra(?:nt|tion)\w*",
            r"ausländer\w*",
            r"visum\w*|visa\b",
            r"aufenthalts(?:titel|erlaubnis|genehmigung)\w*",
            r"duldung\w*",
            r"ausweisung\w*",
            r"(?:seine?|ihre?) heimat\w*",
        ),
    ),
}
