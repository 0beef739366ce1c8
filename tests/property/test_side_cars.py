"""Whatever a side-car or a table holds: a provenance that can be shown, or a refusal in words."""

from __future__ import annotations

import io
import json
from datetime import UTC
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from lineament.model.faces import Provenance
from lineament.sources.folder.captures import Captures
from lineament.sources.provenance import FIELDS, LONGEST_TEXT, LONGEST_URI, Unusable, parse_side_car

UNSAID = Provenance(uri="file:///a.jpg")

almost_uris = st.builds(
    "{}{}{}".format,
    st.sampled_from(["http", "https", "file", "urn", "javascript", "data", "HTTP", ""]),
    st.sampled_from(["://", ":", ":/", "", ":\\\\", "\n://"]),
    st.text(max_size=60),
)
almost_moments = st.one_of(
    st.datetimes().map(str),
    st.dates().map(str),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?)?", fullmatch=True),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | almost_uris | almost_moments,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
texts = st.text(max_size=700) | almost_uris | almost_moments


def fit_to_be_shown(found: Provenance) -> bool:
    for uri in (found.uri, found.page_uri):
        if uri is not None:
            assert urlsplit(uri).scheme in {"http", "https", "file", "urn"}
            assert uri.isprintable()
            assert " " not in uri
            assert len(uri) <= LONGEST_URI
    for text in (found.page_title, found.licence):
        assert text is None or (text.isprintable() and 0 < len(text) <= LONGEST_TEXT)
    assert found.captured_at is None or found.captured_at.utcoffset() == UTC.utcoffset(None)
    repr(found).encode()
    return True


def judged(raw: bytes) -> bool:
    try:
        return fit_to_be_shown(parse_side_car(raw, UNSAID))
    except Unusable as error:
        return bool(str(error)) and "\n" not in str(error)


@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    assert judged(raw)


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), anything, max_size=6))
def test_any_json(fields: dict[str, object]) -> None:
    assert judged(json.dumps(fields).encode())


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, texts)))
def test_any_texts(fields: dict[str, str]) -> None:
    assert judged(json.dumps(fields).encode())


rows = st.lists(st.lists(st.sampled_from(["a.jpg", "", '"', "\n"]) | texts, max_size=8), max_size=6)


@given(st.sampled_from(["file,uri,licence\n", "file;page_uri\n", "captured_at\tfile\n", ""]), rows | st.text())
def test_any_table(header: str, body: list[list[str]] | str) -> None:
    lines = body if isinstance(body, str) else "\n".join(",".join(row) for row in body)
    try:
        table = Captures(io.StringIO(header + lines, newline=""))
    except Unusable:
        return
    assert has_questions(table)
    assert "a.jpg" not in set(table.missing())
    table.close()


def has_questions(table: Captures) -> bool:
    try:
        found = table.of(b"a.jpg", UNSAID)
    except Unusable as error:
        return bool(str(error))
    return found is None or fit_to_be_shown(found)
