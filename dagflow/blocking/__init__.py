"""`Interpreter` and `Service` for programs without an event loop: Django, Flask, Celery, scripts and the REPL.

    from dagflow.blocking import Interpreter

    with Interpreter.open("runs.db", catalog=catalog) as interpreter:
        run = interpreter.start(flow, {"customer": customer})
        result = run.wait()

The interpreter itself runs in a thread of its own; its methods may be called from any thread. Open it after a fork, not before: a forked process has no such
thread.
"""

from __future__ import annotations

from dagflow.blocking.interpreter import Interpreter
from dagflow.blocking.run import Run
from dagflow.blocking.service import Service, Tenant

__all__ = ["Interpreter", "Run", "Service", "Tenant"]
