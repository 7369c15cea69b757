"""One SELECT out of the settings: names are quoted, values are bound, and only reading is let through."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from steelyard.errors import InputError

_OPAQUE = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|/\*(?!!).*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$""", re.DOTALL
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_NAME = re.compile(r"[^\W\d]\w*")
_WRITES = frozenset({
    "insert", "update", "delete", "merge", "into", "truncate", "drop", "alter", "create", "grant", "revoke", "exec",
    "execute", "call", "attach", "pragma", "vacuum",
})  # fmt: skip


def one_select(query: str, where: str) -> str:
    """The query without a closing semicolon; raises InputError SY663 unless it is one SELECT (or WITH … SELECT).

    This is a guard against accidents: that nothing is written is the read-only transaction's and the account's part.
    """
    text = query.strip().rstrip(";").rstrip()
    bare = _OPAQUE.sub(lambda found: " " if found[0][:2] in ("--", "/*") else " 0 ", text)
    if why := _fault(bare):
        raise InputError("SY663", where, reason=why)
    return text


def _fault(bare: str) -> str:
    """What speaks against a query whose texts and comments are blanked; empty where nothing does."""
    words = [word.lower() for word in _WORD.findall(bare)]
    if not words or words[0] not in ("select", "with") or "select" not in words:
        return "SELECT …"
    if found := _WRITES.intersection(words):
        return ", ".join(sorted(found)).upper()
    odd = next((sign for sign in (";", "/*", "'", '"', "`", "$$") if sign in bare), "")
    return odd or ("" if _closed(bare) else ")")


def _closed(bare: str) -> bool:
    """Whether every bracket that closes was opened before, and all are closed: the query is put in brackets itself."""
    depth = 0
    for sign in re.findall(r"[()]", bare):
        depth += 1 if sign == "(" else -1
        if depth < 0:
            return False
    return depth == 0


def source(query: str | None, table: str | None) -> sa.FromClause:
    """What is read from: the query as a sub-select, or a table (``schema.name``) with its name quoted."""
    if query is None:
        schema, _, name = (table or "").rpartition(".")
        return sa.table(name, schema=schema or None)
    escaped = (
        query.replace(":", "\\:") + "\n"
    )  # a colon is no parameter of ours; a last comment must not eat the bracket
    return sa.text(escaped).columns().subquery("src")


def names(connection: sa.Connection, of: sa.FromClause) -> list[str]:
    """The names of the columns of a source, asked of the database without reading a row."""
    result: sa.CursorResult[Any] = connection.execute(
        sa.select(sa.literal_column("*")).select_from(of).where(sa.false())
    )
    return list(result.keys())


def column(name: str, known: Sequence[str], where: str) -> sa.ColumnElement[Any]:
    """A column by its name, quoted; whatever is no name at all is an expression of the person who wrote the settings.

    Small and capital letters count only where two columns differ by them. Raises InputError SY664 on an unknown name.
    """
    like = [name] if name in known else [one for one in known if one.lower() == name.lower()]
    if len(like) == 1:
        return sa.column(like[0])
    if _NAME.fullmatch(name) and known:
        raise InputError("SY664", where, column=name, known=", ".join(known))
    return sa.literal_column(f"({one_select(f'SELECT {name}', where)[7:]})")


@dataclass(frozen=True)
class Plan:
    """What is asked each time: our columns in order, the source, and the high-water column, if there is one."""

    names: tuple[str, ...]
    columns: tuple[sa.ColumnElement[Any], ...]
    of: sa.FromClause
    high: sa.ColumnElement[Any] | None

    def select(self, since: Any) -> sa.Select[Any]:
        """Rows from ``since`` on, in the order of the high-water column, which stands last in each row."""
        labelled = [one.label(f"c{place}") for place, one in enumerate(self.columns)]
        if self.high is None:
            return sa.select(*labelled).select_from(self.of)
        found = sa.select(*labelled, self.high.label("high")).select_from(self.of).where(self.high.is_not(None))
        if since is not None:
            # untyped: the driver binds the value as it read it, and nothing is rounded on the way
            found = found.where(self.high >= sa.bindparam("since", since, type_=sa.types.NullType()))
        return found.order_by(self.high)

    def without(self, high: sa.ColumnElement[Any]) -> sa.Select[Any]:
        """One row whose high-water value is missing, if there is any: no incremental read would ever see it."""
        return sa.select(sa.literal_column("1")).select_from(self.of).where(high.is_(None)).limit(1)
