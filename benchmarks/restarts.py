"""Restarts under load: the broker, an OPC UA server, our own process (SIGKILL), ten times each: seconds to read again, what was lost.

A counter at QoS 1 with a session that lasts (acknowledged: none lost, none twice), a Sparkplug machine that counts 40 times a
second and an OPC UA machine that counts 20 times a second (no acknowledgements: what is missing must lie where nothing watched).
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from common import folder, say

from steelyard.examples.plant import broker as brokers
from steelyard.examples.plant import sites
from steelyard.examples.plant.load import SUBJECT, Counter, Ticker
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.ledger import connections
from steelyard.store.standing import standings

LIMIT = 60.0
ON_THE_WIRE = {"edge": 100_000, "machine": 500_000}  # µs before a death in which what was told may still be under way
COUNTS = {"edge": (SUBJECT, "Admin/ProdProcessedCount"), "machine": ("M03/Admin", "ProdProcessedCount")}


def serve(port: int, log: Path) -> None:
    """The OPC UA server: counts on from where the log ends; each number is logged before it is told."""
    station = sites.site("opcua", ["M03"], "127.0.0.1", port).station
    station.start()
    number = len(log.read_text().splitlines()) if log.is_file() else 0
    with log.open("a", buffering=1) as file:
        while True:
            number += 1
            at = time.time_ns() // 1000
            file.write(f"{number},{at}\n")
            station.publish("M03", {"PartCount": number}, at)
            if number % 20 == 1:
                print("ready", flush=True)
            time.sleep(0.05)


class Bench:
    """A home, its three sources, and the processes that die."""

    def __init__(self, below: Path) -> None:
        self.below, self.path = below, below / "home"
        self.broker = brokers.Broker(below / "broker", brokers.free_port())
        self.port = brokers.free_port()
        self.log = below / "told.csv"
        self.own: subprocess.Popen[bytes] | None = None
        self.server: subprocess.Popen[str] | None = None
        self._connections()

    def _connections(self) -> None:
        Home.create(self.path, name="restarts", kind="factory").close()
        mqtt = f"mqtt://127.0.0.1:{self.broker.port}"
        files = {"counts": f"connector: mqtt\nurl: {mqtt}\nclient_id: home\ntopics: [works/#]\n",
                 "edge": f"connector: sparkplug\nurl: {mqtt}\nhost_id: steelyard\n",
                 "machine": f"connector: opcua\nurl: opc.tcp://127.0.0.1:{self.port}/\n"}  # fmt: skip
        (self.path / "connections").mkdir()
        for name, text in files.items():
            (self.path / "connections" / f"{name}.yaml").write_text(text)

    def start_own(self) -> None:
        command = [sys.executable, "-m", "steelyard.cli", "take", str(self.path), "--follow"]
        self.own = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def start_server(self) -> None:
        command = [sys.executable, __file__, "--server", str(self.port), str(self.log)]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.server.stdout
        self.server.stdout.readline()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        self.broker.start()
        self.start_server()
        self.start_own()
        try:
            yield
        finally:
            for process in (self.own, self.server):
                if process:
                    process.kill()
                    process.wait(10)
            self.broker.stop()

    def kill_own(self) -> Callable[[], None]:
        kill(self.own)
        return self.start_own

    def kill_server(self) -> Callable[[], None]:
        kill(self.server)
        return self.start_server

    def stop_broker(self) -> Callable[[], None]:
        self.broker.stop()
        return self.broker.start


def kill(process: subprocess.Popen[Any] | None) -> None:
    assert process
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def stored(home: Home) -> dict[str, int]:
    return {row.name: row.stored for row in home.ledger.all(sa.select(connections))}


def reads(home: Home, names: tuple[str, ...], before: dict[str, int]) -> None:
    """Wait until all of these connections have stored more."""
    until = time.monotonic() + LIMIT
    while not all(stored(home).get(name, 0) > before.get(name, 0) for name in names):
        assert time.monotonic() < until, standings(home.ledger)
        time.sleep(0.02)


def restart(home: Home, die: Callable[[], Callable[[], None]], names: tuple[str, ...]) -> float:
    """Let something die, start it again; returns seconds until everything that hung on it is read again, counted from the start
    of our process, or from when the broker or server is there.
    """
    time.sleep(1.0)
    start = die()
    time.sleep(0.6)  # what was on its way is stored by now
    before = stored(home)
    start()
    begun = time.monotonic()
    reads(home, names, before)
    return time.monotonic() - begun


def measured(bench: Bench, times: int) -> dict[str, Any]:
    """All of it."""
    counter, ticker = Counter(bench.broker.port), Ticker(bench.broker.port)
    deaths = {"own process, SIGKILL": (bench.kill_own, ("counts", "edge", "machine")),
              "mosquitto": (bench.stop_broker, ("counts", "edge")),
              "OPC UA server, SIGKILL": (bench.kill_server, ("machine",))}  # fmt: skip
    with Home.open(bench.path) as home:
        with bench.running():
            ticker.start()
            reads(home, ("edge", "machine"), {})
            time.sleep(1.0)
            counter.start()
            reads(home, ("counts",), {})
            took = {name: [restart(home, *what) for _ in range(times)] for name, what in deaths.items()}
            for one in (counter, ticker):
                one.over.set()
                one.join(30)
            time.sleep(3)
            assert bench.own
            bench.own.send_signal(signal.SIGINT)
            bench.own.wait(60)
        logged = (line.split(",") for line in bench.log.read_text().splitlines())
        told = {"edge": ticker.told, "machine": {int(number): int(at) for number, at in logged}}
        verified = subprocess.run(
            [sys.executable, "-m", "steelyard.cli", "verify", str(bench.path)], capture_output=True, check=False
        )
        return {
            "times": times,
            "seconds_to_read_again": {
                name: {"most": round(max(s), 2), "median": round(sorted(s)[len(s) // 2], 2)} for name, s in took.items()
            },
            "acknowledged": acknowledged(home, counter.acknowledged),
            **{f"unacknowledged, {name}": watched(home, name, numbers) for name, numbers in told.items()},
            "counters": {
                s["name"]: [s[n] for n in ("received", "stored", "repeated", "refused")] for s in standings(home.ledger)
            },
            "verify": verified.returncode == 0,
        }


def acknowledged(home: Home, told: int) -> dict[str, int]:
    """Of the values that the broker acknowledged."""
    with engine(home.path) as opened:
        home.table_view(opened, "samples")
        rows, distinct = opened.rows(
            f"SELECT count(*), count(DISTINCT value) FROM samples WHERE signal = 'count' AND value <= {told}"
        )[0]
    return {"values": told, "lost": told - distinct, "twice": rows - distinct}


def watched(home: Home, name: str, told: dict[int, int]) -> dict[str, int]:
    """Of values without acknowledgements: those missing, and those of them that no gap covers."""
    subject, signal_name = COUNTS[name]
    with engine(home.path) as opened:
        for table in ("samples", "watches"):
            home.table_view(opened, table)
        where = f"subject = '{subject}' AND signal = '{signal_name}'"
        numbers = [int(value) for (value,) in opened.rows(f"SELECT value FROM samples WHERE {where}")]
        spans = opened.rows(f"SELECT start, \"end\" FROM watches WHERE subject = '{subject}' ORDER BY start")
    missing = set(told) - set(numbers)
    slack = ON_THE_WIRE[name]
    hidden = [n for n in missing if any(a + slack < told[n] < b - slack for a, b in spans)]
    gaps = sum(before[1] < after[0] for before, after in itertools.pairwise(spans))
    counted = [n for n in numbers if n]  # a server that starts says 0 first
    return {"values": len(told), "missing": len(missing), "missing_while_watched": len(hidden),
            "twice": len(counted) - len(set(counted)), "gaps_marked": gaps}  # fmt: skip


def main() -> None:
    """Let all three die so many times and print what came of it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--times", type=int, default=10)
    asked.add_argument("--folder")
    asked.add_argument("--server", nargs=2, metavar=("PORT", "LOG"))
    given = asked.parse_args()
    if given.server:
        serve(int(given.server[0]), Path(given.server[1]))
        return
    with folder(given.folder) as below:
        say("restarts", measured(Bench(below), given.times))


if __name__ == "__main__":
    main()
