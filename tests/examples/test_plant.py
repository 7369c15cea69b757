"""A simulated plant, followed by a home: every protocol brings samples, counters balance, Figures are near the truth and say what
they are made of.
"""

from __future__ import annotations

import csv
import itertools
import math
from datetime import datetime
from types import SimpleNamespace

import pytest
import yaml

from steelyard.errors import UsageError
from steelyard.examples.pearl.shop import Clock
from steelyard.examples.plant import Plant, broker, sites
from steelyard.examples.plant.machine import NATURES, Machine
from steelyard.model.period import moment, parse
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.standing import standings
from steelyard.take.follow import Follow
from steelyard.weigh import weigh

MEASURES = ["iso22400/availability", "iso22400/oee"]
SECONDS = 9
HOLD = 2.0  # seconds that a state holds by the plant's bindings


def lacking():
    none = "sparkplug: no mosquitto: apt-get install mosquitto"
    return [why for why in map(sites.missing, sites.PROTOCOLS) if why] + ([] if broker.program() else [none])


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A plant that ran for some seconds, thirty times as fast; its Modbus server failed in between."""
    if why := lacking():
        pytest.skip("; ".join(why))
    folder = tmp_path_factory.mktemp("plant")
    with Plant(folder, speed=30, seed=3) as plant:
        plant._next_fault = math.inf  # the one that this test wants comes at its own time
        with Follow(plant.home):
            plant.run(SECONDS / 2)
            plant.cut(next(site for site in plant.sites if site.protocol == "modbus"), 1.0)
            plant.run(SECONDS / 2)
        told = plant.sites
    with Home.open(plant.home) as home:
        day = parse(moment(home.now()).astimezone(home.zone).date().isoformat(), home.zone)
        weighed = home.now() / 1e6
        weigh(home, MEASURES, [day])
        with engine(home.path) as opened:
            home.table_view(opened, "samples")
            home.table_view(opened, "watches")
            yield SimpleNamespace(
                folder=folder, home=home, sites=told, rows=opened.rows, wrong=plant.wrong, weighed=weighed
            )


def truth(folder):
    """Seconds by state, and pieces, of each machine."""
    found = {}
    with (folder / "truth.csv").open() as file:
        for row in csv.DictReader(file):
            one = found.setdefault(row["machine"], {"parts": 0, "good": 0, "spans": []})
            start, end = (datetime.fromisoformat(row[name]).timestamp() for name in ("start", "end"))
            one["spans"].append((start, end, row["state"]))
            one["parts"] += int(row["parts"])
            one["good"] += int(row["good"])
    return found


def watched(ran, machine):
    """Spans (seconds) of which something is known: the session stood, or had stood for as long as a state holds before."""
    site = next(one for one in ran.sites if machine in one.machines)
    subject = site._at(machine, "Execution")["subject"]
    seen = []
    for start, end in ran.rows(f"SELECT start, \"end\" FROM watches WHERE subject = '{subject}' ORDER BY start"):
        until = min(end / 1e6 + HOLD, ran.weighed)
        if seen and start / 1e6 <= seen[-1][1]:
            seen[-1] = (seen[-1][0], max(seen[-1][1], until))
        else:
            seen.append((start / 1e6, until))
    return seen


def share_of_production(spans, seen):
    """Of the time that was seen, the share in which the machine truly produced; what it did last it did to the end."""
    lasted = dict.fromkeys(("production", "setup", "delay", "waiting"), 0.0)
    spans = [*spans[:-1], (spans[-1][0], seen[-1][1], spans[-1][2])]
    for start, end, state in spans:
        lasted[state] += sum(max(0.0, min(end, b) - max(start, a)) for a, b in seen)
    return lasted["production"] / sum(lasted.values())


def test_every_protocol_brings_what_its_machines_say(ran):
    for site in ran.sites:
        for machine in site.machines:
            subject = site._at(machine, "PartCount")
            got = ran.rows(
                "SELECT count(*), max(value) FROM samples WHERE subject = '{subject}' AND signal = '{signal}'".format(
                    **subject
                )
            )
            assert got[0][0] > 5, (site.protocol, machine)
            assert got[0][1] <= truth(ran.folder)[machine]["parts"]


def test_counters_balance_for_each_connection(ran):
    found = standings(ran.home.ledger)
    assert {one["name"] for one in found} == set(sites.PROTOCOLS)
    for one in found:
        assert one["received"] == one["stored"] + one["repeated"] + one["refused"] > 0, one


def test_availability_is_near_the_truth_and_every_figure_says_that_it_is_synthetic(ran):
    figures = {measure: ran.home.figures(measure).to_pylist() for measure in MEASURES}
    assert all("synthetic" in row["flags"] for rows in figures.values() for row in rows)
    held = {row["subject"]: row for row in figures["iso22400/availability"]}
    for machine, told in truth(ran.folder).items():
        if machine == ran.wrong:
            continue
        true = share_of_production(told["spans"], watched(ran, machine))
        cut = machine in next(
            site.machines for site in ran.sites if site.protocol == "modbus"
        )  # a state holds over most of it
        assert held[machine]["value"] == pytest.approx(true, abs=0.2 if cut else 0.1), machine
    assert {f"M{n:02d}" for n in range(1, 8)} <= {row["subject"] for row in figures["iso22400/oee"]}


def test_a_station_that_failed_leaves_a_gap_in_what_was_watched(ran):
    spans = ran.rows("SELECT start, \"end\" FROM watches WHERE subject = 'M05' ORDER BY start")
    with (ran.folder / "faults.csv").open() as file:
        cut, back = [datetime.fromisoformat(row["at"]).timestamp() * 1e6 for row in csv.DictReader(file)]
    assert not any(start < at < end for at in ((cut + back) / 2,) for start, end in spans)
    assert spans[0][0] < cut
    assert any(start > back - 0.5e6 for start, _ in spans)


def test_a_wrong_clock_is_measured(ran):
    devices = next(one["devices"] for one in standings(ran.home.ledger) if one["name"] == "mtconnect")
    skew = {device["subject"]: device["skew"] / 1e6 for device in devices}
    assert skew[ran.wrong] == pytest.approx(-75, abs=5)
    assert abs(skew["M07"]) < 5


def test_connections_and_bindings_say_that_they_are_synthetic(ran):
    for path in (ran.home.path / "connections").glob("*.yaml"):
        assert yaml.safe_load(path.read_text())["synthetic"] is True
    assert all(leaf.header["synthetic"] for leaf in ran.home.leaves(kind="shifts"))


def test_the_same_seed_makes_the_same_machine():
    made = []
    for _ in range(2):
        clock = Clock()
        machine = Machine("M01", NATURES[0], clock, (7, 0))
        clock.start(machine.work())
        clock.run(20_000)
        made.append((machine.values, machine.spells))
    assert made[0] == made[1]
    spells = made[0][1]
    assert all(a.end == b.start for a, b in itertools.pairwise(spells))
    assert {spell.state for spell in spells} == {"production", "setup", "delay", "waiting"}
    assert all(spell.good + spell.scrap == spell.parts for spell in spells)


def test_without_a_broker_sparkplug_is_left_out_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(broker, "program", lambda: None)
    plant = Plant(tmp_path, machines=4)
    assert "sparkplug" not in {site.protocol for site in plant.sites}
    assert any("mosquitto" in why for why in plant.left_out)


@pytest.mark.parametrize("url", ["tcp://x", "mqtt://", "mqtt://x:port", "mqtt://user@x"])
def test_an_address_that_is_no_broker_is_refused(tmp_path, url):
    if why := sites.missing("sparkplug"):
        pytest.skip(why)
    with pytest.raises(UsageError) as refused:
        Plant(tmp_path, machines=4, broker_url=url)
    assert refused.value.code == "SY101"
