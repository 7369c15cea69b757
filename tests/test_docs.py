"""The docs are complete and true: every name stands in them, links resolve, the worked examples recompute."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard import golden
from steelyard.catalog import load
from steelyard.catalog.catalog import SHIPPED
from steelyard.cli.main import app
from steelyard.connect.mtconnect.states import load_mapping
from steelyard.errors import codes
from steelyard.evidence import merkle
from steelyard.evidence.record import RECORD, figure_digests
from steelyard.model.figure import GRADES
from steelyard.model.measure import HOWS, STATUSES
from steelyard.model.subject import KINDS
from steelyard.weigh.judged import VOCABULARY

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
HOW_TO = ("take", "weigh", "show", "share", "trace-and-verify", "serve", "homes", "add-a-measure", "add-a-table",
          "add-a-code-list", "mappings", "connect", "bind", "plant", "spark", "frameworks", "facts", "form", "inspect",
          "dossier", "diagnose", "roadmap", "effect", "effect-designs", "subscribe", "parks", "compare", "regions", "audit",
          "plan-progress", "plan-forecast", "plan-choose")  # fmt: skip
GROUPS = {name for name in app if not name.startswith("-") and any(not sub.startswith("-") for sub in app[name])}
LINK = re.compile(r"\]\((?!https?:)(?P<target>[^)#\s]+)(?:#[^)]*)?\)")


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def commands(of: object) -> set[str]:
    return {name for name in of if not name.startswith("-")}  # type: ignore[attr-defined]


def options(command: object) -> set[str]:
    parsed = command.assemble_argument_collection(parse_docstring=True)  # type: ignore[attr-defined]
    return {arg.names[0] for arg in parsed if arg.names and not arg.required and arg.names[0].startswith("--")}


def test_the_reference_names_every_command() -> None:
    text = read("reference/commands.md")
    wanted = commands(app) - GROUPS
    wanted |= {f"{group} {name}" for group in GROUPS for name in commands(app[group])}
    assert {name for name in wanted if not re.search(rf"`steelyard {name}[ `]", text)} == set()


@pytest.mark.parametrize("group", ["", *sorted(GROUPS)])
def test_the_reference_names_every_option_of_a_command(group: str) -> None:
    lines = read("reference/commands.md").splitlines()
    of, prefix = (app[group], f"`steelyard {group} ") if group else (app, "`steelyard ")
    missing = []
    for name in commands(of) - (set() if group else GROUPS):
        line = next(line for line in lines if re.search(rf"{prefix}{name}[ `]", line))
        for option in options(of[name]):
            plain = option.removeprefix("--")
            if plain in ("home", "folder", "files", "file", "measures", "code") or plain.startswith("empty"):
                continue  # given by place
            if plain not in line:
                missing.append(f"{name} {option}")
    assert missing == []


def test_the_reference_names_every_table_and_column() -> None:
    text = read("reference/tables.md")
    for table in load().tables.values():
        assert f"## `{table.name}`" in text
        assert [c.name for c in table.columns if f"| `{c.name}`" not in text] == []


def test_the_reference_and_the_changelog_name_every_measure() -> None:
    reference, changes = read("reference/measures.md"), (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in load().measures:
        assert f"## `{name}`" in reference
        assert f"`{name}`" in changes or f"`{name.split('/')[1]}`" in changes, name


def test_the_reference_explains_every_error_code_in_both_languages() -> None:
    text = read("reference/errors.md")
    for code, texts in codes().items():
        assert f"## {code}\n" in text
        assert [part for part in (texts.zh, texts.en, texts.do_zh, texts.do_en) if part not in text] == [], code


def test_no_page_names_an_error_code_that_does_not_exist() -> None:
    named = {code for page in PAGES for code in re.findall(r"\bSY\d{3}\b", page.read_text(encoding="utf-8"))}
    assert named - set(codes()) == set()


def test_the_generated_references_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.stale() == []


def test_the_check_of_the_generator_says_whether_it_holds() -> None:
    done = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_resolve(page: Path) -> None:
    targets = [found["target"] for found in LINK.finditer(page.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", HOW_TO)
def test_every_how_to_is_there_in_both_languages_and_in_the_index(name: str) -> None:
    text = read(f"how-to/{name}.md")
    assert f"how-to/{name}.md" in read("README.md")
    assert re.search("[一-鿿]{8}", text)
    assert "English" in text or re.search(r"[A-Za-z]+ (is|are) [a-z]+", text)


def worked() -> tuple[dict[str, object], str]:
    text = read("reference/evidence.md")
    record = re.search(r"```json\n(\{\n.+?\n\})\n```", text, re.DOTALL)
    digest = re.search(r"digest: `([0-9a-f]{64})`", text)
    assert record
    assert digest
    return json.loads(record[1]), digest[1]


def test_the_digest_of_the_worked_example_recomputes_with_hashlib_and_json_alone() -> None:
    record, digest = worked()
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode("utf-8")).hexdigest() == digest


def test_the_program_makes_the_digest_of_the_worked_example() -> None:

    record, digest = worked()
    assert set(record) == set(RECORD)
    columns = {name: [record[name]] for name in RECORD}
    columns |= {name: [bytes.fromhex(str(record[name]))] for name in ("method", "inputs")}
    columns["flags"] = [tuple(record["flags"])]  # type: ignore[arg-type]
    columns["heard"] = [float(str(record["heard"]))]
    assert next(figure_digests(columns)).hex() == digest


def test_the_tree_in_the_docs_makes_the_root_that_they_print_and_the_program_makes() -> None:
    text = read("reference/evidence.md")
    code = re.search(r"```python\n(import hashlib\n+def root.+?)```", text, re.DOTALL)
    assert code
    made: dict[str, object] = {}
    exec(code[1], made)  # noqa: S102  - the example of the page itself
    digests = [hashlib.sha256(part).digest() for part in (b"a", b"b", b"c")]
    root = made["root"](digests)  # type: ignore[operator]
    assert root == merkle.root(digests)
    assert f"`{root.hex()}`" in text


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)```", read(name), re.DOTALL)


def test_the_measure_of_the_how_to_passes_its_own_golden_cases(tmp_path: Path) -> None:
    folder = tmp_path / "works" / "scrap_ratio"
    folder.mkdir(parents=True)
    measure, cases = blocks("how-to/add-a-measure.md", "yaml")
    (folder / "measure.yaml").write_text(measure, encoding="utf-8")
    (folder / "golden.yaml").write_text(cases, encoding="utf-8")
    (folder / "formula.sql").write_text(blocks("how-to/add-a-measure.md", "sql")[0], encoding="utf-8")
    catalog = load((SHIPPED, tmp_path))
    assert [fault for case in golden.cases(catalog, ["works/scrap_ratio"]) for fault in golden.run(case, catalog)] == []


def test_the_table_the_list_and_the_mapping_of_the_how_tos_load(tmp_path: Path) -> None:
    for folder in ("tables", "codes"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tables" / "energy_readings.yaml").write_text(
        blocks("how-to/add-a-table.md", "yaml")[0], encoding="utf-8"
    )
    (tmp_path / "codes" / "gbt2260-counties.csv").write_text(
        blocks("how-to/add-a-code-list.md", "csv")[0], encoding="utf-8"
    )
    mapping = tmp_path / "door.yaml"
    mapping.write_text(blocks("how-to/mappings.md", "yaml")[0], encoding="utf-8")
    catalog = load((SHIPPED, tmp_path))
    assert catalog.table("energy_readings").column("kwh").unit == "kWh"
    assert {"440306", "440300"} <= catalog.codes["gbt2260"]
    assert load_mapping(mapping).when[0].state == "setup"


def test_the_how_to_and_the_program_know_the_same_words_for_judging() -> None:
    text = read("how-to/add-a-measure.md")
    assert [word for word in VOCABULARY if f"| `{word}` |" not in text] == []


def test_the_glossary_names_every_grade_flag_kind_and_way_of_weighing() -> None:
    text = read("glossary.md")
    flags = set()
    for formula in (ROOT / "src/steelyard/standards").rglob("formula.sql"):
        flags |= set(re.findall(r"then '([a-z_:]+)' end", formula.read_text(encoding="utf-8")))
    assert [word for word in (*GRADES, *HOWS, *STATUSES, *KINDS, *flags, "synthetic") if word not in text] == []


def test_no_page_holds_a_path_of_a_machine() -> None:
    assert [p.name for p in PAGES if re.search(r"(?<![\w.])/(home|work|root|Users|tmp)/", p.read_text("utf-8"))] == []
