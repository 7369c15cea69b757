"""Sealing an audit, step by step, so that anyone can check that nobody chose: the seed, then the claims, then the draw.

The secret of a seed is this home's signature (Ed25519, deterministic by RFC 8032) over which coverage, period and place is audited for
the how manieth time: there is one such signature, so that there is nothing to try. Its SHA-256 is sealed first; claims are closed by
a later seal; the draw, later still, tells the secret. The seed of the draw is SHA-256 over secret, SHA-256 of the claims and the
outcome of a public event (empty where none was named), joined by line feeds; ``methods.audit.draw`` says what follows from it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from steelyard.errors import UsageError
from steelyard.evidence.canonical import canonical
from steelyard.evidence.seal import signed
from steelyard.model.leaf import Leaf
from steelyard.model.period import Period, iso
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.ledger import leaves, seals
from steelyard.store.rows import schema_of
from steelyard.take.take import keep_rows

TOLD = ("enterprise", "region", "industry", "size", "level", "claims", "figure")
STEPS = ("audit_seeds", "audit_claims", "audit_draws")


@dataclass(frozen=True)
class Step:
    """One sealed step: its leaf, the number of its seal in the home's chain, and when that was made (µs UTC)."""

    leaf: Leaf
    seal: int
    at: int


@dataclass(frozen=True)
class Audit:
    """One audit: of which coverage, period and place, strata made ``by`` what; ``beacon`` names a public event (empty: none).

    ``seed``, ``closing`` and ``drawing`` are its sealed steps, the last two None while they are to come; ``secret`` and ``outcome``
    are empty until the draw, whose numbers are ``design`` (a row of ``audit_draws``).
    """

    id: str
    place: str
    measure: str
    period: Period
    by: tuple[str, ...]
    beacon: str
    attempt: int
    commitment: str
    seed: Step
    closing: Step | None
    drawing: Step | None
    design: dict[str, Any]

    @property
    def secret(self) -> str:
        """Hex, once drawn."""
        return str(self.design.get("secret") or "")

    @property
    def outcome(self) -> str:
        """Of the public event, once drawn."""
        return str(self.design.get("outcome") or "")


def promise(place: str, measure: str, period: Period, by: Sequence[str], beacon: str, attempt: int) -> bytes:
    """The bytes whose signature is the secret: what is audited, and for the how manieth time."""
    said = {"steelyard": "audit seed", "place": place, "measure": measure, "start": iso(period.start), "end": iso(period.end),
            "by": ",".join(by), "beacon": beacon, "attempt": attempt}  # fmt: skip
    return canonical(said)


def committed(secret: str) -> str:
    """The commitment (hex) that is sealed before the claims are closed: SHA-256 of the secret's hex digits."""
    return sha256(secret.encode()).hexdigest()


def seed_of(secret: str, claims: str, outcome: str) -> str:
    """The seed (hex) of the draw; ``claims`` is the SHA-256 (hex) of ``claims_text``."""
    return sha256(f"{secret}\n{claims}\n{outcome}".encode()).hexdigest()


