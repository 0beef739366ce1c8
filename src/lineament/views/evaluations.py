"""Evaluations as JSON; a job keeps that sealed, so it is made with the evaluation."""

from __future__ import annotations

from lineament.services.evaluate.written import BIN, evaluation_json, histograms, json_file, person_of, protocol_json

__all__ = ["BIN", "evaluation_json", "histograms", "json_file", "person_of", "protocol_json"]
