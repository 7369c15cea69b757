"""Audits are drawn so that anyone can check that nobody chose: seed, then claims, then draw, each sealed; and at least cost."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from audit_region import CITIES, COVERAGE, Region, wanted

from steelyard.errors import InputError, UsageError
from steelyard.plan import audit_draw
from steelyard.plan.audit_costs import costs_of, strangers
from steelyard.plan.audit_frame import parts_of, place_of, stratum_of
from steelyard.plan.audit_verify import verify_audit
from steelyard.plan.audit_words import drawn_words
from steelyard.take import audit as sealed
from steelyard.take.audit import Audit, audit, audits, claims_of, claims_text, sample_of, strata_of
from steelyard.trace import verify

LEVELS = [2, 0, 3, 2, 2, 0, 2, 3, 0, 2, 2, 2, 2, 2, None, 0]


@pytest.fixture
def region(make):
    return Region(make, LEVELS)


def refused(code, call, *arguments, **more):
    with pytest.raises((InputError, UsageError)) as why:
        call(*arguments, **more)
    assert why.value.code == code
    assert all((why.value.say("zh"), why.value.say("en"), why.value.remedy("zh"), why.value.remedy("en")))
    return why.value


def failing(home, of):
    return {one.name for one in verify_audit(home, of) if not one.holds}


# the seed


def test_anyone_recomputes_the_sample_from_the_secret_and_the_published_claims(region):
    of = region.drawn(0.1, beacon="lottery 2026140", outcome="01 02 03")
    claims = claims_text(claims_of(region.home, of))
    rows = list(csv.DictReader(io.StringIO(claims.decode())))
    assert sha256(of.secret.encode()).hexdigest() == of.commitment
    seed = sha256(f"{of.secret}\n{sha256(claims).hexdigest()}\n01 02 03".encode()).hexdigest()
    sizes = {(row["label"], row["claims"]): row["size"] for row in strata_of(region.home, of)}
    by_hand = set()
    for (label, said), size in sizes.items():
        firms = [row["enterprise"] for row in rows if (row["region"], row["claims"]) == (label, said)]
        by_hand |= set(sorted(firms, key=lambda firm: sha256(f"{seed}\n{firm}".encode()).hexdigest())[:size])
    assert {row["enterprise"] for row in sample_of(region.home, of)} == by_hand


def test_seed_claims_and_draw_are_sealed_in_this_order_and_stand_on_each_other(region):
    of = region.drawn(0.1)
    assert of.seed.seal < of.closing.seal < of.drawing.seal
    assert of.closing.leaf.header["source"]["parents"] == [of.seed.leaf.digest.hex()]
    assert of.drawing.leaf.header["source"]["parents"] == [of.seed.leaf.digest.hex(), of.closing.leaf.digest.hex()]
    assert failing(region.home, of) == set()
    assert verify(region.home).holds


def test_a_home_has_one_secret_for_one_audit_so_that_there_is_nothing_to_try(region):
    of = region.seeded()
    assert sealed.committed(sealed.secret_of(region.home, of)) == of.commitment
    assert sealed.secret_of(region.home, of) == sealed.secret_of(region.home, of)
    assert sealed.secret_of(region.home, replace(of, attempt=2)) != sealed.secret_of(region.home, of)
    assert of.secret == ""


def test_a_second_seed_is_refused_until_the_first_was_drawn_from_and_then_counts_as_the_second(region):
    first = region.seeded()
    assert refused("SY863", region.seeded).facts["audit"] == first.id
    audit_draw.draw(region.home, audit_draw.close(region.home, first), wanted(0.1))
    second = region.seeded()
    assert (second.attempt, second.commitment != first.commitment) == (2, True)
    assert [one.id for one in audits(region.home)] == [first.id, second.id]


def test_one_changed_claim_gives_another_seed(region):
    of = region.closed()
    rows = claims_of(region.home, of)
    changed = [dict(row, level=3.0 if row["level"] == 2 else row["level"]) for row in rows]
    assert sealed.claims_digest(changed) != sealed.claims_digest(rows)
    assert sealed.claims_digest(rows[::-1]) == sealed.claims_digest(rows)


def test_a_seed_sealed_after_the_claims_were_closed_is_refused_and_seen(region):
    of = region.closed()
    late = replace(of, seed=replace(of.seed, seal=of.closing.seal + 1))
    assert "audit" in refused("SY866", audit_draw.draw, region.home, late, wanted(0.1)).facts
    done = audit_draw.draw(region.home, of, wanted(0.1))
    assert failing(region.home, replace(done, seed=late.seed)) == {"order"}


def test_the_outcome_of_a_public_event_is_asked_where_one_was_named_and_only_then(region):
    of = region.closed(beacon="lottery 2026140")
    refused("SY867", audit_draw.draw, region.home, of, wanted(0.1))
    done = audit_draw.draw(region.home, of, wanted(0.1, outcome="01 02 03"))
    assert failing(region.home, done) == set()
    refused("SY867", audit_draw.draw, region.home, region.closed(), wanted(0.1, outcome="01"))


def test_steps_come_once_and_in_order(region):
    refused("SY862", audit_draw.waiting, region.home, COVERAGE, region.period, "")
    of = region.seeded()
    refused("SY865", audit_draw.draw, region.home, of, wanted(0.1))
    refused("SY865", verify_audit, region.home, of)
    of = audit_draw.close(region.home, of)
    refused("SY868", audit_draw.close, region.home, of)
    of = audit_draw.draw(region.home, of, wanted(0.1))
    refused("SY868", audit_draw.draw, region.home, of, wanted(0.1))
    assert audit_draw.waiting(region.home, COVERAGE, region.period, "") == of


def test_what_was_changed_after_sealing_is_seen(region):
    of = region.drawn(0.1)
    assert failing(region.home, replace(of, design=of.design | {"secret": "00" * 64})) >= {"secret", "sample"}
    assert failing(region.home, replace(of, design=of.design | {"claims": "00" * 32})) == {"claims"}
    assert failing(region.home, replace(of, design=of.design | {"outcome": "07"})) == {"beacon", "sample"}
    assert failing(region.home, replace(of, design=of.design | {"margin": 0.01})) == {"sizes"}
    for leaf in (of.closing.leaf, region.home.leaves(kind="audit_samples")[0]):
        path = region.home.path / leaf.path
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + b"x")
        assert failing(region.home, of) == {"bytes"}
        path.write_bytes(whole)
    assert failing(region.home, of) == set()


def test_claims_closed_a_second_time_do_not_count_and_are_seen(region):
    of = region.closed()
    rows = [{name: row[name] for name in sealed.TOLD} for row in claims_of(region.home, of)]
    again = sealed.seal_claims(region.home, of, [dict(row, claims="no") for row in rows], synthetic=False)
    assert [row["claims"] for row in claims_of(region.home, again)] == [row["claims"] for row in rows]
    assert failing(region.home, audit_draw.draw(region.home, again, wanted(0.1))) == {"once"}


# whom and how many


def test_the_frame_is_whom_the_coverage_heard_and_the_unheard_too_where_asked(region):
    of = region.closed()
    figure = region.home.figures(COVERAGE, "440000", region.period).to_pylist()[0]
    frame = audit_draw.frame_of(region.home, of, whole=False)
    claiming = sum(row["claims"] == "yes" for row in frame.rows)
    assert (len(frame.rows), claiming / len(frame.rows)) == (figure["heard"], figure["value"])
    whole = audit_draw.frame_of(region.home, of, whole=True)
    assert len(whole.rows) == figure["among"]
    assert {said for _, said in whole.keys} == {"yes", "no", "unheard"}


def test_strata_are_made_of_region_size_and_level(make):
    region = Region(make, [2, 2, 3, 0], sizes=["large", "small", "", "micro"])
    frame = audit_draw.frame_of(region.home, region.closed(by="region,size,level"), whole=False)
    assert frame.keys == [
        ("440100 / - / 3", "yes"), ("440100 / large / 2", "yes"), ("440300 / micro / 0", "no"), ("440300 / small / 2", "yes"),
    ]  # fmt: skip
    assert frame.among.tolist() == [1, 1, 1, 1]


def test_the_order_in_which_parts_are_named_makes_no_other_audit(make):
    region = Region(make, [2, 0, 2, None], sizes=["large"])
    assert parts_of("level,region") == parts_of("region, level") == ("region", "level")
    plain = audit_draw.frame_of(region.home, region.closed(by=""), whole=True)
    assert plain.keys == [("–", "no"), ("–", "unheard"), ("–", "yes")]
    codes = {
        "province": "440000",
        "region": "440100",
        "county": "440100",
        "industry": "-",
        "size": "large",
        "level": "2",
    }
    row = {"region": "440100", "industry": "-", "size": "large", "level": 2.0, "claims": "yes"}
    assert stratum_of(row, tuple(codes)) == (*codes.values(), "yes")


def test_a_smaller_margin_keeps_the_firms_of_a_wider_one(region):
    of = region.closed()
    frame = audit_draw.frame_of(region.home, of, whole=False)
    few, many = (
        audit_draw.drawn(frame, "seed", audit_draw.designed(frame, wanted(m)).allocation.size) for m in (0.3, 0.05)
    )
    assert {row["enterprise"] for row in few} < {row["enterprise"] for row in many}


def test_more_than_a_stratum_has_is_never_drawn_and_the_strata_inspected_whole_are_said(region):
    of = region.drawn(0.0001)
    assert all(row["size"] == row["among"] for row in strata_of(region.home, of))
    for lang in ("zh", "en"):
        assert any("440100 yes" in line for line in drawn_words(of, strata_of(region.home, of), lang))


def test_what_an_earlier_audit_found_leads_the_expectation_by_stratum(region):
    frame = audit_draw.frame_of(region.home, region.closed(), whole=False)
    plain = audit_draw.designed(frame, wanted(0.1))
    led = audit_draw.designed(frame, wanted(0.1, earlier={(CITIES[0], "yes"): (6, 10)}))
    place = frame.keys.index((CITIES[0], "yes"))
    assert plain.expected[place] == 0.1
    assert led.expected[place] == pytest.approx((6 + 10 * 0.1) / 20)
    assert np.delete(led.expected, place) == pytest.approx(np.delete(plain.expected, place))
    assert led.allocation.size[place] >= plain.allocation.size[place]


# costs


def file_of(region, text):
    return region.make.file("costs.csv", "region,size,cost\n" + text)


def test_the_closest_cost_counts_and_rows_without_firms_are_told(region):
    costs = costs_of(region.home, file_of(region, "440100,*,300\n*,*,100\n999900,*,5\n"))
    frame = audit_draw.frame_of(region.home, region.closed(), whole=False)
    design = audit_draw.designed(frame, wanted(0.1, costs=costs))
    assert {label: cost for (label, _), cost in zip(frame.keys, design.cost, strict=True)} == {
        "440100": 300,
        "440300": 100,
    }
    assert strangers(costs, frame.rows) == ["999900 *"]


def test_costs_of_the_table_count_where_there_is_no_file_and_without_any_each_costs_one(region):
    frame = audit_draw.frame_of(region.home, region.closed(), whole=False)
    assert audit_draw.designed(frame, wanted(0.1, costs=costs_of(region.home, None))).cost.tolist() == [1] * len(
        frame.keys
    )
    region.give("inspection_costs", "region,size,cost\n*,*,250\n")
    assert audit_draw.designed(frame, wanted(0.1, costs=costs_of(region.home, None))).cost.tolist() == [250] * len(
        frame.keys
    )


@pytest.mark.parametrize("bad", ["*,*,-5\n", "*,*,many\n", "*,*,\n"])
def test_a_negative_cost_or_one_that_is_no_number_is_named_with_its_row(region, bad):
    told = refused("SY871", costs_of, region.home, file_of(region, bad))
    assert told.facts["row"] == 2
    refused("SY201", costs_of, region.home, region.make.path / "none.csv")


def test_a_stratum_without_a_cost_is_named(region):
    frame = audit_draw.frame_of(region.home, region.closed(), whole=False)
    told = refused("SY870", audit_draw.designed, frame, wanted(0.1, costs={("440100", "*"): 1.0}))
    assert told.facts == {"region": "440300", "size": "-"}


def test_a_margin_beyond_the_budget_is_told_with_the_one_that_it_pays_for(region):
    frame = audit_draw.frame_of(region.home, region.closed(), whole=False)
    full = audit_draw.designed(frame, wanted(0.05)).allocation.cost
    told = refused("SY872", audit_draw.designed, frame, wanted(0.05, budget=full - 1))
    best = float(told.facts["best"])
    assert best > 0.05
    assert audit_draw.designed(frame, wanted(best, budget=full - 1)).allocation.cost <= full - 1
    assert refused("SY872", audit_draw.designed, frame, wanted(0.05, budget=0.0)).facts["best"] == "–"
    refused("SY781", audit_draw.designed, frame, wanted(0.05, budget=-1.0))


# what cannot be audited


def test_what_is_no_coverage_no_stratum_and_no_place_is_refused(region):
    refused("SY860", audit_draw.seal_seed, region.home, "sme2024/level", region.period, "region")
    assert "level" in refused("SY861", parts_of, "region,colour").remedy("en")
    refused("SY861", parts_of, "region,region")
    refused("SY707", place_of, region.home, "450000")
    refused(
        "SY785",
        audit_draw.designed,
        audit_draw.frame_of(region.home, region.closed(), whole=False),
        wanted(0.1, confidence=95),
    )


def test_a_region_without_firms_and_one_where_nobody_is_heard_are_told(make):
    region = Region(make, [2, None, 0, None])
    region.give("subjects", "id,kind,gbt2260\n440400,region,440400\n")
    empty = region.seeded(place="440400")
    assert refused("SY869", audit_draw.close, region.home, empty).facts["firms"] == 0
    silent = region.closed(place="440300")
    assert refused("SY869", audit_draw.frame_of, region.home, silent, whole=False).facts["firms"] == 2
    assert len(audit_draw.frame_of(region.home, silent, whole=True).rows) == 2


def test_an_audit_is_found_by_the_first_digits_of_its_id(region):
    of = region.seeded()
    assert isinstance(audit(region.home, of.id[:6]), Audit)
    refused("SY862", audit, region.home, "zzz")
    refused("SY862", audit, region.home, "")
