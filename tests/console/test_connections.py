"""The page of connections: counters that visibly balance, refusals in words, devices with their clocks, findings."""

from __future__ import annotations

import csv
import io
import warnings

import pytest

from steelyard.console import app
from steelyard.console.words import catalogue
from steelyard.store.arrived import Arrived, Turn
from steelyard.store.ledger import connections
from steelyard.store.standing import keep_standing, register
from steelyard.weigh.again import note_fault

with warnings.catch_warnings():  # starlette prefers another name of httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

BIG = 9_007_199_254_740_993  # more than a double holds


@pytest.fixture
def home(make):
    """One connection that runs with a device whose clock is ahead, one that is lost, one whose program is gone."""
    made = make.new("works", kind="factory")
    now = made.now()
    press = Arrived("press", received=1_242, stored=1_200, repeated=34, beat=now)
    press.refuse("SY605", "1601-01-01", 5, {})
    press.refuse("SY999", "<i>?", 1, {})
    press.refuse("SY606", "1.0", 2, {})
    press.turns = [Turn("P1", now, True), Turn("P2", now, True), Turn("P2", now, False, "NDEATH")]
    press.clocks = {"P1": (now, 2_500_000), "P2": (now - 10**9, -90_000_000)}
    press.findings = {("P1", "tck-id-x"): ("seq jumps", 3)}
    lost = Arrived("mes", synthetic=True, received=BIG, stored=BIG, state="lost", why="connection refused", beat=now)
    gone = Arrived("old", beat=now - 10**9)
    gone.turns = [Turn("Q1", now - 10**9, True)]
    with made.ledger.write() as connection:
        for name, connector, synthetic in (
            ("press", "sparkplug", False),
            ("mes", "sql", True),
            ("old", "modbus", False),
        ):
            register(connection, name, connector, synthetic=synthetic)
        keep_standing(connection, [press, lost, gone])
    return made


@pytest.fixture
def site(home):
    with TestClient(app(home.path), base_url="http://127.0.0.1:8080", follow_redirects=False) as client:
        yield client


def one(site, name, lang="zh"):
    found = site.get(f"/connections.json?lang={lang}").json()["connections"]
    return next(row for row in found if row["name"] == name)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_opens_in_both_languages_without_script_or_style(site, lang):
    page = site.get(f"/connections?lang={lang}").text
    assert catalogue()[lang]["connections.title"] in page
    assert "<script" not in page
    assert "style=" not in page
    assert "<i>?" not in page


def test_counters_are_exact_and_balance_on_the_page(site):
    page = site.get("/connections?lang=en").text
    for text in ("1,242", "1,200", "34", f"{BIG:,}", "balances"):
        assert text in page
    assert "does not balance" not in page
    rows = list(csv.DictReader(io.StringIO(site.get("/connections.csv").content.decode("utf-8-sig"))))
    assert all(int(r["received"]) == int(r["stored"]) + int(r["repeated"]) + int(r["refused"]) for r in rows)
    assert {row["name"]: int(row["received"]) for row in rows} == {"press": 1_242, "mes": BIG, "old": 0}


def test_counters_that_do_not_balance_are_said_to(site, home):
    with home.ledger.write() as connection:
        connection.execute(connections.update().where(connections.c.name == "press").values(received=1_243))
    assert not one(site, "press")["balances"]
    assert "does not balance" in site.get("/connections?lang=en").text


def test_refusals_are_explained_by_their_code_whatever_facts_are_missing(site):
    reasons = one(site, "press", "en")["reasons"]
    assert [(row["code"], row["count"]) for row in reasons] == [("SY605", 5), ("SY606", 2), ("SY999", 1)]
    assert reasons[0]["what"] == "The time 1601-01-01 is not one that a device can mean."
    assert reasons[1]["what"] == "The value of signal was superseded at the same instant by another."
    assert reasons[2]["what"] == ""
    assert sum(row["count"] for row in reasons) == one(site, "press")["refused"]
    assert "时间 1601-01-01 不可能" in site.get("/connections").text


def test_clocks_are_told_ahead_or_behind_and_those_offline_come_first(site):
    devices = one(site, "press")["devices"]
    assert [(row["subject"], row["online"], row["ahead"]) for row in devices] == [
        ("P2", False, -90.0),
        ("P1", True, 2.5),
    ]
    page = site.get("/connections?lang=en").text
    assert "2.5 s ahead" in page
    assert "90.0 s behind" in page
    assert "NDEATH" in page
    assert "tck-id-x" in page


def test_a_connection_that_has_stopped_stirring_is_silent_and_its_devices_are_not_online(site):
    old = one(site, "old")
    assert (old["state"], old["online"]) == ("silent", 0)
    assert (one(site, "mes")["state"], one(site, "mes")["why"]) == ("lost", "connection refused")
    assert "没有任何动静" in site.get("/connections").text


def test_why_a_connection_was_lost_before_is_no_alarm_once_it_runs(site, home):
    with home.ledger.write() as connection:
        connection.execute(connections.update().where(connections.c.name == "press").values(why="TimeoutError: old"))
    page = site.get("/connections?lang=en").text
    assert "Last lost because: TimeoutError: old" in page
    assert '<p class="why">connection refused</p>' in page


def test_synthetic_connections_raise_the_banner(site, home):
    assert "合成数据 · Synthetic data" in site.get("/connections").text
    with home.ledger.write() as connection:
        connection.execute(connections.update().values(synthetic=0))
    assert "合成数据 · Synthetic data" not in site.get("/connections").text


def test_a_home_without_connections_says_what_to_do(make):
    with TestClient(app(make.new("bare").path), base_url="http://localhost") as client:
        assert "steelyard connect find" in client.get("/connections").text
        assert client.get("/connections.json").json()["connections"] == []
        assert client.get("/connections?live=1").headers["refresh"] == "5"


def test_weighing_that_fails_by_itself_is_said_and_said_no_more_when_it_goes_well(home, site):
    note_fault(home, "SY227 iso22400/oee")
    assert "SY227 iso22400/oee" in site.get("/connections").text
    note_fault(home, "")
    assert "SY227" not in site.get("/connections").text
