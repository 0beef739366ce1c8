"""What the contract tests of several ports share."""

from __future__ import annotations

from tests.support.ray_nodes import ray_shards

__all__ = ["ray_shards"]
