"""`manage.py add_member NAME TEAM PASSWORD`: add a user."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Adds a user to a team."""

    help = "Add a user to a team."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take three words."""
        for word in ("name", "team", "password"):
            parser.add_argument(word)

    def handle(self, *, name: str, team: str, password: str, **_options: object) -> None:
        """Add the user, and the team if there is none of that name."""
        User.objects.create_user(name, password=password).groups.add(Group.objects.get_or_create(name=team)[0])
