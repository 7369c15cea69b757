"""Our own process killed, the broker stopped, under load: what was acknowledged rests exactly once, what was missed is a gap."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa

from steelyard.examples.plant import broker as brokers
from steelyard.examples.plant import sites
from steelyard.examples.plant.load import SUBJECT, Counter, Ticker
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.ledger import connections
from steelyard.store.standing import standings

KILLS = 2
AGAIN = 10.0  # seconds until it reads again, at most
MOMENT = 100_000  # µs: what was on the wire when somebody died


@pytest.fixture
def plant(tmp_path):
    """A broker, two publishers, and a home that would follow them."""
    if why := sites.missing("sparkplug"):
        pytest.skip(why)
    if not brokers.program():
        pytest.skip("no mosquitto: apt-get install mosquitto")
    port = brokers.free_port()
    broker = brokers.Broker(tmp_path / "broker", port)
    broker.start()
    home = tmp_path / "home"
    Home.create(home, name="restarts", kind="factory").close()
    (home / "connections").mkdir()
    url = f"url: mqtt://127.0.0.1:{port}\n"
    (home / "connections" / "counts.yaml").write_text(f"connector: mqtt\n{url}client_id: home\ntopics: [works/#]\n")
    (home / "connections" / "edge.yaml").write_text(f"connector: sparkplug\n{url}host_id: steelyard\n")
    yield home, broker
    broker.stop()


@contextlib.contextmanager
def following(home):
    """Our own process; ``kill`` it and it is there again."""
    started: list[subprocess.Popen] = []

    def start() -> subprocess.Popen:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "steelyard.cli", "take", str(home), "--follow"], stderr=subprocess.DEVNULL
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(10)


def stored(home):
    """Rows stored so far by each connection, as the ledger says."""
    return {row.name: row.stored for row in home.ledger.all(sa.select(connections))}


def grows(home, since=None):
    """Wait until every connection has stored something new; returns how many seconds that took."""
    begun = time.monotonic()
    before = since if since is not None else stored(home)
    while True:
        now = stored(home)
        if len(now) == 2 and all(now[name] > before.get(name, 0) for name in now):
            return time.monotonic() - begun
        assert time.monotonic() - begun < 3 * AGAIN, f"{before} {now} {standings(home.ledger)}"
        time.sleep(0.05)


def test_nothing_acknowledged_is_lost_or_doubled_where_we_are_killed_and_the_broker_stops(plant):
    path, broker = plant
    counter, ticker = Counter(broker.port), Ticker(broker.port)
    took = []
    with Home.open(path) as home, following(path) as start:
        process = start()
        ticker.start()
        while stored(home).get("counts") is None or not standings(home.ledger)[1]["devices"]:
            time.sleep(0.05)
        time.sleep(0.5)  # its subscription stands, as that of the edge node's host does
        counter.start()
        grows(home, {})
        for _ in range(KILLS):
            time.sleep(1.0)
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            before, process = stored(home), start()
            took.append(grows(home, before))
        time.sleep(1.0)
        broker.stop()
        time.sleep(0.5)
        before = stored(home)
        broker.start()
        took.append(grows(home, before))
        for one in (counter, ticker):
            one.over.set()
            one.join(20)
        wait_for(lambda: count(home) == counter.acknowledged)
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert max(took) < AGAIN, took
        exactly_once(home, counter)
        gaps_are_marked(home, ticker)
        for one in standings(home.ledger):
            assert one["received"] == one["stored"] + one["repeated"] + one["refused"]
    assert (
        subprocess.run(
            [sys.executable, "-m", "steelyard.cli", "verify", str(path)], capture_output=True, check=False
        ).returncode
        == 0
    )


def wait_for(condition, seconds=15.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)


def count(home):
    with engine(home.path) as opened:
        home.table_view(opened, "samples")
        return opened.rows("SELECT count(*) FROM samples WHERE signal = 'count'")[0][0]


def exactly_once(home, counter):
    with engine(home.path) as opened:
        home.table_view(opened, "samples")
        rows = opened.rows(
            "SELECT count(*), count(DISTINCT value), min(value), max(value) FROM samples WHERE signal = 'count'"
        )
    assert rows == [(counter.acknowledged, counter.acknowledged, 1, counter.acknowledged)]


def gaps_are_marked(home, ticker):
    """Numbers that are missing were told while no session with the machine stood."""
    with engine(home.path) as opened:
        for name in ("samples", "watches"):
            home.table_view(opened, name)
        held = opened.rows(
            f"SELECT value FROM samples WHERE subject = '{SUBJECT}' AND signal LIKE '%ProdProcessedCount'"
        )
        spans = opened.rows(f"SELECT start, \"end\" FROM watches WHERE subject = '{SUBJECT}'")
    numbers = [int(row[0]) for row in held]
    assert len(numbers) == len(set(numbers))
    missing = set(ticker.told) - set(numbers)
    assert len(spans) >= KILLS + 1
    hidden = [n for n in missing if any(a + MOMENT < ticker.told[n] < b - MOMENT for a, b in spans)]
    assert hidden == []
    assert len(numbers) > 40
