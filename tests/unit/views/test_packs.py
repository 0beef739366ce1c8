"""What is known of a pack, as JSON and in words."""

from __future__ import annotations

import pytest

from lineament.model.packs import CURRENT
from lineament.services.gallery.packs import KnownPack
from lineament.views.packs import RARE, missed_row, missed_shares, shown_pack_json
from lineament.vision.added import describe_shipped


def test_error_rates_are_numbers_with_their_interval() -> None:
    description = describe_shipped(CURRENT)
    pack = KnownPack(description=description, added=None, in_use=True, left=None)
    shown = shown_pack_json(pack)["rates"]["by_grade"]
    assert len(shown) == len(description.rates.misses) > 0
    for grade, (line, misses) in enumerate(zip(shown, description.rates.misses, strict=True)):
        missed = line["missed"]
        assert (line["grade"], line["fmr"]) == (grade, RARE)
        assert description.rates.rate_at(line["score"], grade, grade) == pytest.approx(RARE, rel=1e-3)
        assert missed["value"] == pytest.approx(misses.share_at(line["score"]), abs=1e-4)
        assert 0 <= missed["low"] < missed["value"] < missed["high"] <= 1
        assert (missed["trials"], missed["people"]) == (misses.comparisons, misses.people)
    first = missed_shares(description.rates)[0]
    assert missed_row(first)[3:5] == (f"{first.share:.1%}", f"{first.low:.1%} to {first.high:.1%}")
