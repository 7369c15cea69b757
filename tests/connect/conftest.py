"""Real peers of the connectors: a broker from Debian, scripts of npm packages. What cannot be had is skipped, with what to install."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

PEERS = Path(__file__).parents[1] / "peers"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def free_port():
    return _free_port()


class Broker:
    """A mosquitto of one's own, which can be stopped and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.config = folder / "mosquitto.conf"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"
            f"persistence true\npersistence_location {folder}/\nuser root\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(self.config)], stderr=subprocess.DEVNULL
        )
        wait_for_port(self.port)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


def wait_for_port(port: int, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")


@pytest.fixture
def mosquitto(tmp_path):
    """A running broker."""
    if not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()):
        pytest.skip("no mosquitto: apt-get install mosquitto")
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def node():
    """Starts a peer script of ``tests/peers`` with arguments, and waits for its line ``ready``."""
    if not shutil.which("node"):
        pytest.skip("no node: apt-get install nodejs")
    if not (PEERS / "node_modules").is_dir():
        pytest.skip("no peers: npm --prefix tests/peers install")
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *args: object) -> subprocess.Popen[str]:
        for _ in range(3):  # a port that was free may be taken by the time it is listened at
            if process := _started(script, *args):
                return process
            time.sleep(0.5)
        raise AssertionError(f"{script} ended before it was ready")

    def _started(script: str, *args: object) -> subprocess.Popen[str] | None:
        process = subprocess.Popen(["node", script, *map(str, args)], cwd=PEERS, stdout=subprocess.PIPE, text=True)
        started.append(process)
        for line in process.stdout:
            if line.strip() == "ready":
                return process
        return None

    yield start
    for process in started:
        process.kill()
        process.wait(10)
        process.stdout.close()
