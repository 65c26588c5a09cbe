"""Exit codes: 0 success, 1 check or run failed, 2 usage error."""

from __future__ import annotations

from typing import Final

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
#: A bug in dagflow; the number is EX_SOFTWARE of sysexits.h.
BUG: Final = 70
#: Stopped by Ctrl-C; the number is that of shells.
INTERRUPTED: Final = 130
