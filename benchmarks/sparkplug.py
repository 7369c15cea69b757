"""mosquitto → durable Parquet over Sparkplug B, 10 and 100 metrics a message, beside paho with the same protobuf and no state machine.

An edge node's messages (births, seq, aliases, a source time in every metric) are sent by a process of its own over a raw socket,
QoS 0, at an offered rate; a result counts what rests durably when the sending ends, and how long the rest took. Latencies are
measured at 10,000 metrics a second: each value carries the time at which it was sent.

    python benchmarks/sparkplug.py --seconds 300
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import folder, peak_mib, say

NODE = b"bench/edge"
WIDTH = 6  # bytes of a time in ms as a varint, until the year 2109


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def packet(verb: bytes, payload: bytes) -> bytes:
    topic = b"spBv1.0/bench/" + verb + b"/edge"
    body = len(topic).to_bytes(2, "big") + topic + payload
    return b"\x30" + varint(len(body)) + body


class Template:
    """A message of n doubles of which only times, values and seq change: patched as bytes, 256 at once."""

    def __init__(self, n: int) -> None:
        from steelyard.connect.sparkplug.schema import Payload

        mark = 1_600_000_000_000
        message = Payload(timestamp=mark, seq=200)
        for alias in range(n):
            message.metrics.add(alias=1000 + alias, timestamp=mark, datatype=10, double_value=12345.678)
        raw = packet(b"NDATA", message.SerializeToString())
        assert raw.endswith(b"\x18\xc8\x01"), "seq stands last"
        self.n, self.raw = n, np.frombuffer(raw, np.uint8)
        self.times = _places(raw, varint(mark))
        self.values = _places(raw, np.float64(12345.678).tobytes())
        assert len(self.times) == n + 1
        assert len(self.values) == n
        self._shorter = {seq: self._with(seq) for seq in range(256)}

    def _with(self, seq: int) -> bytes:
        """The message with one seq, as its length requires."""
        raw = self.raw.tobytes()
        header = 2 + (len(varint(len(raw) - 3)) - 1)
        body = raw[1 + len(varint(self._length(raw))) :]
        body = body[:-2] + varint(seq)
        del header
        return b"\x30" + varint(len(body)) + body

    @staticmethod
    def _length(raw: bytes) -> int:
        length, shift = 0, 0
        for byte in raw[1:]:
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                return length
            shift += 7
        raise ValueError

    def block(self, first: int, count: int, at_ms: np.ndarray, values: np.ndarray) -> bytes:
        """``count`` messages from seq ``first`` on, with a time each."""
        out = []
        for i in range(count):
            message = bytearray(self._shorter[(first + i) % 256])
            shift = len(message) - len(self.raw)
            del shift
            stamp = varint(int(at_ms[i]))
            view = np.frombuffer(message, np.uint8)
            offset = self._offset(message)
            view[offset + self.times[:, None] + np.arange(WIDTH)] = np.frombuffer(stamp, np.uint8)
            view[offset + self.values[:, None] + np.arange(8)] = np.frombuffer(
                np.float64(values[i]).tobytes(), np.uint8
            )
            out.append(bytes(message))
        return b"".join(out)

    def _offset(self, message: bytes) -> int:
        """A shorter length field moves all that follows."""
        return len(varint(self._length(bytes(message[:6])))) - len(varint(self._length(self.raw.tobytes()[:6])))


def _places(raw: bytes, what: bytes) -> np.ndarray:
    found, at = [], raw.find(what)
    while at >= 0:
        found.append(at)
        at = raw.find(what, at + len(what))
    return np.array(found)


def birth(n: int) -> bytes:
    from steelyard.connect.sparkplug.schema import Payload

    now = time.time_ns() // 1_000_000
    message = Payload(timestamp=now, seq=0)
    message.metrics.add(name="bdSeq", timestamp=now, datatype=8, long_value=0)
    message.metrics.add(name="Node Control/Rebirth", timestamp=now, datatype=11, boolean_value=False)
    for alias in range(n):
        message.metrics.add(
            name=f"Line1/Filler/Motor{alias:03d}/Speed",
            alias=1000 + alias,
            timestamp=now,
            datatype=10,
            double_value=0.0,
        )
    return packet(b"NBIRTH", message.SerializeToString())


def produce(port: int, n: int, rate: float, seconds: float) -> dict[str, Any]:
    """Send n-metric messages at ``rate`` metrics a second; source times never repeat."""
    from steelyard.connect.sparkplug.schema import Payload

    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    will = Payload(timestamp=time.time_ns() // 1_000_000)
    will.metrics.add(name="bdSeq", datatype=8, long_value=0)
    topic, dead = b"spBv1.0/bench/NDEATH/edge", will.SerializeToString()
    name = b"bench-edge"
    body = b"\x00\x04MQTT\x04\x0e\x00\x00" + b"".join(
        len(part).to_bytes(2, "big") + part for part in (name, topic, dead)
    )
    link.sendall(b"\x10" + varint(len(body)) + body)
    assert link.recv(4)[0] == 0x20
    link.sendall(birth(n))
    time.sleep(1.0)
    template = Template(n)
    block = max(1, min(256, int(rate / n / 50)))
    sent, seq, begun = 0, 1, time.time()
    last_ms = int(begun * 1000)
    while time.time() - begun < seconds:
        now = time.time()
        ahead = begun + sent * n / rate - now
        if ahead > 0:
            time.sleep(ahead)
        stamps = last_ms + 1 + np.arange(block)
        last_ms += block
        link.sendall(template.block(seq, block, stamps, np.full(block, time.time())))
        seq = (seq + block) % 256
        sent += block
    took = time.time() - begun
    time.sleep(1.0)
    link.sendall(b"\xe0\x00")
    link.close()
    return {"sent": sent * n, "seconds": took}


def follow(home: Path, latencies: bool) -> dict[str, Any]:
    """Our side: run the home's connections until standard input ends."""
    from steelyard.store.standing import standings
    from steelyard.store.stream import Stream
    from steelyard.take.follow import Follow
    from steelyard.take.inlet import Gate

    decoded: list[np.ndarray] = []
    queryable: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    if latencies:
        keep, commit = Gate.keep, Stream.commit

        def timed_keep(self: Any, signals: Any, at: Any, value: Any, **more: Any) -> None:
            fresh = value[value > 1e9]
            decoded.append(time.time() - fresh)
            waiting.append(fresh)
            keep(self, signals, at, value, **more)

        def timed_commit(self: Any, arrived: Any) -> int:
            held = [part.value[part.value > 1e9] for one in arrived for part in one.values]
            done = commit(self, arrived)
            queryable.extend(time.time() - part for part in held)
            return done

        Gate.keep, Stream.commit = timed_keep, timed_commit
    cpu = time.process_time()
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    found: dict[str, Any] = {}
    with Follow(home) as running:
        while not stop.wait(0.2):
            pass
        found["at_end"] = standings(running.home.ledger)[0]["stored"]
        before, begun = -1, time.time()
        while before != (now := standings(running.home.ledger)[0]["received"]):
            before = now
            time.sleep(0.7)
        found["behind_seconds"] = round(time.time() - begun - 0.7, 1)
        one = standings(running.home.ledger)[0]
    found |= {key: one[key] for key in ("received", "stored", "repeated", "refused")}
    found["findings"] = [finding["code"] for finding in one["findings"]]
    if latencies:
        for name, parts in (("decoded_ms", decoded), ("queryable_ms", queryable)):
            every = np.concatenate(parts) * 1000
            found[name] = {"p50": round(float(np.median(every)), 2), "p99": round(float(np.percentile(every, 99)), 2)}
    return found | {"cpu_seconds": round(time.process_time() - cpu, 1), "peak_mib": peak_mib()}


