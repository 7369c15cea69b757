"""A catalog is read from one or more standards folders; a later folder extends or overrules an earlier one."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from steelyard.catalog.frameworks import FACTS, claim, framework_of, with_facts
from steelyard.catalog.shape import measure_of, table_of
from steelyard.errors import InputError, UsageError
from steelyard.model.framework import Framework
from steelyard.model.measure import Measure
from steelyard.model.table import Table

SHIPPED = Path(str(files("steelyard").joinpath("standards")))
MOST_YAML = 1 << 20
DEEPEST_YAML = 40
_CHOSEN = re.compile(r"(?P<id>[^\[\]]+)(?:\[(?P<chosen>[^\[\]]+)\])?$")


@dataclass(frozen=True)
class Catalog:
    """What the numbers of a home mean: Measures, Tables and Frameworks by name, views as SQL, code lists.

    ``items`` holds what can be answered: the items of all frameworks, and the ``facts``, which are answered like items. ``heads``
    are the fields that each framework's file has.
    """

    folders: tuple[Path, ...]
    measures: dict[str, Measure] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    frameworks: dict[str, Framework] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    heads: dict[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def codes(self) -> dict[str, frozenset[str]]:
        """Code lists by name: ``gbt2260``, ``gbt4754`` and whatever a home added as ``codes/NAME*.csv``."""
        lists: dict[str, set[str]] = {}
        for path in self._files("codes/*.csv"):
            name = path.stem.split("-")[0].split(".")[0]
            with path.open(encoding="utf-8-sig", newline="") as handle:
                lists.setdefault(name, set()).update(row["code"] for row in csv.DictReader(handle))
        return {name: frozenset(found) for name, found in lists.items()}

    def published(self) -> list[Path]:
        """Files of figures that others published."""
        return list(self._files("published/*.csv"))

    def mapping(self, name: str) -> Path | None:
        """A mapping shipped or kept by the home, by its bare name; the home's own overrules."""
        return next((path for path in reversed(list(self._files("mappings/*.yaml"))) if path.stem == name), None)

    def mappings(self) -> list[str]:
        """The names of all mappings."""
        return sorted({path.stem for path in self._files("mappings/*.yaml")})

    def measure(self, name: str) -> Measure:
        """A measure by id, with parameters chosen in brackets: ``coverage/sme2024-level2[floor=documented]``.

        Raises UsageError that names the nearest ids when there is none.
        """
        parts = _CHOSEN.match(name)
        measure = self.measures.get(parts["id"]) if parts else None
        if not parts or not measure:
            raise UsageError("SY102", name=name, near=", ".join(near(name, self.measures)) or "steelyard measures")
        if not parts["chosen"]:
            return measure
        chosen = dict(pair.split("=", 1) for pair in parts["chosen"].split(",") if "=" in pair)
        unknown = set(chosen) - set(measure.parameters)
        if unknown or not chosen:
            raise UsageError("SY103", name=parts["id"], parameter=", ".join(sorted(unknown)) or parts["chosen"],
                             known=", ".join(measure.parameters) or "–")  # fmt: skip
        return replace(measure, chosen=chosen)

    def table(self, name: str) -> Table:
        """A table by name; raises UsageError that names the nearest."""
        if name not in self.tables:
            raise UsageError("SY104", name=name, near=", ".join(near(name, self.tables)) or "steelyard tables")
        return self.tables[name]

    def framework(self, name: str) -> Framework:
        """A framework by id; raises UsageError that names the nearest."""
        if name not in self.frameworks:
            raise UsageError(
                "SY705", name=name, near=", ".join(near(name, self.frameworks)) or ", ".join(self.frameworks)
            )
        return self.frameworks[name]

    def edition(self, measure: str) -> Framework | None:
        """The framework in whose folder a measure stands; None for all others."""
        parts = measure.split("[", maxsplit=1)[0].split("/")
        above = ("/".join(parts[:depth]) for depth in range(len(parts) - 1, 0, -1))
        return next((self.frameworks[name] for name in above if name in self.frameworks), None)

    def in_order(self, names: Iterable[str]) -> list[Measure]:
        """The named measures and the measures that they read, lower ones first."""
        ordered: dict[str, Measure] = {}

        def visit(measure: Measure, above: tuple[str, ...]) -> None:
            if measure.id in above:
                raise InputError("SY223", measure.id, circle=" → ".join((*above, measure.id)))
            for below in measure.inputs:
                if below in self.measures:
                    visit(self.measures[below], (*above, measure.id))
            ordered.setdefault(measure.name, measure)

        for name in names:
            visit(self.measure(name), ())
        return list(ordered.values())

    def _files(self, pattern: str) -> Iterator[Path]:
        for folder in self.folders:
            yield from sorted(folder.glob(pattern))


