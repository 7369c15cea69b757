"""Inspections: whose keys a home trusts as assessors', and taking their sealed answers. Nothing is overwritten: the grade counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from steelyard.catalog.catalog import near
from steelyard.errors import InputError, UsageError
from steelyard.evidence.policy import AllOf, Distrust, NotRevoked, Seen, SignedBy
from steelyard.evidence.seal import Key
from steelyard.model.framework import Framework
from steelyard.model.leaf import Leaf
from steelyard.model.period import instant, iso, local_day, micros, moment
from steelyard.refusal import Refusal
from steelyard.store.home import Home
from steelyard.store.lake import engine, write_bytes
from steelyard.tabular.answers import fits
from steelyard.tabular.form import read_form
from steelyard.take.documents import leaves_of
from steelyard.take.draw import Draw, Inspection, applicable, complete, read_draw, read_inspection, sample, sealed
from steelyard.take.named import Named, Shelf
from steelyard.take.take import keep_rows

MOST_NEAR = 10_000


@dataclass(frozen=True)
class Assessor:
    """A key (hex) that this home trusts, or trusted until ``at`` (µs UTC), to inspect."""

    key: str
    name: str
    state: str
    at: int


@dataclass(frozen=True)
class Inspected:
    """What taking an inspection came to; ``already`` where it was here before."""

    inspection: Inspection
    leaf: Leaf
    already: bool = False


def assessors_of(home: Home) -> list[Assessor]:
    """All assessors, revoked ones too."""
    with engine(home.path) as opened:
        home.table_view(opened, "assessors")
        return [
            Assessor(*row)
            for row in opened.rows('SELECT assessor, name, state, "at" FROM assessors ORDER BY name, assessor')
        ]


def trust_assessor(home: Home, key: str, name: str) -> None:
    """Trust a public key (64 hex digits) to inspect, from now on: a sealed row. A home cannot trust itself. Raises UsageError."""
    if len(key) != 64 or not set(key.lower()) <= set("0123456789abcdef") or bytes.fromhex(key) == home.public_key:
        raise UsageError("SY420", name=key)
    _state(home, key.lower(), name, "trusted")


def revoke_assessor(home: Home, key: str) -> None:
    """Trust a key no longer, from now on; what it inspected before stays, and shows when. Raises UsageError on an unknown key."""
    known = {one.key: one for one in assessors_of(home)}
    if key.lower() not in known:
        raise UsageError("SY727", signer=key)
    _state(home, key.lower(), known[key.lower()].name, "revoked")


def _state(home: Home, key: str, name: str, state: str) -> None:
    row = pa.table({"assessor": [key], "at": pa.array([home.now()], pa.int64()), "name": [name], "state": [state],
                    "row": pa.array([1], pa.int64())})  # fmt: skip
    source = {
        "file": f"inspect {state}",
        "sha256": sha256(f"{key} {state}".encode()).hexdigest(),
        "sheet": "",
        "read": 1,
    }
    keep_rows(home, [(home.catalog.table("assessors"), row)], source)


def draw_items(home: Home, framework: str, subject: str, count: int, seed: str) -> bytes:
    """Draw from the items that a framework asks of a subject, and seal the draw with the home's key; raises UsageError."""
    of = home.catalog.framework(framework)
    items = asked_of(home, of, subject)
    chosen = sample(items, _constrained(home, items), count, seed)
    return sealed(Draw(subject, of.id, chosen, len(items), seed, iso(home.now()), home.public_key.hex()), home.key)


def asked_of(home: Home, of: Framework, name: str) -> tuple[str, ...]:
    """The items that a framework asks of a subject; all of them of the home itself while no row tells its industry.

    Raises UsageError SY707 on a subject that the home does not know.
    """
    subject = home.subject(name)
    if subject:
        return applicable(home.catalog, of, subject)
    if name and name == home.subject_id:
        return of.items
    found = [one.id for one in home.subjects(most=MOST_NEAR)]
    raise UsageError("SY707", name=name, near=", ".join(near(name, found)) or "–")


def _constrained(home: Home, items: Collection[str]) -> set[str]:
    return {item for item in items if home.catalog.items[item].get("constrained")}


def seal_inspection(path: Path, draw: bytes, key: Key, assessor: str, at: str) -> bytes:
    """Seal the answers of a filled form (columns item, answer, document) to a draw, given on site ``at`` an ISO time.

    Raises InputError where the form does not answer exactly what was drawn, or the draw is not what was sealed.
    """
    drawn, signature = read_draw(draw, "draw")
    rows = read_form(path).raw.columns.to_pylist()
    answers = tuple(
        (row["item"] or "", row.get("answer") or "", row.get("document") or "") for row in rows if row.get("answer")
    )
    found = Inspection(drawn.subject, drawn.framework, assessor, at, answers, drawn, signature, key.public.hex())
    complete(found, str(path))
    return sealed(found, key)


def take_inspection(home: Home, path: Path, *, synthetic: bool = False) -> Inspected:
    """Verify an inspection and keep its answers as a sealed leaf of grade inspected; raises InputError, and then keeps nothing.

    The assessor's key must be trusted, the draw this home's or a trusted assessor's and what its seed draws, the visit on site, on a
    day not before the draw, not to come and of the edition, every answer one that its item can have. The file itself is kept beside the rows, so that the signature can be verified for ever.
    """
    if not path.is_file():
        raise InputError("SY201", str(path), reason="no such file")
    data = path.read_bytes()
    found, signature = read_inspection(data, str(path))
    seen = sha256(data).digest()
    if known := home.leaves(kind="answers", source=seen):
        return Inspected(found, known[0], already=True)
    at = visited(found.draw, found.at, home.zone, home.now(), str(path))
    _in_force(home, found, at, str(path))
    if not found.on_site:
        raise InputError("SY796", str(path))
    _trusted(home, found, at, str(path))
    _drawn(home, found, str(path))
    named = _answers(home, found, str(path))
    return Inspected(found, _keep(home, path.name, data, found, signature, at, named, synthetic=synthetic))


