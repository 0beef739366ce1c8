"""XMP with regions of faces, as Lightroom, digiKam and Microsoft's programs write it, and pictures that hold it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import quoteattr

import pillow_heif
from PIL import Image, PngImagePlugin, TiffImagePlugin

from lineament.model.faces import Box, Provenance
from lineament.model.regions import LEAST_SIDE, MOST_REGIONS, RegionHints
from lineament.sources.provenance import LONGEST_TEXT
from lineament.sources.xmp.reader import LONGEST_NAME, with_names

Centred = tuple[float, float, float, float]
"""The middle of a region across and down, its width and its height, as shares."""

_OPEN = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
    'xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" '
    'xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" '
    'xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#">'
)
_CLOSE = "</rdf:Description></rdf:RDF></x:xmpmeta>"


def centred(box: Box, size: tuple[int, int]) -> Centred:
    """Return a box of a picture of that size as a region."""
    width, height = size
    across, down = box.x + box.width / 2, box.y + box.height / 2
    return across / width, down / height, box.width / width, box.height / height


def marked(
    regions: Iterable[tuple[Centred, str]], size: tuple[int, int] | None = None, kind: str = "Face", unit: str = ""
) -> bytes:
    """Return a packet whose regions are written in attributes."""
    unit = unit or "normalized"
    items = "".join(
        f'<rdf:li><rdf:Description mwg-rs:Name={quoteattr(name)} mwg-rs:Type="{kind}"><mwg-rs:Area stArea:x="{x}" '
        f'stArea:y="{y}" stArea:w="{width}" stArea:h="{height}" stArea:unit="{unit}"/></rdf:Description></rdf:li>'
        for (x, y, width, height), name in regions
    )
    bounds = (
        ""
        if size is None
        else f'<mwg-rs:AppliedToDimensions stDim:w="{size[0]}" stDim:h="{size[1]}" stDim:unit="pixel"/>'
    )
    body = f"<mwg-rs:RegionList><rdf:Bag>{items}</rdf:Bag></mwg-rs:RegionList>"
    return f'{_OPEN}<mwg-rs:Regions rdf:parseType="Resource">{bounds}{body}</mwg-rs:Regions>{_CLOSE}'.encode()


def in_elements(region: Centred, name: str, size: tuple[int, int]) -> bytes:
    """Return a packet whose region is written in elements."""
    x, y, width, height = region
    bounds = (
        f'<mwg-rs:AppliedToDimensions rdf:parseType="Resource"><stDim:w>{size[0]}</stDim:w><stDim:h>{size[1]}</stDim:h>'
        "<stDim:unit>pixel</stDim:unit></mwg-rs:AppliedToDimensions>"
    )
    area = (
        f'<mwg-rs:Area rdf:parseType="Resource"><stArea:x>{x}</stArea:x><stArea:y>{y}</stArea:y><stArea:w>{width}'
        f"</stArea:w><stArea:h>{height}</stArea:h><stArea:unit>normalized</stArea:unit></mwg-rs:Area>"
    )
    extensions = '<mwg-rs:Extensions rdf:parseType="Resource"><mwg-rs:Name>another</mwg-rs:Name></mwg-rs:Extensions>'
    item = f"<rdf:li rdf:parseType='Resource'>{extensions}{area}<mwg-rs:Name>{name}</mwg-rs:Name>"
    body = f"<mwg-rs:RegionList><rdf:Bag>{item}<mwg-rs:Type>Face</mwg-rs:Type></rdf:li></rdf:Bag></mwg-rs:RegionList>"
    return f"{_OPEN}<mwg-rs:Regions rdf:parseType='Resource'>{bounds}{body}</mwg-rs:Regions>{_CLOSE}".encode()


def of_microsoft(rectangle: str, name: str) -> bytes:
    """Return a packet in Microsoft's vocabulary; the rectangle is left, top, width and height."""
    item = f"<rdf:li MPReg:Rectangle='{rectangle}' MPReg:PersonDisplayName={quoteattr(name)}/>"
    return (
        f"{_OPEN}<MP:RegionInfo rdf:parseType='Resource'><MPRI:Regions><rdf:Bag>{item}</rdf:Bag></MPRI:Regions>"
        f"</MP:RegionInfo>{_CLOSE}"
    ).encode()


def picture_with(image: Image.Image, kind: str, packet: bytes, orientation: int = 1) -> bytes:
    """Return a JPEG, PNG, TIFF, WEBP or HEIF that holds the packet."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, quality=90, xmp=packet, exif=exif.tobytes())
    elif kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=orientation == 1)
        image.save(file, kind, pnginfo=info, exif=exif)
    elif kind == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[0x0112], tags[700] = orientation, packet
        image.save(file, kind, tiffinfo=tags)
    else:
        image.save(file, kind, xmp=packet, exif=exif, quality=95)
    return file.getvalue()


def usable(hints: RegionHints | None, orientations: Sequence[int] = range(1, 9)) -> bool:
    """Return whether names are short lines, and every box is large enough and has its middle in its picture."""
    if hints is None:
        return True
    words = with_names(Provenance(uri="file:///a.jpg"), hints) or ""
    boxes = [box for orientation in orientations for box in hints.boxes(640, 480, orientation)]
    return (
        len(hints.regions) <= MOST_REGIONS
        and all(name.isprintable() and 0 < len(name) <= LONGEST_NAME for name in hints.names)
        and words.isprintable()
        and len(words) <= LONGEST_TEXT
        and all(-1e-6 <= box.x + box.width / 2 <= 640 + 1e-6 for box in boxes)
        and all(-1e-6 <= box.y + box.height / 2 <= 480 + 1e-6 for box in boxes)
        and all(min(box.width, box.height) >= LEAST_SIDE for box in boxes)
    )
