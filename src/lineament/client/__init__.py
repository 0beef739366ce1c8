"""A client of the API of a Lineament server, for programs in Python; it needs nothing of the engine.

``Client`` waits for each answer, ``AsyncClient`` is for asyncio. Both have the same nouns and methods.
"""

from lineament.client.answers import Key
from lineament.client.clients import AsyncClient, Client
from lineament.client.hooks import HookMessage, verified
from lineament.client.problems import (
    Choice,
    ClientError,
    Fault,
    Problem,
    Reason,
    UnexpectedAnswer,
    Unreachable,
    WrongSignature,
)
from lineament.client.steps import Patience

__all__ = [
    "AsyncClient",
    "Choice",
    "Client",
    "ClientError",
    "Fault",
    "HookMessage",
    "Key",
    "Patience",
    "Problem",
    "Reason",
    "UnexpectedAnswer",
    "Unreachable",
    "WrongSignature",
    "verified",
]
