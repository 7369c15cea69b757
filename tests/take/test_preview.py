"""Trying a connection shows what would come in and keeps nothing."""

from __future__ import annotations

import json

import pytest

from steelyard.cli.main import app

STATES = "unit,start,end,state\nM1,2026-03-14T08:00:00,2026-03-14T09:00:00,production\nM1,2026-03-14T09:00:00,2026-03-14T10:00:00,delay\n"


def test_a_folder_of_files_is_shown_by_table_and_rows(tmp_path, capsys):
    (tmp_path / "connections").mkdir()
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "states-march.csv").write_text(STATES)
    connection = tmp_path / "connections" / "drop.yaml"
    connection.write_text("connector: files\nurl: drop\nsettle_seconds: 0\n")
    with pytest.raises(SystemExit, match="0") as left:
        app(["connect", "try", str(connection), "--seconds", "1", "--json"])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out)["tables"] == {"states-march.csv → machine_states": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["connections", "drop"]
