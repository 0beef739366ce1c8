"""The gallery as the settings choose it: its indexes in this process, or in a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lineament.services.gallery.indexes import Gallery

if TYPE_CHECKING:
    from contextlib import ExitStack

    from lineament.settings import Settings
    from lineament.store.db import Store
    from lineament.store.ring import KeyRing


def new_gallery(
    settings: Settings, store: Store, keys: KeyRing, models: Mapping[str, int], closing: ExitStack
) -> Gallery:
    """Return the gallery of a workspace; ``closing`` leaves its cluster, if there is one.

    Raises ClusterUnavailable if a cluster is set and cannot be used.
    """
    folder = settings.home / "index"
    if settings.cluster is None:
        from lineament.index.scan import ScanIndex

        return Gallery(store, keys, folder, models=models, open_index=ScanIndex.open)
    from lineament.index.ray_cluster import Access
    from lineament.index.ray_shards import RayCluster

    access = Access(settings.cluster, settings.cluster_keys)
    cluster = RayCluster(access, folder, deadline=settings.cluster_deadline)
    closing.callback(cluster.close)
    return Gallery(store, keys, folder, models=models, open_index=cluster.open, discard=cluster.discard)
