"""Errors as JSON, and the commands that remedy a refusal."""

from __future__ import annotations

from lineament.errors import LineamentError, NotFound, Refused, SeveralFaces
from lineament.model.faces import Box
from lineament.model.reasons import ReasonCode
from lineament.views.errors import error_json, face_rows, named_error_json, remedy_lines

AUTHORISE = "lineament case authorise K-1 --authority TEXT --decided DATE --scope TEXT"


def test_an_error_is_json_with_its_code_and_its_message() -> None:
    missing = NotFound(what="case", name="K-9", hint="lineament case list")
    message = "There is no case “K-9”; list what there is with: lineament case list."
    assert error_json(missing) == {"error": {"code": "not-found", "message": message, "reasons": []}}


def test_a_refusal_is_json_with_each_reason_and_its_remedy() -> None:
    refused = Refused(ReasonCode.NOT_AUTHORISED.reason(ref="K-1"), ReasonCode.NO_REASON.reason())
    assert error_json(refused)["error"]["reasons"] == [
        {
            "code": "not-authorised",
            "words": "the case K-1 seeks a suspect and has no authorisation yet",
            "remedy": "record an authorisation of the case",
            "command": AUTHORISE,
        },
        {"code": "no-reason", "words": "no reason is given for the search", "remedy": None, "command": None},
    ]


def test_each_remedy_is_one_line_however_many_reasons_it_remedies() -> None:
    closed = [ReasonCode.SOURCE_NOT_LIVE.reason(name=name, state="suspended") for name in ("press", "archive")]
    refused = Refused(*closed, ReasonCode.SECOND_FACTOR.reason(minutes=15), ReasonCode.NO_REASON.reason())
    assert remedy_lines(refused) == [
        "Choose other sources: lineament source list",
        "Show your second factor: lineament step-up",
    ]


def test_an_error_about_a_photograph_names_its_file() -> None:
    error = NotFound(what="case", name="K-9", hint="lineament case list")
    shown = named_error_json("a.jpg", error)
    assert shown == {"file": "a.jpg", **error_json(error)}
    assert next(iter(shown)) == "file"


def test_other_errors_have_no_remedies() -> None:
    assert remedy_lines(LineamentError(detail="a defect")) == []
    assert remedy_lines(Refused(ReasonCode.NO_REASON.reason())) == []


def test_the_faces_that_can_be_chosen_are_listed_with_place_and_size() -> None:
    several = SeveralFaces(
        count=2, boxes=(Box(x=10.4, y=20.0, width=64.0, height=80.6), Box(x=1200.0, y=20.0, width=30.0, height=40.0))
    )
    assert face_rows(several) == [("1", "10, 20", "64 × 81"), ("2", "1200, 20", "30 × 40")]
    assert error_json(several)["error"]["faces"] == [
        {"face": 1, "box": [10.4, 20.0, 64.0, 80.6]},
        {"face": 2, "box": [1200.0, 20.0, 30.0, 40.0]},
    ]
    assert face_rows(LineamentError(detail="a defect")) == []
