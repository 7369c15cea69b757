"""The page that says where each assertion of the Sparkplug specification is tested names all of them, and tests that exist."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "sparkplug.md"
DATA = Path(os.environ.get("STEELYARD_TEST_DATA", ROOT.parent / "shared" / "data")) / "iiot" / "sparkplug-assertions"
ROW = re.compile(r"^\| `(tck-id-[\w-]+)` \| (yes|as reader|no) \| (.+) \|$", re.MULTILINE)


def rows() -> list[tuple[str, str, str]]:
    return ROW.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the assertions of the specification are not at {DATA}")
def test_the_page_names_each_assertion_that_must_be_kept_once():
    told = json.loads((DATA / "assertions.json").read_text(encoding="utf-8"))
    must = sorted(one["id"] for one in told if "MUST" in one["text"])
    assert sorted(name for name, _, _ in rows()) == must
    assert len(must) == 282


def test_each_test_that_the_page_names_exists():
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_sparkplug*.py"))
    there = set(re.findall(r"^def (test_\w+)\(", sources, re.MULTILINE))
    named = {test for _, _, where in rows() for test in re.findall(r"`(test_\w+)`", where)}
    assert named - there == set()


def test_each_assertion_that_binds_a_host_has_a_test_and_each_other_a_reason():
    for name, host, where in rows():
        assert ("`test_" in where) == (host != "no"), name
        assert len(where) >= 20, name


def test_the_numbers_at_the_head_of_the_page_are_those_of_its_rows():
    text = PAGE.read_text(encoding="utf-8")
    for kind in ("yes", "as reader", "no"):
        [count] = re.findall(rf"^\| {kind} \|.*\| (\d+) \|$", text, re.MULTILINE)
        assert int(count) == sum(host == kind for _, host, _ in rows())
