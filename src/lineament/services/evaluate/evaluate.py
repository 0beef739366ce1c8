"""One evaluation: labelled pictures or templates in, all error rates out, bound to digests of what they depend on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import lineament
from lineament.errors import Damaged, InvalidValue, NoSuchFile, NotEvaluable
from lineament.model.evaluation.identification import Threshold
from lineament.model.evaluation.measure import (
    COLUMN_RATE,
    Column,
    Measurements,
    OpenSetTest,
    Protocol,
    measure,
    threshold_at,
)
from lineament.model.evaluation.samples import Rows, Samples
from lineament.model.evaluation.searching import NEVER, SearchScores
from lineament.model.rates import ErrorRates
from lineament.model.search import EXPECTED_FALSE
from lineament.services.evaluate.cache import read_arrays
from lineament.services.evaluate.degrade import Degradation
from lineament.services.evaluate.labelled import LabelledSet, Pair, join_names
from lineament.services.evaluate.templates import (
    Extractor,
    FaceChoice,
    Progress,
    Templates,
    group_numbers,
    samples_of,
)
from lineament.vision.analyse import Analyser

if TYPE_CHECKING:
    from lineament.vision.packs import Pack

WORST = 12
"""Errors of each kind that are shown."""
WORST_ALIKE = 60
"""Pairs of pictures under two names that are shown."""
FAILURES = 100
"""Pictures without a template that are listed."""
IN_USE_GIVEN = "given"
IN_USE_HERE = f"where FPIR is {COLUMN_RATE} in this evaluation"

Report = Callable[[str, Progress], None]
"""Is called with what is being done and how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownError:
    """A search or a pair of pictures that somebody should look at; pictures are numbers of rows."""

    probe: int
    other: int  # the best of other people, or the second picture of a pair
    score: float  # of probe and other
    mate: int = -1  # the picture of the probe's own person in the gallery; -1: none
    mate_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstErrors:
    """The worst errors of each kind."""

    missed: tuple[ShownError, ...]  # mated searches whose person does not come first or scores below the threshold
    false: tuple[ShownError, ...]  # non-mated searches with the highest scores
    alike: tuple[ShownError, ...]  # pictures under two names with a score as high as that of one person


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a result depends on (R29)."""

    version: str  # of Lineament
    model: str
    weights: tuple[tuple[str, str], ...]  # SHA-256 of the file of each net, by its part; empty: templates were given
    precision: str
    data_sha256: str  # of names, people, groups and the digests of all pictures, or of all templates
    settings_sha256: str  # of the protocol and the options
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """The result of an evaluation."""

    name: str  # of the folder, the table or the file of templates
    date: str  # as given; empty: none
    choice: FaceChoice | None  # None: templates were given
    protocol: Protocol
    binding: Binding
    measured: Measurements
    in_use_from: str  # where the threshold in use comes from
    columns: tuple[Column, ...]
    people: tuple[str, ...]  # names, by number
    groups: tuple[str, ...]
    files: tuple[str, ...]  # of each picture, by row; empty: templates were given
    whose: Rows  # the person of each picture
    skipped: int  # files that are not pictures
    joined: tuple[Pair, ...]
    failures: tuple[tuple[str, str], ...]  # the first pictures without a template, with the reason
    reasons: tuple[tuple[str, int], ...]  # how many have each reason, most first
    twice: int  # pictures whose bytes are those of an earlier one
    worst: WorstErrors
    crops: dict[int, bytes]  # JPEGs of the faces in ``worst``, by row; empty if nobody asked for them


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOptions:
    """What the user chose."""

    protocol: Protocol
    choice: FaceChoice = FaceChoice.MIDDLE
    degradations: tuple[Degradation, ...] = ()
    date: str = ""
    strangers: float = EXPECTED_FALSE  # expected above the threshold in use
    crops: bool = True  # cut the faces of the worst errors out, for page and PDF; their pictures are analysed again


def cache_key(analyser: Analyser, choice: FaceChoice) -> str:
    """Return the name of everything that determines a template besides the picture."""
    return json.dumps([lineament.__version__, analyser.model, analyser.precision, choice.value])


def evaluate_pictures(
    labelled: LabelledSet,
    options: EvaluationOptions,
    extractor: Extractor,
    pack: Pack,
    report: Report = lambda *_: None,
) -> Evaluation:
    """Evaluate labelled pictures with the nets of ``pack``, which ``extractor`` uses.

    Raises InvalidValue if the protocol leaves no mated search, or NotEvaluable if no picture shows a face.
    """
    analyser = extractor.analyser
    templates = extractor.run(labelled.pictures, partial(report, "Analysing"))
    samples, people, groups = samples_of(labelled, templates, analyser.dimension)
    if samples.failed.all():
        first = templates.found[0].why
        raise NotEvaluable(path=labelled.name, why=f"no picture shows a face ({first})", remedy="give other pictures")
    test = OpenSetTest.of(samples, options.protocol)
    thresholds = thresholds_in_use(analyser.rates, test, options.strangers)
    measured, in_use_from = _measured(test, groups, thresholds, options.strangers)
    rows = np.r_[test.division.mated, test.division.nonmated]
    probes = replace(labelled, pictures=tuple(labelled.pictures[row] for row in rows.tolist()))
    columns, unchanged = [], threshold_at(measured.at_rates, COLUMN_RATE)
    for degradation in options.degradations:
        found = extractor.run(probes.pictures, partial(report, f"Degrading: {degradation.name}"), degradation)
        degraded = replace(samples_of(probes, found, analyser.dimension)[0], people=samples.people[rows])
        columns.append(test.degraded(degradation.name, degraded, unchanged))
    worst = worst_errors(measured)
    failures = [
        (picture.name, found.why)
        for picture, found in zip(labelled.pictures, templates.found, strict=True)
        if found.vector is None
    ]
    return Evaluation(
        name=labelled.name,
        date=options.date,
        choice=options.choice,
        protocol=options.protocol,
        binding=Binding(
            version=lineament.__version__,
            model=analyser.model,
            weights=(
                ("detector", pack.detector.sha256),
                *(("recogniser", recogniser.net.sha256) for recogniser in pack.recognisers),
            ),
            precision=analyser.precision,
            data_sha256=digest_of_pictures(labelled, templates),
            settings_sha256=digest_of_settings(options, labelled.joined),
            seed=options.protocol.seed,
        ),
        measured=measured,
        in_use_from=in_use_from,
        columns=tuple(columns),
        people=people,
        groups=groups,
        files=tuple(picture.name for picture in labelled.pictures),
        whose=samples.people,
        skipped=labelled.skipped,
        joined=labelled.joined,
        failures=tuple(failures[:FAILURES]),
        reasons=tuple(Counter(why for _, why in failures).most_common(FAILURES)),
        twice=_repeated(templates.sha256),
        worst=worst,
        crops=_crops(worst, labelled, extractor) if options.crops else {},
    )


def evaluate_templates(path: Path, options: EvaluationOptions, joined: Sequence[Pair] = ()) -> Evaluation:
    """Evaluate templates: a file in NumPy's format with the arrays ``vectors``, (n, d), and ``people``, (n,).

    It may have ``groups``, (n,), and ``model``. A row of zeros is a picture in which no face was found.

    Raises:
        NoSuchFile: There is nothing at ``path``.
        Damaged: It is no such file.
        NotEvaluable: It holds fewer than two people.
        InvalidValue: The protocol leaves no mated search.
    """
    vectors, people, groups, model = _read_templates(path)
    kept = join_names(people.tolist(), joined, path) if joined else {}
    if kept:
        people = np.array([kept.get(name, name) for name in people.tolist()])
    names, whose = np.unique(people, return_inverse=True)
    if len(names) < 2:
        why = "it holds fewer than two people"
        raise NotEvaluable(path=path, why=why, remedy="give templates of at least two, better of hundreds")
    data = hashlib.sha256(vectors.tobytes())
    data.update("\0".join(people.tolist()).encode(errors="surrogatepass"))
    data.update("\0".join(groups).encode(errors="surrogatepass"))
    known, of_group = group_numbers(groups)
    samples = Samples.of_vectors(vectors, whose.astype(np.int64), of_group if known else None)
    measured, in_use_from = _measured(OpenSetTest.of(samples, options.protocol), known, None, options.strangers)
    return Evaluation(
        name=path.name,
        date=options.date,
        choice=None,
        protocol=options.protocol,
        binding=Binding(
            version=lineament.__version__,
            model=model,
            weights=(),
            precision="as given",
            data_sha256=data.hexdigest(),
            settings_sha256=digest_of_settings(options, tuple(joined)),
            seed=options.protocol.seed,
        ),
        measured=measured,
        in_use_from=in_use_from,
        columns=(),
        people=tuple(names.tolist()),
        groups=known,
        files=(),
        whose=samples.people,
        skipped=0,
        joined=tuple(joined),
        failures=(),
        reasons=(("no template", measured.failed),) if measured.failed else (),
        twice=0,
        worst=worst_errors(measured),
        crops={},
    )


def _read_templates(path: Path) -> tuple[np.ndarray, np.ndarray, list[str], str]:
    """Return the vectors, the people's names, the groups (may be empty) and the model of a file of templates."""
    if not path.is_file():
        raise NoSuchFile(path=path)
    what, remedy = f"The file {path}", "write it with numpy.savez(…, vectors=…, people=…)"
    arrays = read_arrays(path, what, remedy)
    try:
        vectors = np.ascontiguousarray(arrays["vectors"], np.float32)
        people, groups = arrays["people"], arrays.get("groups")
        if vectors.ndim != 2 or not vectors.shape[1] or people.shape != vectors.shape[:1]:
            raise ValueError("vectors must have the shape (n, d) and people (n,)")
        if people.dtype.kind not in "iuU" or (groups is not None and groups.dtype.kind not in "iuU"):
            raise ValueError("people and groups are numbers or texts")
        if groups is not None and groups.shape != people.shape:
            raise ValueError("groups must have the shape of people")
        if not np.isfinite(vectors).all():
            raise ValueError("a template holds a number that is not finite")
        named = [] if groups is None else [str(name) for name in groups.tolist()]
        return vectors, people.astype(np.str_), named, str(arrays.get("model", "not stated"))
    except KeyError as error:
        raise Damaged(what=what, why=f"it has no array {error}", remedy=remedy) from error
    except (TypeError, ValueError) as error:
        raise Damaged(what=what, why=error, remedy=remedy) from error


