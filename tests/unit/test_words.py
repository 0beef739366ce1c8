"""The words that say too much of a candidate stand nowhere that people read (R20).

Pages, reports, PDF layouts, scripts, messages in the code, help of commands, packs of laws and the documentation.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT

PACKAGE = ROOT / "src" / "lineament"
BANNED = re.compile(
    r"\b(?:mis)?match(?:es|ed|ing)?\b|\bhits?\b|\bidentif(?:y|ies|ied|ying|ication)\b|\bidentit(?:y|ies)\b"
    r"|\bconfiden(?:ce|t|tly)\b|\bper ?cent(?:age)?s?\b|\bprobab(?:le|ly|ility|ilities)\b|\blikelihood\b"
    r"|\b(?:true|false)?-?positives?\b|(?<=[\d}])\s?%(?![sdr]\b)",
    re.IGNORECASE,
)
ALLOWED = {
    r"false match rates?": "the name of an error rate of a model (ISO/IEC 19795-1), not of a candidate",
    r"one false match in [\d,]+": "the same rate as a number",
    r"false[ -]positive identification rates?": "the name of an error rate of a model (ISO/IEC 19795-1)",
    r"score, false positives, misses": "the columns of a plot of error rates",
    r"initial identification": "whom a case seeks, in the words of EU AI Act 26(10)",
    r"(?:is no|is not an|as no) identification": "says what a search or a candidate is not",
    r"no identification": "says what a candidate is not",
    r"identity documents?": "a kind of photograph",
    r"identity theft": "an offence",
    r"never as an identity": "says what a claim of another system is not",
    r"not a probability": "says what a score is not",
    r"probable cause": "a term of American law",
    r"(?:threshold of|DET of the|search for|choose|for) identification(?: only)?": (
        "the mode of a search in which strangers are expected above a threshold (ISO/IEC 2382-37)"
    ),
    r"(?<!\w)identification(?! of)(?=\W*$)": "the same mode, as a value or a heading of its own",
    r"^Identification: FNIR|\*\*Identification\*\*, FNIR|<strong>Identification</strong>": "the same mode again",
    r"95 % intervals?|intervals? (?:are those )?of 95 %|middle 95 %|95 % probability": "statistics of measured rates",
    r"percent-encod\w+": "a way to write addresses",
    r"match (?:it; copy|its leaf hash|its entries|their commitment)": "digests are compared, not faces",
    r"If-None-Match|match\.com": "a header and a host of the Web",
    r"four bytes that identify the key": "a key, not a person",
    r"% of the picture is missing": "a file that is damaged",
    r"proof of identity|identities of one provider": "of those who sign in",
    r"\*\*Never\*\*, for a candidate: [^.]*": "the list of these words",
}
"""Each phrase that is allowed, with why; a regular expression without regard to capitals."""
CODES = {
    "identity": "the content coding of HTTP that changes nothing, and a package",
    "lineament.identity": "a package",
    "identification": "the mode of a search, stored",
    "matched": "a field of InsightFace Server",
    "matches": "a field of InsightFace Server",
    "probability": "a field of CompreFace: the detector's score",
    "Confidence": "how sure the detector is that it sees a face, as Amazon Rekognition calls it",
}
"""Whole strings that are names for programs."""
READ_NOT_SAID = {PACKAGE / "model" / "refused", PACKAGE / "store" / "migrations"}
"""What these hold is looked for in texts of others, or made older tables."""
OF_ONTOLOGIES = ("uco-identity", "https://ontology.unifiedcyberontology.org/")
OF_RATES = {
    "model/rates.py",
    "views/evaluation_charts.py",
    "views/evaluation_shown.py",
    "views/evaluation_tables.py",
    "views/packs.py",
    "views/proficiency.py",
    "views/proposals.py",
    "web/changewords.py",
}
"""Modules that write error rates of models in hundredths; they speak of no candidate."""
MEASUREMENTS = {"accuracy.md", "accuracy-omz-reid-0095.md", "tried.md", "peers.md", "grouping.md"}
"""Pages of error rates of models; they speak of no candidate."""


def said_too_much(text: str) -> list[str]:
    """Return the banned words of a text outside of the phrases that are allowed."""
    left = re.sub(r"(?<=\w)\n(?=\w)", " ", text)
    for phrase in ALLOWED:
        left = re.sub(phrase, " … ", left, flags=re.IGNORECASE | re.MULTILINE)
    return [f"{found.group()!r} in “{' '.join(_around(left, found).split())}”" for found in BANNED.finditer(left)]


def _around(text: str, found: re.Match[str]) -> str:
    return text[max(0, found.start() - 50) : found.end() + 50]


# ---------------------------------------------------------------- pages, layouts and scripts

TEMPLATES = sorted([*PACKAGE.rglob("*.html"), *PACKAGE.rglob("*.j2")])
LAYOUTS = sorted(PACKAGE.rglob("*.typ"))
SCRIPTS = sorted(PACKAGE.rglob("*.js"))


def text_of_template(html: str) -> str:
    """Return what a template says: its text and the literals in its expressions, without tags that say nothing."""
    html = re.sub(r"\{#.*?#\}|<style>.*?</style>|<script\b[^>]*>.*?</script>", " ", html, flags=re.DOTALL)
    inside = re.findall(r"\{[{%](.*?)[%}]\}", html, flags=re.DOTALL)
    literals = [two or one for part in inside for two, one in re.findall(r'"([^"]*)"|\'([^\']*)\'', part)]
    sentences = [literal for literal in literals if " " in literal]
    outside = re.sub(r"\{\{.*?\}\}", "}", re.sub(r"\{%.*?%\}", " ", html, flags=re.DOTALL), flags=re.DOTALL)
    outside = re.sub(r'\b(?:value|name|id|class|for|href|src)="[^"]*"', " ", outside)
    return "\n".join([re.sub(r"</?(?!strong)[a-z][^>]*>", lambda tag: _attributes(tag.group()), outside), *sentences])


def _attributes(tag: str) -> str:
    """Return what a tag says by itself: the texts that are read out or shown beside it."""
    return " ".join([" ", *re.findall(r'(?:alt|title|aria-label|placeholder)="([^"]*)"', tag), " "])


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_page_or_report_promises_too_much_of_a_candidate(path: Path) -> None:
    assert said_too_much(text_of_template(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda path: path.name)
def test_no_layout_does(path: Path) -> None:
    text = re.sub(r"\d+%", "", path.read_text("utf-8"))  # a width
    assert said_too_much(text) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_does(path: Path) -> None:
    said = re.findall(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`', path.read_text("utf-8"))
    texts = [one or other for one, other in said if " " in (one or other)]
    assert said_too_much("\n".join(texts)) == []


# ---------------------------------------------------------------- messages in the code

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not any(folder in path.parents for folder in READ_NOT_SAID))
_DEFINED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def strings_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module, with their lines; of docstrings those that people read.

    These are the help of commands, what a page of the reference says of each route, and the messages of errors.
    """
    tree = ast.parse(path.read_text("utf-8"))
    shown = path.parent.name in {"cli", "web"} or path.name == "errors.py"
    hidden, firsts = set[int](), set[int]()
    for node in ast.walk(tree):
        first = node.body[0] if isinstance(node, _DEFINED) and node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            is_help = shown and not isinstance(node, ast.Module) and not getattr(node, "name", "_").startswith("_")
            hidden |= set() if is_help else {id(first.value)}
            firsts.add(id(first))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and id(node) not in firsts:
            hidden.add(id(node.value))  # what a constant means
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            hidden |= {id(part) for part in ast.walk(node.format_spec)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(_part(part) for part in node.values)
            hidden |= {id(part) for part in node.values}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in hidden:
            yield node.lineno, node.value


def _part(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_message_promises_too_much_of_a_candidate(path: Path) -> None:
    measured = str(path.relative_to(PACKAGE)) in OF_RATES
    wrong = [
        f"line {line}: {word}"
        for line, text in ((line, text.replace("%", "") if measured else text) for line, text in strings_of(path))
        if text not in CODES and not text.startswith(OF_ONTOLOGIES)
        for word in said_too_much(text)
    ]
    assert wrong == []


# ---------------------------------------------------------------- packs and documentation

PACKS = sorted((PACKAGE / "model" / "jurisdictions").glob("*.toml"))
PAGES = sorted(
    path
    for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    if path.parent.name != "adr" and path.name not in MEASUREMENTS
)


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.name)
def test_no_pack_of_a_jurisdiction_does(path: Path) -> None:
    pack = tomllib.loads(path.read_text("utf-8"))
    said = [pack["name"], *pack["not_found"], *(line[key] for line in pack["line"] for key in ("words", "section"))]
    assert said_too_much("\n".join(said)) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_of_the_documentation_does(path: Path) -> None:
    """A share of searches or pictures may be given in hundredths; beside a candidate or a score it may not."""
    text = re.sub(r"`[^`]*`|\]\([^)]*\)|```.*?```", " ", path.read_text("utf-8"), flags=re.DOTALL)
    lines = [re.sub(r"(?<=\d)\s?%", " ", line) if not _of_candidate(line) else line for line in text.splitlines()]
    assert said_too_much("\n".join(lines)) == []


def _of_candidate(line: str) -> bool:
    return re.search(r"\b(?:this candidate|a candidate is|score of|sure|certain)\b", line, re.IGNORECASE) is not None


# ---------------------------------------------------------------- the lint itself


@pytest.mark.parametrize(
    "text",
    [
        "A match was found",
        "2 matches",
        "a hit in the gallery",
        "The person was identified",
        "her identity is known",
        "98 % sure",
        "{score} % alike",
        "with high confidence",
        "ninety per cent",
        "a probability of 0.9",
        "a positive result",
        "probably the same person",
    ],
)
def test_the_lint_finds_what_is_banned(text: str) -> None:
    assert said_too_much(text)
    assert said_too_much(text_of_template(f"<p>{text}</p>"))
    assert said_too_much(text_of_template(f'<img alt="{text}">'))


@pytest.mark.parametrize(
    "text", ["No candidate", "false match rate", "an identity document", "an initial identification"]
)
def test_the_lint_leaves_what_is_allowed(text: str) -> None:
    assert said_too_much(text) == []


def test_the_lint_reads_strings_and_help(tmp_path: Path) -> None:
    module = tmp_path / "cli" / "lying.py"
    module.parent.mkdir()
    module.write_text('def show(n):\n    """Show the matches."""\n    return f"{n} % sure: {n:%Y}" + "a hit"\n')
    words = [word for _, text in strings_of(module) for word in said_too_much(text)]
    assert sorted(word.split(" in ")[0] for word in words) == ["' %'", "'hit'", "'matches'"]


def test_every_allowance_is_used() -> None:
    """A phrase that nobody says any more is no longer allowed."""
    paths = [*TEMPLATES, *LAYOUTS, *MODULES, *PACKS, *PAGES]
    every = "\n".join(path.read_text("utf-8") for path in paths)
    unused = [phrase for phrase in ALLOWED if not re.search(phrase, every, re.IGNORECASE | re.MULTILINE)]
    assert unused == []
