"""Homes send to one province over real sockets; it and they are killed again and again: nothing acknowledged is lost, nothing kept twice.

``STEELYARD_HOMES=10000`` sets how many homes send (100 unless set).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from steelyard.examples.homes import Province
from steelyard.store.home import Home
from steelyard.store.ledger import bundles, segments
from steelyard.trace.verify import verify

HOMES = int(os.environ.get("STEELYARD_HOMES", "100"))
FIGURES = 4
SENDERS, KILLS = 2, 6
MONTH = "2026-09"


class Senders:
    """Processes that each stand for a part of the homes."""

    def __init__(self, folder: Path, url: str, key: str) -> None:
        self.folder, self.url, self.key = folder, url, key
        self.edges = [HOMES * i // SENDERS for i in range(SENDERS + 1)]
        self.all = [self.start(i) for i in range(SENDERS)]

    def start(self, which: int) -> subprocess.Popen:
        script = Path(__file__).parent / "sender.py"
        asked = [str(self.folder), self.url, self.key, str(self.edges[which]), str(self.edges[which + 1])]
        return subprocess.Popen([sys.executable, str(script), *asked])

    def acknowledged(self) -> set[str]:
        return {name for path in self.folder.glob("*.acks") for name in path.read_text().split() if len(name) == 6}

    def kill_and_restart(self, which: int) -> None:
        self.all[which].kill()
        self.all[which].wait()
        self.all[which] = self.start(which)


def sealed(below: Path) -> Province:
    """A province and, in files, a key and a bundle of each firm."""
    province = Province(below, figures=FIGURES)
    province.trust(HOMES)
    (below / "firms").mkdir()
    for number, firm in enumerate(province.firms):
        (below / "firms" / f"{number:06d}.pem").write_bytes(firm.key.pem())
        (below / "firms" / f"{number:06d}.steelyard").write_bytes(province.bundle(number, MONTH))
    province.close()
    return province


def kept(path: Path) -> set[bytes]:
    with Home.open(path) as home:
        return {row.digest for row in home.ledger.all(bundles.select())}


@pytest.mark.flaky(reruns=1)
def test_killing_the_province_or_any_home_at_any_point_loses_nothing_acknowledged(tmp_path, ours):
    province = sealed(tmp_path)
    names = {
        f"{n:06d}": sha256((tmp_path / "firms" / f"{n:06d}.steelyard").read_bytes()).digest() for n in range(HOMES)
    }
    with Home.open(province.path) as home:
        key = home.public_key.hex()
    served = ours.Served(province.path, tmp_path / "serve.log")
    served.start()
    senders = Senders(tmp_path / "firms", served.url, key)
    chance = random.Random(HOMES)
    try:
        for kill in range(KILLS):
            until = len(senders.acknowledged()) + HOMES // (2 * KILLS)
            while len(senders.acknowledged()) < until and any(one.poll() is None for one in senders.all):
                time.sleep(0.02)
            time.sleep(chance.random() * 0.1)
            served.kill()
            acknowledged = senders.acknowledged()
            assert {names[name] for name in acknowledged} <= kept(province.path)
            served.start()
            senders.kill_and_restart(kill % SENDERS)
        for one in senders.all:
            assert one.wait(600) == 0
    finally:
        for one in senders.all:
            one.kill()
            one.wait()
        served.stop()
    assert senders.acknowledged() == names.keys()
    assert kept(province.path) == set(names.values())
    with Home.open(province.path) as home:
        figures = home.figures()
        assert figures.num_rows == HOMES * FIGURES
        assert len(set(figures["digest"].to_pylist())) == HOMES * FIGURES
        assert set(figures["home"].to_pylist()) == {firm.home for firm in province.firms}
        rested = sum(row.rows for row in home.ledger.all(segments.select()))
        assert rested == HOMES * FIGURES
        assert verify(home).holds
