"""A port before a broker that remembers what clients send, and reads it as MQTT packets."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """A port before a broker that remembers all that clients send."""

    def __init__(self, port: int, broker: int) -> None:
        self.seen: list[bytes] = []
        self.broker = broker
        self.server = socket.create_server(("127.0.0.1", port))
        self.sockets = [self.server]
        self.threads = [threading.Thread(target=self.serve)]
        self.threads[0].start()

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.server.accept()
                far = socket.create_connection(("127.0.0.1", self.broker))
                self.sockets += [near, far]
                for args in ((near, far, self.seen), (far, near, [])):
                    self.threads.append(threading.Thread(target=self.pump, args=args))
                    self.threads[-1].start()

    def pump(self, source, target, seen) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                seen.append(data)
                target.sendall(data)
        self.end(source, target)

    def end(self, *sockets) -> None:
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.end(*self.sockets)
        for thread in self.threads:
            thread.join(5)
        for one in self.sockets:
            one.close()


def packets_of(seen: list[bytes]) -> list[tuple[int, bytes]]:
    """First byte and body of each packet in a byte stream."""
    data, found, at = b"".join(seen), [], 0
    while at < len(data):
        first, at, size, shift = data[at], at + 1, 0, 0
        while True:
            size |= (data[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if data[at - 1] < 128:
                break
        found.append((first, data[at : at + size]))
        at += size
    return found
