"""What a plant engineer sees of a machine: OEE with its factors, the waterfall, and every lost minute by its reason."""

from __future__ import annotations

import json
import math
import re
import warnings

import pytest

from steelyard.cli.reading import show_figures
from steelyard.console import app
from steelyard.console.machine import _known
from steelyard.console.show import clock, falls, heard, minutes, span
from steelyard.console.words import catalogue
from steelyard.model.period import parse
from steelyard.weigh import weigh
from steelyard.weigh.losses import CATEGORIES, losses

with warnings.catch_warnings():  # starlette prefers another name of httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

DAY = "2026-03-14"
PARTS = [f"losses/{name}" for name in CATEGORIES]
MEASURES = [
    "iso22400/oee",
    "iso22400/availability",
    "iso22400/effectiveness",
    "iso22400/quality_ratio",
    "losses/planned",
    *PARTS,
]
FILES = {
    "subjects": "id,kind,name_zh,name_en\nM1,unit,一号冲床,Press 1\nM2,unit,,\nL1,line,一线,Line 1\n",
    "memberships": "subject,of,role\nM1,L1,unit\nM2,L1,unit\nM3,L1,unit\n",
    "shifts": "unit,start,end,kind\nM1,2026-03-14T08:00:00,2026-03-14T16:00:00,planned_busy\n"
              "M2,2026-03-14T08:00:00,2026-03-14T10:00:00,planned_busy\nM3,2026-03-14T08:00:00,2026-03-14T10:00:00,planned_busy\n",
    "machine_states": "unit,start,end,state,reason\nM1,2026-03-14T08:00:00,2026-03-14T11:00:00,production,\n"
                      "M1,2026-03-14T11:00:00,2026-03-14T11:25:00,setup,换模\nM1,2026-03-14T11:25:00,2026-03-14T12:05:00,delay,卡料\n"
                      "M1,2026-03-14T12:05:00,2026-03-14T12:20:00,delay,<b>jam\nM1,2026-03-14T12:20:00,2026-03-14T12:30:00,delay,\n"
                      "M1,2026-03-14T12:30:00,2026-03-14T13:00:00.1,waiting,缺料\nM1,2026-03-14T13:00:00.1,2026-03-14T15:00:00,production,\n"
                      "M2,2026-03-14T08:00:00,2026-03-14T10:00:00,production,\nM3,2026-03-14T08:00:00,2026-03-14T10:00:00,production,\n",
    "production_counts": "unit,start,end,product,produced,good,planned_seconds_per_item\n"
                         "M1,2026-03-14T08:00:00,2026-03-14T16:00:00,X,270,262,60.1\n"
                         "M2,2026-03-14T08:00:00,2026-03-14T10:00:00,Y,320,310,60\n",
}  # fmt: skip


@pytest.fixture
def home(make):
    """Two machines and a third without counts: M1 with stops of three reasons and an hour that nobody observed, M2 too fast."""
    made = make.new("works", kind="factory")
    for table, text in FILES.items():
        assert make.give(made, table, text).rows_refused == 0
    weigh(made, MEASURES, [parse(DAY, made.zone), parse("2026-03", made.zone)])
    _known.clear()
    return made


@pytest.fixture
def site(home):
    with TestClient(app(home.path), base_url="http://127.0.0.1:8080", follow_redirects=False) as client:
        yield client


def machine(site, subject="M1", **query):
    return site.get(f"/subjects/{subject}.json", params=query).json()["machine"]


def test_page_api_and_command_line_show_the_same_oee_to_the_last_bit(site, home, capsys):
    assert show_figures(home.path, "iso22400/oee", "M1", DAY, None, None, json=True) == 0
    said = json.loads(capsys.readouterr().out)[0]
    api = site.get("/api/figures", params={"measure": "iso22400/oee", "subject": "M1", "period": DAY}).json()[
        "figures"
    ][0]
    page = machine(site)["oee"]
    assert float(said["value"]).hex() == float(api["value"]).hex() == float(page["value"]).hex()
    assert said["digest"] == api["digest"] == page["digest"]
    assert f'/figures/{page["digest"]}" title="{page["value"]!r}"' in site.get("/subjects/M1").text


