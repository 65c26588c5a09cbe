"""Flows from forms of other systems."""
