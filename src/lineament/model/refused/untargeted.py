"""Words of searches without a person in mind."""

from __future__ import annotations

from typing import Final

from lineament.model.refused.wording import Wording

UNTARGETED: Final = {
    "en": Wording(
        always=(
            r"(?:mass|general|blanket|untargeted|bulk) (?:surveillance|screening|monitoring|search|identification)",
            (
                r"(?:identify|search|scan|screen) (?:everyone|everybody|all (?:the )?(?:people|persons|participants|"
                r"attendees|visitors|passers ?by))"
            ),
            r"fishing expedition",
            r"crowd (?:scan|screen|monitor|identification)",
            r"predictive policing",
            r"(?:watch ?list|persons? of interest) (?:building|enrichment|monitoring)",
        ),
        unless_crime=(
            r"(?:personal|private) (?:curiosity|interest|matter|reasons?)\b",
            r"(?:ex |my )(?:girlfriend|boyfriend|wife|husband|partner)\b",
            r"curious\b|curiosity",
        ),
        doubtful=(
            r"girlfriend|boyfriend",
            r"crowds?\b",
            r"everyone\b|everybody\b|(?:all|those) who (?:pass|came|were|went|go)\w*",
            r"my (?:daughter|son|boss|colleague|tenant|neighbou?rs?|friend|date)\b",
        ),
    ),
    "fr": Wording(
        always=(
            r"surveillance (?:de masse|generalisee|generale|indifferenciee|massive)",
            (
                r"(?:identifier|rechercher|scanner|filtrer|controler|ficher) (?:tout le monde|"
                r"toutes? les (?:personnes|visiteuses)|"
                r"tous les (?:\w+ )?(?:participants|passants|visiteurs|gens|presents|spectateurs))"
            ),
            r"police predictive",
            r"peche aux (?:informations|renseignements)",
        ),
        unless_crime=(
            r"(?:mon|ma) (?:ex|femme|mari|copain|copine|compagn\w+|epou\w+|petite? amie?)\b",
            r"raisons? (?:personnelles?|privees?)",
            r"interet (?:personnel|prive)",
            r"a titre (?:prive|personnel)",
            r"curiosite\w*|curieux|curieuse\w*",
        ),
        doubtful=(
            r"foules?\b",
            r"copain|copine|petite? amie?",
            r"tout le monde|tous ceux qui",
            r"(?:mon|ma) (?:voisin\w*|chef|fille|fils)\b",
        ),
    ),
    "es": Wording(
        always=(
            r"vigilancia (?:masiva|general\w*|indiscriminada)",
            (
                r"(?:identificar|buscar|escanear|revisar|fichar) (?:a )?(?:todo el mundo|todas las personas|"
                r"todos los (?:asistentes|presentes|participantes|visitantes|transeuntes))"
            ),
            r"policia predictiva",
        ),
        unless_crime=(
            r"mi (?:ex\w*|mujer|marido|novi[oa]|espos[oa]|pareja)\b",
            r"(?:motivos?|razon(?:es)?|asuntos?|interes) (?:personal(?:es)?|privad[oa]s?)",
            r"curiosidad\w*",
        ),
        doubtful=(
            r"multitud\w*",
            r"novi[oa]s?\b",
            r"todo el mundo|todos los que",
            r"mi (?:vecin[oa]|jef[ea]|hij[oa])\b",
        ),
    ),
    "pt": Wording(
        always=(
            r"vigilancia (?:em massa|massiva|generalizada|indiscriminada)",
            (
                r"(?:identificar|procurar|pesquisar|digitalizar|fichar) (?:toda a gente|todo mundo|"
                r"todo o mundo|todas as pessoas|"
                r"todos os (?:presentes|participantes|visitantes|transeuntes))"
            ),
            r"policiamento preditivo",
        ),
        unless_crime=(
            r"(?:meu|minha) (?:ex\w*|mulher|marido|namorad[oa]|espos[oa]|companheir[oa])\b",
            r"(?:motivos?|razoes|razao|assuntos?|interesse) (?:pesso\w+|privad\w+|particular\w*)",
            r"curiosidade\w*",
        ),
        doubtful=(
            r"multida\w*|multido\w*",
            r"namorad[oa]s?\b",
            r"toda a gente|todo mundo|todos os que",
            r"(?:meu|minha) (?:vizinh[oa]|chefe|filh[oa])\b",
        ),
    ),
    "de": Wording(
        always=(
            r"massenüberwachung\w*",
            r"(?:flächendeckende|anlasslose)[mnrs]? (?:überwachung|kontrolle|erfassung|suche)",
            r"alle (?:\w+ ){0,4}(?:zu )?(?:identifizieren|scannen|erfassen|abgleichen|durchsuchen)\b",
            r"jede[nrs] (?:\w+ ){0,4}(?:zu )?(?:identifizieren|scannen|erfassen|abgleichen)\b",
            r"vorausschauende polizeiarbeit|predictive policing",
            r"ausforschung\w*",
        ),
        unless_crime=(
            r"meine?[mnrs]? (?:ex\w*|frau|mann|freund\w*|partner\w*|ehefrau|ehemann)\b",
            r"(?:private|persönliche)[mnrs]? (?:gründe\w*|interesse\w*|zweck\w*|angelegenheit\w*)",
            r"neugier\w*",
        ),
        doubtful=(
            r"menschenmenge\w*",
            r"ex(?:frau|mann|freund|partner)\w*",
            r"alle (?:anwesenden|die (?:durch|auf|in|an|bei|dort))\b",
            r"meine?[mnrs]? (?:nachbar\w*|chef\w*|tochter|sohn)\b",
        ),
    ),
}
