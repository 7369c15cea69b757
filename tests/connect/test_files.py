"""Each file of a watched folder is taken once, when it lies still; nothing there is moved, and no link leads out of it."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml
from inlet import Recorder, running

import steelyard
from steelyard.connect.base import Connection, Lost
from steelyard.connect.files import Connector, connector
from steelyard.errors import HomeError, InputError, UsageError

HERE = Path(steelyard.__file__).parent / "connect" / "files"
QUICK = {"settle_seconds": 0.1, "every_seconds": 0.05}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "in"
    made.mkdir()
    return made


@contextmanager
def watching(folder: Path, inlet: Recorder | None = None, **given):
    inlet = inlet or Recorder()
    made = Connector(Connection("drop", "files", folder.name, {**QUICK, **given}, folder.parent))
    with running(made, inlet) as failed:
        yield inlet
    assert failed == []
    json.dumps(inlet.position)


def names(inlet: Recorder) -> list[str]:
    return [path.name for path, _ in inlet.files]


def settled(inlet: Recorder, *wanted: str) -> None:
    inlet.wait(lambda it: sorted(names(it)) == sorted(wanted))
    time.sleep(0.3)
    assert sorted(names(inlet)) == sorted(wanted)


def test_each_file_is_handed_over_once_with_its_options_and_left_where_it_is(folder):
    (folder / "a.csv").write_text("unit\n1\n")
    (folder / "b.jsonl").write_text("{}\n")
    pa.parquet.write_table(pa.table({"a": [1]}), folder / "c.parquet")
    for other in (".hidden.csv", "~$b.xlsx", "notes.docx", "half.csv.part"):
        (folder / other).write_text("x")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    with watching(folder, table="samples", subject="press 7", sheet=2) as inlet:
        settled(inlet, "a.csv", "b.jsonl", "c.parquet")
        (folder / "d.csv").write_text("unit\n2\n")
        settled(inlet, "a.csv", "b.jsonl", "c.parquet", "d.csv")
    assert {frozenset(options.items()) for _, options in inlet.files} == {
        frozenset({"table": "samples", "subject": "press 7", "sheet": 2}.items())
    }
    (folder / "d.csv").unlink()
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before


def test_after_a_restart_only_what_is_new_is_taken(folder):
    (folder / "a.csv").write_text("1")
    with watching(folder) as inlet:
        settled(inlet, "a.csv")
    again = Recorder(json.loads(json.dumps(inlet.position)))
    (folder / "b.csv").write_text("2")
    with watching(folder, again):
        settled(again, "b.csv")


def test_the_same_bytes_under_another_name_or_with_another_time_are_not_taken_again(folder):
    (folder / "a.csv").write_text("1")
    with watching(folder) as inlet:
        settled(inlet, "a.csv")
        (folder / "copy.csv").write_text("1")
        os.utime(folder / "a.csv", (1, 1))
        time.sleep(0.4)
        (folder / "copy.csv").unlink()
        (folder / "a.csv").rename(folder / "renamed.csv")
        time.sleep(0.4)
        (folder / "renamed.csv").unlink()
        time.sleep(0.3)
        (folder / "back.csv").write_text("1")
        time.sleep(0.4)
        assert names(inlet) == ["a.csv"]
        (folder / "back.csv").write_text("other bytes")
        settled(inlet, "a.csv", "back.csv")


def test_a_file_that_is_still_being_written_is_left_until_it_lies_still(folder):
    read = []
    inlet = Recorder()
    inlet.file = lambda path, **_: read.append(path.read_text())
    stop = threading.Event()

    def write() -> None:
        with (folder / "a.csv").open("w") as file:
            for number in range(30):
                file.write(f"{number}\n")
                file.flush()
                time.sleep(0.02)
        stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    with watching(folder, inlet, settle_seconds=0.25):
        inlet.wait(lambda _: read)
        thread.join()
    assert read == ["".join(f"{number}\n" for number in range(30))]


def test_what_cannot_be_read_is_told_and_tried_again_only_with_other_bytes(folder):
    inlet = Recorder()
    tries = []

    def file(path, **options):
        tries.append(path.read_text())
        if tries[-1] == "bad":
            raise InputError("SY204", str(path), table="samples", names="a, b")
        if tries[-1] == "whose":
            raise UsageError("SY111", name=path.name)

    inlet.file = file
    (folder / "a.csv").write_text("bad")
    (folder / "b.csv").write_text("whose")
    with watching(folder, inlet):
        inlet.wait(lambda _: len(tries) == 2)
        os.utime(folder / "a.csv", (5, 5))
        time.sleep(0.5)
        assert len(tries) == 2
        (folder / "a.csv").write_text("good")
        inlet.wait(lambda _: tries[-1] == "good")
    assert inlet.findings == {("a.csv", "SY204"), ("b.csv", "SY111")}
    assert inlet.refusals == [("SY204", "a.csv", 1), ("SY111", "b.csv", 1)]


def test_what_was_refused_is_tried_again_with_other_settings(folder):
    (folder / "a.csv").write_text("whose")
    inlet = Recorder()
    keeps = inlet.file

    def file(path, **options):
        if "table" not in options:
            raise UsageError("SY111", name=path.name)
        keeps(path, **options)

    inlet.file = file
    with watching(folder, inlet):
        inlet.wait(lambda it: it.refusals and it.position)
    inlet.stopped.clear()
    with watching(folder, inlet, table="samples"):
        settled(inlet, "a.csv")


def test_a_home_that_is_not_usable_is_not_the_files_fault(folder):
    (folder / "a.csv").write_text("1")
    inlet = Recorder()

    def file(path, **options):
        raise HomeError("SY501")

    inlet.file = file
    made = Connector(Connection("drop", "files", folder.name, QUICK, folder.parent))
    with running(made, inlet) as failed:
        inlet.wait(lambda _: failed)
    assert isinstance(failed[0], HomeError)
    assert inlet.position == {}


def test_links_that_lead_out_are_told_and_not_followed(folder, tmp_path):
    (tmp_path / "secret.csv").write_text("secret")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.csv").write_text("x")
    (folder / "real.csv").write_text("1")
    (folder / "out.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "up.csv").symlink_to("../secret.csv")
    (folder / "away").symlink_to(tmp_path / "other")
    (folder / "loop").symlink_to(folder)
    (folder / "gone.csv").symlink_to(folder / "nowhere")
    (folder / "in.csv").symlink_to("real.csv")
    os.mkfifo(folder / "pipe.csv")
    with watching(folder, recursive=True) as inlet:
        settled(inlet, "real.csv")
    assert inlet.findings == {("out.csv", "SY678"), ("up.csv", "SY678")}


def test_subfolders_are_read_when_asked_for_and_patterns_choose(folder):
    (folder / "2026" / "03").mkdir(parents=True)
    for name in ("a.csv", "2026/b.csv", "2026/03/c.CSV", "2026/03/c.txt"):
        (folder / name).write_text(name)
    with watching(folder) as inlet:
        settled(inlet, "a.csv")
    with watching(folder, recursive=True) as inlet:
        settled(inlet, "a.csv", "b.csv", "c.CSV", "c.txt")
    with watching(folder, recursive=True, pattern="*.txt") as inlet:
        settled(inlet, "c.txt")
    with watching(folder, recursive=True, pattern=["2026/*.csv", "a.*"]) as inlet:
        settled(inlet, "a.csv", "b.csv")


def test_a_folder_that_is_not_there_is_lost_until_it_is(folder):
    made = Connector(Connection("drop", "files", "none", QUICK, folder))
    with pytest.raises(Lost):
        made.run(Recorder())


@pytest.mark.skipif(os.name != "posix", reason="file rights of another kind")
def test_a_file_that_cannot_be_opened_is_told_and_asked_again(folder, monkeypatch):
    (folder / "a.csv").write_text("1")
    shut = True
    digest = connector._digest

    def refuses(path):
        if shut:
            raise PermissionError(13, "Permission denied")
        return digest(path)

    monkeypatch.setattr(connector, "_digest", refuses)
    with watching(folder) as inlet:
        inlet.wait(lambda it: it.findings == {("a.csv", "SY679")})
        assert inlet.refusals == []
        shut = False
        settled(inlet, "a.csv")


def test_the_position_is_bounded_and_what_it_forgets_is_only_hashed_again(folder, monkeypatch):
    monkeypatch.setattr(connector, "MOST_KEPT", 3)
    for number in range(6):
        (folder / f"{number}.csv").write_text(str(number))
        os.utime(folder / f"{number}.csv", (number, number))
    with watching(folder) as inlet:
        settled(inlet, *(f"{number}.csv" for number in range(6)))
    assert sorted(inlet.position["files"]) == ["3.csv", "4.csv", "5.csv"]
    for path in folder.iterdir():
        path.unlink()
    inlet.stopped.clear()
    with watching(folder, inlet):
        inlet.wait(lambda it: not it.position["files"])
    assert len(inlet.position["gone"]) == 3


def test_a_url_names_the_folder_whole_or_beside_the_connection(tmp_path):
    def at(url: str) -> Path:
        return Connector(Connection("drop", "files", url, {}, tmp_path)).folder

    assert at("file:///srv/drop%20box") == Path("/srv/drop box")
    assert at("in/box") == tmp_path / "in" / "box"
    for wrong in ("http://x/y", "file://host/share", "", "file:"):
        with pytest.raises(InputError):
            at(wrong)


@pytest.mark.parametrize(
    "given", [{"pattern": 5}, {"recursive": "yes"}, {"settle_seconds": "x"}, {"sheet": [1]}, {"table": 1}]
)
def test_settings_of_another_type_are_refused(tmp_path, given):
    with pytest.raises(InputError) as refused:
        Connector(Connection("drop", "files", "in", given, tmp_path))
    assert refused.value.code == "SY601"


def test_the_sample_connections_and_the_manifest_name_the_same_settings():
    manifest = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))
    for path in (HERE / "sample").glob("*.yaml"):
        sample = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert set(sample) - {"connector", "url"} <= set(manifest["settings"]), path.name
    asked = set(re.findall(r"\(connection, \"(\w+)\"", (HERE / "connector.py").read_text(encoding="utf-8")))
    assert asked | set(connector.OPTIONS) == set(manifest["settings"])


def test_a_file_whose_name_is_no_utf_8_is_refused_once_and_the_others_are_taken(folder):
    written = os.fsencode(folder) + b"/\xb2\xfa\xc1\xbf.csv"  # in GBK
    try:
        Path(os.fsdecode(written)).write_text("unit\n1\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (folder / "b.csv").write_text("unit\n2\n")
    with watching(folder) as inlet:
        settled(inlet, "b.csv")
        json.dumps([*inlet.findings, inlet.position], ensure_ascii=False).encode()  # as the ledger writes them
        assert inlet.refusals == [("SY644", "\\xb2\\xfa\\xc1\\xbf.csv", 1)]
        assert inlet.findings == {("\\xb2\\xfa\\xc1\\xbf.csv", "SY644")}
        Path(os.fsdecode(written)).rename(folder / "产量.csv")
        settled(inlet, "b.csv", "产量.csv")
    after = Recorder(inlet.position)
    with watching(folder, after):
        settled(after)
    assert after.refusals == []
