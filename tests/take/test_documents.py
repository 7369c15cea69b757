"""Documents: the bytes are sealed; the same file is one document; what was changed or lost is broken at exactly that document."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from steelyard.errors import InputError, UsageError
from steelyard.store.documents import rests_at, whole
from steelyard.take import documents
from steelyard.take.documents import Document, documents_of, keep_documents, leaves_of, proven
from steelyard.trace import trace, verify


@pytest.fixture
def home(make):
    return make.new("works", kind="factory", subject="E1")


def keep(make, home, name="contract.pdf", text="signed", kind="contract", subject="E1", **more):
    (kept,) = keep_documents(home, [(make.file(name, text), kind)], subject, **more)
    return kept


def own_faults(home):
    return [(fault.kind, fault.name) for fault in verify(home).faults if not fault.beneath]


def test_a_kept_document_is_the_file_byte_for_byte_and_everything_verifies(make, home):
    kept = keep(make, home, text="签字盖章")
    assert kept.document.document == sha256("签字盖章".encode()).hexdigest()
    assert rests_at(home, kept.document.document).read_text() == "签字盖章"
    assert documents_of(home, "E1") == [kept.document]
    assert verify(home).holds


def test_the_same_file_twice_is_one_document(make, home):
    first = keep(make, home)
    again = keep(make, home)
    assert again.already
    assert again.document == first.document
    assert len(home.leaves(kind="document")) == len(home.leaves(kind="documents")) == 1


def test_a_file_named_twice_in_one_go_is_kept_once(make, home):
    path = make.file("a.pdf", "x")
    assert len(keep_documents(home, [(path, "other"), (path, "other")], "E1")) == 1


def test_another_kind_corrects_the_row_and_the_older_one_stays(make, home):
    keep(make, home, kind="other")
    assert not keep(make, home, kind="contract").already
    assert [one.kind for one in documents_of(home)] == ["contract"]
    assert len(home.leaves(kind="documents")) == 2
    assert len(home.leaves(kind="document")) == 1


def test_a_date_and_an_amount_that_were_told_are_not_forgotten_by_keeping_again(make, home):
    first = keep(make, home, at=home.now() - 10**12, amount=12.5)
    assert keep(make, home).already
    assert keep(make, home, amount=13.0).document.at == first.document.at


def test_two_subjects_can_have_one_document(make, home):
    keep(make, home)
    keep(make, home, subject="E2")
    assert [one.subject for one in documents_of(home)] == ["E1", "E2"]
    assert len(home.leaves(kind="document")) == 1


@pytest.mark.parametrize("damage", ["change", "lose"])
def test_a_changed_or_lost_document_is_broken_at_exactly_that_document(make, home, damage):
    bad, good = keep(make, home, "a.pdf", "one").document, keep(make, home, "b.pdf", "two").document
    path = rests_at(home, bad.document)
    path.write_bytes(b"onf") if damage == "change" else path.unlink()
    leaf = leaves_of(home, [bad.document])[bad.document]
    assert own_faults(home) == [("leaf", leaf.digest.hex())]
    assert not whole(home, bad.document)
    assert whole(home, good.document)


def test_what_stands_on_a_broken_document_is_said_to_and_keeping_the_original_again_mends_it(make, home):
    kept = keep(make, home).document
    (rows,) = home.leaves(kind="documents")
    rests_at(home, kept.document).write_bytes(b"other")
    assert trace(home, rows.digest).state == "BROKEN"
    assert rows.digest.hex() in {fault.name for fault in verify(home).faults if fault.beneath}
    keep(make, home)
    assert verify(home).holds
    assert trace(home, rows.digest).state == "SHOWN"


@pytest.mark.parametrize(("kind", "text", "code"), [("bill", "x", "SY713"), ("photo", "", "SY207")])
def test_an_unknown_kind_and_an_empty_file_are_refused(make, home, kind, text, code):
    with pytest.raises((UsageError, InputError)) as refused:
        keep(make, home, kind=kind, text=text)
    assert refused.value.code == code


def test_a_file_beyond_the_limit_and_one_that_is_not_there_are_refused_and_nothing_is_kept(make, home, monkeypatch):
    monkeypatch.setattr(documents, "MOST_BYTES", 3)
    with pytest.raises(InputError) as refused:
        keep(make, home, text="four")
    assert refused.value.code == "SY714"
    with pytest.raises(InputError) as refused:
        keep_documents(home, [(make.file("ok.pdf", "ok"), "photo"), (make.path / "gone.pdf", "photo")], "E1")
    assert refused.value.code == "SY201"
    assert documents_of(home) == []


def test_a_date_to_come_is_refused(make, home):
    with pytest.raises(UsageError) as refused:
        keep(make, home, at=home.now() + 10**9)
    assert refused.value.code == "SY712"


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -5.0, -0.01])
def test_an_amount_that_is_none_is_refused_with_a_sentence_and_nothing_is_kept(make, home, amount):
    with pytest.raises(UsageError) as refused:
        keep(make, home, amount=amount)
    assert refused.value.code == "SY793"
    assert str(amount) in refused.value.say("en")
    assert documents_of(home) == []
    assert keep(make, home, amount=0.0).document.amount == 0


@pytest.mark.parametrize(
    "name", ["a\nb.pdf", "=HYPERLINK(1).pdf", "\udcce\udcd2.pdf", "合同+附件.pdf", "a\u202efdp.exe"]
)
def test_any_name_of_a_file_can_be_kept_and_shown(make, home, name):
    kept = keep(make, home, name).document
    assert kept.name.isprintable()
    assert documents_of(home) == [kept]


def test_synthetic_documents_say_so(make, home):
    keep(make, home, synthetic=True)
    (rows,) = home.leaves(kind="documents")
    assert rows.synthetic


@given(st.binary(min_size=32, max_size=32))
def test_no_spreadsheet_reads_the_short_id_of_a_document_as_a_number(digest):
    assume(set(digest.hex()) & set("abcdf"))  # all but one digest in 10^10
    short = Document(digest.hex(), "E1", "photo", 0, "a", "b", 1).short
    assert digest.hex().startswith(short)
    assert len(short) >= 12
    with pytest.raises(ValueError, match="could not convert"):
        float(short)


def test_a_kind_gives_what_the_item_or_its_fact_lists_and_else_the_common_grade():
    facts = {"fact.x": {"documents": {"export": "documented"}}}
    assert [proven(kind, {}, {}) for kind in ("contract", "photo", "other")] == ["documented", "documented", "pledged"]
    assert proven("photo", {"from": {"fact": "fact.x"}}, facts) == "pledged"
    assert proven("export", {"from": {"fact": "fact.x"}}, facts) == "documented"
    assert proven("photo", {"from": {"fact": "fact.x"}, "documents": {"photo": "documented"}}, facts) == "documented"
