"""Parts of requests and answers that several nouns share."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Line = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text."""
Count = Annotated[int, Field(ge=0, le=2**53)]
Notify = Annotated[bool, Field(description="Whether the agency's web hooks are told when it has ended.")]


def _read_day(value: object) -> object:
    with suppress(ValueError):
        if isinstance(value, str) and str(day := date.fromisoformat(value)) == value:
            return day
    return value


Day = Annotated[date, BeforeValidator(_read_day)]
"""A day of a request, as 2026-11-30; nothing else that pydantic would read as one."""


class AskedFor(BaseModel):
    """A request; it has no other fields than those named.

    A number or a truth value has to be one in JSON, too: neither "1" nor true passes for 1. What JSON has no type for
    must be let in by its field: an enum needs ``strict=False``, and a day is a ``Day``.
    """

    model_config = ConfigDict(extra="forbid", strict=True)


class RefusedShape(BaseModel):
    """Something that was not taken in, and why."""

    name: str
    why: str


class IsoMeasure(BaseModel):
    """A measure of a face under the name of a component of ISO/IEC 29794-5."""

    measure: str = Field(description="Our name for it.")
    native: float = Field(description="What we measured, in that unit.")
    unit: str
    value: int | None = Field(
        description="0 to 100, on the scale of the reference implementation; null if it has none for this measure."
    )


class FaceQuality(BaseModel):
    """How well a face can be compared."""

    face_height: float = Field(description="In pixels of the original.")
    detector_score: float = Field(description="0 to 1.")
    norm: float = Field(description="Length of the embedding before normalisation; higher is better.")
    sharpness: float
    exposure: float = Field(description="0 to 1.")
    yaw: float = Field(description="Degrees; 0 is frontal.")
    cropped: float = Field(description="The share of its box outside the picture, 0 to 1.")
    roll: float = Field(description="Degrees clockwise.")
    grade: int = Field(description="Higher is stronger; -1: too weak to compare.")
    reasons: list[str] = Field(description="Why it may not compare reliably.")
    reliable: bool
    iso_29794_5: dict[str, IsoMeasure] = Field(description="The measures by the names of ISO/IEC 29794-5.")


class GalleryFace(BaseModel):
    """A face of the gallery, without its template."""

    face: int
    box: list[float] = Field(description="x, y, width and height in pixels of the upright picture.")
    comparable: bool = Field(description="Whether a search can find it.")
    drawn: bool = Field(description="Whether somebody drew its box.")
    model: str
    quality: FaceQuality
