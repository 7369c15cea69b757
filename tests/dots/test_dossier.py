"""The dossier: eight items, what is missing said plainly, every glyph set, and a bundle that verifies by itself or names its fault."""

from __future__ import annotations

import io
import json
import zipfile

import openpyxl
import pypdfium2
import pytest

from steelyard.cli.main import main
from steelyard.dots.dossier import dossier
from steelyard.dots.dossier_words import ITEMS, WORDS
from steelyard.dots.forms import form_in
from steelyard.errors import InputError, UsageError
from steelyard.evidence import bundle
from steelyard.evidence.seal import Key
from steelyard.model.period import parse
from steelyard.share import receive, trust
from steelyard.store.documents import rests_at
from steelyard.take.documents import documents_of, keep_documents
from steelyard.trace.bundle import verify_bundle

PAPERS = {"采购合同.pdf": "contract", "发票1.pdf": "invoice", "回单.pdf": "payment", "完工报告.docx": "report", "车间.jpg": "photo",
          "申报书.pdf": "other"}  # fmt: skip
NAME = "佛山㐂𠮷金属制品有限公司 & #[link] $x$ *_Co"


class Case:
    """A factory with documents and answers of one year, weighed."""

    def __init__(self, make, papers=PAPERS, synthetic=False) -> None:
        self.make = make
        self.home = make.new("works", kind="factory", subject="E1")
        make.give(self.home, "subjects", f"id,kind,name_zh,gbt4754\nE1,enterprise,{NAME},33\n")
        for name, kind in papers.items():
            amount = 120_000.5 if kind in ("contract", "payment") else None
            keep_documents(self.home, [(make.file(name, name), kind)], "E1", amount=amount, synthetic=synthetic)
        form_in(self.home, make.file("a.csv", "item,answer,grade,document\nS1,3,documented,采购合同.pdf\nQ2,C,pledged,\n"
                                     if "采购合同.pdf" in papers else "item,answer,grade,document\nQ2,C,pledged,\n"), synthetic=synthetic)  # fmt: skip

    def weigh(self, *periods):
        for period in periods:
            self.make.weigh(self.home, ["sme2024/level", "sme2024/score"], period)

    def write(self, **more):
        return dossier(self.home, self.make.path / "out" / "file.pdf", "sme2024", **more)


@pytest.fixture
def case(make):
    made = Case(make)
    made.weigh("2026")
    return made


def pages(path):
    with pypdfium2.PdfDocument(path) as document:
        return [page.get_textpage().get_text_range() for page in document]


def text(path):
    return "".join("".join(pages(path)).split())


def test_all_eight_items_stand_in_order_on_numbered_pages_in_both_languages(case):
    for lang in ("zh", "en"):
        made = case.write(lang=lang, place={"application": "申报书.pdf"})
        said = text(made.pdf)
        places = [
            said.index(f"{number}{''.join(WORDS[lang]['items'][name].split())}") for number, name in enumerate(ITEMS, 1)
        ]
        assert places == sorted(places)
        assert all(f"{number} / {len(pages(made.pdf))}" in page for number, page in enumerate(pages(made.pdf), 1))


def test_every_character_of_a_name_is_set_rare_ones_too_and_none_is_markup(case):
    assert "".join(NAME.split()) in text(case.write().pdf)


def test_fonts_are_embedded(case):
    data = case.write().pdf.read_bytes()
    assert data.startswith(b"%PDF-")
    assert b"pdfaid:part" in data


def test_a_character_that_no_font_has_is_told_and_nothing_is_written(make):
    case = Case(make, {})
    make.give(case.home, "subjects", "id,kind,name_zh\nE1,enterprise,\u0378\n", "again.csv")
    with pytest.raises(InputError) as refused:
        case.write()
    assert refused.value.code == "SY710"
    assert not (make.path / "out").exists()


