"""Answers that a repeated request gets again, on either database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from datetime import timedelta

import pytest
from tests.support.store_rows import NOW, RawSql

from lineament.api.repeats import NamedRequest, Repeats
from lineament.errors import WrongState
from lineament.store.api_tables import FORGOTTEN
from lineament.store.db import Store
from lineament.store.keys import KEY_BYTES, Cipher
from lineament.testing import VAULT

REQUEST = bytes(32)
ANSWER = b"sealed by whoever keeps it"
LATER = NOW + timedelta(hours=1)


def begin(store: Store, name: str) -> tuple[bytes, bytes | None] | None:
    with store.begin_aside() as tx:
        return tx.api_answers.begin(name, REQUEST, NOW, LATER)


def end(store: Store, name: str, *, names_nothing: bool = False) -> None:
    with store.begin_aside() as tx:
        tx.api_answers.answer(name, ANSWER, LATER, names_nothing=names_nothing)


def erase(store: Store) -> None:
    with store.begin() as tx:
        tx.deletions.note_erased()


def test_a_request_is_under_way_until_it_is_answered(store: Store) -> None:
    assert [begin(store, "one"), begin(store, "one"), begin(store, "two")] == [None, (REQUEST, None), None]
    end(store, "one")
    assert [begin(store, "one"), begin(store, "two")] == [(REQUEST, ANSWER), (REQUEST, None)]


def test_an_erasure_forgets_answers_and_those_that_are_still_made(store: Store) -> None:
    for name in ("answered", "under way"):
        begin(store, name)
    end(store, "answered")
    for _ in range(2):
        erase(store)
        assert [begin(store, "answered"), begin(store, "under way")] == [(REQUEST, FORGOTTEN), (REQUEST, None)]
    begin(store, "after it")
    for name in ("under way", "after it"):
        end(store, name)
    assert [begin(store, "under way"), begin(store, "after it")] == [(REQUEST, FORGOTTEN), (REQUEST, ANSWER)]


def test_an_answer_that_names_nothing_is_kept_until_the_next_erasure(store: Store) -> None:
    begin(store, "one")
    erase(store)
    end(store, "one", names_nothing=True)
    assert begin(store, "one") == (REQUEST, ANSWER)
    erase(store)
    assert begin(store, "one") == (REQUEST, FORGOTTEN)


def test_a_request_that_began_before_an_erasure_was_committed_is_forgotten_with_what_is_scrubbed(store: Store) -> None:
    erase(store)
    begin(store, "between")  # on PostgreSQL it may begin before the commit, and read what is erased by it
    assert store.scrub()
    end(store, "between")
    assert begin(store, "between") == (REQUEST, FORGOTTEN)


def test_of_two_requests_of_a_name_that_begin_at_the_same_moment_one_is_told_to_wait(store: Store) -> None:
    named = NamedRequest("one", REQUEST, Cipher(bytes(KEY_BYTES)))
    with ThreadPoolExecutor(1) as other:
        with store.begin_aside() as tx:
            assert tx.api_answers.begin(named.name, REQUEST, NOW, LATER) is None
            second = other.submit(Repeats(store).begin, named, NOW)
            with pytest.raises(StillRunning):
                second.result(0.5)
        with pytest.raises(WrongState, match="under way"):
            second.result()


def test_what_was_forgotten_of_programs_leaves_the_tables_of_postgresql(postgresql_url: str) -> None:
    store, raw = Store.open(postgresql_url, VAULT), RawSql(postgresql_url)
    begin(store, "one")
    end(store, "one")
    erase(store)
    assert store.scrub()
    names = "'api_keys', 'api_answers', 'search_batches', 'batch_photographs'"
    freed = raw(f"SELECT count(*) FROM pg_stat_user_tables WHERE vacuum_count > 0 AND relname IN ({names})")
    assert freed == [(4,)]
    raw.close()
    store.close()
