"""The console as one ASGI application: addresses, languages, twins and errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from steelyard.api import Homes, routes
from steelyard.api.reading import Malformed, Missing
from steelyard.api.routes import error_document, status_of
from steelyard.console import pages
from steelyard.console.answer import FORMS, Ask, Page, render
from steelyard.console.guard import LOOPBACK, Guard
from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from steelyard.store.home import Home

Maker = Callable[["Home", Ask], Page]
_ENDINGS = ("", *(f".{form}" for form in FORMS))


def app(
    home_path: Path,
    lang: str = "zh",
    hosts: tuple[str, ...] = (),
    opener: Callable[[Path], Home] | None = None,
) -> Starlette:
    """The console over the home in a folder.

    ``lang`` (``zh`` or ``en``) holds where neither the address nor the browser chooses; ``hosts`` are names beside
    those of the loopback under which it may be asked; ``opener`` opens the home, ``Home.open`` by default.
    """
    homes = Homes(Path(home_path), opener)

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        yield
        homes.close()

    site = Starlette(
        routes=[
            *_pages(homes, lang),
            *routes(homes),
            Mount("/static", StaticFiles(packages=[("steelyard.console", "static")])),
        ],
        middleware=[Middleware(Guard, hosts=LOOPBACK | set(hosts))],
        exception_handlers={404: _lost(lang)},
        lifespan=life,
    )
    site.state.homes = homes
    return site


def _pages(homes: Homes, lang: str) -> list[Route]:
    """The routes of every page, each with its twins."""
    found = [
        Route(f"/{name}{ending}" if name else "/", _page(homes, lang, maker))
        for name, maker in pages.TABLES.items()
        for ending in (_ENDINGS if name else ("",))
    ]
    found += [Route(f"/index{ending}", _page(homes, lang, pages.TABLES[""])) for ending in _ENDINGS]
    found += [Route(f"/{name}/{{id:path}}", _page(homes, lang, maker)) for name, maker in pages.SINGLE.items()]
    return found


def _page(homes: Homes, lang: str, maker: Maker) -> Callable[[Request], Response]:
    """A handler; without async it runs in a thread of its own."""

    def answer(request: Request) -> Response:
        ask = Ask(request, lang)
        try:
            with homes.lend() as home:
                ask.home_name = home.name
                return render(maker(home, ask), ask)
        except (SteelyardError, Missing, Malformed) as error:
            return _failure(error, ask)

    return answer


def _failure(error: Exception, ask: Ask) -> Response:
    status = status_of(error)
    document: dict[str, Any] = {"error": error_document(error, ask.lang), "status": status}
    return render(Page("error.html", ask.t("error.title"), ask.request.url.path, document, status=status), ask)


def _lost(lang: str) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, _: Exception) -> Response:
        return _failure(Missing(request.url.path), Ask(request, lang))

    return answer


def serve(
    home_path: Path, host: str = "127.0.0.1", port: int = 8080, lang: str = "zh", hosts: tuple[str, ...] = ()
) -> None:
    """Serve the console until interrupted; on the loopback unless told otherwise."""
    import uvicorn  # noqa: PLC0415  # the command line starts without it

    names = hosts if host in LOOPBACK else (*hosts, host)
    uvicorn.run(app(home_path, lang, names), host=host, port=port, log_level="warning", server_header=False)
