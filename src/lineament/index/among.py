"""Which faces may be in an answer: by the day of capture, and by when they were enrolled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import FaceIds

Days = NDArray[np.int32]
"""Days of capture, since 1970-01-01."""
FIRST_DAY, LAST_DAY = -(2**31), 2**31 - 1
_BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """Faces captured from one day to another, days since 1970-01-01, both included, with ids above ``after``."""

    first_day: int = FIRST_DAY
    last_day: int = LAST_DAY
    after: int = _BEFORE_ALL

    def allows(self, ids: FaceIds, days: Days) -> NDArray[np.bool_]:
        """Return which faces may be in the answer: their ids and days, shape (n,), to booleans, shape (n,)."""
        allowed: NDArray[np.bool_] = (days >= self.first_day) & (days <= self.last_day)
        return allowed & (ids > self.after)

    def count(self, ids: FaceIds, days: Days) -> int:
        """Count those faces."""
        return int(np.count_nonzero(self.allows(ids, days)))


EVERY_FACE = Among()
