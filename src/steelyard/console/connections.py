"""How the ways in stand: what came in over each and what became of it, why values were refused, and whose clock is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.console.answer import Ask, Page
from steelyard.errors import codes
from steelyard.model import period
from steelyard.store.standing import standings
from steelyard.weigh.again import fault

if TYPE_CHECKING:
    from steelyard.store.home import Home

COLUMNS = (
    "name", "connector", "state", "why", "received", "stored", "repeated", "refused", "balances", "online", "devices", "beat",
    "synthetic",
)  # fmt: skip
SILENT_US = 30_000_000
"""A program that runs connections beats every five seconds; where it has not for so long, none runs, whatever was said last."""


def connections(home: Home, ask: Ask) -> Page:
    """Every connection with its counters, refusals, devices and findings."""
    now = home.now()
    found = [_connection(one, now, ask.lang) for one in standings(home.ledger)]
    rows = [{**one, "devices": len(one["devices"])} for one in found]
    made_up = any(one["synthetic"] for one in found)
    data = {"now": period.iso(now), "connections": found, "weighing": fault(home)}
    return Page("connections.html", ask.t("connections.title"), "/connections", data, rows, COLUMNS, made_up, live=True)


def _connection(one: dict[str, Any], now: int, lang: str) -> dict[str, Any]:
    silent = one["state"] != "stopped" and now - one["beat"] > SILENT_US
    running = one["state"] == "running" and not silent
    devices = [_device(device, running=running) for device in one["devices"]]
    return {
        "name": one["name"], "connector": one["connector"], "state": "silent" if silent else one["state"], "why": one["why"],
        **{name: one[name] for name in ("received", "stored", "repeated", "refused")},
        "balances": one["received"] == one["stored"] + one["repeated"] + one["refused"],
        "beat": _when(one["beat"]), "synthetic": bool(one["synthetic"]),
        "online": sum(device["online"] for device in devices),
        "reasons": [_reason(reason, lang) for reason in sorted(one["reasons"], key=lambda row: (-row["count"], row["code"]))],
        "devices": sorted(devices, key=lambda device: (device["online"], device["subject"])),
        "findings": [_finding(finding) for finding in one["findings"]],
    }  # fmt: skip


def _device(row: dict[str, Any], *, running: bool) -> dict[str, Any]:
    """A device; one whose connection does not run is not known to be online."""
    ahead = None if row["skew"] is None else row["skew"] / 1e6
    online = running and row["since"] is not None
    return {
        "subject": row["subject"],
        "online": online,
        "heard": _when(row["heard"]),
        "ahead": ahead,
        "why": row["why"],
    }


def _finding(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "first": _when(row["first"]), "last": _when(row["last"])}


def _reason(row: dict[str, Any], lang: str) -> dict[str, Any]:
    """A reason with its code explained, as far as the facts of its example go."""
    known = codes().get(row["code"])
    what, do = (_said(text, lang, row["facts"]) for text in ((known.what, known.do) if known else (None, None)))
    return {"code": row["code"], "count": row["count"], "example": row["example"], "what": what, "do": do}


def _said(text: Any, lang: str, facts: dict[str, Any]) -> str:
    """A text of ``errors.toml``; its bare words where it asks for facts that are not there."""
    if text is None:
        return ""
    try:
        return str(text(lang, facts))
    except (LookupError, ValueError, AttributeError, TypeError):
        return str(text(lang, None)).replace("{", "").replace("}", "")


def _when(at: int | None) -> str:
    return period.iso(at) if at else ""
