"""The fixtures of this folder."""

from tests.cli.support import dagflow, flow, folder

__all__ = ["dagflow", "flow", "folder"]
