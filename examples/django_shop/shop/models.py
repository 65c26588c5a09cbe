"""The product's own tables. A team is a group of `django.contrib.auth`; it is the tenant of dagflow."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import models


class Order(models.Model):
    """An order of a customer. `total`: in cents."""

    team = models.ForeignKey(Group, on_delete=models.CASCADE)
    customer = models.CharField(max_length=100)
    total = models.IntegerField()
    status = models.CharField(max_length=20, default="new")

    def __str__(self) -> str:
        """Its number."""
        return f"order {self.pk}"


class Automation(models.Model):
    """A flow as a team wrote it last. `changed_at`: nanoseconds since 1970."""

    team = models.ForeignKey(Group, on_delete=models.CASCADE)
    name = models.CharField(max_length=100)
    text = models.TextField()
    author = models.CharField(max_length=150)
    changed_at = models.BigIntegerField(db_index=True)

    class Meta:
        """A team has one automation of a name."""

        constraints = (models.UniqueConstraint(fields=["team", "name"], name="one_of_a_name"),)

    def __str__(self) -> str:
        """Its name."""
        return self.name