# ---------------------------------------------------------------- thresholds


def thresholds_in_use(rates: ErrorRates, test: OpenSetTest, strangers: float) -> Threshold:
    """Return the product's threshold for each picture as a probe, by its grade and those of the gallery.

    ``strangers``: how many are expected above it. The norms of the pictures must be known.
    """
    if test.samples.norms is None:
        raise ValueError("nothing tells how strong the templates are")
    grades = np.array([rates.grade(norm) for norm in test.samples.norms.tolist()], np.int64)
    gallery = np.bincount(grades[test.gallery.rows], minlength=len(rates.grades)).tolist()
    thresholds = [rates.score_for(strangers, grade, gallery) for grade in range(len(rates.grades))]
    return np.array(thresholds, np.float32)[grades]


def in_use_product(strangers: float) -> str:
    """Return in words where the threshold in use comes from, if it is the product's."""
    return (
        f"for each probe the score at which {strangers:g} strangers are expected for its quality in a gallery of this "
        "size; the table shows the median"
    )


def _measured(
    test: OpenSetTest, groups: Sequence[str], expected: Threshold | None, strangers: float
) -> tuple[Measurements, str]:
    """Return the measurements and where the threshold in use comes from: given, ``expected``, or from the data."""
    given = test.protocol.thresholds
    if given:
        rest = replace(test, protocol=replace(test.protocol, thresholds=given[1:]))
        return measure(rest, groups, given[0]), IN_USE_GIVEN
    return measure(test, groups, expected), IN_USE_HERE if expected is None else in_use_product(strangers)


