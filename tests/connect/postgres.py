"""A PostgreSQL of one's own, from Debian's package: on a free port, its data in a temporary folder, stopped at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))


class Postgres:
    """A server that can be stopped, abruptly too, and started again."""

    def __init__(self, folder: Path) -> None:
        self.bin = BINARIES[-1].parent
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._run("initdb", "-D", folder / "data", "-U", "steelyard", "-A", "trust", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://steelyard@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off -c shared_buffers=16MB"
        self._run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", self.folder / "data", "-m", mode, "-w", "stop")

    def _run(self, program: str, *args: object) -> None:
        account = {"user": _account()} if os.geteuid() == 0 else {}  # this server refuses to run as root
        subprocess.run(
            [self.bin / program, *map(str, args)], check=True, cwd=self.folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=60, **account,
        )  # fmt: skip


def _account() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


@pytest.fixture(scope="module")
def postgres():
    """A running PostgreSQL, one for the tests of a file."""
    if not BINARIES:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="no driver: pip install 'steelyard[postgresql]'")
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: the path of a socket may have 107 bytes
    if os.geteuid() == 0:
        shutil.chown(folder, _account())
    server = Postgres(folder)
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)