def test_documents_stand_with_their_whole_digests_figures_with_grade_and_digest(case):
    said = text(case.write().pdf)
    assert all(one.document in said for one in documents_of(case.home, "E1"))
    (level,) = case.home.figures("sme2024/level", "E1").to_pylist()
    assert level["digest"].hex() in said
    assert "有佐证" in said


def test_what_is_missing_is_said_and_unknown_is_never_zero(make):
    case = Case(make, {})
    made = case.write(lang="en")
    assert made.there == ("acceptance", "assessment")
    said = text(made.pdf)
    assert said.count("missing") >= 12
    assert "unknown" in said
    assert "Nolevelwasweighed" in said
    assert "0.00" not in said
    assert made.figures == made.documents == 0
    assert verify_bundle(made.bundle).verdict.holds


def test_an_answer_of_many_letters_and_a_long_name_break_within_their_columns(make):
    long = "Procurement_contract_MES_2026.final.signed.version3.pdf"
    case = Case(make, {long: "contract"})
    rows = "item,answer,grade,document\nQ4,B+D+E+F+G+J+K+N+O,pledged,\n"
    form_in(case.home, make.file("b.csv", rows))
    made = case.write()
    lines = [line.strip() for page in pages(made.pdf) for line in page.splitlines()]
    assert not any("B+D+E+F+G+J+K+N+O" in line or long in line for line in lines)
    assert "B+D+E+F+G+J+K+N+O" in text(made.pdf)
    assert long in text(made.pdf)


def test_an_edition_without_an_end_is_in_force_from_its_day_and_no_dash_leads_nowhere(case):
    assert "2024-09-04起" in text(case.write().pdf)
    assert "from2024-09-04" in text(case.write(lang="en").pdf)


def test_invoices_without_proof_of_payment_are_not_enough(make):
    case = Case(make, {"发票1.pdf": "invoice"})
    made = case.write(lang="en")
    assert "invoices" in made.missing
    assert "Lacking:payment" in text(made.pdf)


def test_sums_tell_how_many_documents_tell_no_amount(make):
    case = Case(make, {"a.pdf": "contract", "b.pdf": "contract", "c.pdf": "invoice"})
    keep_documents(case.home, [(case.make.file("d.pdf", "d"), "contract")], "E1")
    said = text(case.write(lang="en").pdf)
    assert "atleast240,001.00(1of3tellnoamount)" in said
    assert "unknown(noneof1tellsitsamount)" in said


def test_a_figure_stands_beside_the_one_of_the_period_before_and_the_difference_is_not_called_an_effect(make):
    case = Case(make, {})
    for day, value in (("2025-02-01", "A"), ("2026-02-01", "E")):
        form_in(case.home, make.file(f"{day}.csv", f"item,answer,grade,document\nQ5,{value},pledged,\n"),
                at=parse(day, case.home.zone).start)  # fmt: skip
    case.weigh("2025", "2026")
    made = case.write(period=parse("2026", case.home.zone), lang="en")
    said = text(made.pdf)
    assert "effect" in made.there
    assert "isnotaneffect" in said
    assert "7points" in said or "10points" in said


def test_synthetic_data_are_labelled_on_every_page(make):
    case = Case(make, synthetic=True)
    case.weigh("2026")
    made = case.write()
    assert made.synthetic
    assert all("SYNTHETIC" in page for page in pages(made.pdf))
    assert not any("SYNTHETIC" in page for page in pages(Case(Other(make)).write().pdf))


class Other:
    """The same makers with homes of another name."""

    def __init__(self, make) -> None:
        self._make = make
        self.path = make.path / "other"
        self.give, self.file, self.weigh = make.give, make.file, make.weigh

    def new(self, name, **more):
        return self._make.new(f"other-{name}", **more)


# the bundle


def test_the_bundle_verifies_offline_and_another_key_is_not_accepted(case):
    made = case.write()
    seen = verify_bundle(made.bundle)
    assert seen.verdict.holds
    assert seen.signer == case.home.public_key.hex()
    assert seen.verdict.looked_at["document"] == len(PAPERS)
    assert verify_bundle(made.bundle, seen.signer).verdict.holds
    assert not verify_bundle(made.bundle, Key.new().public.hex()).verdict.holds
    with pytest.raises(UsageError):
        verify_bundle(made.bundle, "nonsense")


