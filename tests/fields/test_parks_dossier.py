"""A park's dossier: the pages say what the Figures say, and the bundle verifies by itself or names its fault."""

from __future__ import annotations

import pypdfium2
import pytest
from park_worlds import World

from steelyard.errors import InputError, UsageError
from steelyard.fields.park_dossier import park_dossier
from steelyard.fields.park_words import STATES, WORDS
from steelyard.fields.parks import standing
from steelyard.share import receive, trust
from steelyard.store.documents import rests_at
from steelyard.take.documents import documents_of, keep_documents
from steelyard.trace.bundle import verify_bundle


@pytest.fixture
def world(make, tmp_path_factory):
    made = World.weighed(make, tmp_path_factory)
    papers = [(make.file("paper.pdf", "批复"), "certificate"), (make.file("合同.pdf", "平台合同"), "contract")]
    keep_documents(made.home, papers, "P1", amount=98.5)
    return made


def write(world, name="park.pdf", **more):
    return park_dossier(world.home, world.make.path / "out" / name, "P1", **more)


def text(path):
    with pypdfium2.PdfDocument(path) as document:
        return "".join("".join(page.get_textpage().get_text_range() for page in document).split())


def test_the_pages_hold_ratios_clauses_firms_chains_and_documents_in_both_languages(world):
    for lang in ("zh", "en"):
        said = text(write(world, lang=lang).pdf)
        found = standing(world.home, "P1")
        titles = [WORDS[lang]["parts"]["summary"], *(high.title[lang] for high in found.highs),
                  *(WORDS[lang]["parts"][name] for name in ("firms", "chains", "roster", "all"))]  # fmt: skip
        places = [said.index(f"{number}{''.join(title.split())}") for number, title in enumerate(titles, 1)]
        assert places == sorted(places)
        for word in (
            "66.67%",
            "50.00%–75.00%",
            "3/4",
            "A3",
            "A4",
            "A2",
            "park25.operation",
            "paper.pdf",
            world.home.public_key.hex(),
        ):
            assert word in said, word
        assert all("".join(ratio.measure.label[lang].split()) in said for high in found.highs for ratio in high.ratios)
        assert WORDS[lang]["unknown"] in said  # the four chains have no data here
        assert all(one.document in said for one in documents_of(world.home, "P1"))


def test_firms_beyond_the_page_are_counted(world):
    said = text(write(world, lang="en", most=1).pdf)
    assert "2morearenotlisted" in said


def test_what_is_missing_is_returned_and_a_roster_gap_is_on_the_page(world):
    made = write(world, lang="en")
    assert set(made.missing) == {"park/2025/transformation", "park/2025/services", "park/2025/gigabit"}
    assert made.documents == 2
    assert "A5" in text(made.pdf)
    assert not made.synthetic


def test_the_bundle_verifies_offline_and_holds_no_figure_of_a_firm(world):
    made = write(world)
    found = verify_bundle(made.bundle, world.home.public_key.hex())
    assert found.verdict.holds
    assert found.verdict.looked_at["figure"] == made.figures == world.home.figures(None, "P1").num_rows
    other = world.make.new("ministry")
    trust(other, world.home.public_key.hex(), "park", subject="P1")
    receive(other, made.bundle.read_bytes(), "park.bundle")
    assert {row["subject"] for row in other.figures().to_pylist()} == {"P1"}


@pytest.mark.parametrize("at", [0.2, 0.5, 0.9])
def test_a_changed_byte_breaks_the_bundle(world, at):
    made = write(world)
    data = bytearray(made.bundle.read_bytes())
    data[int(len(data) * at)] ^= 1
    made.bundle.write_bytes(bytes(data))
    assert not verify_bundle(made.bundle, world.home.public_key.hex()).verdict.holds


def test_a_document_that_changed_after_sealing_stops_it(world):
    rests_at(world.home, documents_of(world.home, "P1")[0].document).write_bytes(b"other")
    with pytest.raises(InputError) as refused:
        write(world)
    assert refused.value.code == "SY718"


@pytest.mark.parametrize(("name", "more", "code"), [
    ("park.txt", {}, "SY794"), ("park.pdf", {"lang": "fr"}, "SY101"), ("park.pdf", {"floor": "firm"}, "SY101"),
])  # fmt: skip
def test_wrong_use_is_told(world, name, more, code):
    with pytest.raises(UsageError) as refused:
        write(world, name, **more)
    assert refused.value.code == code


def test_a_dossier_of_a_park_that_was_not_weighed_says_so(make):
    made = park_dossier(World(make).home, make.path / "none.pdf", "P1", lang="en")
    assert "Nothingwasweighed" in text(made.pdf)
    assert made.figures == 0
    assert "0.00%" not in text(made.pdf)


def test_synthetic_rows_are_marked_on_the_pages(make):
    world = World(make)
    make.give(
        world.home, "services", "provider,firm,kind,digital,since\nV1,A4,testing,yes,2025-01-01\n", synthetic=True
    )
    made = park_dossier(world.weigh().home, make.path / "made.pdf", "P1", lang="en")
    assert made.synthetic
    assert "SYNTHETICDATA" in text(made.pdf)


def test_every_state_has_its_word_in_both_languages():
    assert all(set(WORDS[lang]["states"]) == set(STATES) for lang in WORDS)
    assert set(WORDS["zh"]) == set(WORDS["en"])
