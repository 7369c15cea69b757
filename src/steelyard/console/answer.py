"""A question to the console and its answer in three forms: a page, JSON, CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from steelyard.api.reading import encode
from steelyard.console import show
from steelyard.console.words import LANGS, Words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

FORMS = ("html", "json", "csv")
REFRESH_SECONDS = 5


@dataclass(frozen=True)
class Page:
    """What a page says: JSON-ready ``data`` for its template and its JSON twin, ``rows`` for its CSV twin.

    ``path`` is its address without an ending; ``columns`` are empty where it has no rows; a ``live`` page may refresh itself.
    """

    template: str
    title: str
    path: str
    data: dict[str, Any]
    rows: Iterable[dict[str, Any]] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    synthetic: bool = False
    status: int = 200
    live: bool = False


class Ask:
    """One request: language, form, what follows in the path, and links that keep the language."""

    def __init__(self, request: Request, default: str) -> None:
        self.request = request
        self.home_name = ""
        self.asked = request.query_params.get("lang", "")
        self.lang = self.asked if self.asked in LANGS else default
        self.t = Words(self.lang)
        self.id, self.form = split(request.path_params.get("id", ""))
        if not self.id:
            self.form = split(request.url.path)[1]

    def get(self, name: str) -> str:
        """A parameter of the address, or nothing."""
        return self.request.query_params.get(name, "").strip()

    @property
    def live(self) -> bool:
        """Whether the page was asked to refresh itself."""
        return self.get("live") == "1"

    def url(self, path: str, **query: object) -> str:
        """A link within the console; empty parameters are left out, the chosen language is kept."""
        kept = {name: str(value) for name, value in query.items() if value not in ("", None)}
        if self.asked in LANGS:
            kept.setdefault("lang", self.asked)
        return path + (f"?{urlencode(kept)}" if kept else "")

    def same(self, path: str, **query: object) -> str:
        """A link to ``path`` with this request's parameters, some of them changed."""
        return self.url(path, **{**dict(self.request.query_params), **query})

    def subject(self, subject: str) -> str:
        return self.url(address("subjects", subject))

    def figure(self, digest: str) -> str:
        return self.url(f"/figures/{digest}")

    def measure(self, measure: str) -> str:
        return self.url(address("measures", measure))


def split(text: str) -> tuple[str, str]:
    """An id and the form asked for: ``a.b.json`` is ``a.b`` as JSON, ``a.json.html`` is the page of ``a.json``."""
    head, dot, tail = text.rpartition(".")
    return (head, tail) if dot and tail in FORMS else (text, "html")


def stem(folder: str, name: str) -> str:
    """The address of a thing without an ending."""
    return f"/{folder}/{quote(name, safe='/' if folder == 'measures' else '')}"


def address(folder: str, name: str) -> str:
    """The address of a thing's page; one whose name looks like an ending, or is all dots, gets an ending of its own."""
    path = stem(folder, name)
    return f"{path}.html" if split(name)[0] != name or not name.strip(".") else path


def render(page: Page, ask: Ask) -> Response:
    """The page in the form that was asked for."""
    if ask.form == "json":
        body, media = encode({"synthetic": page.synthetic, **page.data}, pretty=True), "application/json"
    elif ask.form == "csv" and page.columns:
        body, media = as_csv(page.rows, page.columns), "text/csv; charset=utf-8"
    else:
        body, media = show.html(page, ask), "text/html; charset=utf-8"
    headers = {"cache-control": "no-cache", "content-language": ask.lang}
    if page.live and ask.live and ask.form == "html":
        headers["refresh"] = str(REFRESH_SECONDS)
    return Response(body, page.status, headers, media)


def as_csv(rows: Iterable[dict[str, Any]], columns: tuple[str, ...]) -> bytes:
    """UTF-8 with a byte-order mark, for spreadsheets; numbers in full."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(value: object) -> object:
    """A cell; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
