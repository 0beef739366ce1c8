"""The progress and the result of a rotation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lineament.model.jobs import JobProgress


@dataclass(slots=True, kw_only=True)
class RotationReport:
    """What of a rotation is done so far."""

    of: str  # workspace, source or case
    name: str | None = None
    total: int = 0  # values and pictures, about
    resealed: int = 0
    damaged: int = 0  # what opened under no key and stays as it is
    seconds: float = 0.0
    doing: str = "sealing again"

    def progress(self) -> JobProgress:
        """Return the progress for its job."""
        done = self.resealed + self.damaged
        words = f"{self.doing}; {self.damaged:,} opened under no key" if self.damaged else self.doing
        return JobProgress(done=done, total=max(self.total, done), words=words)

    def result(self) -> Mapping[str, Any]:
        """Return the result of its job."""
        return {name: value for name, value in asdict(self).items() if name not in {"total", "seconds", "doing"}}


OnProgress = Callable[[RotationReport], None]
