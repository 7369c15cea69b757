"""What a home does by itself while it is served: it pulls and pushes when that is due, with growing pauses where it goes wrong."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from steelyard.errors import InputError
from steelyard.evidence.certificate import certificate
from steelyard.share import listening
from steelyard.share.pull import pull_by
from steelyard.share.push import push_by
from steelyard.share.subscriptions import Delivery, Subscription, files, read_delivery, read_subscription
from steelyard.store.home import Home
from steelyard.store.lake import write_bytes

TICK_SECONDS = 5.0
_WRONG_SECONDS = 600.0
_log = logging.getLogger(__name__)


class Attend:
    """Use as a context: subscriptions and deliveries are attended until it ends. New files are seen as they come."""

    def __init__(self, path: Path, tick_seconds: float = TICK_SECONDS) -> None:
        self._path = path
        self._tick = tick_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="attend", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(60)

    def _run(self) -> None:
        with Home.open(self._path) as home:
            while True:
                try:
                    turn(home)
                except Exception:  # noqa: BLE001  - a locked ledger, a full disk: the next turn may find it well
                    _log.exception("pull and push")
                if self._stopped.wait(self._tick):
                    return


def turn(home: Home) -> None:
    """Pull and push by what is due now; a file that is wrong is noted and stops no other."""
    due: list[Subscription | Delivery] = []
    for folder in ("subscriptions", "deliveries"):
        for path in files(home, folder):
            name = f"{folder}/{path.stem}"
            if listening.due(home, name):
                try:
                    due.append(read_subscription(home, path) if folder == "subscriptions" else read_delivery(path))
                except InputError as error:
                    listening.note(home, name, str(error), _WRONG_SECONDS)
    subscriptions = [one for one in due if isinstance(one, Subscription) and (one.door or one.folder)]
    if subscriptions:
        _pull(home, subscriptions)
    for one in due:
        if isinstance(one, Delivery):
            push_by(home, one)


def _pull(home: Home, subscriptions: Sequence[Subscription]) -> None:
    """Pull; whatever goes wrong is noted, so that pushes go on."""
    try:
        pull_by(home, subscriptions, again=False)
    except Exception as error:  # noqa: BLE001  - as above
        _log.exception("pull")
        for one in subscriptions:
            listening.note(home, f"subscriptions/{one.name}", f"{type(error).__name__}: {error}", one.ask_seconds)


def tls_files(home: Home) -> tuple[Path, Path]:
    """The certificate and the private key by which a home serves others: of its own key, the very one that they trust."""
    path = home.path / "keys" / "home.crt"
    if not path.is_file():
        write_bytes(path, certificate(home.key))
    return path, home.path / "keys" / "home.pem"
