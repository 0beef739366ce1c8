"""A client of the API of a Lineament server, for programs in Python; it needs nothing of the engine.

``Client`` waits for each answer, ``AsyncClient`` is for asyncio. Both have the same nouns and methods. What the server
answers is in ``lineament.client.answers``.
"""

from lineament.client import answers
from lineament.client.cases import CaseTerms, Edit
from lineament.client.clients import AsyncClient, Client
from lineament.client.evaluations import EvaluationTerms
from lineament.client.gallery import SourceTerms
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
from lineament.client.reviews import NewDecision
from lineament.client.searches import Face, Settings
from lineament.client.steps import Patience
from lineament.client.uploads import OfferedFile, Progress
from lineament.client.watches import WatchTerms

__all__ = [
    "AsyncClient",
    "CaseTerms",
    "Choice",
    "Client",
    "ClientError",
    "Edit",
    "EvaluationTerms",
    "Face",
    "Fault",
    "HookMessage",
    "NewDecision",
    "OfferedFile",
    "Patience",
    "Problem",
    "Progress",
    "Reason",
    "Settings",
    "SourceTerms",
    "UnexpectedAnswer",
    "Unreachable",
    "WatchTerms",
    "WrongSignature",
    "answers",
    "verified",
]
