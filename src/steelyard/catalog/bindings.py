"""Binding files: which signal of which device means which column of a unit. Read into rows of ``bindings`` and ``state_words``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from steelyard.catalog.catalog import Catalog, near, read_yaml
from steelyard.errors import InputError, UsageError
from steelyard.model.table import Table

COUNTS = ("produced", "good", "scrap", "rework")
FIELDS = {*COUNTS, "state", "product", "planned_seconds_per_item", "samples", "subject", "hold_seconds"}
SIGNAL_FIELDS = {"subject", "signal", "hold_seconds"}
COUNTER_FIELDS = SIGNAL_FIELDS | {"counter", "rollover", "factor"}
VALUE_FIELDS = SIGNAL_FIELDS | {"unit", "as", "factor", "offset"}
STATES = ("production", "setup", "delay", "waiting", "planned_down", "unknown")
LONGEST_HOLD = 86_400.0
HOLD = 600.0
MOST_UNITS, MOST_WORDS, LONGEST = 100_000, 1_000, 500
REST, LAST = "*", 1_000

Row = dict[str, Any]


@dataclass(frozen=True)
class _Place:
    """Where in which file something stands, so that a fault names it."""

    path: Path
    unit: str
    field: str = ""

    def at(self, field: str) -> _Place:
        return _Place(self.path, self.unit, f"{self.field}.{field}" if self.field else field)

    def wrong(self, why: str) -> InputError:
        return InputError("SY680", str(self.path), unit=self.unit, field=self.field or "–", why=why)


def read_bindings(paths: Iterable[Path], catalog: Catalog) -> tuple[pa.Table, pa.Table]:
    """The rows of ``bindings`` and of ``state_words`` that binding files come to, sorted by their keys.

    Raises InputError: SY680 names file, unit, field and cause; SY681 a unit of measure that does not convert; SY682 a rule that
    is not there; SY684 one that is not well-formed; SY685 a unit bound in two files. UsageError SY683 without the units library.
    """
    rows: list[Row] = []
    seen: dict[str, Path] = {}
    for path in sorted(paths):
        units = read_yaml(path).get("units")
        if not isinstance(units, dict) or len(units) > MOST_UNITS:
            raise _Place(path, "–", "units").wrong(f"a mapping of at most {MOST_UNITS} units")
        for unit, fields in units.items():
            name = _text(unit, _Place(path, str(unit)[:LONGEST]))
            if name in seen:
                raise InputError("SY685", str(path), unit=name, other=str(seen[name]))
            seen[name] = path
            rows += _unit(name, fields, path, catalog)
    rules = sorted({row["rule"] for row in rows if row.get("rule")})
    words = [word for rule in rules for word in rule_words(rule, catalog)]
    return _table(catalog.table("bindings"), rows), _table(catalog.table("state_words"), words)


def _table(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Rows in the order of the table's key, numbered."""
    types = {"number": pa.float64(), "integer": pa.int64()}
    ordered = sorted(rows, key=lambda row: [str(row[name]) for name in table.key])
    columns = {
        c.name: pa.array([row.get(c.name) for row in ordered], types.get(c.type, pa.string())) for c in table.columns
    }
    return pa.table({**columns, "row": pa.array(range(1, len(ordered) + 1), pa.int64())})


# units


def _unit(unit: str, fields: Any, path: Path, catalog: Catalog) -> Iterator[Row]:
    place = _Place(path, unit)
    _known(fields, FIELDS, place)
    common = {
        "unit": unit, "subject": _text(fields.get("subject", unit), place.at("subject")),
        "hold_seconds": _hold(fields.get("hold_seconds", HOLD), place.at("hold_seconds")),
    }  # fmt: skip
    if "state" in fields:
        yield from _state(fields["state"], common, fields, place.at("state"), catalog)
    for column in COUNTS:
        given = fields.get(column, [])
        for number, one in enumerate(given if isinstance(given, list) else [given], 1):
            yield _counter(one, column, number, common, place.at(column))
    for column, reader in (("product", _product), ("planned_seconds_per_item", _planned)):
        if column in fields:
            yield from reader(fields[column], common, place.at(column))
    quantities = fields.get("samples", {})
    _known(quantities, None, place.at("samples"))
    for name, one in quantities.items():
        yield _value(one, "samples", _text(name, place.at("samples")), common, place.at(f"samples.{name}"))


def _signal(given: Any, allowed: set[str], common: Row, place: _Place) -> Row:
    """What every binding to a signal says: which device's, and how long a value holds."""
    given = {"signal": given} if isinstance(given, str) else given
    _known(given, allowed, place)
    row = dict(common, signal=_text(given.get("signal"), place.at("signal")))
    if "subject" in given:
        row["subject"] = _text(given["subject"], place.at("subject"))
    if "hold_seconds" in given:
        row["hold_seconds"] = _hold(given["hold_seconds"], place.at("hold_seconds"))
    return row


