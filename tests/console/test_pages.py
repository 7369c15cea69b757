"""The console's pages over a real home: what they say, in both languages and three forms, and what they refuse."""

from __future__ import annotations

import csv
import io
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import pytest
import stand_in
import world
from starlette.testclient import TestClient

from steelyard.console import app
from steelyard.console import site as site_module
from steelyard.console.answer import split
from steelyard.console.guard import HEADERS
from steelyard.console.show import amount, outline, percent
from steelyard.console.words import catalogue
from steelyard.model.figure import GRADES
from steelyard.model.measure import HOWS, STATUSES
from steelyard.model.subject import KINDS
from steelyard.store.home import Home

PAGES = [
    "/",
    "/subjects",
    "/subjects/440100",
    "/subjects/E-2",
    "/measures",
    "/measures/coverage/sme2024-level2",
    "/measures/iso22400/oee",
    "/coverage",
    "/coverage?period=2025",
    "/coverage?kind=park",
]
TEMPLATES = Path(site_module.__file__).parent / "templates"


class Links(HTMLParser):
    """Links, and the text of those that are numbers of figures."""

    def __init__(self, text):
        super().__init__()
        self.hrefs, self.numbers, self._href, self.loose = [], [], None, []
        self.styles = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.styles += [value for name, value in attrs if name == "style" or name.startswith("on")]
        if tag == "a":
            self.hrefs.append(found.get("href"))
            self._href = found.get("href")

    def handle_endtag(self, tag):
        if tag == "a":
            self._href = None

    def handle_data(self, data):
        if re.fullmatch(r"<?[\d.,]+%(–[\d.,]+%)?", data.strip()):
            (self.numbers if self._href and "/figures/" in self._href else self.loose).append(data)


def digest_of(site, **which):
    found = site.get("/api/figures", params=which).json()["figures"]
    return found[-1]["digest"]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_in_both_languages_with_strict_headers(site, path, lang):
    answer = site.get(path, params={**dict(site.build_request("GET", path).url.params), "lang": lang})
    assert answer.status_code == 200
    assert ("zh-CN" if lang == "zh" else 'lang="en"') in answer.text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert Links(answer.text).styles == []


@pytest.mark.parametrize("path", PAGES)
def test_no_page_asks_anything_of_another_host(site, path):
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", site.get(path).text)


@pytest.mark.parametrize("path", PAGES)
def test_every_rate_on_a_page_is_a_link_to_its_figure(site, path):
    seen = Links(site.get(path).text)
    assert seen.loose == []
    assert path in ("/subjects", "/measures") or path.startswith("/subjects/E-2") or seen.numbers


def test_all_links_of_the_console_lead_somewhere(site):
    waiting, seen = ["/"], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = site.get(path)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            waiting += [
                href for href in Links(answer.text).hrefs if href and href.startswith("/") and "lang=" not in href
            ]
    assert sum(path.startswith("/figures/") for path in seen) >= len(world.ROWS)


@pytest.mark.parametrize(
    "path", ["/index", "/subjects", "/subjects/440100", "/measures", "/measures/iso22400/oee", "/coverage"]
)
def test_twins_say_the_same_in_json_and_csv(site, path):
    data = site.get(f"{path}.json")
    assert data.headers["content-type"] == "application/json"
    assert isinstance(data.json()["synthetic"], bool)
    sheet = site.get(f"{path}.csv")
    assert sheet.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert rows
    assert all(None not in row and None not in row.values() for row in rows)


def test_the_twins_of_coverage_hold_every_number_in_full(site):
    rows = list(csv.DictReader(io.StringIO(site.get("/coverage.csv").content.decode("utf-8-sig"))))
    cells = [cell for row in site.get("/coverage.json").json()["rows"] for cell in row["cells"] if cell]
    assert [row["digest"] for row in rows] == [cell["digest"] for cell in cells]
    assert [float(row["value"]) for row in rows] == [cell["value"] for cell in cells]
    assert 0.99991 in [cell["value"] for cell in cells]


def test_coverage_says_no_figure_and_never_zero_where_nothing_is_known(site):
    page = site.get("/coverage").text
    data = site.get("/coverage.json").json()
    empty = sum(cell is None for row in data["rows"] for cell in row["cells"])
    assert page.count("无数据") == empty > 0
    assert [row["id"] for row in data["rows"]][:4] == ["100000", "440000", "440100", "440300"]
    assert data["period"] == "2026"


def test_coverage_shows_targets_with_their_reference(site):
    columns = {column["measure"]: column["targets"] for column in site.get("/coverage.json").json()["columns"]}
    assert "park/coverage" in {target["measure"] for target in columns["park/coverage"]}
    assert all(target["reference"] for targets in columns.values() for target in targets)


