"""Pages that hold a picture themselves, as a “data:” address: whoever erases the picture erases such a page too."""

from __future__ import annotations

from collections.abc import Iterable

from lineament.model.faces import Capture, Provenance
from lineament.store.db import Tx


def forget_embedding_pages(tx: Tx, capture: Capture, further: Iterable[Provenance] = ()) -> list[str]:
    """Remove every archived page that holds a picture itself; return the addresses of their blobs.

    ``further`` are the further places of the picture.
    """
    from lineament.sources.html.embedded import embedded_number

    found = [capture.provenance, *further]
    pages = {place.page_uri for place in found if embedded_number(place.uri) is not None}
    return [
        address for page in pages if page is not None for address in tx.captures.forget_page(capture.source_id, page)
    ]
