"""A real standalone Spark from the PyPI package: a master and two workers, each a process of its own, on free ports."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

LEAN = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # tests are short: compiling for speed costs more than it gives
SETTINGS = {
    "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.extraJavaOptions": LEAN,
    "spark.executor.extraJavaOptions": LEAN, "spark.executor.memory": "512m", "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false", "spark.shuffle.service.enabled": "false",
}  # fmt: skip


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def standalone(folder: Path) -> Iterator[str]:
    """Start a cluster, give its address with settings for small data, stop it and this process's session."""
    pyspark = pytest.importorskip("pyspark", reason="pip install 'steelyard[spark]'")
    if not shutil.which("java"):
        pytest.skip("Spark needs a Java 17 or newer: apt-get install openjdk-17-jre-headless")
    home = Path(pyspark.__file__).parent
    port, page = free_port(), free_port()
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m",
                   "SPARK_DAEMON_JAVA_OPTS": LEAN}  # fmt: skip
    running: list[subprocess.Popen[bytes]] = []

    def start(role: str, *args: str) -> None:
        with (folder / f"{role}{len(running)}.log").open("wb") as log:
            command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{role.lower()}.{role}", *args]
            running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))

    try:
        start("Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page))
        _wait(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None)
        for number in range(2):
            start("Worker", f"spark://127.0.0.1:{port}", "--host", "127.0.0.1", "--cores", "1", "--memory", "600m",
                  "--webui-port", "0", "--work-dir", str(folder / f"work{number}"))  # fmt: skip
        _wait(lambda: _workers(page) == 2)
        yield f"spark://127.0.0.1:{port}?{urlencode(SETTINGS)}"
    finally:
        importlib.import_module("steelyard.store.spark").stop()
        for process in reversed(running):
            process.terminate()
            process.wait(30)


def _workers(page: int) -> int:
    with urlopen(f"http://127.0.0.1:{page}/json/", timeout=5) as answer:
        return json.load(answer)["aliveworkers"]


def _wait(ready, most: float = 60.0) -> None:
    until = time.monotonic() + most
    while True:
        try:
            if ready():
                return
        except (OSError, ValueError):  # it listens before it answers
            pass
        assert time.monotonic() < until, "the cluster did not start"
        time.sleep(0.2)
