"""The web application, of which there are many processes: `gunicorn --workers 4 --preload web:app`."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, request
from flows import STORE

import dagflow

app = Flask(__name__)
# Made before the workers are forked: a client keeps no thread and no connection. It waits for a driver that is restarted.
client = dagflow.Client(STORE, patience=10)


@app.post("/parcels")
def ship() -> tuple[dict[str, Any], int]:
    """Start a run for a parcel, once for each id."""
    parcel = request.get_json()["id"]
    outcome = client.start("parcel", {"id": parcel}, id=parcel)
    return {"run": outcome.run, "worker": os.getpid()}, 202


@app.get("/parcels/<run>")
def show(run: str) -> dict[str, Any]:
    """Wait for a run, and show its output."""
    result = client.wait(run, seconds=20)
    return {"status": result.status, "output": result.output}


@app.errorhandler(dagflow.NotServed)
def away(error: dagflow.NotServed) -> tuple[dict[str, str], int]:
    """No driver came back in time; the same request may be sent again."""
    return {"error": str(error)}, 503
