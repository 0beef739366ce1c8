"""Near hashes are found as by comparing with every one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.model.arranging import NEAR_DUPLICATE_BITS
from lineament.vision.near_hashes import HASH_BYTES, MOST_BITS, NearHashes

hashes = st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES)


def bits(first: bytes, second: bytes) -> int:
    return (int.from_bytes(first) ^ int.from_bytes(second)).bit_count()


def flipped(hash_: bytes, which: list[int]) -> bytes:
    whole = int.from_bytes(hash_)
    for bit in which:
        whole ^= 1 << bit
    return whole.to_bytes(HASH_BYTES)


@given(st.lists(hashes, min_size=1, max_size=20), st.data())
def test_the_nearest_is_found_up_to_the_last_bit(known: list[bytes], data: st.DataObject) -> None:
    which = data.draw(st.lists(st.integers(0, 255), unique=True, max_size=40))
    asked = flipped(data.draw(st.sampled_from(known)), which)
    nearest = min(bits(asked, one) for one in known)
    assert NearHashes(known).distance(asked) == (nearest if nearest <= MOST_BITS else None)


@pytest.mark.parametrize("many", [MOST_BITS, MOST_BITS + 1])
def test_bits_spread_over_all_bands_are_no_way_past_it(many: int) -> None:
    random_ = random.Random(many)
    known = [random_.randbytes(HASH_BYTES) for _ in range(2000)]
    spread = [16 * band + place for place in (3, 11) for band in range(16)][:many]
    near = NearHashes(known)
    found = [near.distance(flipped(one, spread)) for one in known[:50]]
    assert found == [many if many <= MOST_BITS else None] * 50


def test_equal_hashes_count_once_and_none_is_near_nothing() -> None:
    one = bytes(range(HASH_BYTES))
    assert len(NearHashes([one, one, bytes(HASH_BYTES)])) == 2
    assert NearHashes([one]).distance(one) == 0
    assert NearHashes([]).distance(one) is None
    assert NearHashes([one]).distance(b"short") is None


def test_the_distance_is_that_of_near_duplicates() -> None:
    assert MOST_BITS == NEAR_DUPLICATE_BITS
