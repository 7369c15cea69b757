"""The console over a real home of the example world, with the real trace: what a user clicks through."""

from __future__ import annotations

import re
import socket
import threading
import time

import pytest
import uvicorn

from steelyard import share
from steelyard.console import app
from steelyard.errors import InputError
from steelyard.examples.pearl.world import build
from steelyard.model.period import Period
from steelyard.store.home import Home

NUMBER = re.compile(r'href="(/figures/[0-9a-f]{64}[^"]*)"')


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    return build(tmp_path_factory.mktemp("pearl") / "world", 0.005, 3, lambda _: None)


@pytest.fixture(scope="module")
def address(homes):
    """A province's console on a port of its own, served as a user serves it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app(homes["guangdong"]), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def read(address: str, path: str) -> str:
    return share.fetch(address + path).decode()


def test_from_the_first_page_any_coverage_is_traced_in_three_clicks(address):
    first = read(address, "/")
    assert 'href="/coverage' in first  # one
    coverage = read(address, "/coverage")
    figures = NUMBER.findall(coverage)
    assert len(figures) > 20
    page = read(address, figures[0].replace("&amp;", "&"))  # two: the descent stands on the page of the figure
    assert "已示" in page
    assert "synthetic-answers.csv" in page or "programme.csv" in page


@pytest.mark.parametrize(
    "path", ["/", "/coverage", "/subjects", "/subjects/CN-440300", "/measures", "/measures/coverage/sme2024-level2"]
)
def test_every_page_has_its_json_twin_and_says_that_data_are_synthetic(address, path):
    twin = "/index.json" if path == "/" else f"{path}.json"
    assert '"synthetic": true' in read(address, twin)
    assert "合成数据" in read(address, path)


def test_a_page_and_the_api_show_the_same_number_to_the_last_bit(address, homes):
    with Home.open(homes["guangdong"]) as home:
        row = home.figures("coverage/sme2024-level2", "CN-440300").to_pylist()[0]
    assert repr(row["value"]) in read(address, f"/figures/{row['digest'].hex()}.json")
    assert repr(row["value"]) in read(address, "/api/figures?measure=coverage/sme2024-level2&subject=CN-440300")


def test_a_bundle_is_fetched_from_the_outbox_over_http_and_an_unknown_one_is_not(address, homes, tmp_path):
    with Home.open(homes["guangdong"]) as home, Home.create(tmp_path / "nation", name="n", kind="region") as above:
        span = home.figures("coverage/sme2024-level2", "CN-440000").to_pylist()[0]
        offer = share.make_offer(
            home, consumer=above.id, measures=["coverage/*"], subjects=["CN-440000"], purpose="nation",
            period=Period(span["start"], span["end"]), until=home.now() + 10**12,
        )  # fmt: skip
        packed = share.pack(home, offer)
        share.trust(above, home.public_key.hex(), "guangdong")
        got = share.receive(above, share.fetch(f"{address}/bundles/{packed.path.name}"))
        assert got.figures == packed.figures > 0
    with pytest.raises(InputError) as refused:
        share.fetch(f"{address}/bundles/none.steelyard")
    assert refused.value.code == "SY421"
    with pytest.raises(InputError):
        share.fetch("file:///etc/hostname")