# ---------------------------------------------------------------- errors to look at


def worst_errors(measured: Measurements) -> WorstErrors:
    """Return the worst errors of each kind, the worst first."""
    mated, nonmated = measured.mated, measured.nonmated
    threshold = -1.0 if measured.in_use is None else measured.in_use.threshold
    missed = np.flatnonzero(
        mated.answered & (mated.own != NEVER) & ((mated.rank > 1) | (mated.own < np.float32(threshold)))
    )
    missed = missed[np.argsort(mated.own[missed] - np.maximum(mated.best[missed], -1), kind="stable")]
    false = np.flatnonzero(nonmated.answered & (nonmated.best != NEVER))
    false = false[np.argsort(-nonmated.best[false], kind="stable")]
    return WorstErrors(
        missed=tuple(_shown(mated, at, mate=True) for at in missed[:WORST].tolist()),
        false=tuple(_shown(nonmated, at, mate=False) for at in false[:WORST].tolist()),
        alike=tuple(
            ShownError(probe=pair.first, other=pair.second, score=pair.score)
            for pair in measured.pairs.alike[:WORST_ALIKE]
        ),
    )


def _shown(found: SearchScores, at: int, *, mate: bool) -> ShownError:
    return ShownError(
        probe=int(found.probes[at]),
        other=int(found.best_row[at]),
        score=float(max(found.best[at], -1)),
        mate=int(found.own_row[at]) if mate else -1,
        mate_score=float(found.own[at]) if mate else None,
    )


def _crops(worst: WorstErrors, labelled: LabelledSet, extractor: Extractor) -> dict[int, bytes]:
    shown = [*worst.missed, *worst.false, *worst.alike]
    rows = sorted({row for each in shown for row in (each.probe, each.other, each.mate) if row >= 0})
    crops = extractor.crops([labelled.pictures[row] for row in rows])
    return {row: crop for row, crop in zip(rows, crops, strict=True) if crop is not None}


# ---------------------------------------------------------------- digests


def digest_of_pictures(labelled: LabelledSet, templates: Templates) -> str:
    """Return the digest of names, people, groups and the bytes of all pictures."""
    digest = hashlib.sha256()
    for picture, sha256 in zip(labelled.pictures, templates.sha256, strict=True):
        row = json.dumps([picture.name, picture.person, picture.group, sha256])
        digest.update(f"{row}\n".encode())
    return digest.hexdigest()


def digest_of_settings(options: EvaluationOptions, joined: tuple[Pair, ...]) -> str:
    """Return the digest of the protocol and everything that the user chose."""
    facts = {
        "protocol": asdict(options.protocol),
        "face": options.choice.value,
        "strangers": options.strangers,
        "degradations": [each.name for each in options.degradations],
        "joined": joined,
        "date": options.date,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _repeated(digests: Sequence[str]) -> int:
    known = [digest for digest in digests if digest]
    return len(known) - len(set(known))


def checked_date(text: str) -> str:
    """Return the date to print. Raises InvalidValue if it is too long for one line."""
    if len(text) > 40 or not text.isprintable():
        raise InvalidValue(what="--date", value=text[:40], why="write at most 40 printable characters")
    return text
