"""Measures what the product tells at each search: how many strangers reach a score, and how many mated faces do not.

Both depend on the grades of the two templates, which follow from the lengths of their embeddings; photographs of LFW
are degraded to get templates of all grades. Pairs of photographs of different people count, unless both lost the same:
two blurred strangers are more alike than a blurred and a dark one, and nobody knows what a gallery's faces have lost.
LFW has people under two names and photographs filed under the wrong person; the pairs of names below were inspected and
excluded (twins and brothers were kept).

A curve is counted down to the last score that LEAST_PAIRS pairs reach. Beyond it, it is extrapolated: the scores above
a high threshold are taken to be exponentially distributed, as extreme-value theory has it for light tails, and the
interval of the slope comes from resampling people. ``--check`` calibrates on half of the people and counts on the
others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import lfw
from bench.degraded import DEGRADATIONS, UNALTERED, Joining, Templates, joining_of, templates
from bench.lfw import Floats, Photographs
from lineament.model.rates import ErrorRates
from lineament.vision.packs import read_manifest

SAME_PERSON = (
    ("Andrew_Caldecott", "Andrew_Gilligan"),  # one photograph under both names
    ("Bart_Hendricks", "Ricky_Ray"),  # also
    ("Shinya_Taniguchi", "Takahiro_Mori"),  # also
    ("Choi_Sung-hong", "Sung_Hong_Choi"),  # two spellings from here on
    ("Felipe_De_Borbon", "Prince_Felipe"),
    ("John_Gruden", "Jon_Gruden"),
    ("Joseph_Blatter", "Sepp_Blatter"),
    ("Nan_Wang", "Wang_Nan"),
    ("Noer_Moeis", "Noer_Muis"),
    ("Talisa_Bratt", "Talisa_Soto"),
)
SHOWS = {
    "Flor_Montulo_0002": "Nora_Bendijo",
    "Nora_Bendijo_0002": "Flor_Montulo",
    "Martha_Bowen_0002": "Gabrielle_Rose",  # one photograph under both names
    "Michael_Schumacher_0008": "Rubens_Barrichello",
}
"""Photographs of LFW that show somebody else than their name says, and whom; seen by eye."""
GRADES = (7.0, 8.0, 9.0, 10.0, 11.0)
"""The least norm of each grade. Below 7, 96 % of mated faces score less than one stranger in ten thousand."""
LEAST_PAIRS = 30
"""Rates of fewer pairs are extrapolated: their count is uncertain by a third or more."""
TAIL = 1e-4
"""Share of the pairs whose scores tell the slope of the tail, but at least TAIL_PAIRS."""
TAIL_PAIRS = 300
NEAR = 0.2
"""Scores of the tail are higher. The people of pairs that score less are not kept, which saves memory."""
POINTS = 28
SAMPLE = 3000
"""Most templates of a grade."""
RESAMPLED = 200
SCORES = np.linspace(-0.2, 1.0, 61)
"""The scores at which misses are counted."""
SHIPPED = lfw.ROOT / "src" / "lineament" / "vision"

Numbers = NDArray[np.int64]


def true_people(chosen: Photographs) -> Numbers:
    """Return the person on each photograph: names of SAME_PERSON are joined, photographs of SHOWS are corrected."""
    number = {name: at for at, name in enumerate(chosen.names)}
    people = chosen.people.copy()
    for at, path in enumerate(chosen.paths):
        people[at] = number.get(SHOWS.get(path.stem, ""), people[at])
    for name, other in SAME_PERSON:
        if name in number and other in number:
            people[people == number[other]] = number[name]
    return people


def non_mated(people: Numbers) -> Numbers:
    """Return the photographs of people of whom there is one only: the non-mated probes of every measurement here."""
    return np.flatnonzero(np.bincount(people)[people] == 1)


def non_mated_found(found: Templates, people: Numbers) -> Numbers:
    """Return the non-mated probes with a face: the mean of their vectors is the centre."""
    alone = non_mated(people)
    shown: Numbers = alone[found.found()[alone]]
    return shown


def strangers(chosen: Photographs, vectors: Floats) -> Floats:
    """Return the scores of all pairs of photographs of different people, in descending order."""
    people = true_people(chosen)
    found = [(vectors[at + 1 :] @ vector)[people[at + 1 :] != people[at]] for at, vector in enumerate(vectors)]
    scores = np.concatenate(found)
    scores.sort()
    return scores[::-1]


class Pool:
    """The templates of all degradations, of some people."""

    def __init__(
        self, found: Mapping[str, Templates], joining: Joining, people: Numbers, some: NDArray[np.bool_]
    ) -> None:
        """``some``: whether each person takes part, by number."""
        names = list(found)
        kept = {name: np.flatnonzero(found[name].found() & some[people]) for name in names}
        self.vectors = np.concatenate([found[name].joined(joining)[kept[name]] for name in names])
        self.norms = np.concatenate([found[name].norms[kept[name]] for name in names])
        self.people = np.concatenate([people[kept[name]] for name in names])
        self.photographs = np.concatenate([kept[name] for name in names])
        families = [DEGRADATIONS[name].family for name in names]
        kinds = [
            np.full(len(kept[name]), sorted(set(families)).index(of)) for name, of in zip(names, families, strict=True)
        ]
        self.kinds = np.concatenate(kinds)
        self.unaltered = np.concatenate([np.full(len(kept[name]), name == UNALTERED) for name in names])

    def grades(self) -> Numbers:
        """Return the grade of each template; -1 if it is too weak to compare."""
        return np.searchsorted(GRADES, self.norms, side="right") - 1


def curve(pool: Pool, first: Numbers, second: Numbers, random: np.random.Generator) -> dict[str, Any]:
    """Return the false match curve of pairs of templates of two grades, as ``ErrorRates.from_json`` reads it."""
    scores, pairs = [], []
    for at in range(0, len(first), 1000):
        some = first[at : at + 1000]
        close = pool.vectors[some] @ pool.vectors[second].T
        others = pool.people[some][:, None] != pool.people[second][None]
        others &= (pool.kinds[some][:, None] != pool.kinds[second][None]) | pool.unaltered[some][:, None]
        rows, columns = np.nonzero(others & (close > NEAR))
        far = close[others & (close <= NEAR)]
        scores += [close[rows, columns], far]
        pairs += [np.stack([pool.people[some][rows], pool.people[second][columns]], axis=1), np.full((len(far), 2), -1)]
    every, whose = np.concatenate(scores), np.concatenate(pairs)
    order = np.argsort(-every, kind="stable")
    every, whose = every[order], whose[order]
    ranks = np.unique(np.geomspace(LEAST_PAIRS, len(every) / 2, POINTS).astype(int))[::-1]
    counted = [float(round(float(every[rank - 1]), 4)) for rank in ranks]
    rates = [float(np.count_nonzero(every >= np.float32(score)) / len(every)) for score in counted]
    tail = max(TAIL_PAIRS, int(TAIL * len(every)))
    above, ends = every[:tail] - every[tail], whose[:tail]
    slopes, people = [], pool.people.max() + 1
    for _ in range(RESAMPLED):
        drawn = random.multinomial(people, np.full(people, 1 / people))
        weights = drawn[ends[:, 0]] * drawn[ends[:, 1]]
        if weights.any():
            slopes.append(-1 / np.average(above, weights=weights))
    steepest, flattest = np.quantile(slopes, [0.025, 0.975])
    return {
        "comparisons": len(every),
        "measured_to": counted[-1],
        "scores": counted,
        "rates": rates,
        "slope": round(float(-1 / above.mean()), 2),
        "steepest": round(float(steepest), 2),
        "flattest": round(float(flattest), 2),
    }


def misses(pool: Pool, grade: Numbers) -> list[dict[str, Any]]:
    """Return how many mated faces score less, for probes of each grade: each person with the same weight.

    Everybody is enrolled with their first photograph, unaltered; the others, in all degradations, are the probes.
    """
    unaltered = np.flatnonzero(pool.unaltered & (grade >= 0))
    first = {int(person): int(at) for at, person in reversed(list(zip(unaltered, pool.people[unaltered], strict=True)))}
    found = []
    for number in range(len(GRADES)):
        probes = [
            int(at)
            for at in np.flatnonzero(grade == number)
            if int(pool.people[at]) in first and pool.photographs[at] != pool.photographs[first[int(pool.people[at])]]
        ]
        scores = np.array([pool.vectors[at] @ pool.vectors[first[int(pool.people[at])]] for at in probes])
        whose = pool.people[probes]
        weights = 1 / np.bincount(whose)[whose]
        shares = [float(np.average(scores < score, weights=weights)) for score in SCORES]
        found.append(
            {
                "comparisons": len(probes),
                "people": len(np.unique(whose)),
                "scores": [round(float(score), 2) for score in SCORES],
                "shares": [round(share, 4) for share in shares],
            }
        )
    return found


def measure(pool: Pool, model: str, origin: str) -> dict[str, Any]:
    """Return the error rates as ``ErrorRates.from_json`` reads them."""
    random = np.random.default_rng(1)
    grade = pool.grades()
    members = []
    for number in range(len(GRADES)):
        all_of = np.flatnonzero(grade == number)
        members.append(np.sort(random.permutation(all_of)[:SAMPLE]))
    curves = [
        {"grades": [first, second]} | curve(pool, members[first], members[second], random)
        for first in range(len(GRADES))
        for second in range(first, len(GRADES))
    ]
    return {"model": model, "origin": origin, "grades": GRADES, "false_matches": curves, "misses": misses(pool, grade)}


def check(found: Mapping[str, Templates], joining: Joining, people: Numbers) -> str:
    """Return observed over expected strangers on people that the calibration did not see, as a table in Markdown."""
    some = np.random.default_rng(2).permutation(people.max() + 1) < (people.max() + 1) // 2
    rates = ErrorRates.from_json(measure(Pool(found, joining, people, some), "half", "half of the people"))
    unseen = ~some
    first = np.unique(people, return_index=True)[1]
    enrolled = first[unseen[people[first]] & found[UNALTERED].found()[first]]
    gallery, norms = found[UNALTERED].joined(joining)[enrolled], found[UNALTERED].norms[enrolled]
    counts = np.bincount([rates.grade(float(norm)) for norm in norms], minlength=len(GRADES)).tolist()
    lines = [
        "| probes | N | expected 0.1: observed | expected 1: observed | expected 10: observed |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, templates_of in found.items():
        rows = np.flatnonzero(unseen[people] & templates_of.found() & (templates_of.norms >= GRADES[0]))
        scores = templates_of.joined(joining)[rows] @ gallery.T
        scores[people[rows][:, None] == people[enrolled][None]] = -2
        grades = np.array([rates.grade(float(norm)) for norm in templates_of.norms[rows]])
        cells = []
        for expected in (0.1, 1.0, 10.0):
            limit = {grade: rates.score_for(expected, grade, counts) for grade in range(len(GRADES))}
            reached = scores >= np.array([limit[int(grade)] for grade in grades])[:, None]
            cells.append(f"{reached.sum() / len(rows) / expected:.2f} ×")
        lines.append(f"| {name} | {len(rows):,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def written_beside(name: str, kind: str) -> Path:
    """Return the file for what was measured of a pack: beside its manifest, or beside the pack that ships."""
    manifest = lfw.manifest_of(name)
    if manifest is None:
        return SHIPPED / f"{name}.{kind}.json"
    return manifest.parent / f"{read_manifest(manifest).name}.{kind}.json"


def write_centre(name: str, centre: Floats, origin: str) -> None:
    """Write the centre of all recognisers of a pack, side by side. What was measured with another one is void."""
    shown = {"origin": origin, "centre": [round(float(value), 6) for value in centre]}
    written_beside(name, "centre").write_text(json.dumps(shown, ensure_ascii=False) + "\n", "utf-8")
    if lfw.manifest_of(name) is not None:
        written_beside(name, "rates").unlink(missing_ok=True)


def write_rates(name: str, facts: Mapping[str, Any]) -> None:
    """Write the error rates of a pack."""
    text = json.dumps(facts, ensure_ascii=False, indent=None, separators=(",", ":"))
    written_beside(name, "rates").write_text(text.replace('{"grades":[', '\n{"grades":[') + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--write", action="store_true", help="put the rates, or with --centre the centre, beside the pack"
    )
    parser.add_argument("--centre", action="store_true", help="measure the centre only; the first step for a pack")
    parser.add_argument("--check", action="store_true", help="calibrate on half of the people, count on the others")
    parser.add_argument("--few", type=int, help="of so many photographs, the centre only; for trials")
    parser.add_argument("--only", nargs="+", choices=DEGRADATIONS, default=list(DEGRADATIONS), metavar="DEGRADATION")
    lfw.add_folder_option(parser)
    lfw.add_pack_options(parser)
    given = parser.parse_args()
    chosen = lfw.photographs(given.lfw)
    if given.few:
        chosen = Photographs(chosen.paths[: given.few])
        given.centre = True
    people = true_people(chosen)
    pack = lfw.pack_of(given.pack, given.folders)
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    whose = f"half of Labeled Faces in the Wild ({lfw.WHOSE})" if given.lfw == lfw.LFW else "photographs of one's own"
    unaltered = templates(chosen, UNALTERED, pack)
    alone = non_mated_found(unaltered, chosen.people)
    centre = unaltered.vectors[alone].mean(axis=0)
    if given.write and given.centre:
        origin = f"Measured on {when} in f32 by bench/error_rates.py: the mean of {len(alone):,} templates, {whose}."
        write_centre(given.pack, centre, origin)
    joining = joining_of(pack)
    lengths = [float(np.linalg.norm(part)) for part in np.split(centre, np.cumsum(joining.dimensions)[:-1])]
    print(f"centre of {len(alone):,} templates, length {', '.join(f'{length:.3f}' for length in lengths)}")
    if given.centre:
        return
    found = {name: unaltered if name == UNALTERED else templates(chosen, name, pack) for name in given.only}
    for name, each in found.items():
        print(f"{name}: a face in {int(each.found().sum()):,} of {len(chosen):,}, norm {np.median(each.norms):.1f}")
    if given.check:
        print(check(found, joining, people))
        return
    everybody = np.ones(people.max() + 1, bool)
    pool = Pool(found, joining, people, everybody)
    origin = (
        f"Measured on {when} in f32 by bench/error_rates.py: {len(chosen):,} photographs of {len(chosen.names):,} "
        f"people, {whose}, as they are and degraded ({', '.join(given.only)}); {len(SAME_PERSON)} pairs of names "
        f"that mean one person joined, and the names of {len(SHOWS)} photographs corrected. Rates that fewer than "
        f"{LEAST_PAIRS} pairs reached are extrapolated; people of one age, sex and origin, and siblings, reach a "
        f"score more often."
    )
    facts = measure(pool, pack.model, origin)
    if given.write:
        write_rates(given.pack, facts)
    for entry in facts["false_matches"]:
        tail = f"slope {entry['slope']} ({entry['steepest']} to {entry['flattest']})"
        print(entry["grades"], f"{entry['comparisons']:,} pairs, counted to {entry['measured_to']}, {tail}")


if __name__ == "__main__":
    main()
