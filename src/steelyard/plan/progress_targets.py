"""The targets of the plan as data: ``standards/*/targets.yaml``; a home's own folder adds targets or overrules them by id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from steelyard.catalog.catalog import Catalog, read_yaml
from steelyard.errors import InputError

COUNTS = ("firms", "parks", "published", "")


@dataclass(frozen=True)
class Target:
    """What is to be reached by when. ``measures`` answer it, each a definition of its own; without any, ``unanswerable`` says why.

    ``times`` turns a Figure that is a share of the target into the target's ``unit``; ``counts`` says what its heard and among count;
    ``beyond``: the value is to be exceeded; ``of``: to whom it is addressed; ``claims``: published indicators that stand beside it.
    """

    id: str
    label: dict[str, str]
    by: str
    unit: str
    of: tuple[str, ...]
    status: str
    source: str
    value: float | None = None
    counts: str = ""
    times: float = 1.0
    beyond: bool = False
    measures: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    note: dict[str, str] = field(default_factory=dict)
    unanswerable: dict[str, str] = field(default_factory=dict)


def targets(catalog: Catalog) -> list[Target]:
    """All targets in their files' order; raises InputError SY880 on one that is malformed."""
    found: dict[str, Target] = {}
    for folder in catalog.folders:
        for path in sorted(folder.glob("*/targets.yaml")):
            named = read_yaml(path).get("targets")
            if not isinstance(named, dict):
                raise InputError("SY880", str(path), target="targets", why="id: fields")
            found |= {str(name): _target(str(name), fields, str(path), catalog) for name, fields in named.items()}
    return list(found.values())


def _target(name: str, fields: Any, where: str, catalog: Catalog) -> Target:
    lists = ("of", "measures", "claims")
    try:
        given: dict[str, Any] = {key: tuple(value) if key in lists else value for key, value in fields.items()}
        made = Target(id=name, **given)
    except (TypeError, AttributeError) as error:
        raise InputError("SY880", where, target=name, why=str(error)) from None
    unknown = [measure for measure in made.measures if measure not in catalog.measures]
    why = (
        f"no such measure: {', '.join(unknown)}" if unknown
        else "label, note, unanswerable: en and zh" if any(set(said) - {"en", "zh"} for said in (made.label, made.note, made.unanswerable))
        else f"counts: one of {', '.join(COUNTS)}" if made.counts not in COUNTS
        else "measures need a value; without measures unanswerable says why" if bool(made.measures) == bool(made.unanswerable)
        or (made.measures and not isinstance(made.value, int | float))
        else ""
    )  # fmt: skip
    if why:
        raise InputError("SY880", where, target=name, why=why)
    return made
