"""Homes that hear from homes: real doors on the loopback, served in this process or in one of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import uvicorn

from steelyard.api.peers import door
from steelyard.evidence.seal import fingerprint
from steelyard.examples.homes import Province
from steelyard.share import trust
from steelyard.share.attend import tls_files
from steelyard.share.wire import Door, Line

MONTH = "2026-09"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def served(home, *, tls: bool = True, port: int | None = None):
    """The address of a home's door, served by a thread."""
    port = port or free_port()
    files = dict(zip(("ssl_certfile", "ssl_keyfile"), map(str, tls_files(home)), strict=True)) if tls else {}
    server = uvicorn.Server(uvicorn.Config(door(home.path), port=port, log_level="error", **files))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


class Served:
    """``steelyard serve`` in a process of its own, that may be killed at any moment."""

    def __init__(self, path, log) -> None:
        self.path, self.log = path, log
        self.port, self.peers = free_port(), free_port()
        self.process = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.peers}"

    def start(self) -> None:
        asked = ["serve", str(self.path), "--port", str(self.port), "--peers", f"127.0.0.1:{self.peers}"]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen([sys.executable, "-m", "steelyard.cli", *asked], stdout=out, stderr=out)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as ask:
                if ask.connect_ex(("127.0.0.1", self.peers)) == 0:
                    return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError("it did not come up")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def subscribe(home, name: str, text: str, folder: str = "subscriptions") -> None:
    (home.path / folder).mkdir(exist_ok=True)
    (home.path / folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def from_home(works, url: str, more: str = "") -> str:
    """A subscription to a home's own offers at an address."""
    return f"from: {{key: {works.public_key.hex()}, name: works, subject: E1}}\nurl: {url}\n{more}"


def line_of(key, url: str, to: bytes, **more) -> Line:
    """A line as the home with a key would open it."""
    return Line(SimpleNamespace(key=key, now=lambda: time.time_ns() // 1000), Door(url, to, **more))


@pytest.fixture
def trusting(make):
    """A works with Figures and an offer to a park that trusts it."""
    works, park = make.whole("works"), make.new("park", kind="park")
    trust(park, works.public_key.hex(), "works", subject="E1")
    return SimpleNamespace(works=works, park=park, offer=make.offer(works, park.id), make=make)


@pytest.fixture
def province(tmp_path):
    """A province's home and a way to make firms that send to it."""
    made = Province(tmp_path, figures=4)
    yield made
    made.close()


@pytest.fixture
def ours():
    """What tests of this folder share."""
    return SimpleNamespace(served=served, Served=Served, subscribe=subscribe, from_home=from_home, line_of=line_of, month=MONTH,
                           free_port=free_port, fingerprint=fingerprint)  # fmt: skip
