"""The command ``plant``."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from steelyard.cli.say import note, table
from steelyard.errors import UsageError


def plant(folder: Path, *, machines: int = 8, seconds: float = 0, seed: int = 1, speed: float = 1, faults: bool = True,
          broker: str = "") -> int:  # fmt: skip
    """Simulate a plant that publishes through the real protocols, with a factory home beside it 模拟工厂.

    Serve the home in another terminal: steelyard serve FOLDER/home. All of it is synthetic.

    Parameters
    ----------
    folder
        Where the home, the connections and the log of the truth (truth.csv) are made.
    machines
        How many machines, shared out over Sparkplug, OPC UA, Modbus and MTConnect.
    seconds
        How long; 0: until interrupted.
    seed
        The same seed makes the same machines.
    speed
        How many times as fast machines work; clocks go as they do.
    faults
        Whether stations fail and come back, and one machine's clock is wrong.
    broker
        mqtt://HOST:PORT for Sparkplug; without it a mosquitto of our own, where it is installed.
    """
    from steelyard.examples.plant import Plant

    for name, value, good in (("--machines", machines, 1 <= machines <= 1000), ("--speed", speed, 0 < speed <= 1000),
                              ("--seconds", seconds, seconds >= 0)):  # fmt: skip
        if not good:
            raise UsageError("SY101", why=f"{name} {value}")
    stopped = threading.Event()
    made = Plant(folder, machines=machines, seed=seed, speed=speed, faults=faults, broker_url=broker, say=note)
    for why in made.left_out:
        note(f"– {why}")
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with made:
        print("合成数据 · synthetic data")
        table(
            ("protocol", "address", "machines"),
            [(s.protocol, f"{s.host}:{s.port}", " ".join(s.machines)) for s in made.sites],
        )
        print(f"steelyard serve {made.home}", flush=True)
        try:
            made.run(seconds, stopped)
        except KeyboardInterrupt:
            note("…")
    return 0