def test_the_categories_add_up_to_the_planned_time(site):
    for subject in ("M1", "M2", "M3", "L1"):
        seconds = {row["category"]: row["value"] for row in machine(site, subject)["waterfall"]}
        assert list(seconds) == ["planned", *CATEGORIES]
        assert math.isclose(math.fsum(seconds[name] for name in CATEGORIES), seconds["planned"], abs_tol=1e-9)


def test_every_lost_second_is_named_once_and_its_reasons_add_up_to_the_figure(site, home):
    for subject in ("M1", "M2", "M3", "L1"):
        found, figures = losses(home, subject, parse(DAY, home.zone)), machine(site, subject)["waterfall"]
        values = {row["category"]: row["value"] for row in figures}
        assert {name: values[name].hex() for name in found.sums} == {
            name: value.hex() for name, value in found.sums.items()
        }
        for name, total in found.sums.items():
            assert math.isclose(
                math.fsum(row.seconds for row in found.rows if row.category == name), total, abs_tol=1e-9
            )
    stops = {row["reason"]: row["seconds"] for row in machine(site)["reasons"] if row["category"] == "stops"}
    assert stops == {"卡料": 2400, "<b>jam": 900, "": 600}
    assert list(stops) == ["卡料", "<b>jam", ""]


def test_reasons_are_shown_in_both_languages_escaped_and_linked_to_their_figure(site):
    zh, en = site.get("/subjects/M1").text, site.get("/subjects/M1?lang=en").text
    assert "卡料" in zh
    assert "未说明原因" in zh
    assert "no reason told" in en
    assert "&lt;b&gt;jam" in en
    stops = next(row for row in machine(site)["waterfall"] if row["category"] == "stops")
    assert f'/figures/{stops["digest"]}" title="2400.0 s">40.0 min' in zh


def test_more_than_everything_is_shown_with_its_cause(site):
    page = site.get("/subjects/M2?lang=en").text
    did = machine(site, "M2")
    assert did["oee"]["value"] > 2
    assert "258.3%" in page
    assert "above one: the planned time per item is too long" in page
    assert next(row for row in did["waterfall"] if row["category"] == "speed")["value"] == -12_000
    assert "-200.0 min" in page
    assert "below zero: faster than planned" in page


def test_time_that_nobody_observed_is_said_in_hours_and_is_no_downtime(site):
    page = site.get("/subjects/M1?lang=en").text
    assert "7.0 / 8.0 h" in page
    assert "neither downtime nor production" in page
    assert next(row for row in machine(site)["waterfall"] if row["category"] == "unknown")["value"] == 3600


def test_data_that_came_after_the_figures_are_said_to_be_newer(site, home, make):
    make.give(
        home,
        "machine_states",
        "unit,start,end,state,reason\nM1,2026-03-14T15:00:00,2026-03-14T15:30:00,delay,late\n",
        "more.csv",
    )
    assert not machine(site)["current"]
    assert "有新数据到达" in site.get("/subjects/M1").text
    weigh(home, MEASURES, [parse(DAY, home.zone)])
    assert machine(site)["current"]
    assert "有新数据到达" not in site.get("/subjects/M1").text


def test_the_newest_period_opens_and_others_are_chosen_by_link(site):
    assert machine(site)["periods"] == [DAY, "2026-03"]
    assert machine(site)["period"] == DAY
    assert machine(site, period="2026-03")["period"] == "2026-03"
    assert site.get("/subjects/M1?period=2025").status_code == 400


def test_a_machine_that_nobody_registered_has_its_page(site):
    assert machine(site, "M3")["oee"] is None
    assert site.get("/subjects/M3").status_code == 200
    assert site.get("/subjects/M*").status_code == 404


