"""Whatever is said in a transaction: no text leaves its field, and two readers find what was written."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import nistitl
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lineament.model.faces import Box, Face, Landmarks, Quality, Template
from lineament.services.disclosure.itl import ItlFace, ItlHeader, ItlPicture, as_it_is, transaction
from lineament.sources.imports.itl import ItlPhotograph, photographs

places = st.floats(-1e6, 1e6)
points = st.tuples(places, places)
MEASURES: dict[str, Any] = {
    "face_height": 50.0,
    "detector_score": 0.9,
    "norm": 12.0,
    "sharpness": 20.0,
    "exposure": 0.5,
}


@st.composite
def faces(draw: st.DrawFn) -> ItlFace:
    content = b"\xff\xd8\xff" + draw(st.binary(max_size=60))
    marks = Landmarks(
        left_eye=draw(points),
        right_eye=draw(points),
        nose=draw(points),
        left_mouth=draw(points),
        right_mouth=draw(points),
    )
    box = Box(x=draw(places), y=draw(places), width=draw(st.floats(1, 1e6)), height=draw(st.floats(1, 1e6)))
    quality = Quality(**MEASURES, yaw=draw(st.floats(-90, 90)), cropped=0)
    face = Face(box=box, landmarks=marks, quality=quality, template=Template("m", np.zeros(2, np.float32)))
    picture = ItlPicture(content=content, compression="JPEGB", colours="YCC", width=640, height=480)
    return ItlFace(picture=picture, face=face, surveillance=False, taken_on=None, comment=draw(st.text(max_size=300)))


@given(st.lists(faces(), min_size=1, max_size=4), st.lists(st.text(max_size=80), max_size=4))
def test_any_text_and_any_place(shown: list[ItlFace], about: list[str]) -> None:
    at = datetime(2026, 5, 4, tzinfo=UTC)
    made = transaction(ItlHeader(to="DAI", sender="ORI", number="1", at=at, about=about), shown)
    found = [photograph for _, photograph in photographs(io.BytesIO(made), 2**20)]
    assert found[:2] == [None, None]
    assert all(isinstance(photograph, ItlPhotograph) for photograph in found[2:])
    read = [photograph.untrusted for photograph in found[2:] if isinstance(photograph, ItlPhotograph)]
    assert read == [face.picture.content for face in shown]
    message = nistitl.Message()
    message.parse(made)
    assert [record.type for record in message] == [1, 2, *(10 for _ in shown)]


@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8", b"\xff\xd8\xff\xc0"]), st.binary(max_size=60)
)
def test_any_picture(start: bytes, rest: bytes) -> None:
    codes = as_it_is(start + rest)
    assert codes is None or codes[0] in {"JPEGB", "PNG"}
