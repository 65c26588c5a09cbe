"""The error an evaluation raises, where users of this room look for it."""

from __future__ import annotations

from dagflow.errors import EvaluationError

__all__ = ["EvaluationError"]