def test_a_coverage_period_is_chosen_by_link(site):
    assert [p["period"] for p in site.get("/coverage.json").json()["periods"]] == ["2026", "2025"]
    assert site.get("/coverage.json?period=2025").json()["period"] == "2025"
    assert site.get("/coverage?period=1999").status_code == 400


def test_the_first_page_opens_with_the_newest_coverage_of_the_widest_place(site):
    data = site.get("/index.json").json()
    assert (data["headline"]["subject"], data["headline"]["value"]) == ("440000", 0.47)
    assert data["figures"] == len(world.ROWS)
    assert [row["table"] for row in data["holdings"]] == ["subjects"]


def test_a_figure_shows_method_inputs_states_and_what_it_replaces(site):
    digest = digest_of(site, measure="coverage/sme2024-level2", subject="440100")
    page = site.get(f"/figures/{digest}?lang=en").text
    for part in (
        "BROKEN",
        "HELD",
        "&lt;i&gt;answers.csv",
        "rows 2-40, 57",
        "select &#39;&lt;b&gt;&#39; as x",
        "7 more inputs",
        "at_least: 2",
        "Replaces",
        "7,000 / 7,100",
        'title="0.51"',
        "UTC",
    ):
        assert part in page
    data = site.get(f"/figures/{digest}.json").json()
    assert data["counts"] == {"SHOWN": 0, "HELD": 1, "BROKEN": 3}
    assert data["figure"]["known"].startswith("20")
    assert "ab" * 32 in site.get(f"/figures/{digest}.csv").text


def test_a_replaced_figure_is_still_to_be_seen(site):
    digest = digest_of(site, measure="coverage/sme2024-level2", subject="440100")
    old = site.get(f"/figures/{digest}.json").json()["figure"]["replaces"]
    assert "50.0%" in site.get(f"/figures/{old}").text


def test_numbers_of_a_subject_are_grouped_by_measure_newest_first(site):
    groups = site.get("/subjects/440100.json").json()["groups"]
    assert [(g["measure"], [f["period"] for f in g["figures"]]) for g in groups] == [
        ("coverage/sme2024-level2", ["2026", "2025"])
    ]


def test_a_measure_ranks_its_figures_and_pages_through_them(site):
    first = site.get("/measures/coverage/sme2024-level2.json?size=2").json()
    assert [figure["value"] for figure in first["figures"]] == [1.0, 0.75]
    assert first["window"]["pages"] == 3
    last = site.get("/measures/coverage/sme2024-level2.json?size=2&page=99").json()
    assert [figure["value"] for figure in last["figures"]] == [0.31, 0.0]


def test_subjects_are_found_by_name_and_kind(site):
    assert [s["id"] for s in site.get("/subjects.json?find=恒达").json()["subjects"]] == ["E-1"]
    assert {s["kind"] for s in site.get("/subjects.json?kind=region").json()["subjects"]} == {"region"}
    assert site.get("/subjects?kind=planet").status_code == 400
    assert "没有符合条件" in site.get("/subjects?find=zzz").text


def test_ids_with_dots_slashes_and_endings_keep_their_pages_and_twins(site):
    assert "七号冲床" in site.get("/subjects/press.v2.json.html").text
    assert site.get("/subjects/press.v2.json.json").json()["subject"]["id"] == "press.v2.json"
    assert site.get("/subjects/press.v2.json").status_code == 404
    assert "/subjects/press.v2.json.html" in site.get("/subjects").text
    assert "Line one" in site.get("/subjects/" + quote("车间/一 线", safe="") + "?lang=en").text
    assert split("a.b") == ("a.b", "html")


def test_hostile_names_are_escaped_and_formulas_defused(site):
    for path in ("/subjects", "/subjects/E-2", "/measures/sme2024/score"):
        text = site.get(path).text
        assert "<script>" not in text
        assert "&lt;script&gt;" in text
    rows = list(csv.DictReader(io.StringIO(site.get("/subjects.csv").content.decode("utf-8-sig"))))
    assert "'" + world.FORMULA in [row["name_zh"] for row in rows]
    reflected = site.get("/subjects", params={"find": world.HOSTILE + '" autofocus onfocus="x'})
    assert Links(reflected.text).styles == []


def test_flags_are_said_in_words_and_unknown_ones_by_name(site):
    text = site.get("/subjects/E-2?lang=en").text
    assert "some units have no shifts" in text
    assert "flag “new:flag”" in text


