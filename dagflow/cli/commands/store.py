"""The commands about a store as a whole: `store verify`, `store backup`, `store vacuum`, `store salvage`."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Final

from dagflow.app.maintenance import backup, salvage, vacuum, verify
from dagflow.cli.exit_codes import FAILED, OK
from dagflow.cli.output.text import counted, json_text, printable
from dagflow.clock import SystemClock
from dagflow.errors import UsageError

_UNITS_NS: Final = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9, "w": 604_800 * 10**9}


def verify_store(arguments: argparse.Namespace) -> int:
    """Check the whole store and print each problem."""
    findings = verify(arguments.store)
    if arguments.json:
        plain = {"runs": findings.n_runs, "facts": findings.n_facts, "events": findings.n_events}
        print(json_text({**plain, "problems": findings.problems}))
    else:
        for problem in findings.problems:
            print(printable(problem))
        cure = "restore a backup, or run `dagflow store salvage` to move the damaged runs to a file"
        parts = (counted(findings.n_runs, "run"), counted(findings.n_facts, "record"), counted(findings.n_events, "event"))
        read = ", ".join(parts)
        print(
            f"{read}: {counted(len(findings.problems), 'problem')}; {cure}"
            if findings.problems
            else f"OK: {read}, no corruption"
        )
    return FAILED if findings.problems else OK


def salvage_store(arguments: argparse.Namespace) -> int:
    """Move damaged runs to a file and print their ids."""
    done = salvage(arguments.store)
    if arguments.json:
        print(json_text({"runs": done.runs, "others": done.others, "file": None if done.file is None else str(done.file)}))
        return OK
    for run, reasons in done.runs.items():
        print(f"run {printable(run)}: {printable(reasons[0])}")
    for other in done.others:
        print(printable(other))
    if done.file is None:
        print("no damaged runs", file=sys.stderr)
    else:
        print(f"moved to {printable(str(done.file))}; the other runs are unchanged", file=sys.stderr)
    return OK


def backup_store(arguments: argparse.Namespace) -> int:
    """Copy a store that may be in use."""
    backup(arguments.store, arguments.file)
    print(f"copied {printable(arguments.store)} to {printable(arguments.file)}", file=sys.stderr)
    return OK


def vacuum_store(arguments: argparse.Namespace) -> int:
    """Remove what ended long ago."""
    vacuum(arguments.store, SystemClock().now() - _length_ns(arguments.keep))
    print(f"removed runs that ended more than {arguments.keep} ago from {printable(arguments.store)}", file=sys.stderr)
    return OK


def _length_ns(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,6})(s|m|h|d|w)", text)
    if match is None:
        raise UsageError(f"--keep must be a duration such as 30d, 12h or 0s; got {text!r}")
    return int(match[1]) * _UNITS_NS[match[2]]