def visited(draw: Draw, at: str, zone: ZoneInfo, now: int, where: str) -> int:
    """The moment of a visit (µs UTC); raises InputError SY712 on one to come, SY795 on a day of ``zone`` before that of the draw."""
    try:
        drawn, when = (micros(instant(text, zone)) for text in (draw.at, at))
        first, day = (moment(one).astimezone(zone).date() for one in (drawn, when))
    except (ValueError, OverflowError) as error:
        raise InputError("SY728", where, why=f"at: {error}") from error
    if when > now:
        raise InputError("SY712", where, days=round((when - now) / 8.64e10, 1))
    if day < first:
        raise InputError("SY795", where, day=day, drawn=first)
    return when


def _in_force(home: Home, found: Inspection, at: int, where: str) -> None:
    """The edition is in force on the day of the visit; a draft, which never was, is let through as one."""
    of, day = home.catalog.framework(found.framework), local_day(at, home.zone)
    if of.in_force is not None and not of.holds_on(day):
        raise InputError("SY720", where, day=day, since=of.in_force or "–", until=of.until or "–")


def _trusted(home: Home, found: Inspection, at: int, where: str) -> None:
    known = assessors_of(home)
    trusted = frozenset(bytes.fromhex(one.key) for one in known if one.state == "trusted")
    revoked = frozenset(bytes.fromhex(one.key) for one in known if one.state == "revoked")
    for signer, allowed in ((found.signer, trusted), (found.draw.signer, trusted | {home.public_key})):
        try:
            AllOf((NotRevoked(revoked), SignedBy(allowed))).verify(Seen(bytes.fromhex(signer), at, at, home.now()))
        except Distrust as why:
            raise InputError("SY727", where, signer=signer) from why


def _drawn(home: Home, found: Inspection, where: str) -> None:
    """The draw is what its seed draws from what the framework asks of the subject, as this home knows both."""
    items = asked_of(home, home.catalog.framework(found.framework), found.subject)
    count = len(found.draw.items)
    if count > len(items) or found.draw.items != sample(items, _constrained(home, items), count, found.draw.seed):
        raise InputError("SY728", where, why="the items are not those that the seed draws")


def _answers(home: Home, found: Inspection, where: str) -> list[list[str]]:
    """The documents behind each answer; raises InputError on the first value that its item cannot have, or unknown document."""
    shelf = Shelf(home, found.subject, None)
    out = []
    for item, value, cell in found.answers:
        if fault := fits(item, value, home.catalog.items):
            raise _refused(where, Refusal(0, item, value, fault[1].code, fault[1].facts))
        named, faults = shelf.find(cell)
        for code, facts in faults:
            raise _refused(where, Refusal(0, item, cell, code, facts))
        out.append([one.document for one in named if isinstance(one, Named)])
    return out


def _refused(where: str, one: Refusal) -> InputError:
    return InputError(one.code, f"{where} {one.column}", **{"value": one.value, "column": one.column, **one.facts})


def _keep(home: Home, name: str, data: bytes, found: Inspection, signature: str, at: int, named: Sequence[Collection[str]], *,
          synthetic: bool) -> Leaf:  # fmt: skip
    """The file as a leaf, and its answers as rows that stand on it and on the documents that they name."""
    seen = sha256(data)
    path = Path("inspections") / f"{seen.hexdigest()}.inspection"
    write_bytes(home.path / path, data)
    said = {"assessor": found.assessor, "signer": found.signer, "signature": signature, "framework": found.framework,
            "seed": found.draw.seed, "drawn": list(found.draw.items), "among": found.draw.among, "draw_signer": found.draw.signer,
            "draw_signature": found.draw_signature, "on_site": found.on_site}  # fmt: skip
    source = {"file": name, "sha256": seen.hexdigest(), "sheet": "", "read": len(found.answers), "inspection": said}
    if not (files := home.leaves(kind="inspection", source=seen.digest())):
        with home.ledger.write() as connection:
            files = [
                home.keep_document(
                    connection, "inspection", path, seen.digest(), (at, at + 1), found.subject, "inspected", source
                )
            ]
            home.seal_leaves(connection, files)
    count = len(found.answers)
    rows = pa.table({
        "subject": [found.subject] * count, "item": [item for item, _, _ in found.answers], "at": pa.array([at] * count, pa.int64()),
        "value": [value for _, value, _ in found.answers], "grade": ["inspected"] * count,
        "document": pa.array(["+".join(one) or None for one in named], pa.string()), "row": pa.array(range(1, count + 1), pa.int64()),
    })  # fmt: skip
    documents = leaves_of(home, list(dict.fromkeys(document for one in named for document in one)))
    parents = [files[0].digest.hex(), *(leaf.digest.hex() for leaf in documents.values())]
    (leaf,) = keep_rows(
        home, [(home.catalog.table("answers"), rows)], source | {"parents": parents}, synthetic=synthetic
    )
    return leaf
