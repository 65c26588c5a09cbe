"""Texts that editors have open, whole and while they are being typed."""

from __future__ import annotations

import functools
from pathlib import Path

from dagflow.actions.catalog import Catalog
from dagflow.ide.analysis import Analysis, Analyst
from dagflow.model.action import Interface

ROOT = Path(__file__).parents[2]
#: Every flow that stands for itself: examples, patterns, and one with every word of the language.
FILES = sorted([*ROOT.glob("examples/*.flow"), *ROOT.glob("tests/patterns/*.flow"), ROOT / "tests/lang/every_word.flow"])

DECLARED = """type Status = "new" | "won"
/// Somebody to sell to.
type Lead {
  /// In full.
  name: string,
  email: Email,
  owner: Email?,
  score: int,
  status: Status
}
event "crm/lead" { lead: Lead }
action crm.update(id: string, status: Status) -> {ok: bool} idempotent

"""

PART = """  // Part {i}
  hot_{i} = log(message: "lead ${{lead.name}} {i}")
  if big_{i}: lead.score > {i} {{
    mail_{i} = email(template: "proposal", to: lead.email, data: {{"n": {i}}})
      retry 3 from 1s to 1h only "timeout"
      timeout 30s
    note_{i} = log(message: "sent ${{mail_{i}.message_id}}")
  }} else {{
    low_{i} = log(message: "low")
  }}
  let d_{i} = big_{i} && lead.status == "new" ? 0.1 : 0.0
"""


@functools.cache
def builtin() -> Interface:
    return Catalog.builtin().interface


def flow_of(n_lines: int, name: str = "big") -> str:
    """A flow of about so many lines, with steps, conditions, values and comments."""
    parts = "".join(PART.format(i=i) for i in range((n_lines - 6) // 11))
    return f'/// A flow.\nflow {name}(lead: Lead) -> {{sent: string}} {{\n  retry 3 from 1s to 1m\n{parts}  return {{"sent": "x"}}\n}}\n'


def opened(text: str) -> tuple[Analyst, Analysis, int]:
    """A text with its analyst; `¦` is the cursor."""
    offset = text.find("¦")
    text = text.replace("¦", "")
    analyst = Analyst(builtin())
    return analyst, analyst.update(text), offset