def _state(given: Any, common: Row, fields: Row, place: _Place, catalog: Catalog) -> Iterator[Row]:
    """One row a signal of the rule: its own, and those of its ``when``, called as the rule calls them unless ``signals`` says."""
    row = _signal(given, SIGNAL_FIELDS | {"rule", "signals"}, common, place)
    given = given if isinstance(given, dict) else {}
    rule = _text(given.get("rule"), place.at("rule"))
    roles = list(dict.fromkeys(word["role"] for word in rule_words(rule, catalog)))
    others = given.get("signals", {})
    _known(others, set(roles[1:]), place.at("signals"))
    if not {"hold_seconds"} & {*given, *fields}:
        row["hold_seconds"] = min(_mapping(rule, catalog)[1]["silent_after_seconds"], LONGEST_HOLD)
    yield row | {"column": "state", "role": roles[0], "rule": rule}
    for role in roles[1:]:
        named = _signal(others.get(role, role), SIGNAL_FIELDS, row, place.at(f"signals.{role}"))
        yield named | {"column": "state", "role": role, "rule": rule}


def _counter(given: Any, column: str, number: int, common: Row, place: _Place) -> Row:
    row = _signal(given, COUNTER_FIELDS, common, place)
    given = given if isinstance(given, dict) else {}
    counter = given.get("counter", "running")
    if counter not in ("running", "increments"):
        raise place.at("counter").wrong("running or increments")
    rollover = _number(given["rollover"], place.at("rollover"), above=0) if "rollover" in given else None
    factor = _number(given["factor"], place.at("factor"), above=0) if "factor" in given else None
    return row | {"column": column, "role": str(number), "counter": counter, "rollover": rollover, "factor": factor}


def _product(given: Any, common: Row, place: _Place) -> Iterator[Row]:
    if isinstance(given, dict):
        yield _signal(given, SIGNAL_FIELDS, common, place) | {"column": "product", "role": "1"}
        return
    yield common | {"column": "product", "role": "1", "subject": None, "product": _text(given, place)}


def _planned(given: Any, common: Row, place: _Place) -> Iterator[Row]:
    """A constant, constants by product (``*`` for the rest), or a signal in any unit of time."""
    if isinstance(given, dict) and "signal" in given:
        wanted = given if "unit" not in given else {"as": "s", **given}
        yield _value(wanted, "planned_seconds_per_item", "1", common, place) | {"measured_in": "s"}
        return
    by_product: Any = given.get("by_product") if isinstance(given, dict) else {REST: given}
    _known(by_product, None, place.at("by_product"))
    for product, seconds in by_product.items():
        name = _text(product, place.at("by_product"))
        yield common | {
            "column": "planned_seconds_per_item", "role": name, "subject": None, "product": None if name == REST else name,
            "constant": _number(seconds, place.at(name), above=0),
        }  # fmt: skip


def _value(given: Any, column: str, role: str, common: Row, place: _Place) -> Row:
    row = _signal(given, VALUE_FIELDS, common, place)
    given = given if isinstance(given, dict) else {}
    if ("unit" in given or "as" in given) and ("factor" in given or "offset" in given):
        raise place.wrong("either unit and as, or factor and offset")
    if ("unit" in given) != ("as" in given) and "as" in given:
        raise place.at("unit").wrong("missing: as tells what to convert to, unit from what")
    factor = _number(given.get("factor", 1.0), place.at("factor"))
    offset = _number(given.get("offset", 0.0), place.at("offset"))
    if "as" in given:
        factor, offset = conversion(
            _text(given["unit"], place.at("unit")),
            _text(given["as"], place.at("as")),
            place.path,
            f"{place.unit} {place.field}",
        )
    measured_in = given.get("as", given.get("unit"))
    return row | {"column": column, "role": role, "factor": factor, "offset": offset,
                  "measured_in": None if measured_in is None else _text(measured_in, place.at("unit"))}  # fmt: skip


# units of measure


def conversion(unit: str, wanted: str, path: Path, field: str) -> tuple[float, float]:
    """Factor and offset from one unit of measure to another, exact before they become doubles: °F to °C is 5/9 and -160/9.

    Raises InputError SY681 where one is unknown or they measure different things, UsageError SY683 without the library.
    """
    registry = _registry()
    try:
        both = [registry.Unit(_plain(name)) for name in (unit, wanted)]
    except Exception as error:
        raise InputError("SY681", str(path), field=field, unit=unit, wanted=wanted, why=type(error).__name__) from error
    kinds = [" ".join(f"{name}^{power}" for name, power in sorted(one.dimensionality.items())) or "1" for one in both]
    if kinds[0] != kinds[1]:
        raise InputError("SY681", str(path), field=field, unit=unit, wanted=wanted, why=" ≠ ".join(kinds))
    zero, one = (Fraction(registry.Quantity(Fraction(n), both[0]).to(both[1]).magnitude) for n in (0, 1))
    return float(one - zero), float(zero)


