"""The commands ``connect list``, ``connect try``, ``connect find`` and ``connect show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from steelyard.cli.say import as_json, note, table
from steelyard.errors import UsageError, explain, language

if TYPE_CHECKING:
    from steelyard.dots.live import Live
    from steelyard.take.preview import Preview

app = App(name="connect", help="Connections to machines and business systems 连接.", help_format="plaintext")
JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]


@app.command(name="list")
def list_(*, json: JSON = False) -> int:
    """List the connectors, and what each needs 连接器."""
    from steelyard.connect.registry import manifests, names

    known = manifests()
    if json:
        as_json({name: known.get(name, {}) for name in names()})
        return 0
    lang = language()
    for name in names():
        manifest = known.get(name, {})
        print(f"{name}\t{manifest.get('label', {}).get(lang, '')}\t{manifest.get('url', '')}")
        for setting, said in (manifest.get("settings") or {}).items():
            default = f" = {said['default']}" if "default" in said else ""
            print(f"    {setting} ({said.get('type', '')}){default}: {said.get(lang, '')}")
    return 0


@app.command(name="try")
def try_(
    file: Annotated[Path, Parameter(help="a file of connections/")], *, seconds: float = 10, json: JSON = False
) -> int:
    """Show what a connection would bring, with types and times, and keep nothing 试连.

    Parameters
    ----------
    seconds
        How long to look.
    """
    from steelyard.catalog.catalog import SHIPPED, load
    from steelyard.model.period import iso
    from steelyard.take.connections import read_connection
    from steelyard.take.preview import Preview

    if not file.is_file():
        raise UsageError("SY101", why=f"{file}: no such file")
    home = file.resolve().parent.parent
    look = Preview(load((SHIPPED, home / "standards")))
    look.look(read_connection(file), seconds)
    if json:
        as_json({
            "signals": [vars(seen) | {"at": iso(seen.at) if seen.count else None} for seen in look.signals],
            "tables": {name: count for name, (count, _) in look.tables.items()}, "devices": look.devices,
            "refused": {code: {"count": count, "example": example} for code, (count, example) in look.refused.items()},
            "findings": [{"subject": s, "code": c, "text": t} for (s, c), t in look.findings.items()], "lost": look.why,
        })  # fmt: skip
    else:
        _print(look)
    return 1 if look.why or not (look.signals or look.tables) else 0


def _print(look: Preview) -> None:
    from steelyard.model.period import iso

    table(("subject", "signal", "type", "unit", "count", "newest", "at", "quality"),
          [(s.subject, s.signal, s.type or "–", s.unit, s.count, s.newest[:40], iso(s.at) if s.count else "–", s.quality)
           for s in look.signals])  # fmt: skip
    for name, (count, rows) in look.tables.items():
        note(f"{name}: {count}")
        for row in rows.to_pylist():
            note(f"    {row}")
    for subject, state in look.devices.items():
        note(f"{subject}: {state}")
    for code, (count, example) in look.refused.items():
        note(f"{code} × {count}: {example[:80]!r}: {explain(code).what(None, None)}")
    for (subject, code), text in look.findings.items():
        note(f"{code} {subject}: {text}")
    if look.why:
        note(f"✗ {look.why}")


@app.command
def find(
    url: str, *, connector: str | None = None, seconds: float = 10, write: Path | None = None, json: JSON = False
) -> int:
    """Browse a source and propose a connection and bindings 探查.

    Parameters
    ----------
    connector
        opcua, sparkplug or mtconnect, where the address does not tell it.
    seconds
        How long to look around.
    write
        A home: the proposal is written into its connections/ and bindings/ folders.
    """
    from steelyard.take import propose

    proposal = propose.propose(url, connector, seconds)
    if json:
        as_json(proposal.document())
    else:
        print(proposal.text())
    if write:
        for path in proposal.write(write):
            note(f"→ {path}")
    return 0 if proposal.found else 1


@app.command
def show(home: Path, *, json: JSON = False) -> int:
    """Show the counters, devices, refusals and findings of a home's connections 连接状态."""
    from steelyard.store.home import Home
    from steelyard.store.standing import standings

    with Home.open(home) as opened:
        found = standings(opened.ledger)
    if json:
        as_json(found)
        return 0
    table(("connection", "connector", "state", "received", "stored", "repeated", "refused", "devices", ""), [
        (one["name"], one["connector"], one["state"], one["received"], one["stored"], one["repeated"], one["refused"],
         f"{sum(d['since'] is not None for d in one['devices'])}/{len(one['devices'])}", one["why"][:60]) for one in found])  # fmt: skip
    for one in found:
        for reason in one["reasons"]:
            note(f"{one['name']} {reason['code']} × {reason['count']}: {reason['example'][:60]!r}")
        for finding in one["findings"]:
            note(f"{one['name']} {finding['code']} {finding['subject']}: {finding['text'][:120]}")
    return 0


def follow(home: Path, *, names: tuple[str, ...] = ()) -> int:
    """Run the connections of a home until interrupted, with a line of counters every ten seconds."""
    import threading

    from steelyard.dots.live import Live

    stop = threading.Event()
    with Live(home, names) as live:
        try:
            while not stop.wait(10):
                _line(live)
        except KeyboardInterrupt:
            note("…")
    return 0


def _line(live: Live) -> None:
    from steelyard.store.standing import standings
    from steelyard.weigh.again import fault

    for one in standings(live.follow.home.ledger):
        note(f"{one['name']} {one['state']}: received {one['received']} = stored {one['stored']} + repeated {one['repeated']} "
             f"+ refused {one['refused']} {one['why'][:80]}")  # fmt: skip
    for failed in filter(None, (fault(live.follow.home), live.follow.failed)):
        note(f"✗ {failed}")