def near(name: str, known: Iterable[str]) -> list[str]:
    """Up to three names that look like the one that was asked for."""
    from difflib import get_close_matches  # noqa: PLC0415  - only when somebody mistyped

    return get_close_matches(name, list(known), n=3, cutoff=0.5)


def load(folders: Sequence[Path] = (SHIPPED,)) -> Catalog:
    """Read standards folders in order; raises InputError with file and cause on the first that is not well-formed."""
    catalog = Catalog(tuple(folders))
    for folder in folders:
        for path in sorted(folder.glob("tables/*.yaml")):
            catalog.tables[path.stem] = table_of(path.stem, read_yaml(path), path)
        for path in sorted(folder.glob("views/*.sql")):
            catalog.views[path.stem] = path.read_text(encoding="utf-8")
    _read_items(catalog)
    for folder in folders:
        for path in sorted(folder.glob("*/**/measure.yaml")):
            name = path.parent.relative_to(folder).as_posix()
            read = measure_of(name, read_yaml(path), path, catalog.views)
            catalog.measures[name] = with_facts(read, catalog.items)
    return catalog


def _read_items(catalog: Catalog) -> None:
    """Read the frameworks' items and the facts; raises InputError on an id that two of them have."""
    owners: dict[str, str] = {}
    for folder in catalog.folders:
        for path in sorted(folder.glob("*/**/items.yaml")):
            document = read_yaml(path)
            name = path.parent.relative_to(folder).as_posix()
            items = _named(document, "items", path)
            claim(owners, name, items, path)
            catalog.items.update(items)
            catalog.frameworks[name] = framework_of(name, document)
            catalog.heads[name] = frozenset(document)
        for path in sorted(folder.glob(f"{FACTS}/facts.yaml")):
            facts = _named(read_yaml(path), FACTS, path)
            claim(owners, FACTS, facts, path)
            catalog.facts.update(facts)
            catalog.items.update(facts)


def _named(document: dict[str, Any], name: str, path: Path) -> dict[str, dict[str, Any]]:
    """The items or facts of a file; raises InputError when they are no mapping of mappings."""
    found = document.get(name)
    if not isinstance(found, dict) or not all(isinstance(part, dict) for part in found.values()):
        raise InputError("SY222", str(path), field=name, why="id: fields")
    return found


def read_yaml(path: Path) -> dict[str, Any]:
    """A small YAML mapping; raises InputError with the line on bad syntax and on anything that is no mapping."""
    document = _yaml(path)
    if not isinstance(document, dict):
        raise InputError("SY221", str(path), why="a mapping is expected")
    return document


def read_yaml_list(path: Path) -> list[dict[str, Any]]:
    """A small YAML list of mappings; raises InputError."""
    document = _yaml(path)
    if not isinstance(document, list) or not all(isinstance(part, dict) for part in document):
        raise InputError("SY221", str(path), why="a list of mappings is expected")
    return document


def _check_depth(path: Path, loader: Any) -> None:
    """Refuse nesting that would end the process: the loader recurses, its events do not."""
    depth = 0
    for event in yaml.parse(path.read_text(encoding="utf-8"), Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST_YAML:
            raise InputError("SY221", str(path), why=f"nested more than {DEEPEST_YAML} deep")


def _yaml(path: Path) -> Any:
    if path.stat().st_size > MOST_YAML:
        raise InputError("SY221", str(path), why=f"{path.stat().st_size} bytes; at most {MOST_YAML} are read")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(path, loader)
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  - both are safe loaders
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("SY221", str(path), why=" ".join(str(error).split())) from error
