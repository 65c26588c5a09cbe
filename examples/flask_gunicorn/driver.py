"""The process that drives the runs: `python driver.py`."""

from __future__ import annotations

from flows import STORE, Files, catalog

import dagflow

if __name__ == "__main__":
    dagflow.drive(STORE, catalog=catalog, source=Files(), takeover=True, ready=lambda: print("driving", flush=True))
