"""The fixtures of this folder."""

from tests.cli.support import dagflow, flow, folder, typed_in

__all__ = ["dagflow", "flow", "folder", "typed_in"]
