"""The nets and decoders of a process, loaded once: when they are first needed, or ahead in the background."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineament.settings import Settings
    from lineament.vision.analyse import Analyser
    from lineament.vision.packs import Pack


class Vision:
    """The model pack and the analyser. Any number of threads may use it."""

    def __init__(self, settings: Settings) -> None:
        """Load nothing yet."""
        self._settings = settings
        self._building = threading.RLock()
        self._analyser: Analyser | None = None
        self._ahead: ThreadPoolExecutor | None = None

    def load_ahead(self) -> None:
        """Start to load the analyser in the background.

        The modules are imported by the caller: imports in two threads at once would gain nothing and might deadlock.
        """
        from lineament.settings import spare_blas_threads

        spare_blas_threads()
        for module in (self._settings.runtime.value, "lineament.vision.analyse"):
            import_module(module)
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._ahead.submit(lambda: self.analyser)  # if it fails, the first caller gets the error

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
        from lineament.vision.packs import default_pack

        return default_pack(self._settings.cache)

    @property
    def analyser(self) -> Analyser:
        """The nets and the decoding processes."""
        with self._building:
            if self._analyser is None:
                self._analyser = self._new_analyser()
            return self._analyser

    def _new_analyser(self) -> Analyser:
        from lineament.vision.analyse import Analyser
        from lineament.vision.decode import Decoder

        settings = self._settings
        decoder = Decoder(
            workers=self.processors,
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_file_bytes,
            memory=settings.decode_memory,
            seconds=settings.decode_seconds,
        )
        return Analyser(
            pack=self.pack,
            decoder=decoder,
            runtime=settings.runtime.value,
            precision=settings.precision.value,
            threads=self.processors,
        )

    def close(self) -> None:
        """End the decoding processes."""
        if self._ahead is not None:
            self._ahead.shutdown()
        if self._analyser is not None:
            self._analyser.close()
