"""Pull: new bundles are fetched from the homes that offered them, once each, over a line whose key is known."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from hashlib import sha256
from itertools import pairwise

import pytest

from steelyard.errors import InputError, UsageError
from steelyard.evidence.seal import Key
from steelyard.share import pack, pull, receive, revoke, trust
from steelyard.share.listening import LONGEST_PAUSE, due, note, pause_after, standing
from steelyard.share.pull import pull_by
from steelyard.share.subscriptions import subscriptions
from steelyard.trace.verify import verify


def test_what_was_offered_is_pulled_once_in_order_over_tls_with_the_peers_key_pinned(trusting, ours):
    works, park = trusting.works, trusting.park
    first, second = pack(works, trusting.offer), pack(works, trusting.offer)
    with ours.served(works) as url:
        ours.subscribe(park, "works", ours.from_home(works, url))
        (one,) = pull(park)
        assert (one.kept, one.figures, one.repeated, one.refused, one.why) == (
            2,
            first.figures + second.figures,
            0,
            [],
            "",
        )
        (again,) = pull(park)
        assert (again.kept, again.repeated, again.why) == (0, 0, "")
        pack(works, trusting.offer)
        assert pull(park, ["works"])[0].kept == 1
    assert list((park.path / "inbox").iterdir()) == []
    assert verify(park).holds


def test_another_key_than_the_pinned_one_is_told_nothing(trusting, ours):
    works, park = trusting.works, trusting.park
    pack(works, trusting.offer)
    other = Key.new().public.hex()
    with ours.served(works) as url:
        ours.subscribe(park, "works", f"from: {{key: {other}}}\nurl: {url}\n")
        (one,) = pull(park)
        assert "SY803" in one.why
        ours.subscribe(park, "works", ours.from_home(works, url, f"pin: {'ab' * 32}\n"))
        assert "SY803" in pull(park)[0].why
        ours.subscribe(park, "works", ours.from_home(works, url, f"pin: {'0' * 64}\n"))  # YAML reads a number
        with pytest.raises(InputError):
            pull(park)
    assert park.figures().num_rows == 0


@pytest.mark.parametrize(
    "text",
    [
        "url: http://example.org:80",
        "url: https://user:word@127.0.0.1:8443",
        "url: https://127.0.0.1:8443/elsewhere",
        "url: ftp://127.0.0.1/",
        "url: file:///etc/passwd",
        "url: https://127.0.0.1:99999",
        "url: https://127.0.0.1:8443\nfolder: stick",
        "url: https://127.0.0.1:8443\npin: 12:34",
        "url: https://127.0.0.1:8443\noffer: ../../keys",
        "url: https://127.0.0.1:8443\nredirect: true",
        "url: https://127.0.0.1:8443\nexpect: {measures: [a], every: fortnight}",
        "url: https://127.0.0.1:8443\nexpect: {every: month}",
        "url: https://127.0.0.1:8443\nexpect: {measures: [a], due_days: -1}",
        "url: https://127.0.0.1:8443\nexpect: {measures: [a], since: soon}",
        "pushed: false",
    ],
)
def test_a_subscription_that_is_not_as_it_must_be_is_named_with_its_field(trusting, ours, text):
    ours.subscribe(trusting.park, "wrong", f"from: {{key: {trusting.works.public_key.hex()}}}\n{text}\n")
    with pytest.raises(InputError) as refused:
        pull(trusting.park)
    assert refused.value.code == "SY801"
    assert "wrong.yaml" in refused.value.where


@pytest.mark.parametrize("sender", ["{key: abc}", "[]", "{}", "{name: nobody}", "{roster: x, key: y}", "7"])
def test_who_is_heard_is_said_by_key_or_subject(trusting, ours, sender):
    ours.subscribe(trusting.park, "wrong", f"from: {sender}\nurl: https://127.0.0.1:1\n")
    with pytest.raises(InputError) as refused:
        pull(trusting.park)
    assert refused.value.code == "SY801"


def test_a_name_that_no_file_has_is_refused(trusting):
    with pytest.raises(UsageError) as refused:
        pull(trusting.park, ["nobody"])
    assert refused.value.code == "SY807"


def test_plain_http_goes_to_the_loopback_and_elsewhere_only_where_the_subscription_says_so(trusting, ours):
    works, park = trusting.works, trusting.park
    pack(works, trusting.offer)
    with ours.served(works, tls=False) as url:
        ours.subscribe(park, "works", ours.from_home(works, url))
        assert pull(park)[0].kept == 1
    ours.subscribe(park, "works", ours.from_home(works, "http://192.0.2.1:9", "plain: true\nask_minutes: 5\n"))


def test_only_the_home_that_an_offer_is_for_is_shown_its_bundles(trusting, ours):
    works, park = trusting.works, trusting.park
    packed = pack(works, trusting.offer)
    with ours.served(works) as url:
        for asks, allowed in ((park.key, True), (Key.new(), False)):
            with ours.line_of(asks, url, works.public_key) as line:
                shown = [one["id"] for one in line.document("/share/offers")["offers"]]
                assert shown == ([trusting.offer.id] if allowed else [])
            for target in (f"/share/offers/{trusting.offer.id}?after=0", f"/share/bundles/{packed.path.name}"):
                with ours.line_of(asks, url, works.public_key) as line:
                    if allowed:
                        assert line.get(target).status == 200
                    else:
                        with pytest.raises(InputError) as refused:
                            line.get(target)
                        assert "SY805" in refused.value.say()


@pytest.mark.parametrize(
    "target",
    ["/share/bundles/..%2fledger.db", "/share/bundles/x-000001.steelyard", "/share/offers/0", "/api/figures", "/"],
)
def test_the_door_shows_nothing_else(trusting, ours, target):
    with ours.served(trusting.works) as url, ours.line_of(trusting.park.key, url, trusting.works.public_key) as line:
        with pytest.raises(InputError) as refused:
            line.get(target)
        assert refused.value.status in (403, 404)


def test_a_question_that_another_home_signed_to_another_is_worth_nothing_here(trusting, ours):
    """A home that is asked cannot pass the question on in the asker's name; nor is an old question worth anything."""
    with ours.served(trusting.works) as url:
        line = ours.line_of(trusting.park.key, url, trusting.works.public_key)
        line._to = "0123456789abcdef"
        with line, pytest.raises(InputError) as refused:
            line.document("/share/offers")
        assert "SY805" in refused.value.say()
        line = ours.line_of(trusting.park.key, url, trusting.works.public_key)
        line.home.now = lambda: trusting.park.now() - 3_600_000_000
        with line, pytest.raises(InputError) as refused:
            line.document("/share/offers")
        assert "SY806" in refused.value.say()


