"""Whatever a program of CompreFace or InsightFace Server sends: it is read, or refused in the form of that product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from lineament.api.compat.compreface_errors import WORDING as COMPREFACE
from lineament.api.compat.compreface_errors import CompreFaceFault
from lineament.api.compat.compreface_options import (
    MOST_PAGE,
    MOST_SUBJECTS,
    face_options,
    image_id,
    list_part,
    new_subject,
)
from lineament.api.compat.insightface_errors import WORDING as INSIGHTFACE
from lineament.api.compat.insightface_errors import InsightFaceFault
from lineament.api.compat.insightface_requests import (
    MOST_METADATA,
    CollectionChange,
    PersonChange,
    person_facts,
    person_id,
    read_change,
    read_wish,
    threshold,
    whole,
)
from lineament.api.compat.uploads import SentBody, from_base64
from lineament.errors import InvalidValue

texts = st.text(max_size=40) | st.sampled_from(["nan", "inf", "-0", "1e400", "０", "²", "true", "1_0", "\0", "\ud800"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
OPTIONS = ("limit", "det_prob_threshold", "prediction_count", "face_plugins", "status", "detect_faces", "page", "size")


@contextmanager
def answering() -> Iterator[None]:
    """Let what is refused pass, if its answer can be written."""
    try:
        yield
    except CompreFaceFault as fault:
        COMPREFACE.of_fault(fault)
    except InsightFaceFault as fault:
        INSIGHTFACE.of_fault(fault)
    except InvalidValue as error:
        COMPREFACE.of_error(error)
        INSIGHTFACE.of_error(error)


@given(st.dictionaries(st.sampled_from(OPTIONS), texts))
def test_options_are_within_their_bounds(query: dict[str, str]) -> None:
    with answering():
        options = face_options(QueryParams(query))
        assert options.limit >= 0
        assert 0 <= options.least_score <= 1
        assert 1 <= options.subjects <= MOST_SUBJECTS
    with answering():
        part = list_part(QueryParams(query))
        assert part.number >= 0
        assert 1 <= part.size <= MOST_PAGE


@example("\ud800")
@given(values)
def test_names_and_ids_are_read_or_refused(value: object) -> None:
    with answering():
        assert 1 <= len(new_subject(value)) <= 50
    with answering():
        assert len(image_id(str(value))) == 36
    with answering():
        assert isinstance(from_base64("file", value), bytes)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("id", "name", "description", "threshold", "metadata", "detection"), values)
    )
    | values
)
def test_bodies_in_json_are_read_or_refused(value: object) -> None:
    with answering():
        wish = read_wish(value)
        assert wish.threshold is None or 0 <= wish.threshold <= 1
        assert len(json.dumps(wish.metadata, ensure_ascii=False, allow_nan=False).encode()) <= MOST_METADATA
    for kind in (CollectionChange, PersonChange):
        with answering():
            assert set(read_change(kind, value)) <= set(kind.model_fields)


@given(st.dictionaries(st.sampled_from(["id", "name", "external_id", "metadata", "threshold", "limit"]), texts))
def test_forms_are_read_or_refused(fields: dict[str, str]) -> None:
    sent = SentBody(texts=fields)
    with answering():
        assert 1 <= len(person_id(sent)) <= 64
    with answering():
        json.dumps(person_facts(sent)["metadata"], allow_nan=False)
    with answering():
        assert 0 <= (threshold(sent) or 0) <= 1
    with answering():
        assert 1 <= whole(fields.get("limit"), "limit", 5, 100) <= 100
