"""The steps of an audit are sealed rows: one secret for one promise, claims as text that anybody digests alike."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import UsageError
from steelyard.evidence.seal import Key, signed
from steelyard.model.period import parse
from steelyard.take import audit as sealed
from steelyard.trace import verify

MEASURE = "coverage/sme2024-level2"
DESIGN = {"outcome": None, "claims": "00", "margin": 0.1, "confidence": 0.95, "cost": 1.0, "bound": 1.0, "reached": 0.1}


def claim(firm, level=2.0, **more):
    figure = None if level is None else sha256(firm.encode()).hexdigest()
    said = "unheard" if level is None else "yes"
    return {
        "enterprise": firm,
        "region": "440100",
        "industry": "38",
        "size": "-",
        "level": level,
        "claims": said,
        "figure": figure,
    } | more


CLAIMS = [claim("E2"), claim("E1", None), claim("E3", 2.5)]


@pytest.fixture
def home(make):
    return make.new("city")


def seeded(home, **more):
    given_ = {
        "place": "440100",
        "measure": MEASURE,
        "period": parse("2026", home.zone),
        "by": ("region", "level"),
        "beacon": "",
    } | more
    return sealed.seal_seed(home, **given_)


def test_an_audit_reads_back_as_it_was_sealed_step_by_step(home):
    of = seeded(home, beacon="lottery 7")
    assert (of.place, of.measure, of.by, of.beacon, of.attempt) == (
        "440100",
        MEASURE,
        ("region", "level"),
        "lottery 7",
        1,
    )
    assert (of.id, of.closing, of.drawing, of.secret) == (of.commitment[:12], None, None, "")
    of = sealed.seal_claims(home, of, CLAIMS, synthetic=True)
    assert sealed.claims_text(sealed.claims_of(home, of)) == sealed.claims_text(CLAIMS)
    stratum = {"stratum": 0, "label": "440100", "claims": "yes", "among": 2, "size": 1, "expected": 0.1, "cost": 1.0}
    design = DESIGN | {"secret": sealed.secret_of(home, of), "outcome": "1 2 3"}
    of = sealed.seal_draw(home, of, design, [stratum], [{"enterprise": "E3", "stratum": 0, "rank": 1}])
    assert (of.secret, of.outcome, sealed.honest(home, of)) == (design["secret"], "1 2 3", True)
    assert [row["enterprise"] for row in sealed.sample_of(home, of)] == ["E3"]
    assert [{key: row[key] for key in stratum} for row in sealed.strata_of(home, of)] == [stratum]
    assert (of.closing.leaf.synthetic, of.drawing.leaf.synthetic) == (True, True)
    assert verify(home).holds


def test_the_secret_is_this_home_s_own_signature_over_what_is_audited_and_for_the_how_manieth_time(home):
    of = seeded(home)
    message = sealed.promise("440100", MEASURE, of.period, of.by, "", 1)
    assert signed(home.public_key, message, bytes.fromhex(sealed.secret_of(home, of)))
    drawn = replace(of, design={"secret": sealed.secret_of(home, of)})
    assert sealed.honest(home, drawn)
    other = Key.new().sign(message).hex()
    assert not sealed.honest(home, replace(of, design={"secret": other}, commitment=sealed.committed(other)))
    assert not sealed.honest(home, replace(drawn, attempt=2))
    assert not sealed.honest(home, replace(of, design={"secret": "no hex"}))


@pytest.mark.parametrize(
    "change", [{"place": "440300"}, {"measure": "coverage/sme2024-level1"}, {"by": ("region",)}, {"beacon": "x"}]
)
def test_whatever_is_promised_is_part_of_the_commitment(home, change):
    first = seeded(home)
    message = {
        "place": "440100",
        "measure": MEASURE,
        "period": first.period,
        "by": first.by,
        "beacon": "",
        "attempt": 1,
    }
    assert sealed.promise(**(message | change)) != sealed.promise(**message)


def test_seeds_of_other_places_coverages_and_periods_do_not_wait_for_each_other(home):
    of = seeded(home)
    for change in ({"place": "440300"}, {"measure": "coverage/sme2024-level1"}, {"period": parse("2025", home.zone)}):
        assert seeded(home, **change).attempt == 1
    with pytest.raises(UsageError) as why:
        seeded(home)
    assert (why.value.code, why.value.facts["audit"]) == ("SY863", of.id)


def test_the_text_of_claims_is_plain_csv_in_the_order_of_firms():
    lines = sealed.claims_text(CLAIMS).decode().split("\n")
    assert lines[0] == "enterprise,region,industry,size,level,claims,figure"
    assert [line.split(",")[0] for line in lines[1:-1]] == ["E1", "E2", "E3"]
    assert [line.split(",")[4] for line in lines[1:-1]] == ["", "2", "2.5"]
    assert sealed.claims_digest(CLAIMS) == sha256(sealed.claims_text(CLAIMS)).hexdigest()


@given(
    st.permutations(range(5)), st.integers(0, 4), st.sampled_from(["region", "industry", "size", "claims", "figure"])
)
def test_claims_have_one_digest_whatever_their_order_and_another_when_anything_changes(order, firm, field):
    rows = [claim(f"E{number}") for number in range(5)]
    assert sealed.claims_digest([rows[place] for place in order]) == sealed.claims_digest(rows)
    changed = [dict(row, **{field: "changed"}) if number == firm else row for number, row in enumerate(rows)]
    assert sealed.claims_digest(changed) != sealed.claims_digest(rows)
