"""Inspections of a draw correct a reported coverage: what counts, what does not and why, and what is kept."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from audit_region import COVERAGE, LEVEL, Region, wanted

from steelyard.cli import main
from steelyard.errors import InputError, UsageError
from steelyard.evidence.seal import Key
from steelyard.model.period import parse
from steelyard.plan import audit_draw, audit_weigh
from steelyard.plan.audit_words import result_words
from steelyard.take.audit import sample_of
from steelyard.take.draw import write_key
from steelyard.take.inspection import revoke_assessor, trust_assessor
from steelyard.trace import trace, verify
from steelyard.weigh import weigh

CLAIMED = [2, 0, 2, 2, 3, 2, 2, 0, 2, 2]


@pytest.fixture
def region(make):
    return Region(make, CLAIMED)


def everybody(region, levels=None):
    """An audit that draws all firms, each inspected, with the levels that were found; returns both."""
    of = region.drawn(0.0001)
    truth = dict(region.firms) | (levels or {})
    region.inspect_all(truth, truth)
    return of, truth


def codes(done):
    return {one.where: one.code for one in done.findings.refused}


def said(errors):
    for one in errors:
        assert all((one.say("zh"), one.say("en"), one.remedy("zh"), one.remedy("en")))


def test_with_everybody_inspected_the_corrected_coverage_is_the_truth_and_a_point(region):
    of, _ = everybody(region, {"F00": 0, "F03": 1, "F04": 2, "F01": 2})
    done = region.audited(of)
    found = done.corrected
    assert (found.coverage.low, found.coverage.value, found.coverage.high) == pytest.approx([0.7] * 3)
    assert (done.reported.value, done.reported.heard, done.reported.among) == (pytest.approx(0.8), 10, 10)
    assert found.excess.value == pytest.approx(0.1)
    assert found.holding.value == pytest.approx(6 / 8)
    wrong = {
        (row["label"], row["claims"]): float(value) for row, value in zip(done.strata, found.wrong.value, strict=True)
    }
    assert wrong == {("440100", "yes"): 0.2, ("440300", "no"): 0.5, ("440300", "yes"): pytest.approx(1 / 3)}
    assert (done.silent, done.findings.refused, audit_weigh.notes(done)) == ([], [], [])
    assert done.roster == pytest.approx((0.7, 0.7))


def test_a_firm_that_was_not_inspected_is_said_and_widens_to_both_sides(region):
    of = region.drawn(0.0001)
    region.inspect_all([firm for firm in region.firms if firm != "F02"], region.firms)
    done = region.audited(of)
    assert done.silent == ["F02"]
    assert (done.corrected.coverage.low, done.corrected.coverage.high) == pytest.approx((0.7, 0.8))
    for lang in ("zh", "en"):
        assert any("F02" in line for line in result_words(done, lang))


def test_without_any_inspection_nothing_is_known_and_nothing_is_kept(region):
    done = region.audited(region.drawn(0.2))
    assert (done.corrected.coverage.value, done.corrected.coverage.low, done.corrected.coverage.high) == (
        None,
        0.0,
        1.0,
    )
    with pytest.raises(InputError) as why:
        audit_weigh.keep(region.home, done)
    assert why.value.code == "SY876"
    said([why.value])
    with pytest.raises(UsageError) as early:
        region.audited(region.seeded())
    assert early.value.code == "SY865"


def test_an_inspection_before_the_draw_does_not_count_and_is_named(region):
    of = region.closed()
    region.inspect("F00", 0)
    of = audit_draw.draw(region.home, of, wanted(0.0001))
    region.inspect("F02", 0, days_ago=2)
    region.weigh([LEVEL], region.month)
    done = region.audited(of)
    assert codes(done) == {"F00": "SY874", "F02": "SY874"}
    assert {"F00", "F02"} <= set(done.silent)
    said(done.findings.refused)


def test_an_inspection_by_a_key_that_is_not_trusted_does_not_count(region):
    of = region.drawn(0.0001)
    other = Key.new()
    with pytest.raises(InputError) as unknown:
        region.inspect("F00", 0, key=other)
    assert unknown.value.code == "SY727"
    trust_assessor(region.home, other.public.hex(), "Li Si")
    region.inspect("F00", 0, key=other)
    region.inspect("F02", 0)
    region.weigh([LEVEL], region.month)
    revoke_assessor(region.home, other.public.hex())
    assert codes(region.audited(of)) == {}
    with region.days_ago(1):
        revoke_assessor(region.home, other.public.hex())
    assert codes(region.audited(of)) == {"F00": "SY875"}
    (leaf, *_) = (one for one in region.home.leaves(kind="inspection") if one.header["subjects"][0] == "F02")
    path = region.home.path / leaf.path
    path.write_bytes(path.read_bytes().replace(b"Zhang San", b"Zhang Sen"))
    done = region.audited(of)
    assert codes(done) == {"F00": "SY875", "F02": "SY875"}
    said(done.findings.refused)


def test_an_inspected_answer_that_no_assessor_sealed_is_no_inspection(region):
    of = region.drawn(0.0001)
    rows = region.make.answers("F00", 0, "2026-03-02", "inspected")
    region.give("answers", "subject,item,at,value,grade,document\n" + rows)
    region.weigh([LEVEL], region.month)
    assert region.audited(of).findings.found == {}


def test_a_visit_that_asked_a_part_leaves_the_firm_unheard_unless_it_is_taken_at_its_word(region):
    of = region.drawn(0.0001)
    region.inspect("F00", 0, items=10)
    region.weigh([LEVEL], region.month)
    done = region.audited(of)
    assert codes(done) == {"F00": "SY878"}
    said(done.findings.refused)
    assert set(region.audited(of, partial=True).findings.found) == {"F00"}


def test_an_inspection_that_was_not_weighed_is_told_with_the_command(region):
    of = region.drawn(0.0001)
    region.inspect("F00", 0)
    done = region.audited(of)
    assert codes(done) == {"F00": "SY879"}
    assert f"steelyard weigh {region.home.path} {LEVEL} --period {region.month}" in done.findings.refused[0].remedy(
        "en"
    )
    region.weigh([LEVEL], region.month)
    assert region.audited(of).findings.found["F00"].level == 0


def test_a_firm_inspected_and_not_drawn_is_told_and_not_counted(region):
    of = region.drawn(0.3)
    drawn = {row["enterprise"] for row in sample_of(region.home, of)}
    outside = min(set(region.firms) - drawn)
    region.inspect_all([outside], region.firms)
    done = region.audited(of)
    assert (done.findings.outside, done.findings.found) == ([outside], {})


def test_of_two_visits_the_first_counts(region):
    of = region.drawn(0.0001)
    region.inspect_all(["F00"], {"F00": 0})
    before = region.audited(of).findings.found["F00"]
    region.inspect("F00", 3)
    done = region.audited(of)
    assert (done.findings.found["F00"], done.findings.again) == (before, ["F00"])


def test_a_claim_changed_after_closing_is_named_and_the_closed_one_counts(region):
    of = region.drawn(0.0001)
    region.say({"F00": 0, "F01": 3}, at="2026-04-01")
    done = region.audited(of)
    assert (done.since.raised, done.since.lowered) == (["F01"], ["F00"])
    assert done.reported.value == pytest.approx(0.8)
    assert {one.where: one.code for one in audit_weigh.notes(done)} == {"F00": "SY873", "F01": "SY873"}
    said(audit_weigh.notes(done))


def test_what_an_inspection_itself_changes_is_no_changed_claim(region):
    of = region.drawn(0.0001)
    region.inspect("F00", 0)
    region.weigh([LEVEL], "2026")
    done = region.audited(of)
    assert done.findings.found["F00"].level == 0
    assert done.since.lowered == []


def test_a_firm_that_left_the_list_counts_as_when_the_claims_were_closed(region):
    of = region.drawn(0.0001)
    region.give("roster", "enterprise,list,until\nF05,above_size,2025-12-01\n")
    done = region.audited(of)
    assert done.since.left == ["F05"]
    assert done.firms == 10
    assert [(one.where, one.code) for one in audit_weigh.notes(done)] == [("F05", "SY877")]
    said(audit_weigh.notes(done))


def test_a_neighbour_s_inspection_touches_neither_a_firm_s_own_figure_nor_another_stratum(region):
    of = region.drawn(0.0001)
    before = {row["subject"]: row for row in region.home.figures(LEVEL, period=region.period).to_pylist()}
    region.inspect_all(["F00", "F01"], region.firms)
    first = region.audited(of)
    region.inspect_all(["F03", "F05"], {"F03": 0, "F05": 0})
    done = region.audited(of)
    audit_weigh.keep(region.home, done)
    after = {row["subject"]: row for row in region.home.figures(LEVEL, period=region.period).to_pylist()}
    assert after == before
    same = [row["label"] == "440100" for row in done.strata]
    for end in ("low", "high"):
        assert (getattr(first.corrected.wrong, end) == getattr(done.corrected.wrong, end))[same].all()
    assert (first.corrected.wrong.low != done.corrected.wrong.low).any()


def test_the_kept_figure_is_estimated_and_its_trace_ends_in_claims_inspections_and_the_draw(region):
    of, _ = everybody(region, {"F00": 0})
    done = region.audited(of)
    kept, digest = audit_weigh.keep(region.home, done)
    assert (kept.made, audit_weigh.keep(region.home, done)[0].unchanged) == (1, 1)
    name = f"audit/coverage[draw={of.id},of={COVERAGE}]"
    (row,) = region.home.figures(name, "440000", region.period).to_pylist()
    assert (row["value"], row["heard"], row["among"], row["estimated"]) == (pytest.approx(0.7), 10, 10, True)
    assert (row["grade"], row["digest"].hex()) == ("pledged", digest)
    tree = trace(region.home, row["digest"])
    assert tree.state == "SHOWN"
    kinds = {child.leaf["kind"] if child.leaf else child.figure["measure"] for child in tree.children}
    assert kinds == {"audit_claims", "audit_draws", LEVEL}
    assert verify(region.home).holds
    leaf = next(one for one in region.home.leaves(kind="inspection"))
    path = region.home.path / leaf.path
    path.write_bytes(path.read_bytes() + b" ")
    assert trace(region.home, row["digest"]).state == "BROKEN"


def told(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    return int(ended.value.code or 0), capsys.readouterr()


def test_the_commands_lead_from_seed_to_kept_figure(region, capsys, make):
    home, of = region.home.path, ("--measure", COVERAGE, "--period", "2026")
    assert told(capsys, "audit", "seed", home, *of, "--by", "region", "--beacon", "lottery 7")[0] == 0
    assert told(capsys, "audit", "draw", home, *of, "--margin", "0.2")[1].err.startswith("SY865")
    claims, sample = make.path / "claims.csv", make.path / "sample.csv"
    state = json.loads(told(capsys, "audit", "close", home, *of, "--out", claims, "--json")[1].out)
    assert sha256(claims.read_bytes()).hexdigest() == state["claims"]
    assert told(capsys, "audit", "draw", home, *of, "--margin", "0.2", "--by", "size")[1].err.startswith("SY861")
    status, shown = told(
        capsys, "audit", "draw", home, *of, "--margin", "0.2", "--outcome", "1 2 3", "--out", sample, "--json"
    )
    assert status == 0
    made = json.loads(shown.out)
    firms = [row["enterprise"] for row in made["sample"]]
    assert [line.split(",")[0] for line in sample.read_text().splitlines()[1:]] == firms
    assert told(capsys, "audit", "verify", home, "--draw", made["audit"])[0] == 0
    write_key(key := make.path / "zhang.pem", region.key)
    for firm in firms:
        draw, form, out = (make.path / f"{firm}.{end}" for end in ("json", "csv", "inspection"))
        assert (
            told(
                capsys,
                "inspect",
                "draw",
                home,
                "sme2024",
                "--items",
                31,
                "--seed",
                "x",
                "--subject",
                firm,
                "--out",
                draw,
            )[0]
            == 0
        )
        rows = [line.split(",") for line in make.answers(firm, 0).splitlines()]
        form.write_text("item,answer,document\n" + "".join(f"{row[1]},{row[3]},\n" for row in rows))
        assert told(capsys, "inspect", "seal", form, "--draw", draw, "--key", key, "--out", out)[0] == 0
        assert told(capsys, "inspect", "in", home, out)[0] == 0
    weigh(region.home, [LEVEL], [parse(region.month, region.home.zone)])
    found = json.loads(told(capsys, "audit", "weigh", home, "--draw", made["audit"], "--keep", "--json")[1].out)
    assert (found["corrected"]["value"], found["corrected"]["inspected"], found["not_inspected"]) == (0, len(firms), [])
    assert found["figure"]["made"] == 1
    status, shown = told(capsys, "audit", "weigh", home, "--draw", made["audit"])
    assert (status, "80.00%" in shown.out) == (0, True)
    assert made["audit"] in told(capsys, "audit", "list", home)[1].out
