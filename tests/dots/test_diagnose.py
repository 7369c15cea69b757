"""What a diagnosis says of a firm: levels as weighed, criteria, what lacks only evidence, peers."""

from __future__ import annotations

import json

import pytest

from steelyard.catalog import load
from steelyard.cli import main
from steelyard.cli.say import share_of
from steelyard.dots.diagnose import CLAIMED, MET, SHORT, UNANSWERED, diagnose
from steelyard.errors import InputError, UsageError
from steelyard.store.documents import rests_at
from steelyard.take.documents import keep_documents

SCENES = [f"S{number}" for number in range(1, 17)]


def criteria(found) -> list[tuple[float, float, float, float, str]]:
    return [(one.value, one.proven, one.need, one.gap, one.state) for one in found.criteria]


def levelled() -> list[str]:
    """The frameworks whose level is judged from answers, or answered."""
    catalog = load()
    hows = {name: catalog.measures.get(one.measure) for name, one in catalog.frameworks.items()}
    return sorted(name for name, measure in hows.items() if measure and measure.how in ("judged", "asked"))


@pytest.mark.parametrize("framework", levelled())
def test_the_level_of_a_diagnosis_is_the_level_that_is_weighed(firms, framework):
    measure = firms.catalog.measures[firms.catalog.framework(framework).measure]
    names = [f"E{number}" for number in range(8)]
    firms.register(*names[:4], kind=measure.of[0])
    firms.register(*names[4:], kind=measure.of[0], industry="C2511")
    told = {
        name: firms.some(framework, number, 1 - number / 20, 0.5 + number % 4 / 6) for number, name in enumerate(names)
    }
    for name, values in told.items():
        firms.answer(name, values or firms.some(framework, 0, 1))
    first = firms.asked(framework)[0]
    firms.answer("E1", {first: firms.least(first)}, "pledged", "2026-05-01")
    weighed = firms.weigh(measure.id)
    assert weighed
    for name in weighed:
        assert float(diagnose(firms.home, name, framework).aim.level) == pytest.approx(weighed[name], abs=1e-9)


def test_each_criterion_of_the_target_has_its_value_its_need_and_its_gap(firms):
    firms.register("E1")
    values = (
        {f"Q{number}": "B" for number in range(1, 16)} | dict.fromkeys(SCENES, "1") | {"S1": "2", "S2": "2", "S9": "3"}
    )
    firms.answer("E1", values)
    found = diagnose(firms.home, "E1", "sme2024", 2)
    assert criteria(found) == [(27.45, 27.45, 40, 12.55, SHORT), (3, 3, 6, 3, SHORT), (2, 2, 3, 1, SHORT)]
    assert (found.state, float(found.aim.level)) == (SHORT, 1)
    scenes = {lack.item: lack for lack in found.criteria[1].items}
    assert set(scenes) == {*SCENES} - {"S1", "S2", "S9"}
    assert (scenes["S3"].value, scenes["S3"].want, scenes["S3"].adds) == ("1", "2", 1)
    assert scenes["S3"].gist["en"].startswith("system manages plans")
    assert found.criteria[2].words["en"] == "how many of 10 constrained items reach level 2"


def test_of_a_claim_only_evidence_lacks_and_a_later_pledge_does_not_undo_an_inspection(firms):
    firms.register("E1")
    firms.answer("E1", dict.fromkeys(SCENES, "1") | {f"Q{number}": "C" for number in range(1, 16)})
    firms.answer("E1", {"S1": "2"}, "inspected", "2026-03-02")
    firms.answer("E1", {"S2": "2", "Q4": "B"}, "pledged", "2026-04-01")
    assert diagnose(firms.home, "E1", "sme2024", 2).criteria[1].value == 1
    firms.register("E2")
    firms.answer("E2", {f"Q{number}": "C" for number in range(1, 16)} | {"Q1": "B+C+D", "Q4": "B+C+D+E+F+G"})
    firms.answer("E2", dict.fromkeys(SCENES[:5], "2"))
    firms.answer("E2", dict.fromkeys(SCENES[5:8], "2"), "pledged")
    found = diagnose(firms.home, "E2", "sme2024", 2)
    assert criteria(found)[1:] == [(8, 5, 6, 0, CLAIMED), (5, 2, 3, 0, CLAIMED)]
    assert (found.state, float(found.aim.level), float(found.aim.proven_level)) == (CLAIMED, 2, 0)
    assert set(found.lacking(CLAIMED)) == {"S6", "S7", "S8"}
    assert found.criteria[0].state == MET


