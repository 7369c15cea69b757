"""Push: the outbox's bundles are handed to a receiver that cannot ask; what it acknowledged is remembered, the rest comes again."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from steelyard.api.peers import _body
from steelyard.errors import InputError
from steelyard.evidence.seal import Key
from steelyard.share import pack, push, receive, revoke
from steelyard.share.attend import Attend, turn
from steelyard.share.intake import Full, Intake
from steelyard.share.listening import standing


def deliver(ours, works, park, url: str) -> None:
    ours.subscribe(works, "park", f"to: {{key: {park.public_key.hex()}, name: park}}\nurl: {url}\n", "deliveries")


def test_what_is_new_is_pushed_once_and_acknowledged_when_it_is_kept(trusting, ours):
    works, park = trusting.works, trusting.park
    pack(works, trusting.offer)
    pack(works, trusting.offer)
    with ours.served(park) as url:
        deliver(ours, works, park, url)
        (one,) = push(works)
        assert (one.sent, one.repeated, one.refused, one.why) == (2, 0, [], "")
        assert push(works)[0].sent == 0
    assert park.figures().num_rows > 0


def test_an_acknowledgement_that_was_lost_is_had_by_sending_again_and_nothing_is_kept_twice(trusting, ours):
    works, park = trusting.works, trusting.park
    packed = pack(works, trusting.offer)
    receive(park, packed.path.read_bytes())
    rows = park.figures().num_rows
    with ours.served(park) as url:
        deliver(ours, works, park, url)
        (one,) = push(works)
    assert (one.sent, one.repeated) == (1, 1)
    assert park.figures().num_rows == rows


def test_an_older_bundle_than_the_receiver_has_is_not_sent_for_ever(trusting, ours):
    works, park = trusting.works, trusting.park
    pack(works, trusting.offer)
    receive(park, pack(works, trusting.offer).path.read_bytes())
    with ours.served(park) as url:
        deliver(ours, works, park, url)
        (one,) = push(works)
        assert (one.sent, one.refused, one.why) == (2, [], "")
        assert push(works)[0].sent == 0


def test_a_bundle_that_is_refused_for_good_is_not_sent_for_ever(trusting, ours, monkeypatch):
    works, park = trusting.works, trusting.park
    pack(works, trusting.offer)
    monkeypatch.setattr("steelyard.api.peers.Peers.__init__.__defaults__", (2000,))
    with ours.served(park) as url:
        deliver(ours, works, park, url)
        assert [error.said for error in push(works)[0].refused] == ["SY812"]
        (again,) = push(works)
    assert (again.sent, again.refused, again.why) == (0, [], "")


def test_a_home_that_is_not_trusted_or_no_longer_brings_nothing_in(trusting, ours):
    works, park = trusting.works, trusting.park
    data = pack(works, trusting.offer).path.read_bytes()
    with ours.served(park) as url:
        with ours.line_of(Key.new(), url, park.public_key) as line, pytest.raises(InputError) as refused:
            line.post("/share/bundles", data)
        assert (refused.value.status, refused.value.said) == (403, "SY412")
        revoke(park, works.public_key.hex())
        deliver(ours, works, park, url)
        (one,) = push(works)
        assert (one.sent, one.refused[0].said) == (0, "SY413")
        assert "SY413" in standing(works)["deliveries/park"].why
    assert park.figures().num_rows == 0


@pytest.mark.parametrize(("body", "said"), [(b"", "SY814"), (b"x" * 1000, "SY401"), (b"x" * 3000, "SY812")])
def test_what_is_no_bundle_or_too_large_is_refused_and_not_kept(trusting, ours, body, said, monkeypatch):
    monkeypatch.setattr("steelyard.api.peers.Peers.__init__.__defaults__", (2000,))
    with ours.served(trusting.park) as url:
        line = ours.line_of(trusting.works.key, url, trusting.park.public_key)
        with line, pytest.raises(InputError) as refused:
            line.post("/share/bundles", body)
    assert refused.value.said == said
    assert list((trusting.park.path / "bundles").iterdir()) == []


def test_a_body_that_comes_too_slowly_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("steelyard.api.peers.SILENT_SECONDS", 0.2)

    async def dripping():
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    with pytest.raises(InputError) as refused:
        asyncio.run(_body(SimpleNamespace(stream=dripping), 5000))
    assert refused.value.code == "SY814"


def test_a_receiver_that_is_full_says_so_before_it_reads(trusting, ours):
    intake = Intake(lambda: None, most=100)
    intake.reserve(80)
    with pytest.raises(Full):
        intake.reserve(40)
    intake.release(80)
    intake.reserve(100)


def test_a_home_that_is_served_pulls_and_pushes_by_itself_and_a_wrong_file_stops_no_other(trusting, ours):
    works, park = trusting.works, trusting.park
    ours.subscribe(works, "broken", "to: nobody\n", "deliveries")
    with ours.served(park) as url:
        deliver(ours, works, park, url)
        pack(works, trusting.offer)
        turn(works)
        assert park.figures().num_rows > 0
        assert "SY801" in standing(works)["deliveries/broken"].why
        assert standing(works)["deliveries/park"].why == ""
        with Attend(works.path, 0.05):
            pass
