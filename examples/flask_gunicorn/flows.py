"""What flows of this product can do, and the flows themselves."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import dagflow

STORE = os.environ.get("PARCELS_STORE", "runs.db")
LEDGER = Path(os.environ.get("PARCELS_LEDGER", "ledger.txt"))
catalog = dagflow.Catalog.builtin()


@catalog.action("parcels.book", effect="effectful")
def book(parcel: str, key: dagflow.EffectKey) -> str:
    """Book a parcel with the carrier; the ledger stands for the carrier, which keeps the first booking of a key."""
    line = f"{key} {parcel}\n"
    if not LEDGER.exists() or line not in LEDGER.read_text():
        with LEDGER.open("a") as ledger:
            ledger.write(line)
    return f"booked {parcel}"


class Files:
    """The flows in the files of this folder, by their names."""

    def flows(self, _since: int | None) -> Iterable[dagflow.SourcedFlow]:
        """Return all flows."""
        here = Path(__file__).parent
        return [dagflow.SourcedFlow(name=path.stem, text=path.read_text()) for path in here.glob("*.flow")]
