"""The web process of the product, of which there may be many: `uvicorn web:api`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from actions import catalog
from driver import STORE
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from models import Automation, Base, Order, database, logged_in, session
from pydantic import BaseModel
from sqlalchemy import select
from starlette.middleware.sessions import SessionMiddleware

import dagflow
import dagflow.asyncio
from dagflow.web import Principal, app

Base.metadata.create_all(database)
client = dagflow.asyncio.Client(STORE)
api = FastAPI()
api.add_middleware(SessionMiddleware, secret_key=os.environ["SHOP_SECRET"], same_site="lax")


def principal_of(request: Request) -> Principal | None:
    """The team of the user who is logged in is the tenant; the automations themselves are changed by the routes below."""
    team = request.session.get("team")
    return Principal(team, "operator", key=request.session["email"]) if team else None


api.mount("/automations/api", app(client, authorize=principal_of, catalog=catalog))


class Login(BaseModel):
    """An address and a password."""

    email: str
    password: str


class NewOrder(BaseModel):
    """An order. `total`: in cents."""

    id: str
    customer: str
    total: int


class Text(BaseModel):
    """The text of an automation."""

    text: str


def user_of(request: Request) -> tuple[str, str]:
    """The team and the address of the user who is logged in."""
    if "team" not in request.session:
        raise HTTPException(401, "log in first")
    return request.session["team"], request.session["email"]


User = Annotated[tuple[str, str], Depends(user_of)]


@api.post("/login")
def log_in(login: Login, request: Request) -> dict[str, str]:
    """Log in."""
    user = logged_in(login.email, login.password)
    if user is None:
        raise HTTPException(401, "the address or the password is wrong")
    request.session.update(team=user.team, email=user.email)
    return {"team": user.team}


@api.put("/automations/{name}")
def save(name: str, body: Text, user: User) -> dict[str, Any]:
    """Save an automation in the product's table; the driver publishes it within a second."""
    compilation = dagflow.compile(body.text, catalog=catalog)
    if compilation.has_errors or name not in compilation.flows:
        raise HTTPException(422, {"diagnostics": compilation.to_json(), "flows": [*compilation.flows]})
    with session.begin() as rows:
        rows.merge(Automation(team=user[0], name=name, text=body.text, author=user[1], changed_at=dagflow.SystemClock().now()))
    return {"flow": name}


@api.post("/orders")
async def create_order(order: NewOrder, user: User) -> dict[str, Any]:
    """Create an order, and tell the automations of the team."""
    with session.begin() as rows:
        rows.add(Order(id=order.id, team=user[0], customer=order.customer, total=order.total))
    team = dagflow.asyncio.Client(STORE, tenant=user[0])
    delivery = await team.send("order/created", order.model_dump(), id=f"order-{order.id}")
    return {"runs": [*delivery.runs]}


@api.get("/orders")
def list_orders(user: User) -> list[dict[str, Any]]:
    """List the orders of the team."""
    with session() as rows:
        found = rows.scalars(select(Order).where(Order.team == user[0]).order_by(Order.id))
        return [{"id": row.id, "customer": row.customer, "total": row.total, "status": row.status} for row in found]


@api.get("/", response_class=HTMLResponse)
def page() -> str:
    """The live page: it shows runs as they change, by server-sent events."""
    return Path(__file__).with_name("live.html").read_text()
