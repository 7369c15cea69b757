"""The commands as a user calls them: trust a file of peers, serve a door, pull, push, heard."""

from __future__ import annotations

import json

import pytest

from steelyard.cli import main
from steelyard.share import pack, peers_of


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        main([str(one) for one in arguments])
    out = capsys.readouterr()
    return done.value.code, out.out, out.err


def test_two_homes_hear_from_each_other_by_their_commands_alone(trusting, ours, tmp_path, capsys):
    works, park = trusting.works, trusting.park
    packed = pack(works, trusting.offer)
    served = ours.Served(works.path, tmp_path / "serve.log")
    ours.subscribe(
        park, "works", ours.from_home(works, served.url, "expect: {measures: [sme2024/level], every: year}\n")
    )
    code, out, _ = run(capsys, "pull", park.path, "--json")
    assert (code, json.loads(out)[0]["kept"]) == (3, 0)
    served.start()
    try:
        code, out, _ = run(capsys, "pull", park.path, "works")
    finally:
        served.stop()
    assert (code, out.splitlines()[1].split("\t")[:3]) == (0, ["works", "1", str(packed.figures)])
    code, out, _ = run(capsys, "heard", park.path, "--period", "2026", "--json")
    (row,) = json.loads(out)["rows"]
    assert (code, row["subject"], row["state"], row["last_bundle"]["number"]) == (0, "E1", "heard", 1)
    ours.subscribe(
        works,
        "park",
        f"to: {{key: {park.public_key.hex()}}}\nurl: https://127.0.0.1:{ours.free_port()}\n",
        "deliveries",
    )
    code, out, _ = run(capsys, "push", works.path)
    assert code == 3
    assert "SY802" in out


def test_the_keys_of_many_firms_are_trusted_from_one_file(make, capsys):
    home = make.new("park", kind="park")
    file = make.file(
        "firms.csv", "key,name,subject,within_days\n" + "".join(f"{i:064x},厂{i},E{i},{40 + i}\n" for i in range(3))
    )
    assert run(capsys, "share", "trust", home.path, "--file", file)[0] == 0
    assert sorted((peer.subject, peer.within_days) for peer in peers_of(home)) == [("E0", 40), ("E1", 41), ("E2", 42)]
    wrong = make.file("wrong.csv", f"key,name\n{'0' * 64},a\nxyz,b\n")
    assert run(capsys, "share", "trust", home.path, "--file", wrong)[0] == 2
    assert len(peers_of(home)) == 3
    code, _, said = run(capsys, "share", "trust", home.path, "--file", make.file("bare.csv", "a,b\n1,2\n"))
    assert (code, "SY801" in said) == (3, True)
    assert run(capsys, "share", "trust", home.path)[0] == 2
