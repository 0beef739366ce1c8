"""Words of protected classes."""

from __future__ import annotations

from typing import Final

from lineament.model.refused.wording import Wording

_CLASS_EN = (
    r"race|ethnicity|religion|faith|nationality|skin colou?r|gender identity|sexual orientation|sexuality|disability|"
    r"political opinions?"
)
_CLASS_FR = (
    r"race|ethnie|religion|nationalite|couleur de peau|origines? ethniques?|origine|orientation sexuelle|"
    r"identite de genre|handicap|opinions? politiques?"
)
_CLASS_ES = (
    r"raza|etnia|religion|nacionalidad|color de (?:la )?piel|origen etnico|orientacion sexual|identidad de genero|"
    r"discapacidad|opinion\w* politicas?"
)
_CLASS_PT = (
    r"raca|etnia|religiao|nacionalidade|cor da pele|origem etnica|orientacao sexual|identidade de genero|deficiencia|"
    r"opini\w+ politicas?"
)
_CLASS_DE = (
    r"rasse|ethnie|ethnizität|religion|glauben\w*|nationalität|staatsangehörigkeit|hautfarbe|ethnischer herkunft|"
    r"sexueller orientierung|geschlechtsidentität|behinderung|politischer (?:meinung|gesinnung)"
)
_PEOPLE_EN = r"muslims?|jews?|hindus?|sikhs?|gays?|lesbians?|homosexuals?|roma|kurds?|gyps(?:y|ies)|christians"
_PEOPLE_FR = (
    r"musulman\w*|juifs?|juives?|chretien\w*|roms?|homosexuel\w*|gays?|lesbiennes?|arabes?|noirs?|"
    r"tsiganes?|kurdes?"
)
_PEOPLE_ES = r"musulman\w*|judi[oa]s?|cristian\w*|gitan\w*|homosexual\w*|gays?|lesbianas?|arabes?|negros?|kurd\w*"
_PEOPLE_PT = r"muculman\w*|judeus?|judias?|crista\w*|cigan\w*|homossexua\w*|gays?|lesbicas?|arabes?|negros?|curdos?"
_PEOPLE_DE = r"muslim\w*|juden|christen|roma|sinti|homosexuelle\w*|schwule\w*|lesben|araber|schwarzen?|kurden"
PROTECTED: Final = {
    "en": Wording(
        always=(r"ethnic profil\w*", r"racial(?:ly)? profil\w*"),
        unless_crime=(
            rf"(?:because of|based on|on the basis of|according to) (?:\w+ )?(?:{_CLASS_EN})\b",
            rf"(?:by|for) (?:(?:his|her|their) )?(?:{_CLASS_EN})\b(?! (?:course|track|meeting))",
            rf"their (?:{_CLASS_EN})\b",
            r"ethnic (?:origin|group)",
            r"(?:homosexual|gay|lesbian|transgender|muslim|jewish|roma|kurdish) (?:people|persons?|men|women)\b",
            rf"(?:all|every|find|list|identify|locate|track|which|who are) (?:the )?(?:{_PEOPLE_EN})\b",
        ),
        doubtful=(
            r"religio\w*",
            r"ethnic\w*",
            r"racial\w*",
            r"nationality",
            r"muslims?\b|jews?\b|jewish|hindus?\b|sikhs?\b|gyps(?:y|ies)\b",
            r"gays?\b|lesbian\w*|homosexual\w*|bisexual\w*|transgender\w*",
            r"sexual orientation|gender identity|skin colou?r",
        ),
    ),
    "fr": Wording(
        always=(r"profil\w* (?:ethnique|racia\w+|au facies)", r"controles? au facies"),
        unless_crime=(
            (
                r"(?:en raison de|a cause de|selon|d apres|sur la base de|en fonction de|par|fonde\w* sur) "
                rf"(?:\w+ ){{0,2}}(?:{_CLASS_FR})\b"
            ),
            rf"leurs? (?:{_CLASS_FR})\b",
            rf"(?:tous|trouver|identifier|lister|recenser|reperer) (?:les )?(?:{_PEOPLE_FR})\b",
        ),
        doubtful=(
            r"religi\w*",
            r"ethni\w*",
            r"racia\w*|racis\w*",
            r"nationalite\b",
            r"musulman\w*|juifs?\b|juives?\b|tsigane\w*",
            r"homosexuel\w*|lesbien\w*|transgenre\w*|gays?\b",
            r"orientation sexuelle|couleur de peau",
        ),
    ),
    "es": Wording(
        always=(r"perfil\w* (?:racial\w*|etnic\w*)",),
        unless_crime=(
            (
                r"(?:por|segun|a causa de|en funcion de|debido a|basad\w+ en|por motivos? de) "
                rf"(?:\w+ ){{0,2}}(?:{_CLASS_ES})\b"
            ),
            rf"(?:su|sus) (?:{_CLASS_ES})\b",
            rf"(?:todos|todas|encontrar|identificar|listar|localizar) (?:a )?(?:los |las )?(?:{_PEOPLE_ES})\b",
        ),
        doubtful=(
            r"religi\w*",
            r"etnic\w*|etnia\w*",
            r"racial\w*|racis\w*",
            r"nacionalidad\b",
            r"musulman\w*|judi[oa]s?\b|gitan\w*",
            r"homosexual\w*|lesbian\w*|transexual\w*|gays?\b",
            r"orientacion sexual|color de (?:la )?piel",
        ),
    ),
    "pt": Wording(
        always=(r"perfi\w* (?:racia\w*|etnic\w*)|perfilamento racial",),
        unless_crime=(
            (
                r"(?:por|segundo|por causa d\w+|com base n\w+|em funcao d\w+|devido a|em razao d\w+) "
                rf"(?:\w+ ){{0,2}}(?:{_CLASS_PT})\b"
            ),
            rf"(?:sua|suas) (?:{_CLASS_PT})\b",
            rf"(?:todos|todas|encontrar|identificar|listar|localizar) (?:os |as )?(?:{_PEOPLE_PT})\b",
        ),
        doubtful=(
            r"religi\w*",
            r"etnic\w*|etnia\w*",
            r"racia\w*|racis\w*",
            r"nacionalidade\b",
            r"muculman\w*|judeus?\b|judias?\b|cigan\w*",
            r"homossexua\w*|lesbic\w*|transexua\w*|gays?\b",
            r"orientacao sexual|cor da pele",
        ),
    ),
    "de": Wording(
        always=(r"racial profil\w*", r"ethnische[rsnm]? profil\w*"),
        unless_crime=(
            rf"(?:wegen|aufgrund|auf grund|nach|anhand|basierend auf) (?:\w+ ){{0,2}}(?:{_CLASS_DE})\b",
            rf"ihre[rs]? (?:{_CLASS_DE})\b",
            rf"(?:alle|finde\w*|liste\w*|erfasse\w*|sämtliche) (?:die )?(?:{_PEOPLE_DE})\b",
        ),
        doubtful=(
            r"religi\w*",
            r"ethni\w*",
            r"rassis\w*",
            r"staatsangehörigkeit|nationalität",
            r"muslim\w*|jüdisch\w*|juden\b|zigeuner\w*",
            r"homosexuell\w*|schwule?[mnrs]?\b|lesbisch\w*|transgender\w*",
            r"hautfarbe|sexuelle[rn]? orientierung",
        ),
    ),
}
