"""What somebody has who installs dagflow without any extra is enough for what the pages show."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dagflow.testing


def test_actions_are_checked_without_pytest() -> None:
    code = "import sys; sys.modules['pytest'] = None; from dagflow.testing import check_action, problems_of_action"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_what_is_not_there_is_said() -> None:
    assert dagflow.testing.StoreConformance.__name__ == "StoreConformance"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        dagflow.testing.nothing  # noqa: B018
