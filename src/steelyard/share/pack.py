"""Pack what an offer covers into a signed bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from steelyard.errors import InputError
from steelyard.evidence import bundle, merkle
from steelyard.evidence.lots import NAMED, SUBJECTS
from steelyard.evidence.parts import methods_bytes, table_bytes
from steelyard.evidence.record import SCHEMA
from steelyard.evidence.seal import Key
from steelyard.model.leaf import Leaf
from steelyard.model.offer import Offer, covers
from steelyard.store.home import Home, seal_of
from steelyard.store.lake import engine, write_bytes
from steelyard.store.ledger import leaves, offers, seals


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
    number = _next_number(home, offer)
    target = path or home.path / "outbox" / f"{offer.id}-{number:06d}.steelyard"
    write_bytes(target, _sealed(home, offer, number, figures, {}))
    return Packed(target, number, figures.num_rows, too_small)


def hand_over(home: Home, offer: Offer, path: Path, more: Mapping[str, bytes]) -> Packed:
    """Write a bundle with more parts beside its Figures, if there are any, under an offer that stands in the bundle alone.

    Raises InputError when it would be larger than what is taken.
    """
    if (size := sum(map(len, more.values()))) > bundle.MOST_BYTES // 2:
        raise InputError("SY402", str(path), bytes=size, most=bundle.MOST_BYTES // 2)
    figures, too_small = _covered(home, offer)
    write_bytes(path, _sealed(home, offer, 1, figures, more))
    return Packed(path, 1, figures.num_rows, too_small)


def seals_over(home: Home, found: Sequence[Leaf]) -> dict[str, Any]:
    """The headers of some leaves, and the seals over them with all the digests that they cover: what proves when each was sealed."""
    by_id = {leaf.id: leaf for leaf in found}
    rows = [row for row in home.ledger.all(sa.select(leaves.c.id, leaves.c.seal)) if row.id in by_id]
    numbers = sorted({row.seal for row in rows})
    covered: dict[int, list[str]] = {number: [] for number in numbers}
    for row in home.ledger.all(sa.select(leaves.c.seal, leaves.c.digest).where(leaves.c.seal.in_(numbers))):
        covered[row.seal].append(row.digest.hex())
    chain = [seal_of(row) for row in home.ledger.all(sa.select(seals).where(seals.c.number.in_(numbers)))]
    return {
        "leaves": [{"digest": by_id[row.id].digest.hex(), "seal": row.seal, "header": by_id[row.id].header} for row in rows],
        "seals": [{**{key: value.hex() if isinstance(value, bytes) else value for key, value in vars(seal).items()},
                   "digests": covered[seal.number]} for seal in chain],
    }  # fmt: skip


def _sealed(home: Home, offer: Offer, number: int, figures: pa.Table, more: Mapping[str, bytes]) -> bytes:
    provider = {"id": home.id, "name": home.name, "kind": home.kind, "subject": home.subject_id}
    methods = {m: home.method(m) for m in pc.unique(figures["method"]).to_pylist()}
    return bundle_bytes(provider, home.key, offer, number, home.now(), figures, _subjects(home, figures), methods, more)


def bundle_bytes(provider: Mapping[str, str], key: Key, offer: Offer, number: int, made: int, figures: pa.Table, subjects: pa.Table,
                 methods: Mapping[bytes, Any], more: Mapping[str, bytes]) -> bytes:  # fmt: skip
    """The bytes of a bundle: what its parts say, under a header that the provider's key signs. ``made`` is in microseconds UTC."""
    parts = {
        "figures.arrow": table_bytes(figures),
        "subjects.arrow": table_bytes(subjects),
        "methods.arrow": methods_bytes(methods),
        **more,
    }
    header = {
        "format": bundle.FORMAT, "made": made, "until": offer.until, "number": number, "offer": offer.document(), "provider": dict(provider),
        "root": merkle.root(figures["digest"].to_pylist()).hex(), "figures": figures.num_rows,
    }  # fmt: skip
    return bundle.pack(header, parts, key)


def _covered(home: Home, offer: Offer) -> tuple[pa.Table, int]:
    rows = home.figures().select(SCHEMA.names)
    inside = pc.and_(pc.greater_equal(rows["start"], offer.start), pc.less_equal(rows["end"], offer.end))
    for column, patterns in (("measure", offer.measures), ("subject", offer.subjects)):
        names = [name for name in pc.unique(rows[column]).to_pylist() if covers(patterns, name)]
        inside = pc.and_(inside, pc.is_in(rows[column], pa.array(names, pa.string())))
    rows = rows.filter(inside)
    rolled = [name for name in pc.unique(rows["measure"]).to_pylist() if _rolled(home, name)]
    small = pc.and_(pc.is_in(rows["measure"], pa.array(rolled, pa.string())), pc.less(rows["among"], offer.smallest))
    return rows.filter(pc.invert(small)), pc.sum(small).as_py() or 0


def _rolled(home: Home, name: str) -> bool:
    """Whether a measure is rolled up; one that another home told of and the catalog lacks is not known to be."""
    return name.partition("[")[0] in home.catalog.measures and home.catalog.measure(name).how == "rolled"


def _subjects(home: Home, figures: pa.Table) -> pa.Table:
    """The subjects that the Figures speak of, so that the other home can name them."""
    with engine(home.path) as opened:
        home.table_view(opened, "subjects")
        opened.register("shared", pa.table({"id": pc.unique(figures["subject"])}))
        return opened.arrow(f"SELECT {', '.join(NAMED)} FROM subjects SEMI JOIN shared USING (id) ORDER BY id").cast(
            SUBJECTS
        )


def _next_number(home: Home, offer: Offer) -> int:
    with home.ledger.write() as connection:
        connection.execute(offers.update().where(offers.c.id == offer.id).values(packed=offers.c.packed + 1))
        return int(connection.execute(offers.select().where(offers.c.id == offer.id)).one().packed)
