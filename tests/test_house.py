"""The floors of HOUSE.md, read from the imports; the single writers; the closed vocabulary; the error codes."""

from __future__ import annotations

import ast
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import steelyard
from steelyard.errors import InputError, codes
from steelyard.model.measure import Measure
from steelyard.weigh import judged

SRC = Path(steelyard.__file__).parent
FLOOR = {
    "model": 1, "catalog": 2, "evidence": 2, "connect": 2, "tabular": 2, "methods": 2, "store": 3,
    "take": 4, "weigh": 4, "share": 4, "trace": 4, "paper": 4, "golden": 5, "dots": 5, "fields": 5, "plan": 5, "examples": 5, "api": 6,
    "console": 6, "cli": 7,
}  # fmt: skip
BESIDE = {"errors", "refusal", "__init__", "__main__"}  # everybody may raise an error; the package only names its parts
SAME_FLOOR = {("console", "api")}
LEAVE = {
    "duckdb": {"store"}, "sqlalchemy": {"store", "take", "weigh", "share", "trace", "connect/sql"}, "cryptography": {"evidence"},
    "rfc8785": {"evidence"}, "jinja2": {"console"}, "uvicorn": {"console", "cli", "connect/http"}, "python_calamine": {"tabular"},
    "starlette": {"api", "console", "connect/http"}, "cyclopts": {"cli"}, "rich": {"cli"}, "pint": {"catalog"},
    "google": {"connect/sparkplug"}, "asyncua": {"connect/opcua"}, "pymodbus": {"connect/modbus"}, "lxml": {"connect/mtconnect"},
    "pyspark": {"store"}, "py4j": {"store"}, "sqlglot": {"store"}, "scipy": {"methods"}, "lifelines": {"methods"},
    "pandas": {"methods"}, "highspy": {"methods"}, "numba": {"methods"}, "openpyxl": {"tabular"}, "docx": {"tabular"}, "typst": {"paper"},
}  # fmt: skip
EXCHANGE = {"pyarrow", "numpy", "yaml", "msgspec"}
FILES = sorted(path for path in SRC.rglob("*.py") if "standards" not in path.parts)


def room(path: Path) -> str:
    """The folder of a file, or its own name where it stands at the top."""
    parts = path.relative_to(SRC).parts
    return parts[0] if len(parts) > 1 else path.stem


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, anywhere in it, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            if node.module == "steelyard":
                yield from ((f"steelyard.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module or "", node.lineno


def own(name: str) -> str | None:
    """The room of our own that a module name points to."""
    parts = name.split(".")
    return parts[1] if parts[0] == "steelyard" and len(parts) > 1 else None


def test_every_room_of_the_house_has_a_floor():
    assert {room(path) for path in FILES} - BESIDE <= set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=[path.relative_to(SRC).as_posix() for path in FILES])
def test_imports_go_only_down_and_rooms_of_one_floor_do_not_know_each_other(path):
    here = room(path)
    for name, line in imports(path):
        there = own(name)
        if there is None or there == here or there in BESIDE or here in BESIDE or there.startswith("__"):
            continue
        assert FLOOR[there] < FLOOR[here] or (here, there) in SAME_FLOOR, f"{path}:{line}: {here} imports {there}"


def test_the_nouns_import_the_standard_library_alone():
    for path in (SRC / "model").glob("*.py"):
        for name, line in imports(path):
            assert own(name) == "model" or name.split(".")[0] in sys.stdlib_module_names, f"{path}:{line}: {name}"


def test_what_everybody_may_import_imports_nothing_of_the_house_but_each_other():
    for name in ("errors", "refusal"):
        assert {own(module) for module, _ in imports(SRC / f"{name}.py")} <= {None, "errors"}


def test_connectors_know_no_home():
    for path in (SRC / "connect").rglob("*.py"):
        assert {own(name) for name, _ in imports(path)} <= {None, "model", "errors", "refusal", "connect"}


def test_a_third_party_package_is_imported_by_its_own_folder_only():
    for path in FILES:
        for name, line in imports(path):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top in EXCHANGE or top == "steelyard":
                continue
            folder = path.parent.relative_to(SRC).as_posix()
            assert {room(path), folder} & LEAVE.get(top, set()), f"{path}:{line}: {folder} imports {top}"


def calls(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def test_only_weigh_and_the_taking_of_a_bundle_write_figures():
    writers = {path.relative_to(SRC).as_posix() for path in FILES for name, _ in calls(path)
               if name in ("at_rest.keep", "figures.keep")}  # fmt: skip
    assert writers == {"weigh/keep.py", "share/receive.py"}
    bare = {(path.relative_to(SRC).as_posix(), name) for path in FILES for name, _ in imports(path)
            if "store.figures.keep" in name}  # fmt: skip
    assert bare == set()


def test_only_verbs_and_the_store_write_to_a_ledger():
    writers = {room(path) for path in FILES for name, _ in calls(path) if name.endswith("ledger.write")}
    assert writers <= {"store", "take", "weigh", "share", "trace"}


def measure(rule: dict) -> Measure:
    return Measure(
        "x/y",
        {"en": "x", "zh": "x"},
        ("enterprise",),
        "1",
        "judged",
        "higher",
        "s",
        "ours",
        (0, None),
        ("answers",),
        rule=rule,
    )


ITEMS = {"Q1": {"mode": "single", "points": {"A": 0, "B": 2}}, "S1": {"mode": "level", "levels": [0, 1, 2]}}


def test_the_vocabulary_of_judged_is_ten_words():
    words = {"points", "levels", "share", "mean", "weighted_mean", "bands", "gate", "steps", "figure", "industry"}
    assert set(judged.VOCABULARY) == words


@pytest.mark.parametrize("rule", [
    {"python": "1+1"}, {"sql": "SELECT 1"}, {"if": ["Q1"]}, {}, {"points": ["Q1"], "levels": ["S1"], "reach": 1},
    {"points": ["Q1"], "unless": ["S1"]}, {"Points": ["Q1"]},
    {"weighted_mean": [{"weight": 1, "of": {"median": ["Q1"]}}]}, {"bands": {"of": {"max": ["Q1"]}, "at": [[0, 0]]}},
])  # fmt: skip
def test_a_judged_rule_with_any_other_word_is_refused(rule):
    with pytest.raises(InputError) as refused:
        judged.judged_sql(measure(rule), ITEMS)
    assert refused.value.code == "SY225"


def raised() -> set[str]:
    return {code for path in FILES for code in re.findall(r"\"(SY\d{3})\"", path.read_text(encoding="utf-8"))}


def test_every_code_raised_has_its_texts_and_every_text_is_raised():
    assert raised() - set(codes()) == set()
    assert set(codes()) - raised() == set()


@pytest.mark.parametrize("code", sorted(codes()))
def test_the_texts_of_a_code_are_four_and_ask_the_same_facts_in_both_languages(code):
    text = codes()[code]
    assert all((text.en, text.zh, text.do_en, text.do_zh))
    facts = [
        {name for _, name, _, _ in string.Formatter().parse(t) if name}
        for t in (text.en, text.zh, text.do_en, text.do_zh)
    ]
    assert facts[0] == facts[1]
    assert facts[2] == facts[3]
    assert re.search(r"[\u4e00-\u9fff]", text.zh)
    assert not re.search(r"[\u4e00-\u9fff]", text.en)
