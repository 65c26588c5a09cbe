"""Explanations of the codes of diagnostics."""

from dagflow.lang.explanations.lookup import all_codes, explanation
from dagflow.lang.explanations.page import Explanation

__all__ = ["Explanation", "all_codes", "explanation"]