def test_a_download_that_broke_off_goes_on_where_it_ended(trusting, ours):
    works, park = trusting.works, trusting.park
    packed = pack(works, trusting.offer)
    data = packed.path.read_bytes()
    (park.path / "inbox").mkdir()
    partial = park.path / "inbox" / f"{sha256(data).hexdigest()}.partial"
    partial.write_bytes(data[:1000])
    with ours.served(works) as url:
        ours.subscribe(park, "works", ours.from_home(works, url))
        assert pull(park)[0].kept == 1
    assert list((park.path / "inbox").iterdir()) == []


def test_a_part_of_something_else_is_thrown_away_and_the_bundle_fetched_anew(trusting, ours):
    works, park = trusting.works, trusting.park
    data = pack(works, trusting.offer).path.read_bytes()
    (park.path / "inbox").mkdir()
    (park.path / "inbox" / f"{sha256(data).hexdigest()}.partial").write_bytes(b"x" * 1000)
    with ours.served(works) as url:
        ours.subscribe(park, "works", ours.from_home(works, url))
        assert "SY810" in pull(park)[0].why
        assert pull(park)[0].kept == 1


def talking(answer: bytes):
    """A server that says the same to everybody, and the port that it listens at."""
    listening = socket.create_server(("127.0.0.1", 0))
    asked = []

    def run():
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            with line, suppress(OSError):  # who has heard enough hangs up
                asked.append(line.recv(65536))
                line.sendall(answer)

    threading.Thread(target=run, daemon=True).start()
    return listening, asked


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n", "SY804"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "SY804"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{}", "SY80"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{"offers": [{"id": "../"}]}', "SY80"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"offers": 17}', "SY809"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"[" * (5 << 20), "SY80"),
        (b"garbage\r\n\r\n", "SY802"),
    ],
    ids=["elsewhere", "list", "cut", "path", "number", "endless", "garbage"],
)
def test_what_answers_with_anything_else_brings_nothing_in_and_is_not_followed(trusting, ours, answer, code):
    server, asked = talking(answer)
    with server:
        ours.subscribe(
            trusting.park, "works", ours.from_home(trusting.works, f"http://127.0.0.1:{server.getsockname()[1]}")
        )
        (one,) = pull(trusting.park)
    assert code in one.why
    assert len(asked) == 1
    assert trusting.park.figures().num_rows == 0


