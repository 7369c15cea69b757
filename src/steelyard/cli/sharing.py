"""The commands below ``share``: key, trust, revoke, peers, offer, offers, pack, take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="share", help="Hand Figures to another home, and take what others hand over 共享.")
DAY = 86_400_000_000
JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]


@app.command
def key(home: HomePath, *, json: JSON = False) -> int:
    """Show this home's id and public key, to be told to others by a second way."""
    from steelyard.cli.say import as_json, table
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        facts = {
            "id": opened.id,
            "key": opened.public_key.hex(),
            "name": opened.name,
            "kind": opened.kind,
            "subject": opened.subject_id,
        }
    as_json(facts) if json else table([], list(facts.items()))
    return 0


@app.command
def trust(home: HomePath, *, key: str | None = None, name: str | None = None, subject: str = "", within_days: float = 92,
          file: Path | None = None) -> int:  # fmt: skip
    """Trust a peer's key, or those of a file.

    Parameters
    ----------
    key
        The peer's public key, 64 hex digits.
    name
        What to call the peer.
    subject
        The subject that the peer is; its bundles count as heard from it.
    within_days
        How old a bundle may be when it is taken.
    file
        A CSV of many peers: key, name, and if wanted subject and within_days.
    """
    from steelyard import share
    from steelyard.errors import UsageError
    from steelyard.store.home import Home

    if (file is None) == (key is None) or (key is not None and name is None):
        raise UsageError("SY101", why="--key KEY --name NAME, or --file FILE")
    peers = _peers(file, within_days) if file else [(key or "", name or "", subject, within_days)]
    with Home.open(home) as opened:
        share.trust_many(opened, peers)
    return 0


def _peers(file: Path, within_days: float) -> list[tuple[str, str, str, float]]:
    """The peers of a CSV; raises InputError on the first row that says no key or no number."""
    import csv

    from steelyard.errors import InputError

    if not file.is_file():
        raise InputError("SY201", str(file), reason="no such file")
    out = []
    with file.open(encoding="utf-8-sig", newline="") as handle:
        for number, row in enumerate(csv.DictReader(handle), 2):
            try:
                out.append(
                    (
                        row["key"].strip(),
                        row["name"],
                        row.get("subject") or "",
                        float(row.get("within_days") or within_days),
                    )
                )
            except (KeyError, ValueError, AttributeError) as error:
                raise InputError("SY801", str(file), field=f"row {number}", why=f"key, name: {error}") from error
    return out


@app.command
def revoke(home: HomePath, *, key: str) -> int:
    """Trust a key no longer."""
    from steelyard import share
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        share.revoke(opened, key)
    return 0


@app.command
def peers(home: HomePath, *, json: JSON = False) -> int:
    """List the peers that this home trusts, revoked ones too."""
    from steelyard import share
    from steelyard.cli.say import as_json, table
    from steelyard.model.period import iso
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        rows = [{"key": p.key.hex(), "name": p.name, "subject": p.subject, "within_days": p.within_days,
                 "revoked": iso(p.revoked) if p.revoked else None} for p in share.peers_of(opened)]  # fmt: skip
    as_json(rows) if json else table(
        ("key", "name", "subject", "within_days", "revoked"), [list(r.values()) for r in rows]
    )
    return 0


@app.command
def offer(home: HomePath, *, to: str, what: list[str], period: str, whose: list[str] | None = None, purpose: str = "",
          smallest: int = 3, days: int = 366, json: JSON = False) -> int:  # fmt: skip
    """Offer Figures to another home.

    Parameters
    ----------
    to
        The other home's id, or * for anyone.
    what
        Measures; a * at the end matches any rest; may be given several times.
    period
        Figures whose period lies within it.
    whose
        Subjects; all when left out.
    purpose
        Why, in words.
    smallest
        Roll-ups over fewer members are not shared.
    days
        How long the offer stands, from now.
    """
    from steelyard import share
    from steelyard.cli.say import as_json, table
    from steelyard.cli.weighing import period_of
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        made = share.make_offer(opened, consumer=to, measures=what, subjects=whose or ["*"], period=period_of(period, opened.zone),
                                until=opened.now() + days * DAY, purpose=purpose, smallest=smallest)  # fmt: skip
    as_json(made.document()) if json else table([], [("offer", made.id)])
    return 0


@app.command
def offers(home: HomePath, *, json: JSON = False) -> int:
    """List this home's offers."""
    from steelyard import share
    from steelyard.cli.say import as_json, table
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        found = share.offers_of(opened)
    if json:
        as_json([o.document() for o in found])
    else:
        table(("offer", "to", "what", "whose", "smallest", "purpose"), [
            (o.id, o.consumer, ",".join(o.measures), ",".join(o.subjects), o.smallest, o.purpose) for o in found])  # fmt: skip
    return 0


@app.command
def pack(
    home: HomePath,
    offer: str,
    *,
    out: Annotated[Path | None, Parameter(name=("--out", "-o"))] = None,
    json: JSON = False,
) -> int:
    """Pack what an offer covers into one signed file, by default in the home's outbox, from where it can be fetched."""
    from steelyard import share
    from steelyard.cli.say import as_json, table
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        packed = share.pack(opened, share.offer_named(opened, offer), out)
    facts = {
        "file": str(packed.path),
        "number": packed.number,
        "figures": packed.figures,
        "too_small": packed.too_small,
    }
    as_json(facts) if json else table([], list(facts.items()))
    return 0


@app.command
def take(home: HomePath, bundle: str, *, json: JSON = False) -> int:
    """Take a bundle: a file, or an http address of the other home. It is verified before anything is kept."""
    from steelyard import share
    from steelyard.cli.say import as_json, table
    from steelyard.errors import InputError
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        if "://" in bundle:
            data = share.fetch(bundle)
        else:
            path = Path(bundle)
            if not path.is_file():
                raise InputError("SY201", bundle, reason="no such file")
            data = path.read_bytes()
        got = share.receive(opened, data, bundle)
    facts = {
        "from": got.provider,
        "name": got.name,
        "number": got.number,
        "figures": got.figures,
        "already": got.already,
    }
    as_json(facts) if json else table([], list(facts.items()))
    return 0
