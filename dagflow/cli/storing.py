"""The commands about a store as a whole: `store verify`, `store backup`, `store vacuum`, `store salvage`."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Final

from dagflow.app.keeping import backup, salvage, vacuum, verify
from dagflow.cli.codes import FAILED, OK
from dagflow.cli.texts import counted, json_text, printable
from dagflow.clock import SystemClock
from dagflow.errors import UsageError

_UNITS_NS: Final = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9, "w": 604_800 * 10**9}


def verify_store(arguments: argparse.Namespace) -> int:
    """Read everything, fold every history, and say what is wrong."""
    findings = verify(arguments.store)
    if arguments.json:
        plain = {"runs": findings.n_runs, "facts": findings.n_facts, "events": findings.n_events}
        print(json_text({**plain, "problems": findings.problems}))
    else:
        for problem in findings.problems:
            print(printable(problem))
        cure = "restore a backup, or run `dagflow store salvage` to set the damaged runs aside"
        verdict = f"{counted(len(findings.problems), 'problem')}; {cure}" if findings.problems else "all is well"
        parts = (counted(findings.n_runs, "run"), counted(findings.n_facts, "fact"), counted(findings.n_events, "event"))
        print(f"{', '.join(parts)}: {verdict}")
    return FAILED if findings.problems else OK


def salvage_store(arguments: argparse.Namespace) -> int:
    """Set damaged runs aside, and say which."""
    done = salvage(arguments.store)
    if arguments.json:
        print(json_text({"runs": done.runs, "others": done.others, "file": None if done.file is None else str(done.file)}))
        return OK
    for run, reasons in done.runs.items():
        print(f"run {printable(run)}: {printable(reasons[0])}")
    for other in done.others:
        print(printable(other))
    if done.file is None:
        print("nothing is damaged, so nothing was set aside", file=sys.stderr)
    else:
        print(f"set aside in {printable(str(done.file))}; the rest is as it was", file=sys.stderr)
    return OK


def backup_store(arguments: argparse.Namespace) -> int:
    """Copy a store that may be in use."""
    backup(arguments.store, arguments.file)
    print(f"{printable(arguments.file)} is a copy of {printable(arguments.store)}", file=sys.stderr)
    return OK


def vacuum_store(arguments: argparse.Namespace) -> int:
    """Remove what ended long ago."""
    vacuum(arguments.store, SystemClock().now() - _length_ns(arguments.keep))
    print(f"what ended more than {arguments.keep} ago is gone from {printable(arguments.store)}", file=sys.stderr)
    return OK


def _length_ns(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,6})(s|m|h|d|w)", text)
    if match is None:
        raise UsageError(f"--keep takes a length such as 30d, 12h or 0s, not {text!r}")
    return int(match[1]) * _UNITS_NS[match[2]]
