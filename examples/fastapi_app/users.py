"""Add a user: `python users.py EMAIL TEAM PASSWORD`."""

from __future__ import annotations

import sys

from models import Base, User, database, hashed, session

Base.metadata.create_all(database)
with session.begin() as rows:
    rows.merge(User(email=sys.argv[1], team=sys.argv[2], password=hashed(sys.argv[3])))
