"""Ask the worker for a report: `python enqueue.py NAME SECONDS`. In a web application, this is what a view does."""

from __future__ import annotations

import sys

from worker import STORE

import dagflow

if __name__ == "__main__":
    name, seconds = sys.argv[1:]
    client = dagflow.Client(STORE, patience=10)
    print(client.start("report", {"name": name, "seconds": float(seconds)}, id=name).run)
