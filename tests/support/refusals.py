"""Expect a refusal by the codes of its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lineament.errors import Refused
from lineament.model.reasons import ReasonCode


@contextmanager
def refused(*codes: ReasonCode, words: str = "") -> Iterator[None]:
    """Expect Refused with exactly these reasons, in this order; ``words`` stand in its message."""
    with pytest.raises(Refused) as caught:
        yield
    assert [reason.code for reason in caught.value.reasons] == list(codes)
    assert words in str(caught.value)
