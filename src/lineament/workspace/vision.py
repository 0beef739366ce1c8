"""The nets and decoders of a process, loaded once: when they are first needed, or ahead in the background."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from lineament.model.packs import BEFORE, CURRENT

if TYPE_CHECKING:
    from lineament.model.packs import AddedPack
    from lineament.settings import Settings
    from lineament.store.db import Tx
    from lineament.vision.analyse import Analyser
    from lineament.vision.packs import Pack


class Vision:
    """The model pack and the analyser. Any number of threads may use it."""

    def __init__(self, settings: Settings, pack: str | None = None, added: AddedPack | None = None) -> None:
        """Load nothing yet.

        Args:
            settings: Of the workspace.
            pack: The name of the pack; until it is chosen, nothing is loaded.
            added: What is known of it, if it does not ship but was added to the workspace.
        """
        self._settings = settings
        self._name, self._added = pack, added
        self._chosen = threading.Event()
        if pack is not None:
            self._chosen.set()
        self._building = threading.RLock()
        self._analyser: Analyser | None = None
        self._ahead: ThreadPoolExecutor | None = None

    def choose(self, pack: str, added: AddedPack | None) -> None:
        """Choose the pack, once; see ``__init__``."""
        self._name, self._added = pack, added
        self._chosen.set()

    def load_ahead(self) -> None:
        """Start to load the analyser in the background; it waits until the pack is chosen.

        The modules are imported by the caller: imports in two threads at once would gain nothing and might deadlock.
        """
        from lineament.settings import spare_blas_threads

        spare_blas_threads()
        for module in (self._settings.runtime.value, "lineament.vision.analyse"):
            import_module(module)
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._ahead.submit(self._load_when_chosen)  # if it fails, the first caller gets the error

    def _load_when_chosen(self) -> None:
        self._chosen.wait()
        if self._name is not None:
            _ = self.analyser

    @cached_property
    def processors(self) -> int:
        """The number of nets and of decoders that run at once."""
        return len(os.sched_getaffinity(0))

    @property
    def pack(self) -> Pack:
        """The model pack: nets, and what was measured of them."""
        with self._building:
            return self._pack

    @cached_property
    def _pack(self) -> Pack:
        from lineament.vision import added, packs

        self._chosen.wait()
        if self._added is not None:
            folder = self._settings.home / added.FOLDER / self._added.name
            return added.added_pack(folder, self._added, self._settings.cache)
        return packs.shipped_pack(self._name or CURRENT, self._settings.cache)

    @property
    def analyser(self) -> Analyser:
        """The nets and the decoding processes."""
        with self._building:
            if self._analyser is None:
                self._analyser = self._new_analyser()
            return self._analyser

    def _new_analyser(self) -> Analyser:
        return new_analyser(self._settings, self.pack, self.processors, self._settings.precision.value)

    def close(self) -> None:
        """End the decoding processes."""
        self._chosen.set()
        if self._ahead is not None:
            self._ahead.shutdown()
        if self._analyser is not None:
            self._analyser.close()


def new_analyser(settings: Settings, pack: Pack, processors: int, precision: str) -> Analyser:
    """Return the nets of a pack with decoding processes, as many as ``processors``."""
    from lineament.vision.analyse import Analyser
    from lineament.vision.decode import Decoder

    decoder = Decoder(
        workers=processors,
        max_pixels=settings.max_pixels,
        max_bytes=settings.max_file_bytes,
        memory=settings.decode_memory,
        seconds=settings.decode_seconds,
    )
    return Analyser(pack=pack, decoder=decoder, runtime=settings.runtime.value, precision=precision, threads=processors)


def pack_of_older(tx: Tx) -> str:
    """Return the pack of a workspace that names none: version 0.2 or an earlier one made it."""
    return BEFORE if any(source.faces for source in tx.sources.all()) else CURRENT
