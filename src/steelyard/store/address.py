"""Where a home's SQL engine is: here (DuckDB, embedded), or a Spark by its master's URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import sqlalchemy as sa

from steelyard.errors import UsageError
from steelyard.store.ledger import home as facts

if TYPE_CHECKING:
    from steelyard.store.home import Home

HERE = ("", "duckdb")
MASTER = re.compile(r"local(\[(\*|\d+)(,\s*\d+)?\])?|spark://[\w.\[\]:,-]+:\d+|yarn|k8s://\S+")


@dataclass(frozen=True)
class Address:
    """A master's URL, where its workers see the home's folder (empty: at the same path as we), and settings for Spark.

    Written ``spark://host:7077``, ``local[2]``, ``yarn`` or ``k8s://…``; after a ``?`` may follow ``lake=s3a://bucket/works`` and
    ``spark.…=…``, joined by ``&``.
    """

    master: str
    lake: str = ""
    settings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address; raises UsageError on anything else."""
        master, _, rest = text.partition("?")
        try:
            pairs = dict(parse_qsl(rest, strict_parsing=True)) if rest else {}
        except ValueError as error:
            raise UsageError("SY691", text) from error
        seen = pairs.pop("lake", "").rstrip("/")
        if not MASTER.fullmatch(master) or any(not key.startswith("spark.") for key in pairs):
            raise UsageError("SY691", text)
        return cls(master, seen, tuple(sorted(pairs.items())))


def keep_address(home: Home, text: str) -> None:
    """Let a home be weighed at an address from now on; ``duckdb`` is here. Raises UsageError on what is no address."""
    if text not in HERE:
        Address.parse(text)
    with home.ledger.write() as connection:
        connection.execute(sa.delete(facts).where(facts.c.key == "engine"))
        if text not in HERE:
            connection.execute(facts.insert().values(key="engine", value=text))
    home.__dict__.pop("facts", None)
