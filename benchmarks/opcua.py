"""OPC UA: 1,000 counters of node-opcua at 10 Hz, every number of every counter, for so many seconds.

Each variable holds the number of the turn in which it was set, so a value that was lost is a number that is missing.
The inlet keeps all it is given and is judged afterwards. The rival, in the same run and against the same kind of
server, is asyncua's own subscription with a handler that only counts. Target: 10,000 values/s without loss.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from asyncua.client.client import Client
from asyncua.ua import NodeId
from common import alone, peak_mib, say

from steelyard.connect.base import Connection
from steelyard.connect.opcua import Connector

PEERS = Path(__file__).parents[1] / "tests" / "peers"


@contextmanager
def server(count: int, period: int) -> Iterator[str]:
    """A node-opcua of its own with so many counters; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as pki:
        asked = json.dumps({"port": port, "pki": pki, "count": count, "period": period})
        process = subprocess.Popen(["node", "opcua_server.js", asked], cwd=PEERS, stdout=subprocess.PIPE, text=True)
        try:
            if not any(line.strip() == "ready" for line in process.stdout or ()):
                raise RuntimeError("the server did not start")
            yield f"opc.tcp://127.0.0.1:{port}/"
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


class Counting:
    """An inlet that keeps the arrays which it is given."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.position: dict[str, Any] = {}
        self.names: list[tuple[str, str]] = []
        self.batches: list[tuple[Any, Any, Any]] = []
        self.findings: list[str] = []

    def signal(self, subject: str, name: str, _unit: str = "") -> int:
        """Number the signals as they are asked for."""
        self.names.append((subject, name))
        return len(self.names) - 1

    def keep(self, signals: Any, at: Any, value: Any, *, position: Any = None, **_: Any) -> None:
        """Keep a batch, and where it stands."""
        self.position = position or self.position
        self.batches.append((signals, at, value))

    def finding(self, _subject: str, code: str, text: str) -> None:
        """Keep what the connector finds wrong."""
        self.findings.append(f"{code} {text}")

    def online(self, *_: Any) -> None:
        """Not measured."""

    offline = heard = refuse = online


def cpu() -> float:
    """Seconds of processor that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def steelyard(url: str, seconds: float) -> dict[str, Any]:
    """The connector, after a second of warming up."""
    inlet = Counting()
    asked = {"publishing_ms": 100, "sampling_ms": 50, "queue_size": 100}
    connector = Connector(Connection("bench", "opcua", url, asked))
    failed: list[str] = []
    thread = threading.Thread(target=lambda: _run(connector, inlet, failed))
    thread.start()
    while not inlet.batches and not failed:
        time.sleep(0.05)
    time.sleep(1)
    before, begun, used = len(inlet.batches), time.perf_counter(), cpu()
    time.sleep(seconds)
    used, took = cpu() - used, time.perf_counter() - begun
    values = sum(len(batch[0]) for batch in inlet.batches[before:])
    inlet.stopped.set()
    thread.join()
    return {**judged(inlet), "values_per_second": round(values / took), "cpu_seconds": round(used, 2), "seconds": round(took, 1),
            "cpu_share": round(used / took, 3), "findings": inlet.findings, "failed": failed, "peak_mib": peak_mib()}  # fmt: skip


def _run(connector: Connector, inlet: Counting, failed: list[str]) -> None:
    try:
        connector.run(inlet)
    except Exception as error:  # noqa: BLE001  - said in the result
        failed.append(repr(error))


def judged(inlet: Counting) -> dict[str, int]:
    """How many counters there were, and how many numbers between their first and last are missing or came twice."""
    signals = np.concatenate([batch[0] for batch in inlet.batches])
    values = np.concatenate([batch[2] for batch in inlet.batches])
    missing = twice = counters = 0
    for number, (subject, _) in enumerate(inlet.names):
        if subject == "M":
            mine = np.sort(values[signals == number].astype(np.int64))
            counters += 1
            missing += int(mine[-1] - mine[0]) + 1 - len(np.unique(mine)) if len(mine) else 1
            twice += len(mine) - len(np.unique(mine))
    return {"counters": counters, "missing": missing, "twice": twice}


class Handler:
    """The rival's: it counts, and nothing else."""

    count = 0

    def datachange_notification(self, *_: Any) -> None:
        """One value."""
        self.count += 1


async def plain(url: str, count: int, seconds: float) -> dict[str, Any]:
    """Asyncua as its manual has it."""
    async with Client(url) as client:
        index = await client.get_namespace_index("urn:plant")
        handler = Handler()
        subscription = await client.create_subscription(100, handler)
        nodes = [client.get_node(NodeId(200001 + i, index)) for i in range(count)]
        await subscription.subscribe_data_change(nodes, queuesize=100, sampling_interval=50)
        await asyncio.sleep(2)
        before, begun, used = handler.count, time.perf_counter(), cpu()
        await asyncio.sleep(seconds)
        used, took, values = cpu() - used, time.perf_counter() - begun, handler.count - before
    return {"name": "asyncua, a handler that only counts", "values_per_second": round(values / took),
            "cpu_seconds": round(used, 2), "cpu_share": round(used / took, 3), "peak_mib": peak_mib()}  # fmt: skip


def main() -> None:
    """Measure both, each in a process and against a server of its own."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=1000)
    asked.add_argument("--period", type=int, default=100, help="milliseconds between two values of a variable")
    asked.add_argument("--seconds", type=float, default=20)
    asked.add_argument("--only", choices=["steelyard", "rival"])
    given = asked.parse_args()
    if given.only:
        with server(given.count, given.period) as url:
            found = (
                steelyard(url, given.seconds)
                if given.only == "steelyard"
                else asyncio.run(plain(url, given.count, given.seconds))
            )
        json.dump(found, sys.stdout)
        return
    sizes = ("--count", str(given.count), "--period", str(given.period), "--seconds", str(given.seconds))
    ours, rival = (alone(__file__, "--only", who, *sizes) for who in ("steelyard", "rival"))
    per_value = {
        name: one["cpu_seconds"] / max(1, one["values_per_second"]) for name, one in (("ours", ours), ("rival", rival))
    }
    say("opcua", {"nodes": given.count, "hz": round(1000 / given.period, 1), "steelyard": ours, "rival": rival,
                  "cpu_per_value_to_rival": round(per_value["ours"] / per_value["rival"], 3),
                  "machine_load_before": round(os.getloadavg()[1], 1)})  # fmt: skip


if __name__ == "__main__":
    main()
