"""The index of digests beside each segment of Figures: what finds a Figure by its digest, and proves it under its seal.

The index of a segment has a section per seal: the digests in ascending order (32 bytes each), their row numbers in the
segment (4 bytes each, little-endian), and the Merkle roots of aligned blocks. A digest is found by bisection in the mapped
file, and proved under its seal by hashing one block, whatever the size of the whole.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from steelyard.evidence import merkle
from steelyard.store.lake import ROW_GROUP
from steelyard.store.ledger import sections, segments

if TYPE_CHECKING:
    from steelyard.store.home import Home

_LATEST_FIRST = (
    sa.select(segments.c.path, sections).join(segments, segments.c.id == sections.c.segment)
    .order_by(sections.c.home != "", sections.c.seal.desc())
)  # fmt: skip
"""Sections in the order in which ``figures.view`` chooses: of a Figure that rests more than once, the one shown is the one looked at."""


def section(digests: Sequence[bytes], rows: np.ndarray[Any, np.dtype[np.uint32]], roots: list[bytes] | None) -> bytes:
    """A section of an index: ``rows`` of the segment in the order of ``digests``; ``roots`` of its blocks where they are known."""
    order = sorted(range(len(digests)), key=digests.__getitem__)
    ascending = [digests[i] for i in order]
    return b"".join(ascending) + rows[order].tobytes() + b"".join(roots or merkle.block_roots(ascending))


@dataclass(frozen=True)
class Place:
    """Where a Figure rests: file, row, and the seal whose root covers it; ``proved`` says whether the index proves it."""

    segment: int
    path: str
    row: int
    seal: int
    origin: str
    proved: bytes


def find(home: Home, digest: bytes) -> tuple[Place, dict[str, Any]] | None:
    """The place and the fields of a Figure, by its digest, without reading other Figures than its row group."""
    for section in home.ledger.all(_LATEST_FIRST):
        if place := _find_in(home.path, section, digest):
            row = read_row(home.path / place.path, place.row)
            return replace(place, origin=row.get("told") or place.origin), row
    return None


def _find_in(folder: Path, section: Any, digest: bytes) -> Place | None:
    with _mapped((folder / section.path).with_suffix(".digests")) as index:
        at = _position(index, section, digest)
        if at is None:
            return None
        return Place(section.segment, section.path, _row_at(index, section, at), section.seal, section.home,
                     _prove(index, section.offset, section.count, at))  # fmt: skip


def _position(index: mmap.mmap, section: Any, digest: bytes) -> int | None:
    """The place of a digest in a section, by bisection; None when it is not there."""
    start, count = section.offset, section.count
    at = bisect_left(range(count), digest, key=lambda i: index[start + 32 * i : start + 32 * i + 32])
    return at if at < count and index[start + 32 * at : start + 32 * at + 32] == digest else None


def _row_at(index: mmap.mmap, section: Any, at: int) -> int:
    rows = section.offset + 32 * section.count + 4 * at
    return int.from_bytes(index[rows : rows + 4], "little")


def _prove(index: mmap.mmap, start: int, count: int, at: int) -> bytes:
    """The root of a section, with the block of one digest hashed anew."""
    blocks = -(-count // merkle.BLOCK)
    roots_at = start + 36 * count
    roots = [index[roots_at + 32 * i : roots_at + 32 * i + 32] for i in range(blocks)]
    block = at // merkle.BLOCK
    first, last = block * merkle.BLOCK, min(count, (block + 1) * merkle.BLOCK)
    roots[block] = merkle.block_roots([index[start + 32 * i : start + 32 * i + 32] for i in range(first, last)])[0]
    return merkle.root_of_blocks(roots)


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as index:
        yield index


def read_row(path: Path, row: int) -> dict[str, Any]:
    """One row of a segment: its row group is read, no more."""
    with pq.ParquetFile(path) as parquet:
        # All groups but the last are of one size, which depends on the segment's.
        size = parquet.metadata.row_group(0).num_rows
        group = parquet.read_row_group(row // size)
    return dict(group.slice(row % size, 1).to_pylist()[0])


def places(home: Home, digests: Iterable[bytes]) -> dict[bytes, Place]:
    """Where many Figures rest; those that are nowhere are left out. Their seals are not proved here."""
    left = set(digests)
    out: dict[bytes, Place] = {}
    for section in home.ledger.all(_LATEST_FIRST):
        if not left:
            break
        try:
            with _mapped((home.path / section.path).with_suffix(".digests")) as index:
                for digest in left:
                    if (at := _position(index, section, digest)) is not None:
                        row = _row_at(index, section, at)
                        out[digest] = Place(section.segment, section.path, row, section.seal, section.home, b"")
        except OSError:
            continue  # an index that is not there holds nothing; verify names it
        left -= out.keys()
    return out


def under(home: Home, seal: int) -> list[Any]:
    """The sections under a seal, with the paths of their segments."""
    query = sa.select(segments.c.path, sections).join(segments, segments.c.id == sections.c.segment)
    return home.ledger.all(query.where(sections.c.seal == seal))


def rows_under(path: Path, seal: int) -> Iterator[list[dict[str, Any]]]:
    """The Figures of a segment that lie under a seal, a row group at a time."""
    with pq.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches(ROW_GROUP):
            yield batch.filter(pc.equal(batch["seal"], seal)).to_pylist()


def section_roots(home: Home, path: str) -> dict[int, bytes]:
    """The Merkle roots of a segment's sections, every digest hashed anew, by seal."""
    query = sa.select(sections).join(segments, segments.c.id == sections.c.segment).where(segments.c.path == path)
    with _mapped((home.path / path).with_suffix(".digests")) as index:
        return {
            section.seal: merkle.root_of_blocks(merkle.block_roots(
                [index[section.offset + 32 * i : section.offset + 32 * i + 32] for i in range(section.count)]))
            for section in home.ledger.all(query)
        }  # fmt: skip


def beginning_with(home: Home, prefix: str) -> set[bytes]:
    """Digests of Figures that begin with some hex digits; at most two a section are looked at."""
    low = bytes.fromhex(prefix.ljust(64, "0"))
    found: set[bytes] = set()
    query = sa.select(segments.c.path, sections).join(segments, segments.c.id == sections.c.segment)
    for section in home.ledger.all(query):
        with _mapped((home.path / section.path).with_suffix(".digests")) as index:
            start, count = section.offset, section.count
            at = bisect_left(range(count), low, key=lambda i: index[start + 32 * i : start + 32 * i + 32])
            near = (bytes(index[start + 32 * i : start + 32 * i + 32]) for i in range(at, min(count, at + 2)))
            found |= {digest for digest in near if digest.hex().startswith(prefix)}
    return found
