"""The product's own tables: users of teams, their orders, and the automations that they write."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

database = create_engine(os.environ.get("SHOP_DATABASE", "sqlite:///shop.db"), connect_args={"timeout": 10})
session = sessionmaker(database)


class Base(DeclarativeBase):
    """The base of the tables."""


class User(Base):
    """A user. `team`: whose orders and automations the user sees; it is the tenant of dagflow."""

    __tablename__ = "user"
    email: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str]
    password: Mapped[str]


class Order(Base):
    """An order of a customer."""

    __tablename__ = "order"
    id: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str]
    customer: Mapped[str]
    total: Mapped[int]
    status: Mapped[str] = mapped_column(default="new")


class Automation(Base):
    """A flow as a team wrote it last. `changed_at`: nanoseconds since 1970."""

    __tablename__ = "automation"
    team: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    author: Mapped[str]
    changed_at: Mapped[int]


def hashed(password: str, salt: str = "") -> str:
    """Return a password as it is stored."""
    salt = salt or secrets.token_hex(8)
    return f"{salt}${hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()}"


def logged_in(email: str, password: str) -> User | None:
    """Return the user of an address and a password."""
    with session() as rows:
        user = rows.get(User, email)
    salt = "none" if user is None else user.password.partition("$")[0]
    found = hashed(password, salt)
    return user if user is not None and hmac.compare_digest(found, user.password) else None


def set_status(rows: Session, team: str, order_id: str, status: str) -> bool:
    """Change an order of a team; returns whether there is such an order."""
    order = rows.get(Order, order_id)
    if order is None or order.team != team:
        return False
    order.status = status
    return True
