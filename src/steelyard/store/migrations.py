"""Layouts of a home. An older one is migrated in one transaction, after a copy; a newer one is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import sqlalchemy as sa

from steelyard.errors import HomeError
from steelyard.store.ledger import Ledger, home, schema

LAYOUT = 5


def _to_2(connection: sa.Connection) -> None:
    """Layout 2 counts what each take read, stored and refused."""
    schema.tables["takes"].create(connection, checkfirst=True)


def _to_3(connection: sa.Connection) -> None:
    """Layout 3 runs connections: their counters, devices, signals, and rows that are not leaves yet."""
    for name in ("connections", "reasons", "findings", "devices", "signals", "tails"):
        schema.tables[name].create(connection, checkfirst=True)


def _to_4(connection: sa.Connection) -> None:
    """Layout 4 notes between which times and subjects the Figures under each seal lie."""
    known = {column["name"] for column in sa.inspect(connection).get_columns("sections")}
    for column in (schema.tables["sections"].c[name] for name in ("start", "end", "first", "last")):
        if column.name not in known:
            kind = column.type.compile(connection.dialect)
            connection.execute(sa.text(f'ALTER TABLE sections ADD COLUMN "{column.name}" {kind}'))


def _to_5(connection: sa.Connection) -> None:
    """Layout 5 hears from other homes by itself: what came and was not kept, what was asked when, what was delivered."""
    for name in ("unkept", "listening", "delivered"):
        schema.tables[name].create(connection, checkfirst=True)
    for index in schema.tables["bundles"].indexes:
        index.create(connection, checkfirst=True)


MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {2: _to_2, 3: _to_3, 4: _to_4, 5: _to_5}


def migrate(ledger: Ledger) -> None:
    """Bring a ledger to this program's layout; raises HomeError when it is newer, or not a ledger."""
    try:
        row = ledger.one(sa.select(home.c.value).where(home.c.key == "layout"))
        layout = int(row.value)
    except (sa.exc.DatabaseError, AttributeError, ValueError) as error:
        raise HomeError("SY505", str(ledger.path), why=str(error).splitlines()[0]) from error
    if layout > LAYOUT:
        raise HomeError("SY503", str(ledger.path.parent), layout=layout, known=LAYOUT)
    if layout == LAYOUT:
        return
    ledger.close()
    shutil.copy2(ledger.path, ledger.path.with_suffix(f".layout{layout}.db"))
    with ledger.write() as connection:
        for step in range(layout + 1, LAYOUT + 1):
            MIGRATIONS[step](connection)
        connection.execute(home.update().where(home.c.key == "layout").values(value=str(LAYOUT)))
