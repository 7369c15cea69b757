"""Running numbers as a load, so that what arrives can be counted: at QoS 1 until the broker has them, or as a Sparkplug device."""

from __future__ import annotations

import contextlib
import json
import threading
import time

from steelyard.connect.base import Lost
from steelyard.connect.mqtt.wire import Client, Options
from steelyard.examples.plant.sites import GROUP, site

TOPIC = "works/M01/count"
MACHINE = "M02"
SUBJECT = f"{GROUP}/edge/{MACHINE}"
BATCH, PAUSE = 20, 0.02


class Counter(threading.Thread):
    """Publishes 1, 2, 3 … on ``TOPIC`` at QoS 1; a batch that the broker did not acknowledge is sent again.

    ``acknowledged``: how far it came; all of that should rest exactly once. Set ``over`` to end it.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True, name="counter")
        self._options = Options(f"mqtt://127.0.0.1:{port}", "counter")
        self.acknowledged = 0
        self.over = threading.Event()

    def run(self) -> None:
        """Publish until ``over``."""
        client: Client | None = None
        batch: list[bytes] = []
        while not self.over.is_set() or batch:
            batch = batch or self._batch()
            try:
                client = client or Client(self._options)
                for payload in batch:
                    client.publish(TOPIC, payload, qos=1)
                client.settle(2)
                self.acknowledged += len(batch)
                batch = []
            except (Lost, OSError):
                if client:
                    client.drop()
                client = None
            time.sleep(PAUSE if client else 5 * PAUSE)
        if client:
            client.close()

    def _batch(self) -> list[bytes]:
        now = time.time_ns() // 1_000_000
        return [
            json.dumps({"timestamp_ms": now + n / 100, "value": self.acknowledged + 1 + n}).encode()
            for n in range(BATCH)
        ]


class Ticker(threading.Thread):
    """A machine behind a Sparkplug edge node that counts 40 times a second; ``told`` has the time (µs UTC) of each number."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True, name="ticker")
        self._station = site("sparkplug", [MACHINE], "127.0.0.1", port).station
        self.told: dict[int, int] = {}
        self.over = threading.Event()

    def run(self) -> None:
        """Publish until ``over``."""
        self._station.start()
        while not self.over.wait(0.025):
            at = time.time_ns() // 1_000_000 * 1000
            self.told[len(self.told) + 1] = at
            with contextlib.suppress(Lost, OSError):
                self._station.publish(MACHINE, {"PartCount": len(self.told)}, at)
        self._station.stop()
