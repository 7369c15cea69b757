"""Pack what an offer covers into a signed bundle."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from steelyard.errors import InputError
from steelyard.evidence import bundle, merkle
from steelyard.model.offer import Offer
from steelyard.share.offers import covers, document_of
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import engine, write_bytes
from steelyard.store.ledger import offers


@dataclass(frozen=True)
class Packed:
    """A bundle that was written: where, how many Figures, and how many were left out as too small a group."""

    path: Path
    number: int
    figures: int
    too_small: int


def pack(home: Home, offer: Offer, path: Path | None = None) -> Packed:
    """Write a bundle of the current Figures that an offer covers; by default into the home's outbox.

    A roll-up over fewer members than the offer's smallest group is left out and counted. Raises InputError when nothing is left.
    """
    if home.now() > offer.until:
        raise InputError("SY414", offer.id, days=round((home.now() - offer.until) / 8.64e10, 1))
    figures, too_small = _covered(home, offer)
    if figures.num_rows == 0:
        raise InputError("SY422", name=offer.id)
    parts = {
        "figures.parquet": _parquet(figures),
        "subjects.parquet": _parquet(_subjects(home, figures)),
        "methods.json": msgspec.json.encode(
            {m.hex(): home.method(m) for m in pc.unique(figures["method"]).to_pylist()}, order="deterministic"),
    }  # fmt: skip
    number = _next_number(home, offer)
    header = {
        "format": 1, "made": home.now(), "until": offer.until, "number": number, "offer": document_of(offer),
        "provider": {"id": home.id, "name": home.name, "kind": home.kind, "subject": home.subject_id},
        "root": merkle.root(figures["digest"].to_pylist()).hex(), "figures": figures.num_rows,
    }  # fmt: skip
    target = path or home.path / "outbox" / f"{offer.id}-{number:06d}.steelyard"
    write_bytes(target, bundle.pack(header, parts, home.key))
    return Packed(target, number, figures.num_rows, too_small)


def _covered(home: Home, offer: Offer) -> tuple[pa.Table, int]:
    rows = home.figures().select(at_rest.SCHEMA.names)
    inside = pc.and_(pc.greater_equal(rows["start"], offer.start), pc.less_equal(rows["end"], offer.end))
    for column, patterns in (("measure", offer.measures), ("subject", offer.subjects)):
        names = [name for name in pc.unique(rows[column]).to_pylist() if covers(patterns, name)]
        inside = pc.and_(inside, pc.is_in(rows[column], pa.array(names, pa.string())))
    rows = rows.filter(inside)
    rolled = [name for name in pc.unique(rows["measure"]).to_pylist() if home.catalog.measure(name).how == "rolled"]
    small = pc.and_(pc.is_in(rows["measure"], pa.array(rolled, pa.string())), pc.less(rows["among"], offer.smallest))
    return rows.filter(pc.invert(small)), pc.sum(small).as_py() or 0


def _subjects(home: Home, figures: pa.Table) -> pa.Table:
    """The subjects that the Figures speak of, so that the other home can name them."""
    columns = ("id", "kind", "name_zh", "name_en", "uscc", "gbt2260", "gbt4754")
    with engine(home.path) as opened:
        home.table_view(opened, "subjects")
        opened.register("shared", pa.table({"id": pc.unique(figures["subject"])}))
        return opened.arrow(f"SELECT {', '.join(columns)} FROM subjects SEMI JOIN shared USING (id) ORDER BY id")


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _next_number(home: Home, offer: Offer) -> int:
    with home.ledger.write() as connection:
        connection.execute(offers.update().where(offers.c.id == offer.id).values(packed=offers.c.packed + 1))
        return int(connection.execute(offers.select().where(offers.c.id == offer.id)).one().packed)
