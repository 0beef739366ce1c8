"""Writes the faces of a picture as regions of the Metadata Working Group, in an XMP file that stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from lineament.model.edits import SAME_FACE
from lineament.model.faces import Box
from lineament.model.regions import SIDEWAYS, FaceRegion, before_edits, region_of
from lineament.model.search import Probe
from lineament.vision.analyse import Analyser

_HEAD = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#">
   <mwg-rs:Regions rdf:parseType="Resource">
"""
_FOOT = """   </mwg-rs:Regions>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


class MarkedOriginals:
    """The faces of originals in a disclosure pack, by the name of each original."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[tuple[int, int], list[FaceRegion]]] = {}

    def add(self, name: str, probe: Probe, original: bytes, analyser: Analyser) -> None:
        """Add the faces of a photograph to those of its original.

        A picture of a file that holds several has no place in the XMP of the file unless it is the first. Photographs
        that were made of one original with other edits add what they show besides.
        """
        if probe.part != 1 or not probe.faces:
            return
        picture = analyser.decode(original)
        upright = (picture.width, picture.height)
        stored = upright[::-1] if picture.orientation in SIDEWAYS else upright
        _, marked = self._found.setdefault(name, (stored, []))
        for number, face in enumerate(probe.faces, 1):
            before = before_edits(face.box, probe.edits, upright)
            region = region_of(before, upright, f"probe face {number} of {probe.id}")
            if region is not None and not any(_is_same(region, other.turned(picture.orientation)) for other in marked):
                marked.append(region.turned_back(picture.orientation))

    def files(self) -> dict[str, bytes]:
        """Return the XMP files by their names: that of the original, with “.xmp”."""
        return {f"{name}.xmp": regions_xmp(marked, size) for name, (size, marked) in self._found.items() if marked}


def regions_xmp(regions: Sequence[FaceRegion], size: tuple[int, int]) -> bytes:
    """Return an XMP packet with regions of faces in a stored picture of that width and height."""
    bounds = (
        f'    <mwg-rs:AppliedToDimensions stDim:w="{size[0]}" stDim:h="{size[1]}" stDim:unit="pixel"/>\n'
        "    <mwg-rs:RegionList>\n     <rdf:Bag>\n"
    )
    items = "".join(map(_item, regions))
    return f"{_HEAD}{bounds}{items}     </rdf:Bag>\n    </mwg-rs:RegionList>\n{_FOOT}".encode()


def _item(region: FaceRegion) -> str:
    middle = (region.left + region.width / 2, region.top + region.height / 2)
    places = zip("xywh", (*middle, region.width, region.height), strict=True)
    area = " ".join(f'stArea:{side}="{share:.6f}"' for side, share in places)
    name = "" if region.name is None else f"       <mwg-rs:Name>{escape(region.name)}</mwg-rs:Name>\n"
    return (
        '      <rdf:li rdf:parseType="Resource">\n'
        f'       <mwg-rs:Area {area} stArea:unit="normalized"/>\n{name}'
        "       <mwg-rs:Type>Face</mwg-rs:Type>\n      </rdf:li>\n"
    )


def _is_same(region: FaceRegion, other: FaceRegion) -> bool:
    """Return whether two regions of one picture are of one face."""
    boxes = [Box(x=each.left, y=each.top, width=each.width, height=each.height) for each in (region, other)]
    return boxes[0].overlap(boxes[1]) > SAME_FACE