def _plain(unit: str) -> str:
    """Signs of Chinese and European keyboards as the library calls them."""
    return unit.replace("℃", "degC").replace("℉", "degF").replace("°C", "degC").replace("°F", "degF").replace("μ", "µ")


@lru_cache(maxsize=1)
def _registry() -> Any:
    try:
        import pint  # noqa: PLC0415  - an extra, and slow to import
    except ImportError as error:
        raise UsageError("SY683") from error
    return pint.UnitRegistry(non_int_type=Fraction, autoconvert_offset_to_baseunit=True)


# rules


def rule_words(rule: str, catalog: Catalog) -> list[Row]:
    """The rows of ``state_words`` of a rule: the words of its own signal first; the lower ``overrides`` counts first.

    Raises InputError SY682 where there is no such mapping, SY684 where it is not well-formed.
    """
    path, said = _mapping(rule, catalog)
    own = _word(said["signal"], path, "signal", upper=False)
    words: dict[tuple[str, str], Row] = {}
    whens = [
        (_word(one["signal"], path, "when", upper=False), _word(one["equals"], path, "when"), one["state"])
        for one in said["when"]
    ]
    everything = [(own, _word(word, path, "states"), state, LAST) for word, state in said["states"].items()]
    everything += [(own, REST, said["otherwise"], LAST)]
    everything += [(role, word, state, place) for place, (role, word, state) in enumerate(whens, 1)]
    for role, word, state, place in everything:
        if state not in STATES:
            raise InputError(
                "SY684", str(path), field=f"{role} {word}", why=f"state {state!r} is none of {', '.join(STATES)}"
            )
        known = words.get((role, word))
        if known is None or place < known["overrides"]:
            words[role, word] = {"rule": rule, "role": role, "word": word, "state": state, "overrides": place}
    return list(words.values())


def _mapping(rule: str, catalog: Catalog) -> tuple[Path, dict[str, Any]]:
    path = catalog.mapping(rule)
    if path is None:
        raise InputError("SY682", rule, near=", ".join(near(rule, catalog.mappings())) or "–")
    said = read_yaml(path)
    unknown = set(said) - {"label", "signal", "states", "otherwise", "silent_after_seconds", "when", "source"}
    if unknown:
        raise InputError("SY684", str(path), field=", ".join(sorted(map(str, unknown))), why="unknown field")
    silent = said.get("silent_after_seconds", HOLD)
    if isinstance(silent, bool) or not isinstance(silent, int | float) or not silent > 0:
        raise InputError("SY684", str(path), field="silent_after_seconds", why="a positive number of seconds")
    states, when = said.get("states"), said.get("when") or []
    if not isinstance(states, dict) or len(states) > MOST_WORDS:
        raise InputError("SY684", str(path), field="states", why=f"a mapping of at most {MOST_WORDS} words")
    well = (
        isinstance(when, list)
        and len(when) < LAST
        and all(isinstance(one, dict) and set(one) == {"signal", "equals", "state"} for one in when)
    )
    if not well:
        raise InputError("SY684", str(path), field="when", why="a list of {signal, equals, state}")
    return path, {"signal": said.get("signal"), "states": states, "otherwise": said.get("otherwise", "unknown"),
                  "silent_after_seconds": float(silent), "when": when}  # fmt: skip


def _word(given: Any, path: Path, field: str, *, upper: bool = True) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int) or not 0 < len(str(given).strip()) <= LONGEST:
        raise InputError("SY684", str(path), field=field, why=f"a word is expected, not {given!r:.80}")
    return str(given).strip().upper() if upper else str(given).strip()


# values of fields


def _known(given: Any, allowed: set[str] | None, place: _Place) -> None:
    if not isinstance(given, dict):
        raise place.wrong("a mapping is expected")
    unknown = set() if allowed is None else set(map(str, given)) - allowed
    if unknown:
        raise place.wrong(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(allowed or ()))}")


def _text(given: Any, place: _Place) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int) or not 0 < len(str(given).strip()) <= LONGEST:
        raise place.wrong(f"a name of 1 to {LONGEST} characters is expected")
    return str(given).strip()


def _number(given: Any, place: _Place, above: float | None = None) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise place.wrong("a number is expected")
    if above is not None and given <= above:
        raise place.wrong(f"must be more than {above:g}")
    return float(given)


def _hold(given: Any, place: _Place) -> float:
    seconds = _number(given, place, above=0)
    if seconds > LONGEST_HOLD:
        raise place.wrong(f"at most {LONGEST_HOLD:g} seconds; a watched device holds longer by itself")
    return seconds