def rival(port: int, kept: Path) -> dict[str, Any]:
    """paho, the same protobuf, aliases, three arrays, zstd Parquet at each 200,000 values: no births, no seq, no fsync, no counters."""
    from array import array

    import paho.mqtt.client as paho
    import pyarrow as pa
    import pyarrow.parquet as pq

    from steelyard.connect.sparkplug.schema import Payload

    columns = array("q"), array("q"), array("d")
    written = 0

    def write() -> None:
        nonlocal written, columns
        names = ("metric", "at", "value")
        types = (np.int64, np.int64, np.float64)
        table = pa.table({n: np.frombuffer(c, t) for n, c, t in zip(names, columns, types, strict=True)})
        pq.write_table(table, kept / f"{written}.parquet", compression="zstd")
        written += table.num_rows
        columns = array("q"), array("q"), array("d")

    def on_message(_client: Any, _data: Any, message: Any) -> None:
        for metric in Payload.FromString(message.payload).metrics:
            columns[0].append(metric.alias)
            columns[1].append(metric.timestamp)
            columns[2].append(metric.double_value)
        if len(columns[0]) >= 200_000:
            write()

    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.subscribe("spBv1.0/#", 0)
    client.loop_start()
    sys.stdin.read()
    at_end = written + len(columns[0])
    client.loop_stop()
    return {"at_end": at_end, "peak_mib": peak_mib()}