@pytest.mark.parametrize("end", ["close", "keep-alive"])
def test_who_lets_one_byte_come_at_a_time_does_not_hold_the_line(trusting, ours, end, monkeypatch):
    monkeypatch.setattr("steelyard.share.wire.LINE_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            line, _ = server.accept()
            with line, suppress(OSError):
                line.sendall(f"HTTP/1.1 200 OK\r\nConnection: {end}\r\nContent-Length: 100000\r\n\r\n".encode())
                while True:
                    line.sendall(b" ")
                    time.sleep(0.02)

        threading.Thread(target=drip, daemon=True).start()
        ours.subscribe(
            trusting.park, "works", ours.from_home(trusting.works, f"http://127.0.0.1:{server.getsockname()[1]}")
        )
        assert "SY802" in pull(trusting.park)[0].why


def test_pauses_grow_while_nobody_answers_and_end_when_somebody_does(trusting, ours):
    park = trusting.park
    ours.subscribe(park, "works", ours.from_home(trusting.works, f"https://127.0.0.1:{ours.free_port()}"))
    waits = []
    for _ in range(4):
        assert "SY802" in pull(park)[0].why
        row = standing(park)["subscriptions/works"]
        waits.append(row.next - row.asked)
    assert standing(park)["subscriptions/works"].tries == 4
    assert not due(park, "subscriptions/works")
    assert all(b > 1.4 * a for a, b in pairwise(waits))
    assert pause_after(99) <= LONGEST_PAUSE
    note(park, "subscriptions/works", "", 600)
    assert standing(park)["subscriptions/works"].tries == 0


def test_a_stick_brings_its_bundles_once_each_and_what_is_broken_is_named(trusting, ours, tmp_path):
    works, park = trusting.works, trusting.park
    stick = tmp_path / "stick"
    ours.subscribe(park, "stick", f"from: trusted\nfolder: {stick}\n")
    assert "SY811" in pull(park)[0].why
    stick.mkdir()
    for _ in range(2):
        packed = pack(works, trusting.offer)
        (stick / packed.path.name).write_bytes(packed.path.read_bytes())
    (stick / "broken.steelyard").write_bytes(b"half a bun")
    (stick / "notes.txt").write_bytes(b"not looked at")
    (stick / "link.steelyard").symlink_to(park.path / "keys" / "home.pem")
    (one,) = pull(park)
    assert (one.kept, [error.code for error in one.refused]) == (2, ["SY401"])
    assert "broken.steelyard" in one.refused[0].where
    (again,) = pull(park)
    assert (again.kept, again.repeated, len(again.refused)) == (0, 0, 1)
    assert len(list(stick.iterdir())) == 5


def test_what_a_revoked_home_offers_is_refused_by_name_and_taken_again_once_it_is_trusted_again(trusting, ours):
    works, park = trusting.works, trusting.park
    receive(park, pack(works, trusting.offer).path.read_bytes())
    revoke(park, works.public_key.hex())
    pack(works, trusting.offer)
    with ours.served(works) as url:
        ours.subscribe(park, "works", ours.from_home(works, url))
        (one,) = pull(park)
        assert [error.code for error in one.refused] == ["SY413"]
        trust(park, works.public_key.hex(), "works", subject="E1")
        assert pull(park)[0].kept == 1


def test_what_was_refused_for_a_reason_that_passed_is_taken_by_a_home_that_is_served(trusting, ours):
    works, park = trusting.works, trusting.park
    revoke(park, works.public_key.hex())
    pack(works, trusting.offer)
    with ours.served(works) as url:
        ours.subscribe(park, "works", ours.from_home(works, url))
        chosen = subscriptions(park)
        assert [error.code for error in pull_by(park, chosen, again=False)[0].refused] == ["SY413"]
        trust(park, works.public_key.hex(), "works", subject="E1")
        assert pull_by(park, chosen, again=False)[0].kept == 1


def test_a_key_that_was_revoked_fetches_nothing_more(trusting, ours):
    works, park = trusting.works, trusting.park
    packed = pack(works, trusting.offer)
    trust(works, park.public_key.hex(), "park")
    revoke(works, park.public_key.hex())
    with ours.served(works) as url:
        for target in (
            "/share/offers",
            f"/share/offers/{trusting.offer.id}?after=0",
            f"/share/bundles/{packed.path.name}",
        ):
            with ours.line_of(park.key, url, works.public_key) as line, pytest.raises(InputError) as refused:
                line.get(target)
            assert (refused.value.status, refused.value.said) == (403, "SY413")