def test_a_page_refreshes_itself_only_where_it_was_asked_to(site):
    assert "refresh" not in site.get("/subjects/M1").headers
    assert "live=1" in site.get("/subjects/M1").text
    live = site.get("/subjects/M1?live=1")
    assert live.headers["refresh"] == "5"
    assert "live=1" not in live.text.partition('class="live"')[2][:200]
    assert "refresh" not in site.get("/subjects/M1.json?live=1").headers
    assert "refresh" not in site.get("/measures?live=1").headers


def test_figures_of_synthetic_data_raise_the_banner(make):
    made = make.new("demo", kind="factory")
    for table, text in FILES.items():
        make.give(made, table, text, synthetic=True)
    weigh(made, MEASURES, [parse(DAY, made.zone)])
    with TestClient(app(made.path), base_url="http://localhost") as client:
        for subject in ("M1", "M3", "L1"):
            assert "合成数据 · Synthetic data" in client.get(f"/subjects/{subject}").text
            assert client.get(f"/subjects/{subject}.json").json()["synthetic"]


def test_a_page_of_machines_alone_bears_no_banner(site):
    assert "合成数据 · Synthetic data" not in site.get("/subjects/M1").text


def test_a_line_says_which_of_its_machines_it_does_not_speak_of(site):
    assert "some units have no production counts" in site.get("/subjects/L1?lang=en").text


def test_every_category_has_its_words():
    for texts in catalogue().values():
        assert {f"loss.{name}" for name in ("planned", *CATEGORIES)} <= set(texts)
        assert {f"reason.{name}" for name in CATEGORIES if name != "productive"} <= set(texts)


def test_every_flag_of_the_standards_has_its_words(home):
    said = {
        flag
        for measure in home.catalog.measures.values()
        for text in (measure.formula, *measure.views.values())
        for flag in re.findall(
            r"then '([a-z_]+(?::[a-z_]+)?)'(?: else '')? end(?:,|\)|$| as flags)", text, re.MULTILINE
        )
    }
    assert {f"flag.{flag}" for flag in said} <= set(catalogue()["zh"])
    assert said >= {"below_zero:planned_cycle", "above_one:unobserved", "impossible_values"}


def test_a_waterfall_falls_from_the_plan_to_the_ground_and_a_gain_rises():
    rows = [{"category": name, "value": value} for name, value in
            [("planned", 100.0), ("stops", 40.0), ("speed", -90.0), ("productive", 150.0)]]  # fmt: skip
    drawn = falls(rows)
    assert [(row["x"], row["wide"], row["after"]) for row in drawn] == [
        ("0.00", "666.67", "666.67"), ("400.00", "266.67", "400.00"), ("400.00", "600.00", "1000.00"), ("0.00", "1000.00", "1000.00"),
    ]  # fmt: skip
    assert falls([]) == []
    assert falls([{"category": "planned", "value": 0.0}])[0]["wide"] == "0.00"


def test_times_read_well_and_never_look_complete_when_they_are_not():
    def of(some, every):
        return heard({"base": "seconds", "heard": some, "among": every})

    assert of(79_200, 86_400) == "22.0 / 24.0 h"
    assert of(86_390, 86_400) == "23.997 / 24.000 h"
    assert of(86_399.5, 86_400) == "86,399.5 / 86,400 s"
    assert [minutes(v) for v in (0.0, -0.0, 0.5, -12_000.0)] == ["0.0 min", "0.0 min", "0.5 s", "-200.0 min"]
    assert [clock(v) for v in (0.04, -90.0, 150.0, 9_000, 400_000)] == ["0.0 s", "90.0 s", "2.5 min", "2.5 h", "4.6 d"]
    assert span("2026-03-14T00:00:00Z/2026-03-14T08:00:00Z") == "2026-03-14 00:00–08:00 UTC"
    assert span("2026-03") == "2026-03"
