"""The commands ``pull``, ``push`` and ``heard``, and what ``serve`` runs beside the pages for other homes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from steelyard.cli.say import as_json, complain, note, table
from steelyard.errors import InputError, UsageError, language

if TYPE_CHECKING:
    from steelyard.share.heard import Heard, Row
    from steelyard.share.pull import Pulled
    from steelyard.share.push import Pushed
    from steelyard.store.home import Home

JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]
WORDS = {
    "unheard": "未收到", "partly": "不全", "awaited": "未到期", "late": "迟到", "heard": "已收到",
}  # fmt: skip


def pull(home: HomePath, *names: str, json: JSON = False) -> int:
    """Fetch new bundles by the home's subscriptions (subscriptions/*.yaml) 拉取.

    Without names, by all. Exit status 3 when anything was refused or could not be reached; nothing of that is lost.
    """
    from steelyard import share
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        found = share.pull(opened, names)
    heads = ("subscription", "kept", "figures", "repeated", "refused", "")
    rows = [(one.name, one.kept, one.figures, one.repeated, len(one.refused), one.why) for one in found]
    return _say(found, heads, rows, json=json)


def push(home: HomePath, *names: str, json: JSON = False) -> int:
    """Hand the outbox's bundles over by the home's deliveries (deliveries/*.yaml) 推送.

    Without names, by all. Exit status 3 when anything was refused there or could not be reached; it is handed over again.
    """
    from steelyard import share
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        found = share.push(opened, names)
    heads = ("delivery", "acknowledged", "repeated", "refused", "")
    return _say(
        found, heads, [(one.name, one.sent, one.repeated, len(one.refused), one.why) for one in found], json=json
    )


def _say(found: Sequence[Pulled | Pushed], heads: Sequence[str], rows: Sequence[Sequence[Any]], *, json: bool) -> int:
    """Print what each file came to; every refusal by name."""
    if json:
        as_json([{**vars(one), "refused": [_refusal(error) for error in one.refused]} for one in found])
    else:
        table(heads, rows)
        for error in (error for one in found for error in one.refused):
            complain(error.code, error.where, error.say(), error.remedy())
    return 3 if any(one.why or one.refused for one in found) else 0


def _refusal(error: InputError) -> dict[str, str]:
    return {"code": error.code, "where": error.where, "what": error.say(), "do": error.remedy()}


def heard(home: HomePath, *, period: str | None = None, most: int = 200, json: JSON = False) -> int:
    """Show who was expected to send, what came when, and what did not: the unheard by name 收数情况.

    Parameters
    ----------
    period
        The months, quarters or years within it; the last complete one where it is left out.
    most
        So many rows at most, those not heard first; as JSON all are printed.
    """
    from steelyard import share
    from steelyard.cli.weighing import period_of
    from steelyard.share.heard import document
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        found = share.heard(opened, period_of(period, opened.zone) if period else None)
        if json:
            as_json(document(opened, found))
        else:
            _show(opened, found, most)
    return 0


def _show(home: Home, found: Heard, most: int) -> None:
    from steelyard.model.period import iso, label

    zh = language() == "zh"
    came = found.count("heard") + found.count("late")
    note(f"{'已收到' if zh else 'heard'} {came}/{len(found.rows)} · " + " · ".join(
        f"{WORDS[state] if zh else state} {found.count(state)}" for state in WORDS))  # fmt: skip

    def cells(row: Row) -> tuple[str, ...]:
        return (WORDS[row.state] if zh else row.state, row.source.subject or row.source.home, row.source.name, label(row.period, home.zone),
                ",".join(row.lacks), iso(row.due), iso(row.came) if row.came else "–", row.trusted, row.subscription)  # fmt: skip

    table(
        ("state", "subject", "name", "period", "lacks", "due", "came", "key", "subscription"),
        map(cells, found.rows[:most]),
    )
    if len(found.rows) > most:
        note(f"… +{len(found.rows) - most} (--most)")
    for one in found.not_kept[:most]:
        note(
            f"{one['why']} × {one['count']} {one['name'] or one['where']} #{one['number']} {one['last']}: {one['what']}"
        )
    for line in found.lines:
        if line["why"]:
            note(f"✗ {line['name']} × {line['failures']}, → {line['next']}: {line['why']}")


@contextmanager
def beside(home: Path, peers: str | None, certificate: Path | None, private_key: Path | None) -> Iterator[None]:
    """While pages are served: pull and push when due, and open the door for other homes at ``HOST:PORT`` over TLS."""
    from steelyard.share.attend import Attend

    with ExitStack() as stack:
        if peers:
            stack.enter_context(_door(home, peers, certificate, private_key))
        stack.enter_context(Attend(home))
        yield


@contextmanager
def _door(home: Path, peers: str, certificate: Path | None, private_key: Path | None) -> Iterator[None]:
    import uvicorn

    from steelyard.api.peers import door
    from steelyard.share.attend import tls_files
    from steelyard.store.home import Home

    host, _, port = peers.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError("SY101", why="--peers HOST:PORT")
    if (certificate is None) != (private_key is None):
        raise UsageError("SY101", why="--certificate, --private-key")
    with Home.open(home) as opened:
        own = tls_files(opened)
    settings = uvicorn.Config(
        door(home), host=host.strip("[]"), port=int(port), log_level="warning", server_header=False,
        ssl_certfile=str(certificate or own[0]), ssl_keyfile=str(private_key or own[1]), timeout_graceful_shutdown=10, limit_concurrency=2000,
    )  # fmt: skip
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, name="door", daemon=True)
    thread.start()
    note(f"https://{peers} ⇄")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(15)
