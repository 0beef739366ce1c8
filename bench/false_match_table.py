"""Measures the false match rate of each score on LFW, and writes the table that ships with the pack.

Every pair of photographs of different people counts once. LFW has people under two names and photographs filed
under the wrong person; the pairs of names below were inspected and excluded (twins and brothers were kept). Beyond
the last score that MOST_RARE pairs reach, the table is extrapolated with a straight line through the logarithms of
the counts, which is on the safe side: the true tail falls faster, except for siblings.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import lfw
from bench.lfw import Floats, Photographs
from lineament.model.rates import FalseMatchTable

SAME_PERSON = (
    ("Andrew_Caldecott", "Andrew_Gilligan"),  # one photograph under both names
    ("Bart_Hendricks", "Ricky_Ray"),  # also
    ("Gabrielle_Rose", "Martha_Bowen"),  # also
    ("Shinya_Taniguchi", "Takahiro_Mori"),  # also
    ("Flor_Montulo", "Nora_Bendijo"),  # mixed up
    ("Michael_Schumacher", "Rubens_Barrichello"),  # one of them is the other
    ("Choi_Sung-hong", "Sung_Hong_Choi"),  # two spellings from here on
    ("Felipe_De_Borbon", "Prince_Felipe"),
    ("John_Gruden", "Jon_Gruden"),
    ("Joseph_Blatter", "Sepp_Blatter"),
    ("Nan_Wang", "Wang_Nan"),
    ("Noer_Moeis", "Noer_Muis"),
    ("Talisa_Bratt", "Talisa_Soto"),
)
MOST_RARE = 30
"""Rates of fewer pairs are extrapolated: their count is uncertain by a third or more."""
FIT_FROM = 1e-4
POINTS = 28
TABLE = lfw.ROOT / "src" / "lineament" / "vision" / "sface-yunet.fmr.json"


def with_names_joined(chosen: Photographs) -> NDArray[np.int64]:
    """Return the person on each photograph; both names of a pair in SAME_PERSON are one person."""
    number = {name: at for at, name in enumerate(chosen.names)}
    people = chosen.people.copy()
    for name, other in SAME_PERSON:
        if name in number and other in number:
            people[people == number[other]] = number[name]
    return people


def strangers(chosen: Photographs, templates: Floats) -> Floats:
    """Return the scores of all pairs of photographs of different people, in descending order."""
    people = with_names_joined(chosen)
    found = [(templates[at + 1 :] @ template)[people[at + 1 :] != people[at]] for at, template in enumerate(templates)]
    scores = np.concatenate(found)
    scores.sort()
    return scores[::-1]


def tail_slope(scores: Floats, fit_from: float) -> float:
    """Return d log FMR / d score beyond the rate ``fit_from``, by least squares over the counts, weighted by rank."""
    ranks = np.unique(np.geomspace(MOST_RARE, fit_from * len(scores), 60).astype(int))
    slope = np.polyfit(scores[ranks - 1].astype(np.float64), np.log(ranks), 1, w=np.sqrt(ranks))[0]
    return float(slope)


def table(scores: Floats, model: str, fit_from: float) -> FalseMatchTable:
    """Return a table of POINTS scores, from the one that half of the strangers reach, and an extrapolated last one."""
    ranks = np.unique(np.geomspace(MOST_RARE, len(scores) / 2, POINTS).astype(int))[::-1]
    counted = [float(round(float(scores[rank - 1]), 4)) for rank in ranks]
    rates = [float(np.count_nonzero(scores >= np.float32(score)) / len(scores)) for score in counted]
    last = rates[-1] * float(np.exp(tail_slope(scores, fit_from) * (1 - counted[-1])))
    return FalseMatchTable(
        model=model,
        origin="",
        comparisons=len(scores),
        measured_to=counted[-1],
        scores=(*counted, 1.0),
        rates=(*rates, last),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--write", type=Path, default=TABLE)
    parser.add_argument("--fit-from", type=float, default=FIT_FROM, metavar="FMR", help="where the tail begins")
    lfw.add_folder_option(parser)
    given = parser.parse_args()
    chosen = lfw.photographs(given.lfw)
    scores = strangers(chosen, lfw.features(chosen, given.precision).templates())
    model = lfw.shipped_pack().model
    rates = table(scores, model, given.fit_from)
    origin = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} in {given.precision} by bench/false_match_table.py: "
        f"{len(scores):,} pairs of photographs of different people, from {len(chosen):,} photographs of "
        f"{len(chosen.names):,} people, half of Labeled Faces in the Wild ({lfw.WHOSE}); {len(SAME_PERSON)} pairs of "
        f"names that mean one person left out. Above a score of {rates.measured_to}, which {MOST_RARE} pairs reached, "
        f"extrapolated; people of one age, sex and origin, and siblings, reach a score more often."
    )
    facts = asdict(rates) | {"origin": origin}
    given.write.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", "utf-8")
    for rate in (1e-2, 1e-3, 1e-4, 1e-5):
        print(f"FMR {rate:.0e} at {scores[int(rate * len(scores)) - 1]:.3f}")
    for score in (0.55, 0.6, 0.7):
        print(f"score {score}: {rates.rate_at(score):.1e} in the table, {np.count_nonzero(scores >= score)} pairs")
    print(origin)


if __name__ == "__main__":
    main()
