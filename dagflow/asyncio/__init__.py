"""`Interpreter`, `Service` and `Client` for asyncio programs: FastAPI, Litestar, aiohttp, and plain `asyncio.run`.

    from dagflow.asyncio import Interpreter

    async with Interpreter.open("runs.db", catalog=catalog) as interpreter:
        run = await interpreter.start(flow, {"customer": customer})
        result = await run.wait()

The interpreter itself runs in a thread of its own. **Async actions of the catalog run on your event loop**, so they may use asyncpg, SQLAlchemy, redis
or any other asyncio library. Plain functions run in threads, as always. Cancelling a task cancels its call, not the run.
"""

from __future__ import annotations

from dagflow.asyncio.client import Client
from dagflow.asyncio.interpreter import Interpreter
from dagflow.asyncio.run import Run
from dagflow.asyncio.service import Service, Tenant

__all__ = ["Client", "Interpreter", "Run", "Service", "Tenant"]
