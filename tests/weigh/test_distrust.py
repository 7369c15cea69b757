"""Documents that changed after they were sealed prove nothing when answers are weighed."""

from __future__ import annotations

import pytest

from steelyard.store.documents import rests_at
from steelyard.take.documents import keep_documents


@pytest.fixture
def firm(make):
    """A firm whose tier is proven by a certificate, and another by one of its own."""
    home = make.new("works", subject="E1")
    make.give(home, "subjects", "id,kind\nE1,enterprise\nE2,enterprise\n")
    kept = {
        name: keep_documents(home, [(make.file(f"{name}.pdf", name), "certificate")], name)[0].document.document
        for name in ("E1", "E2")
    }
    rows = "".join(f"{name},smart_factory_tier,2026-03-01,2,documented,{kept[name][:16]}\n" for name in kept)
    make.give(home, "answers", "subject,item,at,value,grade,document\n" + rows)
    return home, kept


def grades(home):
    return {row["subject"]: row["grade"] for row in home.figures("smart-factory2025/tier").to_pylist()}


@pytest.mark.parametrize("damage", ["changed", "lost"])
def test_an_answer_whose_document_changed_counts_as_pledged_until_it_is_whole_again(make, firm, damage):
    home, kept = firm
    make.weigh(home, ["smart-factory2025/tier"], "2026")
    assert grades(home) == {"E1": "documented", "E2": "documented"}
    path = rests_at(home, kept["E1"])
    whole = path.read_bytes()
    path.write_bytes(b"forged") if damage == "changed" else path.unlink()
    make.weigh(home, ["smart-factory2025/tier"], "2026")
    assert grades(home) == {"E1": "pledged", "E2": "documented"}
    path.write_bytes(whole)
    make.weigh(home, ["smart-factory2025/tier"], "2026")
    assert grades(home) == {"E1": "documented", "E2": "documented"}
