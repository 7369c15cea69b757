"""Many simulated homes in one process: each pushes its bundle until it is acknowledged, and notes that durably. May be killed.

``python sender.py FOLDER URL KEY_OF_THE_RECEIVER FIRST LAST``: FOLDER holds NNNNNN.pem and NNNNNN.steelyard; acks are appended to
FIRST.acks, one name a line.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

from steelyard.errors import InputError
from steelyard.evidence.seal import Key
from steelyard.share.wire import Door, Line


def main() -> None:
    folder, url, receiver, first, last = (
        Path(sys.argv[1]),
        sys.argv[2],
        bytes.fromhex(sys.argv[3]),
        int(sys.argv[4]),
        int(sys.argv[5]),
    )
    acks = folder / f"{first}.acks"
    done = set(acks.read_text().split()) if acks.exists() else set()
    out = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def send(number: int) -> None:
        name = f"{number:06d}"
        key = Key.load((folder / f"{name}.pem").read_bytes())
        data = (folder / f"{name}.steelyard").read_bytes()
        home = SimpleNamespace(key=key, now=lambda: time.time_ns() // 1000)
        while True:
            try:
                with Line(home, Door(url, receiver)) as line:
                    line.post("/share/bundles", data)
                break
            except InputError as error:
                if getattr(error, "status", 503) != 503:
                    raise
                time.sleep(0.1)
        os.write(out, f"{name}\n".encode())
        os.fsync(out)

    with ThreadPoolExecutor(64) as threads:
        list(threads.map(send, (n for n in range(first, last) if f"{n:06d}" not in done)))


if __name__ == "__main__":
    main()