def test_the_synthetic_banner_stands_where_synthetic_data_is_shown(site):
    assert "合成数据 · Synthetic data" in site.get("/coverage").text
    assert "合成数据 · Synthetic data" not in site.get("/measures/sme2024/level").text


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/subjects/nobody",
        "/measures/none/such",
        "/measures/cover*",
        "/figures/xyz",
        "/figures/../../etc/passwd",
        "/subjects/..%2f..%2fetc",
        "/subjects/",
        "/figures/.json",
        "/static/../site.py",
        "/static/%2e%2e/site.py",
        "/coverage.exe",
    ],
)
def test_what_is_not_there_is_not_found(site, path):
    assert site.get(path).status_code == 404


def test_the_404_page_says_what_to_do_in_the_form_that_was_asked(site):
    assert "重新找起" in site.get("/subjects/nobody").text
    assert site.get("/subjects/nobody.json").json()["status"] == 404


@pytest.mark.parametrize("path", ["/subjects?page=x", "/subjects?size=-1", "/coverage?kind=unit"])
def test_unreadable_parameters_are_refused(site, path):
    assert site.get(path).status_code == 400


def test_only_known_host_names_are_answered(site, home_path):
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[::2]:8080"):
        assert site.get("/", headers={"host": host}).status_code == 421
    for host in ("localhost:9", "127.0.0.1", "[::1]:8080"):
        assert site.get("/", headers={"host": host}).status_code == 200
    with TestClient(app(home_path, hosts=("console.gd",)), base_url="http://console.gd") as other:
        assert other.get("/").status_code == 200


def test_the_console_only_reads(site):
    assert site.post("/subjects").status_code == 405
    assert site.delete("/coverage").status_code == 405


def test_pages_are_chinese_unless_the_address_asks_for_english(site):
    english = {"accept-language": "fr, en-GB;q=0.9, zh;q=0.8"}
    assert "zh-CN" in site.get("/coverage", headers=english).text[:200]
    assert 'lang="en"' in site.get("/coverage?lang=en").text[:200]
    kept = Links(site.get("/coverage?lang=en").text).hrefs
    assert all("lang=" in href for href in kept if href.startswith("/"))


def test_both_languages_have_the_same_words_and_placeholders():
    zh, en = catalogue()["zh"], catalogue()["en"]
    assert list(zh) == list(en)
    for key, text in zh.items():
        assert text
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", en[key])), key


def test_the_catalogue_has_every_key_in_use_and_every_code_of_the_model():
    texts = catalogue()["zh"]
    sources = [*TEMPLATES.glob("*.html"), *TEMPLATES.parent.glob("*.py")]
    used = {
        key
        for path in sources
        for key in re.findall(r"""\bt\(["']([\w.]+)["'][,)]""", path.read_text(encoding="utf-8"))
    }
    assert used
    assert used <= set(texts)
    for family, codes in (("grade", GRADES), ("kind", KINDS), ("status", STATUSES), ("how", HOWS)):
        assert {f"{family}.{code}" for code in codes} <= set(texts)


def test_ratios_read_as_per_cent_and_never_look_complete_when_they_are_not():
    assert [percent(v) for v in (0, 1e-6, 0.47049, 0.99996, 1, 1.07)] == [
        "0.0%",
        "<0.1%",
        "47.0%",
        "99.9%",
        "100.0%",
        "107.0%",
    ]
    assert amount(20.000000000000004, "points") == "20"


def test_a_rule_reads_as_an_outline():
    rule = {"gate": [{"value": 4, "all": [{"points": ["Q1", "Q2"], "at_least": 80}]}], "none": []}
    assert outline(rule) == (
        "gate:\n  -\n    value: 4\n    all:\n      -\n        points: [Q1, Q2]\n        at_least: 80\nnone: []\n"
    )


def test_an_empty_home_says_which_command_comes_next(tmp_path):
    Home.create(tmp_path / "new", name="新库", kind="park").close()
    with TestClient(app(tmp_path / "new"), base_url="http://localhost") as client:
        assert "steelyard take" in client.get("/").text
        assert "steelyard weigh" in client.get("/coverage").text
        assert client.get("/subjects").status_code == 200
        assert client.get("/measures").status_code == 200


def test_a_folder_that_is_no_home_is_said_with_its_code(tmp_path):
    with TestClient(app(tmp_path), base_url="http://localhost") as client:
        answer = client.get("/coverage.json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SY502")


def test_a_digest_that_nobody_knows_is_shown_with_its_code(site):
    answer = site.get("/figures/" + "0" * 64)
    assert answer.status_code == 404
    assert stand_in.UNKNOWN in answer.text


def test_serving_binds_the_loopback_by_default(home_path, monkeypatch):
    seen = {}
    fake = ModuleType("uvicorn")
    fake.run = lambda site, **how: seen.update(how)
    monkeypatch.setitem(sys.modules, "uvicorn", fake)
    site_module.serve(home_path)
    assert (seen["host"], seen["port"]) == ("127.0.0.1", 8080)