def parts(path):
    with zipfile.ZipFile(path) as box:
        return {name: box.read(name) for name in box.namelist()}


def packed(path, found):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as box:
        for name, data in found.items():
            box.writestr(name, data)
    return path


def test_the_bundle_holds_the_very_bytes_of_the_pages_and_of_every_document(case):
    made = case.write()
    found = parts(made.bundle)
    assert found["dossier.pdf"] == made.pdf.read_bytes()
    for one in documents_of(case.home, "E1"):
        assert found[f"documents/{one.document}"] == rests_at(case.home, one.document).read_bytes()


def test_a_byte_changed_in_any_part_is_found_and_a_document_is_named(case):
    made = case.write()
    whole = parts(made.bundle)
    for name, data in whole.items():
        changed = bytearray(data)
        changed[len(data) // 2] ^= 1
        verdict = verify_bundle(packed(case.make.path / "changed.bundle", whole | {name: bytes(changed)})).verdict
        assert not verdict.holds, name
        if name.startswith("documents/"):
            assert [fault.name for fault in verdict.faults] == [name]


def test_a_document_without_a_sealed_leaf_is_named(case):
    made = case.write()
    found = parts(made.bundle)
    header = json.loads(found.pop("bundle.json"))
    del found["bundle.sig"]
    evidence = json.loads(found["evidence.json"])
    wanted = documents_of(case.home, "E1")[0].document
    evidence["leaves"] = [leaf for leaf in evidence["leaves"] if leaf["header"]["sha256"] != wanted]
    found["evidence.json"] = json.dumps(evidence).encode()
    header = {key: value for key, value in header.items() if key not in ("parts", "signer")}
    path = case.make.file("other.bundle", bundle.pack(header, found, case.home.key))
    assert [(fault.kind, fault.name) for fault in verify_bundle(path).verdict.faults] == [("document", wanted)]


def test_a_park_that_trusts_the_factory_can_take_the_bundle(case):
    made = case.write()
    park = case.make.new("park", kind="park")
    trust(park, case.home.public_key.hex(), "works", subject="E1")
    assert receive(park, made.bundle.read_bytes()).figures == made.figures == 2
    later = case.write()
    assert receive(park, later.bundle.read_bytes()).provider == case.home.id


def test_a_bundle_that_is_none_and_one_that_is_not_there_are_told(make):
    assert not verify_bundle(make.file("x.bundle", b"PK")).verdict.holds
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as box:
        box.writestr("documents/../../evil", "x")
    assert not verify_bundle(make.file("y.bundle", out.getvalue())).verdict.holds
    with pytest.raises(InputError):
        verify_bundle(make.path / "none.bundle")


# what is refused


def test_a_document_that_changed_after_sealing_stops_the_dossier(case):
    one = documents_of(case.home, "E1")[0]
    rests_at(case.home, one.document).write_bytes(b"other")
    with pytest.raises(InputError) as refused:
        case.write()
    assert (refused.value.code, one.document[:16] in refused.value.say("en")) == ("SY718", True)
    assert not (case.make.path / "out").exists()


@pytest.mark.parametrize(("what", "code"), [
    ({"place": {"application": "none.pdf"}}, "SY723"), ({"place": {"applicatio": "x"}}, "SY101"), ({"lang": "fr"}, "SY101"),
])  # fmt: skip
def test_what_cannot_be_placed_or_said_is_told(case, what, code):
    with pytest.raises((InputError, UsageError)) as refused:
        case.write(**what)
    assert refused.value.code == code


def test_a_file_that_is_no_pdf_is_refused_for_its_ending_whatever_the_language(case):
    for lang in ("zh", "fr"):
        with pytest.raises(UsageError) as refused:
            dossier(case.home, case.make.path / "file.txt", "sme2024", lang=lang)
        assert (refused.value.code, "file.txt" in refused.value.say("zh"), "lang" in refused.value.say("en")) == (
            "SY794",
            True,
            False,
        )


def test_a_dossier_of_a_subject_that_nobody_knows_is_refused(case):
    with pytest.raises(UsageError) as refused:
        case.write(subject="NIX")
    assert refused.value.code == "SY707"


def test_an_edition_that_is_not_in_force_at_the_end_of_the_period_is_refused(case):
    with pytest.raises(InputError) as refused:
        case.write(period=parse("2020", case.home.zone))
    assert refused.value.code == "SY720"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code, capsys.readouterr().out


def test_the_commands_lead_from_documents_and_forms_through_an_inspection_to_a_dossier_that_verifies(
    make, capsys, monkeypatch
):
    monkeypatch.setenv("STEELYARD_LANG", "en")
    home, path = make.path / "works", make.path
    assert run(capsys, "init", home, "--name", "works", "--kind", "factory", "--subject", "E1")[0] == 0
    paper = make.file("contract.pdf", "signed")
    assert (
        run(capsys, "document", "keep", home, paper, "--kind", "contract", "--amount", "12", "--at", "2026-03-01")[0]
        == 0
    )
    assert json.loads(run(capsys, "document", "list", home, "--json")[1])[0]["whole"] is True
    assert "2026-03-01" in run(capsys, "document", "list", home)[1]  # a day of the home's zone, not of UTC
    for wrong in (("--amount", "nan"), ("--subject", "NOBODY")):
        assert run(capsys, "document", "keep", home, paper, "--kind", "contract", *wrong)[0] == 2
    assert run(capsys, "form", "out", home, "sme2024", path / "form.csv")[0] == 0
    text = (
        (path / "form.csv")
        .read_text("utf-8-sig")
        .replace("S1,,,", "S1,3,documented,contract.pdf")
        .replace("S2,,,", "S2,9,pledged,")
    )
    (path / "form.csv").write_text(text, "utf-8-sig")
    status, said = run(capsys, "form", "in", home, path / "form.csv", "--json")
    taken = json.loads(said)
    assert (status, taken["read"], taken["stored"], taken["refused"], taken["unchanged"]) == (3, 31, 1, 1, 29)
    assert {"file", "row", "cell", "value", "code", "reason", "remedy"} <= set(taken["refusals"][0])

    key = run(capsys, "inspect", "key", "--out", path / "a.pem")[1].split()[-1]
    assert run(capsys, "inspect", "trust", home, key, "--name", "Zhang")[0] == 0
    draw = ("--items", 2, "--seed", "7", "--out", path / "draw.json", "--form", path / "visit.xlsx")
    items = json.loads(run(capsys, "inspect", "draw", home, "sme2024", *draw, "--json")[1])["items"]
    fill(path / "visit.xlsx", dict.fromkeys(items, "1"))
    seal = ("--draw", path / "draw.json", "--key", path / "a.pem", "--out", path / "e.inspection")
    assert run(capsys, "inspect", "seal", path / "visit.xlsx", *seal)[0] == 0
    assert run(capsys, "inspect", "in", home, path / "e.inspection")[0] == 0
    assert json.loads(run(capsys, "inspect", "compare", home, "E1", "sme2024", "--json")[1])["inspected"] == 2

    status, said = run(capsys, "dossier", home, path / "d.pdf", "--framework", "sme2024", "--json")
    assert (status, json.loads(said)["documents"]) == (0, 1)
    assert run(capsys, "verify", path / "d.bundle")[0] == run(capsys, "verify", home)[0] == 0
    (home / "documents").joinpath(*next((home / "documents").glob("*/*")).parts[-2:]).write_text("other")
    assert run(capsys, "verify", home)[0] == run(capsys, "document", "list", home)[0] == 1


def fill(path, answers):
    book = openpyxl.load_workbook(path)
    for row in book.active.iter_rows():
        if row[0].value in answers:
            row[4].value = answers[row[0].value]
    book.save(path)
