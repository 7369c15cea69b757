"""A mosquitto of the plant's own on a free loopback port, where it is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

WAIT = 10.0


def free_port(wish: int = 0) -> int:
    """A port of 127.0.0.1 on which nothing listens: the wished one where it is free."""
    for port in (wish, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def program() -> str | None:
    """Where mosquitto is; Debian puts it where the paths of users do not look."""
    return shutil.which("mosquitto") or next((str(p) for p in (Path("/usr/sbin/mosquitto"),) if p.exists()), None)


class Broker:
    """``start`` and ``stop`` as often as wished; sessions that last are kept in the folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        root = "user root\n" if getattr(os, "geteuid", lambda: 1)() == 0 else ""
        self._config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"
            f"persistence true\npersistence_location {folder.resolve()}/\n{root}", encoding="utf-8")  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; raises OSError where it does not."""
        self._process = subprocess.Popen(
            [program() or "mosquitto", "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt from the keyboard is for us; we end it in order
        )  # fmt: skip
        until = time.monotonic() + WAIT
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise OSError(f"mosquitto does not answer on port {self.port}")

    def stop(self) -> None:
        """End it in order; nothing where it does not run."""
        process, self._process = self._process, None
        if process:
            process.terminate()
            process.wait(WAIT)
