"""Exit codes: 0 done, 1 the flow is wrong or its run failed, 2 dagflow was called in a way that cannot work."""

from __future__ import annotations

from typing import Final

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
#: A fault of dagflow itself, as sysexits.h counts it.
BUG: Final = 70
#: Stopped by Ctrl-C, as shells count it.
INTERRUPTED: Final = 130
