"""The door for other homes: the outbox listed to those whom its offers are for, and a way in for bundles that are pushed.

Every question is signed by the home that asks. Nothing but this is to be had here: no page, no figure, no other file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from steelyard import share
from steelyard.api.reading import encode
from steelyard.errors import InputError, SteelyardError, explain
from steelyard.share import outbox
from steelyard.share.asking import who_asks
from steelyard.share.intake import Full, Intake

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from steelyard.api.homes import Homes

MOST_PUSHED = 64 << 20
"""Bytes of a bundle that may be pushed; a larger one is pulled."""
SILENT_SECONDS = 30.0
SLOWEST = 50_000  # bytes a second
RETRY_SECONDS = 5
STATUS = {"SY805": 403, "SY806": 403, "SY412": 403, "SY413": 403, "SY812": 413, "SY417": 409, "SY813": 503}

_log = logging.getLogger(__name__)


class Peers:
    """The routes of the door, over the homes that are lent to requests."""

    def __init__(self, homes: Homes, most: int = MOST_PUSHED) -> None:
        self._homes = homes
        self._most = most
        self.intake = Intake(homes.lend)

    def routes(self) -> list[Route]:
        """``/share/offers``, ``/share/offers/ID``, ``/share/bundles/NAME`` and ``POST /share/bundles``."""
        return [
            Route("/share/offers", _told(self._in_thread(self._offers))),
            Route("/share/offers/{offer}", _told(self._in_thread(self._list))),
            Route("/share/bundles/{name}", _told(self._in_thread(self._bundle))),
            Route("/share/bundles", _told(self._take), methods=["POST"]),
        ]

    @staticmethod
    def _in_thread(answer: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            return await run_in_threadpool(answer, request)

        return answered

    def _offers(self, request: Request) -> Response:
        with self._homes.lend() as home:
            asker = _asker(request, home.id, home.now())
            return _json({"offers": outbox.described(outbox.offers_for(home, asker))})

    def _list(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not after.isdecimal() or len(after) > 10:
            raise InputError("SY814", why=f"after={after[:20]}")
        with self._homes.lend() as home:
            asker = _asker(request, home.id, home.now())
            offer = outbox.offer_for(home, asker, request.path_params["offer"])
            return _json(outbox.listed(home, offer, int(after)))

    def _bundle(self, request: Request) -> Response:
        """The bytes of a bundle, or a range of them."""
        offer, _, rest = request.path_params["name"].partition("-")
        with self._homes.lend() as home:
            asker = _asker(request, home.id, home.now())
            outbox.offer_for(home, asker, offer)
            found = {path.name: path for _, path in outbox.numbers(home, offer)}.get(f"{offer}-{rest}")
        if found is None:
            raise InputError("SY805", request.path_params["name"][:80])
        return FileResponse(found, media_type="application/zip")

    async def _take(self, request: Request) -> Response:
        """Keep a bundle that a trusted home pushes; 200 is said once it is durable."""
        await run_in_threadpool(self._admit, request)
        size = self._size(request)
        try:
            self.intake.reserve(size)
        except Full:
            raise InputError("SY813", seconds=RETRY_SECONDS) from None
        try:
            data = await _body(request, size)
            outcome = await asyncio.wrap_future(self.intake.hand("pushed", data))
        except Full:
            raise InputError("SY813", seconds=RETRY_SECONDS) from None
        finally:
            self.intake.release(size)
        if isinstance(outcome, InputError):
            raise outcome
        return _json(
            {
                "sha256": sha256(data).hexdigest(),
                "number": outcome.number,
                "figures": outcome.figures,
                "already": outcome.already,
            }
        )

    def _admit(self, request: Request) -> None:
        """Only who is trusted may bring anything at all: raises InputError before a byte of the body is read."""
        with self._homes.lend() as home:
            asker = _asker(request, home.id, home.now())
            peer = share.peer_of(home, asker)
        if peer is None:
            raise InputError("SY412", signer=asker.hex())
        if peer.revoked is not None:
            raise InputError("SY413", signer=asker.hex())

    def _size(self, request: Request) -> int:
        said = request.headers.get("content-length", "")
        if not said.isdecimal() or len(said) > 18 or int(said) == 0:
            raise InputError("SY814", why="content-length")
        if int(said) > self._most:
            raise InputError("SY812", bytes=int(said), most=self._most)
        return int(said)


def door(path: Path) -> Starlette:
    """The door alone, over the home in a folder: what other machines may reach."""
    from steelyard.api.homes import Homes  # noqa: PLC0415  - the engine loads with the first home

    homes = Homes(path, most=4)
    return Starlette(routes=Peers(homes).routes())


def _asker(request: Request, own: str, now: int) -> bytes:
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return who_asks(request.headers, request.method, target, own, now)


async def _body(request: Request, size: int) -> bytes:
    """The whole body, as long as it said. Raises InputError where it is not, stays away, or comes too slowly."""
    parts = bytearray()
    stream = request.stream()
    with suppress(StopAsyncIteration, TimeoutError, ClientDisconnect):
        async with asyncio.timeout(SILENT_SECONDS + size / SLOWEST):
            while len(parts) <= size:
                parts += await asyncio.wait_for(anext(stream), SILENT_SECONDS)
    if len(parts) != size:
        raise InputError("SY814", why=f"{len(parts)} / {size} B")
    return bytes(parts)


def _told(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Says what went wrong, with its status."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except SteelyardError as error:
            return _failure(error, STATUS.get(error.code, 422 if isinstance(error, InputError) else 503))
        except Exception:  # noqa: BLE001  - a full disk, a locked ledger: who asks comes again
            _log.exception("a question of another home")
            return _failure(InputError("SY813", seconds=RETRY_SECONDS), 503)

    return answered


def _failure(error: SteelyardError, status: int) -> Response:
    text = explain(error.code)
    document: dict[str, Any] = {
        "code": error.code,
        "what": text.what("en", error.facts),
        "do": text.do("en", error.facts),
    }
    answer = _json({"error": document}, status)
    if status == STATUS["SY813"]:
        answer.headers["retry-after"] = str(RETRY_SECONDS)
    answer.headers["connection"] = "close"  # a body that was not wanted is not waited for
    return answer


def _json(document: object, status: int = 200) -> Response:
    return Response(encode(document), status, media_type="application/json")