def test_what_nobody_answered_is_told_apart_from_what_was_answered_with_no(firms):
    firms.register("E1")
    firms.answer("E1", {"Q2": "A", "S1": "0"})
    found = diagnose(firms.home, "E1", "sme2024")
    assert (found.aim.target, found.answered, found.asked) == (1, 2, 31)
    assert set(found.lacking(SHORT)) == {"Q2", "S1"}
    assert set(found.lacking(UNANSWERED)) == {*firms.items("sme2024")} - {"Q2", "S1"}


def test_peers_are_those_of_the_industry_and_of_the_size_where_it_is_known(firms):
    names = [f"E{number}" for number in range(13)]
    firms.register(*names[:11])
    firms.register(*names[11:], industry="1711")
    for number, name in enumerate(names):
        firms.answer(name, dict.fromkeys(firms.items("sme2024"), "B") | dict.fromkeys(SCENES, str(number % 3)))
    firms.make.give(firms.home, "roster", "enterprise,list\n" + "".join(f"{name},small\n" for name in names[:7]))
    levels = firms.weigh("sme2024/level")
    assert min(levels.values()) == 0
    industry, small = diagnose(firms.home, "E0", "sme2024").standing.peers
    others = [levels[name] for name in names[1:11]]
    assert (industry.by, industry.industry, industry.n) == (("industry",), "35", 10)
    assert (industry.lower, industry.equal, industry.higher) == (
        0,
        others.count(0),
        len([one for one in others if one > 0]),
    )
    assert (small.by, small.size, small.n) == (("industry", "size"), "small", 6)
    alone = diagnose(firms.home, "E12", "sme2024").standing.peers
    assert [(group.by, group.n, group.size) for group in alone] == [(("industry",), None, "")]
    (without_size,) = diagnose(firms.home, "E8", "sme2024").standing.peers
    assert (without_size.n, without_size.size) == (10, "")


GATE = ("smart-factory2025/links_covered", "smart-factory2025/ai_share", "smart-factory2025/link/production")


def with_scenes(firms, *rows: str) -> None:
    """A firm that meets the basic requirements and registered scenes."""
    firms.register("E1")
    firms.answer("E1", {f"sf25.B{number}": "yes" for number in range(1, 6)})
    head = "subject,scene,name,since,ai,grade,document\n"
    taken = firms.make.give(firms.home, "scenes", head + "".join(f"E1,{row}\n" for row in rows))
    assert taken.rows_refused == 0
    for measure in GATE:
        firms.make.weigh(firms.home, [measure], "2026")


def of_figure(found, measure):
    return next(one for one in found.criteria if measure in one.words["en"])


def test_a_pledged_figure_is_a_claim_and_a_documented_one_is_proven(firms):
    with_scenes(firms, "S0501,line,2026-01-01,yes,pledged,")
    assert of_figure(diagnose(firms.home, "E1", "smart-factory2025", 1), "link/production").state == CLAIMED
    claimed = of_figure(diagnose(firms.home, "E1", "smart-factory2025", 1), "link/production")
    assert (claimed.value, claimed.proven, claimed.need) == (1, 0, 1)
    (lack,) = claimed.items
    assert (lack.item, lack.value, lack.grade, lack.unproven) == (
        "smart-factory2025/link/production",
        "1.0",
        "pledged",
        1,
    )
    firms.make.give(firms.home, "scenes", "subject,scene,name,since,ai,grade,document\nE1,S0501,line,2026-01-01,yes,inspected,v\n",
                    "later.csv")  # fmt: skip
    firms.make.weigh(firms.home, [GATE[2]], "2026")
    assert of_figure(diagnose(firms.home, "E1", "smart-factory2025", 1), "link/production").state == MET


def test_counts_of_scenes_and_links_are_not_shown_as_shares():
    counts = [
        one for name, one in load().measures.items() if name.startswith("smart-factory2025/") and one.how == "read"
    ]
    assert {one.id for one in counts if one.unit == "1"} == {one.id for one in counts if one.bounds[1] == 1}
    assert share_of(5, load().measures["smart-factory2025/links_covered"].unit) == "5"


def test_of_a_figure_with_a_range_the_low_end_counts(firms):
    with_scenes(firms, "S0501,line,2026-01-01,yes,inspected,v", "S0502,shop,2026-01-01,,inspected,v")
    found = diagnose(firms.home, "E1", "smart-factory2025", 3)
    assert (of_figure(found, "ai_share").value, of_figure(found, "ai_share").state) == (0.5, MET)
    assert found.document()["figures"]["smart-factory2025/ai_share"] == {"low": 0.5, "high": 1, "grade": "inspected"}


