"""Sparkplug, decoding alone: MQTT blocks of 256 KiB to columns of values, with topics, sequence and births; one core, no broker.

Rival in the same run: protobuf (upb) and one tuple a metric, without a state machine. Prints µs a metric.
"""

from __future__ import annotations

import time

from steelyard.connect.mqtt.packets import Message, publish, walk
from steelyard.connect.sparkplug.host import Host
from steelyard.connect.sparkplug.schema import Payload

AT = 1_774_000_000_000
BLOCK = 256 * 1024


def birth(count: int) -> bytes:
    payload = Payload(timestamp=AT, seq=0)
    payload.metrics.add(name="bdSeq", datatype=4, long_value=0, timestamp=AT)
    for n in range(count):
        payload.metrics.add(
            name=f"Line1/Filler/Motor{n:03}/Speed", alias=n + 1, datatype=10, double_value=1, timestamp=AT
        )
    made: bytes = payload.SerializeToString()
    return made


def data(count: int, k: int, named: bool) -> bytes:
    payload = Payload(timestamp=AT + k, seq=(k + 1) % 256)
    for n in range(count):
        metric = payload.metrics.add(timestamp=AT + k, double_value=k + n / 7)
        if named:
            metric.name = f"Line1/Filler/Motor{n:03}/Speed"
        else:
            metric.alias = n + 1
    made: bytes = payload.SerializeToString()
    return made


def ours(stream: bytes, count: int) -> tuple[float, int]:
    names: dict[tuple[str, str], int] = {}
    host = Host(lambda subject, name, _: names.setdefault((subject, name), len(names)), "h")
    host.take([Message(b"spBv1.0/G/NBIRTH/E", birth(count), 0x30, 0)], 1)
    got, rest, start = 0, b"", time.process_time()
    for at in range(0, len(stream), BLOCK):
        block = rest + stream[at : at + BLOCK]
        walked = walk(block, 4, 1 << 22)
        rest = block[walked.used :]
        got += sum(len(event.signals) for event in host.take(walked.messages, 2) if hasattr(event, "signals"))
    return time.process_time() - start, got


def rival(raws: list[bytes]) -> tuple[float, int]:
    start, got = time.process_time(), 0
    for raw in raws:
        payload = Payload.FromString(raw)
        default = payload.timestamp
        got += len([(m.alias or m.name, m.timestamp or default, m.double_value) for m in payload.metrics])
    return time.process_time() - start, got


def main() -> None:
    print("metrics/message | ids | ours µs/metric | upb and tuples alone | ratio")
    for count in (1, 10, 100):
        for named in (False, True):
            raws = [data(count, k, named) for k in range(200_000 // count)]
            stream = b"".join(publish("spBv1.0/G/NDATA/E", raw, 0, 4) for raw in raws)
            spent, got = min(ours(stream, count) for _ in range(3))
            other, same = min(rival(raws) for _ in range(3))
            if got != same:
                raise SystemExit(f"{got} values of {same}")
            print(
                f"{count:5} | {'name' if named else 'alias'} | {spent / got * 1e6:.2f} | {other / got * 1e6:.2f} | {other / spent:.1f}"
            )


if __name__ == "__main__":
    main()
