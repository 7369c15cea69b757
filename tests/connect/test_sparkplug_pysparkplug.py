"""Sparkplug with an independent edge node that tells no births when asked: pysparkplug, in a virtual environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from inlet import Recorder, running
from test_sparkplug import connector, hears

PYTHON_PEER = Path(__file__).parents[1] / "peers" / ".venv" / "bin" / "python"


@pytest.fixture
def pysparkplug(mosquitto):
    """Runs lines with ``edge``, a node G2/E2 of pysparkplug with a device D2, and ``metric`` of a number."""
    if not PYTHON_PEER.exists():
        pytest.skip(
            "no pysparkplug: python3 -m venv tests/peers/.venv && tests/peers/.venv/bin/pip install pysparkplug==0.6.1"
        )

    def run(lines: str) -> None:
        script = [PYTHON_PEER, "-c", PYSPARKPLUG + lines, str(mosquitto.port)]
        subprocess.run(script, check=True, timeout=60, capture_output=True)

    return run


def test_an_edge_node_of_pysparkplug_is_read_and_its_faults_are_found(mosquitto, pysparkplug):
    inlet = Recorder()
    with running(connector(mosquitto.port, stale_seconds=2), inlet):
        inlet.wait(lambda _: hears(mosquitto.port))
        pysparkplug('edge.update_device("D2", (metric(2.0),)); time.sleep(0.5); edge.disconnect()')
        inlet.wait(lambda r: ("G2/E2", "offline") in r.sessions)  # it leaves without a death: its silence is noticed
    assert inlet.values("G2/E2/D2", "x")[-1] == 2.0
    assert ("G2/E2", "SY620") in inlet.findings


def test_an_edge_node_of_pysparkplug_that_tells_no_births_when_asked_is_read_on_after_two_gaps(mosquitto, pysparkplug):
    inlet = Recorder()
    with running(connector(mosquitto.port, reorder_seconds=0.3), inlet):
        inlet.wait(lambda _: hears(mosquitto.port))
        pysparkplug(GAPS)
        inlet.wait(lambda r: 9.0 in r.values("G2/E2/D2", "x"))
    assert inlet.values("G2/E2/D2", "x") == [float(n) for n in range(1, 10)]
    assert {("G2/E2", "SY620"), ("G2/E2", "SY629")} <= inlet.findings
    assert inlet.refusals == []


GAPS = """
for n in range(2, 10):
    edge.update_device("D2", (metric(float(n)),))
    if n in (3, 6):
        edge._seq  # a message that never arrives
    time.sleep(0.25)
edge.disconnect()
"""
PYSPARKPLUG = """
import sys, time, pysparkplug as p
metric = lambda v: p.Metric(timestamp=p.get_current_timestamp(), name="x", datatype=p.DataType.DOUBLE, value=v)
edge = p.EdgeNode("G2", "E2", (metric(1.0),)); edge.register(p.Device("D2", (metric(1.0),)))
edge.connect("127.0.0.1", port=int(sys.argv[1])); time.sleep(1)
"""
