"""The addresses: POST /samples, POST /tables/NAME, GET /health. A 200 is said once everything in it is durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from steelyard.connect.http.body import TooLargeError, media_of
from steelyard.connect.http.feed import Feed, FullError, Post
from steelyard.connect.http.server import HEADER_BYTES
from steelyard.connect.http.settings import Settings
from steelyard.errors import SteelyardError, explain

STATUS = {"SY670": 401, "SY671": 413, "SY672": 408, "SY673": 415, "SY675": 503, "SY677": 404, "SY104": 404}
RETRY_SECONDS = 5


class _Failed(Exception):  # noqa: N818  - an answer, not an error of ours
    """An answer that is not 200: a code and its facts."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


class Budget:
    """Bytes of posts that are being read or wait for the home, all together; the others wait outside."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def of(self, size: int, seconds: float) -> AsyncIterator[None]:
        """Room for so many bytes; raises FullError where there is none within the seconds."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self._free >= size), seconds)
            except TimeoutError:
                raise FullError from None
            self._free -= size
        try:
            yield
        finally:
            async with self._changed:
                self._free += size
                self._changed.notify_all()


def app_of(settings: Settings, feed: Feed) -> Starlette:
    """The application over a feed."""
    budget = Budget(settings.max_waiting)

    async def taken(request: Request) -> Response:
        _admit(request, settings)
        media = media_of(request.headers.get("content-type", ""))
        async with budget.of(_size(request, settings), settings.wait_seconds):
            body = await _body(request, settings)
            post = Post(body, media, request.path_params.get("table"), dict(request.query_params))
            answer = await feed.hand(post, settings.wait_seconds)
        nothing = answer["received"] and answer["received"] == answer["refused_count"]
        return _json(answer, 422 if nothing else 200)

    async def health(request: Request) -> Response:
        return Response(status_code=204)

    routes = [
        Route("/samples", _told(taken), methods=["POST"]),
        Route("/tables/{table}", _told(taken), methods=["POST"]),
        Route("/health", health, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _elsewhere})


def _admit(request: Request, settings: Settings) -> None:
    if not settings.allows(request.headers.get("authorization", "")):
        raise _Failed("SY670")
    if sum(len(name) + len(value) for name, value in request.headers.raw) > HEADER_BYTES:
        raise _Failed("SY671", most=HEADER_BYTES, of="bytes (headers)")
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":  # a small post could unfold to any size
        raise _Failed("SY673", media=f"content-encoding: {coding[:40]}", known="identity")


def _size(request: Request, settings: Settings) -> int:
    """The bytes that a post says it has, the most that one may have where it does not say."""
    said = request.headers.get("content-length", "")
    size = (
        int(said) if said.isdecimal() and len(said) < 19 else settings.max_bytes if not said else settings.max_bytes + 1
    )
    if size > settings.max_bytes:
        raise _Failed("SY671", most=settings.max_bytes, of="bytes")
    return size


async def _body(request: Request, settings: Settings) -> bytes:
    """The whole body; raises _Failed SY671 beyond its limit, SY672 where it takes too long."""
    parts = bytearray()
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for part in request.stream():
                parts += part
                if len(parts) > settings.max_bytes:
                    raise _Failed("SY671", most=settings.max_bytes, of="bytes")
    except (TimeoutError, ClientDisconnect):
        raise _Failed("SY672", seconds=settings.body_seconds) from None
    return bytes(parts)


def _told(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Says what went wrong: the status, the code, why, and what to do."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except _Failed as error:
            return _failure(request, error.code, error.facts)
        except FullError:
            return _failure(request, "SY675", {"seconds": RETRY_SECONDS})
        except TooLargeError as error:
            return _failure(request, "SY671", {"most": error.most, "of": error.of})
        except SteelyardError as error:
            return _failure(request, error.code, error.facts)

    return answered


async def _elsewhere(request: Request, error: Exception) -> Response:
    """Another address or another method than there is."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return _failure(request, "SY677", {"address": f"{request.method} {request.url.path[:100]}"}, status)


def _failure(request: Request, code: str, facts: dict[str, object], status: int | None = None) -> Response:
    spoken = request.headers.get("accept-language", "").strip().lower()[:2]
    lang = spoken if spoken in ("zh", "en") else None
    text = explain(code)
    answer = {"code": code, "why": text.what(lang, facts), "remedy": text.do(lang, facts)}
    response = _json(answer, status or STATUS.get(code, 400))
    if code == "SY670":
        response.headers["www-authenticate"] = "Bearer"
    if code == "SY675":
        response.headers["retry-after"] = str(RETRY_SECONDS)
    if code in ("SY670", "SY671", "SY672"):  # the rest of the body is not waited for
        response.headers["connection"] = "close"
    return response


def _json(answer: dict[str, Any], status: int) -> Response:
    return Response(msgspec.json.encode(answer), status, media_type="application/json")