def run(below: Path, n: int, rate: float, seconds: float, who: str, latencies: bool = False) -> dict[str, Any]:
    """One broker, one producer, one consumer."""
    port = _free_port()
    config = below / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\nuser root\n"
    )
    broker = subprocess.Popen(
        [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL
    )
    time.sleep(0.5)
    place = below / f"{who}-{n}-{int(rate)}"
    arguments = [who, str(place), str(port), str(int(latencies))]
    if who == "follow":
        _home(place, port)
    else:
        place.mkdir()
    taker = subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), "--inner", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    time.sleep(3.0)
    done = subprocess.run([sys.executable, str(Path(__file__).resolve()), "--inner", "produce", str(port), str(n), str(rate), str(seconds)],
                          check=True, stdout=subprocess.PIPE)  # fmt: skip
    taker.stdin.close()
    found = json.loads(taker.stdout.read())
    taker.wait(60)
    broker.terminate()
    broker.wait(10)
    made = json.loads(done.stdout)
    shutil.rmtree(place)
    return {"offered_per_second": round(made["sent"] / made["seconds"]), "sent": made["sent"],
            "kept_per_second": round(found["at_end"] / (made["seconds"] + 1)), **found}  # fmt: skip


def _home(place: Path, port: int) -> None:
    from steelyard.store.home import Home

    Home.create(place, name="bench", kind="factory").close()
    (place / "connections").mkdir(exist_ok=True)
    (place / "connections" / "broker.yaml").write_text(
        f"connector: sparkplug\nurl: mqtt://127.0.0.1:{port}\nhost_id: bench\nsynthetic: true\n"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def inner(what: str, *arguments: str) -> dict[str, Any]:
    if what == "produce":
        return produce(int(arguments[0]), int(arguments[1]), float(arguments[2]), float(arguments[3]))
    if what == "follow":
        return follow(Path(arguments[0]), arguments[2] == "1")
    return rival(int(arguments[1]), Path(arguments[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument(
        "--rates", type=float, nargs=2, default=(310_000, 620_000), help="offered, at 10 and at 100 metrics"
    )
    parser.add_argument("--inner", nargs="+")
    chosen = parser.parse_args()
    if chosen.inner:
        print(json.dumps(inner(*chosen.inner)))
        return
    with folder(None) as below:
        for n, rate in zip((10, 100), chosen.rates, strict=True):
            ours = run(below, n, rate, chosen.seconds, "follow")
            theirs = run(below, n, rate, chosen.seconds, "rival")
            ratio = round(ours["kept_per_second"] / theirs["kept_per_second"], 2)
            say(
                "sparkplug",
                {"metrics_a_message": n, "seconds": chosen.seconds, "ours": ours, "paho_upb": theirs, "ratio": ratio},
            )
        say("sparkplug latency", run(below, 10, 10_000, chosen.seconds, "follow", latencies=True))


if __name__ == "__main__":
    main()
