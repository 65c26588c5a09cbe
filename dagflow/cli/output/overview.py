"""The state of a store in the terminal, once or as it changes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import attrs
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from dagflow.app.archive import Archive
from dagflow.app.documents.runs import plain_rows
from dagflow.app.documents.values import rfc3339
from dagflow.app.overview import MOST_RECENT, MOST_UNFINISHED, FlowLoad, Overview, overview_of
from dagflow.cli.live import live_process
from dagflow.cli.output.columns import aligned
from dagflow.cli.output.console import console
from dagflow.cli.output.tables import runs_table
from dagflow.cli.output.text import instant, json_text, length, printable
from dagflow.clock import SystemClock

if TYPE_CHECKING:
    from dagflow.cli.output.documents import OverviewDocument

#: The busiest flows, so that the newest runs stay on the screen; `--json` has all.
_MOST_FLOWS: Final = 15


@attrs.frozen(kw_only=True)
class Watcher:
    """Looks at a store. `limit`: of the newest runs that are shown."""

    store: str
    tenant: str
    limit: int
    out: Console = attrs.field(factory=console)

    @property
    def is_live(self) -> bool:
        """Whether the terminal can show changes."""
        return self.out.is_terminal and sys.stdout.isatty()

    def look(self) -> Overview:
        """Read the state. Raises StoreError."""
        process = live_process(self.store, self.tenant)
        with Archive.open(self.store) as archive:
            return overview_of(
                archive,
                process=None if process is None else process.number,
                now=SystemClock().now(),
                n_recent=self.limit,
                tenant=self.tenant or None,
            )

    def print_json(self) -> None:
        """Print it as JSON."""
        found = self.look()
        document: OverviewDocument = {
            "at": rfc3339(found.at) or "",
            "process": found.process,
            "is_whole": found.is_whole,
            "flows": [
                {
                    "flow": load.flow,
                    "running": load.running,
                    "sleeping": load.sleeping,
                    "blocked": load.blocked,
                    "ended": load.ended,
                    "failed": load.failed,
                    "oldest_at": rfc3339(load.oldest_at),
                    "due_at": rfc3339(load.due_at),
                }
                for load in found.flows
            ],
            "runs": plain_rows(found.recent),
        }
        print(json_text(document))

    def print_once(self) -> None:
        """Print it once."""
        self.out.print(drawn(self.look(), self.store, self.out.width))

    def watch(self, seconds: int) -> None:
        """Show it until Ctrl-C."""
        with Live(console=self.out, screen=True, auto_refresh=False) as live:
            try:
                while True:
                    live.update(drawn(self.look(), self.store, self.out.width), refresh=True)
                    time.sleep(seconds)
            except KeyboardInterrupt:
                return


def drawn(found: Overview, store: str, width: int) -> Group:
    """Return the state of a store in lines of at most that many cells."""
    driver = "no process drives its runs" if found.process is None else f"process {found.process} drives its runs"
    head = Text(f"{printable(store)}, {instant(found.at)} UTC: {driver}", style="bold", no_wrap=True, overflow="ellipsis")
    if not found.flows:
        return Group(head, Text("no runs yet"))
    rows = [_cells(load, found.at) for load in found.flows[:_MOST_FLOWS]]
    header = ["flow", "running", "sleeping", "blocked", "failed", "ended", "oldest", "next due"]
    parts: list[Text | Group] = [head, Text(), aligned(header, rows, width, elastic={0: 8}, right=frozenset(range(1, 6)))]
    if len(found.flows) > _MOST_FLOWS:
        parts.append(Text(f"{len(found.flows) - _MOST_FLOWS} more flows", style="dim"))
    if not found.is_whole:
        parts.append(Text(f"the newest {MOST_UNFINISHED} unfinished runs are counted", style="dim"))
    parts.append(Text(f"failed and ended: of the newest {MOST_RECENT} runs", style="dim"))
    return Group(*parts, Text(), runs_table(found.recent, width))


def _cells(load: FlowLoad, now: int) -> list[Text]:
    numbers = [
        Text(str(load.running), style="cyan" if load.running else "dim"),
        Text(str(load.sleeping), style="" if load.sleeping else "dim"),
        Text(str(load.blocked), style="bold red" if load.blocked else "dim"),
        Text(str(load.failed), style="red" if load.failed else "dim"),
        Text(str(load.ended), style="" if load.ended else "dim"),
    ]
    oldest = "" if load.oldest_at is None else length(max(0, now - load.oldest_at))
    due = "" if load.due_at is None else "now" if load.due_at <= now else f"in {length(load.due_at - now)}"
    return [Text(printable(load.flow)), *numbers, Text(oldest), Text(due)]