def test_a_figure_that_was_never_weighed_is_unknown_and_not_zero(firms, capsys, monkeypatch):
    with_scenes(firms, "S0501,line,2026-01-01,yes,inspected,v")
    found = diagnose(firms.home, "E1", "smart-factory2025", 1)
    level = of_figure(found, "gbt39116/2020/level")
    assert (level.value, level.proven, level.gap, level.need, level.state) == (None, None, None, 2, UNANSWERED)
    assert (found.state, float(found.aim.level)) == (UNANSWERED, 0)
    assert "gbt39116/2020/level" in found.lacking(UNANSWERED)
    assert found.document()["figures"]["gbt39116/2020/level"] is None
    monkeypatch.setenv("STEELYARD_LANG", "en")
    text = told(capsys, "diagnose", str(firms.home.path), "E1", "smart-factory2025", "--to", "1")[1]
    assert "measure gbt39116/2020/level: never weighed, needs 2" in text
    assert "now 0 (proven 0)" not in text


def test_an_answer_whose_document_changed_after_it_was_sealed_is_not_proven(firms, capsys, monkeypatch):
    firms.register("E1")
    (kept,) = keep_documents(firms.home, [(firms.make.file("visit.pdf", "seen"), "report")], "E1")
    rows = "".join(f"E1,{scene},2026-03-01,2,documented,{kept.document.short}\n" for scene in SCENES[:2])
    firms.make.give(
        firms.home, "answers", f"subject,item,at,value,grade,document\n{rows}E1,S3,2026-03-01,2,documented,paper\n"
    )
    assert diagnose(firms.home, "E1", "sme2024", 2).criteria[1].proven == 3
    rests_at(firms.home, kept.document.document).write_text("changed")
    found = diagnose(firms.home, "E1", "sme2024", 2)
    assert (found.criteria[1].value, found.criteria[1].proven) == (3, 1)
    assert found.document()["changed_documents"] == {scene: [kept.document.document] for scene in SCENES[:2]}
    monkeypatch.setenv("STEELYARD_LANG", "en")
    text = told(capsys, "diagnose", str(firms.home.path), "E1", "sme2024", "--to", "2")[1]
    assert "2 (documented), document changed (SY718)" in text


def test_without_an_industry_there_are_no_peers(firms):
    firms.make.give(firms.home, "subjects", "id,kind\nE1,enterprise\n")
    firms.answer("E1", {"Q2": "B"})
    assert diagnose(firms.home, "E1", "sme2024").standing.peers == ()


def test_what_cannot_be_diagnosed_is_told_in_a_sentence(firms):
    firms.register("E1", "E2")
    firms.answer("E1", {"Q2": "B"})
    for code, wrong in (("SY707", ("E9", "sme2024")), ("SY705", ("E1", "sme2042")), ("SY735", ("E1", "sme2024", 7))):
        with pytest.raises(UsageError) as refused:
            diagnose(firms.home, *wrong)
        assert refused.value.code == code
    with pytest.raises(InputError) as unknown:
        diagnose(firms.home, "E2", "sme2024")
    assert unknown.value.code == "SY738"
    with pytest.raises(InputError):
        diagnose(firms.home, "E1", "sme2024", period=firms.make.period("2025", firms.home))


def told(capsys, *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0), capsys.readouterr().out


def test_the_command_prints_json_alone_and_else_sentences_in_both_languages(firms, capsys, monkeypatch):
    firms.register("E1")
    firms.answer("E1", {"Q2": "B"}, "pledged")
    path = str(firms.home.path)
    status, text = told(capsys, "diagnose", path, "E1", "sme2024", "--to", "2", "--json")
    document = json.loads(text)
    assert (status, document["target"], document["only_evidence"], document["peers"][0]["n"]) == (0, 2, ["Q2"], None)
    assert document["criteria"][0]["criterion"]["zh"] == "15 个题项的得分"
    monkeypatch.setenv("STEELYARD_LANG", "en")
    assert "needs 40, lacks 38.5" in told(capsys, "diagnose", path, "E1", "sme2024", "--to", "2")[1]
    monkeypatch.setenv("STEELYARD_LANG", "zh")
    assert "需 40，差 38.5" in told(capsys, "diagnose", path, "E1", "sme2024", "--to", "2")[1]
