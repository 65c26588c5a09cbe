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
    body = request.get_json()
    parcel = body.get("id") if isinstance(body, dict) else None
    if not isinstance(parcel, str) or not parcel:
        return {"error": 'the body must be {"id": TEXT}, with the id of the parcel'}, 400
    outcome = client.start("parcel", {"id": parcel}, id=parcel)
    return {"run": outcome.run, "worker": os.getpid()}, 202


@app.get("/parcels/<run>")
def show(run: str) -> dict[str, Any]:
    """Wait for a run, and show its output; a run that takes longer is still `running`."""
    try:
        result = client.wait(run, seconds=20)
    except TimeoutError:
        result = client.result(run)
    return {"status": result.status, "output": result.output}


@app.errorhandler(dagflow.UsageError)
def refused(error: dagflow.UsageError) -> tuple[dict[str, str], int]:
    """The run does not exist, or its id is that of a start with another input."""
    return {"error": str(error)}, 404 if isinstance(error, dagflow.NotFound) else 400


@app.errorhandler(dagflow.NotServed)
def away(error: dagflow.NotServed) -> tuple[dict[str, str], int]:
    """No driver came back in time; the same request may be sent again."""
    return {"error": str(error)}, 503
