"""Whatever XMP says of the faces in a picture: regions that lie in it, or something that is counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.support.xmp import marked, of_microsoft, usable

from lineament.model.faces import Box
from lineament.model.regions import FaceRegion, region_of
from lineament.sources.xmp.reader import parse_hints, read_hints

numbers = st.floats() | st.floats(-0.5, 1.5)
regions = st.tuples(st.tuples(numbers, numbers, numbers, numbers), st.text(max_size=200))
sizes = st.none() | st.tuples(st.integers(-10, 10_000), st.integers(-10, 10_000))
shares = st.floats(0.001, 1)


@given(st.binary(max_size=300))
def test_any_bytes(raw: bytes) -> None:
    assert usable(read_hints(raw))
    assert usable(parse_hints(raw))


@given(st.lists(regions, max_size=8), sizes)
def test_any_regions(found: list[tuple[tuple[float, float, float, float], str]], size: tuple[int, int] | None) -> None:
    hints = parse_hints(marked(found, size))
    assert usable(hints)
    assert found == [] or hints is not None


@given(st.text(alphabet=st.characters(exclude_characters="'<&", exclude_categories=["C"]), max_size=60), st.text())
def test_any_rectangle(rectangle: str, name: str) -> None:
    assert usable(parse_hints(of_microsoft(rectangle, name)))


@given(shares, shares, shares, shares, st.integers(1, 8))
def test_turning_back_undoes_turning(left: float, top: float, width: float, height: float, orientation: int) -> None:
    region = FaceRegion(left=left, top=top, width=width, height=height)
    back = region.turned(orientation).turned_back(orientation)
    sides = ("left", "top", "width", "height")
    assert all(abs(getattr(region, side) - getattr(back, side)) < 1e-9 for side in sides)


@given(st.floats(-50, 150), st.floats(-50, 150), st.floats(1, 200), st.floats(1, 200))
def test_a_region_of_a_box_lies_in_its_picture(x: float, y: float, width: float, height: float) -> None:
    region = region_of(Box(x=x, y=y, width=width, height=height), (100, 100))
    assert (region is None) == (x + width <= 0 or y + height <= 0 or x >= 100 or y >= 100)
    sides = [] if region is None else [(region.left, region.width), (region.top, region.height)]
    assert all(start >= 0 and size > 0 and start + size <= 1 + 1e-9 for start, size in sides)
