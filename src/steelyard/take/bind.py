"""Take the binding files of a home: what a signal means is evidence too, and stands behind every Figure that rests on it."""

from __future__ import annotations

from hashlib import sha256

import pyarrow as pa
from pyarrow import ipc

from steelyard.catalog.bindings import read_bindings
from steelyard.model.leaf import Leaf
from steelyard.store.home import Home
from steelyard.take.take import keep_rows


def bind(home: Home) -> list[Leaf]:
    """Take ``bindings/*.yaml`` where they, or the rules that they name, differ from what was taken last.

    Returns the new leaves, none where nothing changed. Raises InputError that names the file, the unit and the field.
    """
    paths = sorted((home.path / "bindings").glob("*.yaml"))
    names = ("bindings", "state_words")
    if not paths and not home.leaves(kind="bindings"):
        return []
    tables = read_bindings(paths, home.catalog)
    seen = sha256(b"".join(map(_bytes, tables))).digest()
    last = home.leaves(kind="bindings")
    if last and last[-1].header["source"]["sha256"] == seen.hex():
        return []
    source = {"file": ", ".join(path.name for path in paths), "sha256": seen.hex(), "sheet": "",
              "read": sum(rows.num_rows for rows in tables)}  # fmt: skip
    return keep_rows(home, [(home.catalog.table(name), rows) for name, rows in zip(names, tables, strict=True)], source)


def _bytes(rows: pa.Table) -> bytes:
    out = pa.BufferOutputStream()
    with ipc.new_stream(out, rows.schema) as writer:
        writer.write_table(rows.combine_chunks())
    return bytes(out.getvalue())
