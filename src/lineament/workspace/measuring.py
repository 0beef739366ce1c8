"""Measures error rates with the nets of a workspace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lineament.services.evaluate.asked import EvaluationFolders, Measure
from lineament.services.evaluate.ended import EndedEvaluations

if TYPE_CHECKING:
    from lineament.services.evaluate.evaluate import Evaluation
    from lineament.services.evaluate.templates import Extractor, FaceChoice
    from lineament.workspace import Workspace


def evaluation_folders(workspace: Workspace) -> EvaluationFolders:
    """Return the folders of the evaluations that programs ask for."""
    return EvaluationFolders(workspace.home / "evaluations")


def ended_evaluations(workspace: Workspace) -> EndedEvaluations:
    """Return what forgets the archives of evaluations that have ended."""
    return EndedEvaluations(workspace.desk_at_the_machine().record.everywhere, evaluation_folders(workspace))


def measure_of(workspace: Workspace) -> Measure:
    """Return what measures; nothing is loaded before it does."""

    def extractor(choice: FaceChoice) -> Extractor:
        from lineament.services.evaluate.cache import TemplateCache
        from lineament.services.evaluate.evaluate import cache_key
        from lineament.services.evaluate.templates import Extractor

        analyser = workspace.analyser
        kept = TemplateCache(None, cache_key(analyser, choice), analyser.dimension)
        return Extractor(
            analyser, kept, choice=choice, most=workspace.settings.max_file_bytes, workers=workspace.workers
        )

    return Measure(extractor, lambda: workspace.pack, as_json, workspace.settings.max_file_bytes)


def as_json(found: Evaluation) -> bytes:
    """Return an evaluation as JSON."""
    from lineament.services.evaluate.written import evaluation_json

    return json.dumps(evaluation_json(found)).encode()
