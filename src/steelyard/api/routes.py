"""Our own HTTP API: figures, a trace, and the bundles laid out for other homes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, Response
from starlette.routing import Route

from steelyard.api.peers import Peers
from steelyard.api.reading import MOST, Malformed, Missing, Reader, encode, span, whole
from steelyard.errors import SteelyardError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from steelyard.api.homes import Homes

_NO_FIGURE = "SY110"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def json(data: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(encode(data), status, media_type="application/json")


def status_of(error: Exception) -> int:
    """The HTTP status of what went wrong."""
    if isinstance(error, Missing) or (isinstance(error, SteelyardError) and error.code == _NO_FIGURE):
        return 404
    return 400 if isinstance(error, Malformed | UsageError) else 503


def error_document(error: Exception, lang: str | None = None) -> dict[str, str]:
    """Code, text and remedy of an error, as JSON-ready fields."""
    if isinstance(error, SteelyardError):
        return {"code": error.code, "where": error.where, "what": error.say(lang), "do": error.remedy(lang)}
    return {"code": "", "where": "", "what": str(error), "do": ""}


def routes(homes: Homes) -> list[Route]:
    """``/api/figures``, ``/api/trace/DIGEST``, ``/bundles/NAME``, and the door for other homes, over a home."""

    def figures(request: Request) -> Response:
        return _figures(homes, request)

    def trace(request: Request) -> Response:
        return _trace(homes, request)

    def bundle(request: Request) -> Response:
        return _bundle(homes, request)

    return [
        Route("/api/figures", _plainly(figures)),
        Route("/api/trace/{digest}", _plainly(trace)),
        Route("/bundles/{name:path}", _plainly(bundle)),
        *Peers(homes).routes(),
    ]


def _plainly(handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Errors as JSON with their status."""

    def answer(request: Request) -> Response:
        try:
            return handler(request)
        except (SteelyardError, Missing, Malformed) as error:
            return json({"error": error_document(error)}, status_of(error))

    return answer


def _figures(homes: Homes, request: Request) -> Response:
    ask = request.query_params
    limit = whole(ask.get("limit", ""), 100, MOST)
    skip = whole(ask.get("skip", ""), 0, 10**9)
    with homes.lend() as home:
        found = Reader(home, "en" if ask.get("lang") == "en" else "zh").figures(
            measure=ask.get("measure") or None,
            subject=ask.get("subject") or None,
            period=span(home, ask.get("period", "")),
            most=limit + 1,
            skip=skip,
        )
    more = len(found) > limit
    return json({"figures": found[:limit], "skip": skip, "limit": limit, "next": skip + limit if more else None})


def _trace(homes: Homes, request: Request) -> Response:
    from steelyard.trace import trace  # noqa: PLC0415  # the engine loads with the first home

    digest = checked(request.path_params["digest"])
    with homes.lend() as home:
        node = trace(home, digest, most=whole(request.query_params.get("most", ""), 50, MOST))
    if node.kind == "missing":
        raise Missing(digest)
    return json(node.document())


def checked(digest: str) -> str:
    """A digest or the beginning of one, in lower case. Raises Missing for anything else."""
    if not re.fullmatch(r"[0-9a-fA-F]{8,64}", digest):
        raise Missing(digest)
    return digest.lower()


def _bundle(homes: Homes, request: Request) -> Response:
    name = request.path_params["name"]
    box = homes.path / "outbox"
    file = box / name
    if not _NAME.fullmatch(name) or not file.is_file() or file.resolve().parent != box.resolve():
        raise Missing(name)
    return FileResponse(file, media_type="application/zip", filename=name)