def claims_text(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Claims as CSV, a line a firm in the order of ids, line feeds, levels as short as they can be: what is published and digested."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(TOLD)
    for row in sorted(rows, key=lambda one: str(one["enterprise"])):
        level = "" if row["level"] is None else f"{row['level']:g}"
        writer.writerow([*(row[name] for name in TOLD[:4]), level, row["claims"], row["figure"] or ""])
    return out.getvalue().encode()


def claims_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 (hex) of ``claims_text``."""
    return sha256(claims_text(rows)).hexdigest()


def seal_seed(home: Home, place: str, measure: str, period: Period, by: Sequence[str], beacon: str) -> Audit:
    """Seal the seed of a new audit: no one can draw for it before the claims are closed, nor choose another after.

    Raises UsageError SY863 while an earlier seed of the same coverage, period and place was not drawn.
    """
    before = [one for one in audits(home) if (one.place, one.measure, one.period) == (place, measure, period)]
    if waiting := next((one for one in before if one.drawing is None), None):
        raise UsageError("SY863", audit=waiting.id, at=iso(waiting.seed.at))
    attempt = len(before) + 1
    commitment = committed(home.key.sign(promise(place, measure, period, by, beacon, attempt)).hex())
    name = commitment[:12]
    _keep(home, {"audit_seeds": [{
        "audit": name, "place": place, "measure": measure, "since": period.start, "until": period.end, "by": ",".join(by),
        "beacon": beacon or None, "attempt": attempt, "commitment": commitment, "at": home.now(),
    }]}, f"audit seed {name}", commitment)  # fmt: skip
    return audit(home, name)


def seal_claims(home: Home, of: Audit, rows: Sequence[Mapping[str, Any]], *, synthetic: bool) -> Audit:
    """Close the claims of an audit: what each firm of the roster claims now, under one seal. Columns as ``TOLD``."""
    at = home.now()
    _keep(home, {"audit_claims": [{"audit": of.id, "at": at, **row} for row in rows]}, f"audit close {of.id}",
          claims_digest(rows), [of.seed], synthetic=synthetic)  # fmt: skip
    return audit(home, of.id)


def seal_draw(
    home: Home, of: Audit, design: Mapping[str, Any], strata: Sequence[Mapping[str, Any]], sample: Sequence[Mapping[str, Any]]
) -> Audit:  # fmt: skip
    """Seal a draw with its secret: its numbers, its strata and the firms drawn, under one seal."""
    at = home.now()
    steps = [step for step in (of.seed, of.closing) if step]
    _keep(home, {
        "audit_draws": [{"audit": of.id, "place": of.place, "at": at, **design}],
        "audit_strata": [{"audit": of.id, "place": of.place, "at": at, **row} for row in strata],
        "audit_samples": [{"audit": of.id, "at": at, **row} for row in sample],
    }, f"audit draw {of.id}", committed(str(design["secret"])), steps, synthetic=bool(of.closing and of.closing.leaf.synthetic))  # fmt: skip
    return audit(home, of.id)


def secret_of(home: Home, of: Audit) -> str:
    """The secret (hex) of a seed of this home, made again from its key."""
    return home.key.sign(promise(of.place, of.measure, of.period, of.by, of.beacon, of.attempt)).hex()


def honest(home: Home, of: Audit) -> bool:
    """Whether a drawn audit's secret is this home's own signature, and what was sealed as its SHA-256."""
    message = promise(of.place, of.measure, of.period, of.by, of.beacon, of.attempt)
    try:
        own = signed(home.public_key, message, bytes.fromhex(of.secret))
    except ValueError:
        own = False
    return own and committed(of.secret) == of.commitment


def _keep(home: Home, tables: Mapping[str, Sequence[Mapping[str, Any]]], name: str, seen: str, after: Sequence[Step] = (), *,
          synthetic: bool = False) -> None:  # fmt: skip
    """Seal rows that the program made, as leaves that stand on the steps before."""
    typed = []
    for table, rows in tables.items():
        shape = home.catalog.table(table)
        schema = pa.schema([field for field in schema_of(shape) if field.name != "leaf"])
        numbered = [{**row, "row": number} for number, row in enumerate(rows, 1)]
        typed.append((shape, pa.Table.from_pylist(numbered, schema=schema)))
    source = {"file": name, "sha256": seen, "sheet": "", "read": sum(map(len, tables.values())),
              "parents": [step.leaf.digest.hex() for step in after]}  # fmt: skip
    keep_rows(home, typed, source, synthetic=synthetic)


# reading


def audits(home: Home) -> list[Audit]:
    """All audits of a home, the oldest seed first."""
    steps = {table: _steps(home, table) for table in STEPS}
    designs = {row["audit"]: row for row in _rows(home, "audit_draws")}
    found = []
    for row in _rows(home, "audit_seeds"):
        name = row["audit"]
        found.append(Audit(
            name, row["place"], row["measure"], Period(row["since"], row["until"]), tuple(filter(None, row["by"].split(","))), row["beacon"] or "",
            row["attempt"], row["commitment"], steps["audit_seeds"][name], steps["audit_claims"].get(name),
            steps["audit_draws"].get(name), designs.get(name, {}),
        ))  # fmt: skip
    return sorted(found, key=lambda one: one.seed.seal)


def audit(home: Home, name: str) -> Audit:
    """An audit by its id or the first digits of it; raises UsageError SY862 when no one has it."""
    found = [one for one in audits(home) if name and one.id.startswith(name)]
    if len(found) != 1:
        raise UsageError("SY862", name=name, known=", ".join(one.id for one in audits(home)) or "–")
    return found[0]


def claims_of(home: Home, of: Audit) -> list[dict[str, Any]]:
    """The claims of an audit as they were closed, in the order of firms."""
    return _rows(home, "audit_claims", of.id, "enterprise")


def strata_of(home: Home, of: Audit) -> list[dict[str, Any]]:
    """The strata of a draw, in their order."""
    return _rows(home, "audit_strata", of.id, "stratum")


def sample_of(home: Home, of: Audit) -> list[dict[str, Any]]:
    """The firms of a draw, by stratum and rank."""
    return _rows(home, "audit_samples", of.id, "stratum rank")


def _rows(home: Home, table: str, name: str = "", order: str = "audit") -> list[dict[str, Any]]:
    """The rows of each audit's first block: a later one, which would rewrite them, does not count."""
    if not home.leaves(kind=table):
        return []
    with engine(home.path) as opened:
        home.table_view(opened, table)
        columns = ", ".join(f't."{column}"' for column in home.catalog.table(table).names)
        first = f'SELECT audit, min(leaf) AS leaf FROM "{table}__taken" GROUP BY audit'
        sql = f"""SELECT {columns} FROM "{table}__taken" t JOIN ({first}) AS f ON f.audit = t.audit AND f.leaf = t.leaf
                  WHERE $audit = '' OR t.audit = $audit ORDER BY {", ".join(f"t.{column}" for column in order.split())}"""
        return list(opened.arrow(sql, {"audit": name}).to_pylist())


def _steps(home: Home, table: str) -> dict[str, Step]:
    """The first sealed leaf of a table for each audit."""
    found: dict[str, Step] = {}
    for leaf in home.leaves(kind=table):
        found.setdefault(leaf.header["source"]["file"].split()[-1], Step(leaf, *sealed_in(home, leaf)))
    return found


def sealed_in(home: Home, leaf: Leaf) -> tuple[int, int]:
    """The number of the seal that a leaf is under, and when it was made (µs UTC)."""
    query = (
        sa.select(seals.c.number, seals.c.at)
        .join(leaves, leaves.c.seal == seals.c.number)
        .where(leaves.c.digest == leaf.digest)
    )
    row = home.ledger.one(query)
    return (row.number, row.at) if row else (0, 0)
