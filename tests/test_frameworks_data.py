"""The frameworks and facts that are shipped as data: complete, sourced, in two languages, and worth what a plain reading says."""

from __future__ import annotations

import random
import re
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
import yaml

from steelyard import golden
from steelyard.catalog import load
from steelyard.catalog.catalog import SHIPPED
from steelyard.catalog.frameworks import faults, options
from steelyard.catalog.rules import rule_figures, rule_items
from steelyard.model.measure import STATUSES

CATALOG = load()
FRAMEWORKS = sorted(CATALOG.frameworks)
HEADS = {name: yaml.safe_load((SHIPPED / name / "items.yaml").read_text("utf-8")) for name in FRAMEWORKS}
FACTS = yaml.safe_load((SHIPPED / "facts" / "facts.yaml").read_text("utf-8"))
SCENES = yaml.safe_load((SHIPPED / "smart-factory2025" / "scenes.yaml").read_text("utf-8"))
HAN = re.compile(r"[\u4e00-\u9fff]")
DOMAINS_2020 = (1, 1, 1, 1, 1, 1, 1, 2, 7, 1, 1, 2)  # how many subdomains each of the twelve domains has, 20 in all
DRAFT = {"process": (7, 24, 4, 42, 23), "else": (7, 15, 11, 37, 30)}
DRAFT_INSIDE = {1: (12, 35, 12, 12, 12, 17), 2: (50, 50), 3: (13, 18, 15, 15, 13, 13, 13), 4: (20, 20, 20, 20, 20)}
NOT_ASKED_YET = {  # facts that no item asks for: what they are kept for
    "fact.equipment_captured": "facts/equipment_captured", "fact.key_process_nc_rate": "plan2024/nc-rate-2027",
    "fact.rd_tools": "plan2024/rd-tool-2027",
}  # fmt: skip


def rule(name: str) -> dict[str, Any]:
    return CATALOG.measures[name].rule


def branch(edition: str, of: str) -> list[list[dict[str, Any]]]:
    """The weighted domains of the five levels of one type of industry."""
    return [level["weighted_mean"] for level in rule(f"gbt39116/{edition}/score")["industry"][of]["steps"]["of"]]


def weights(parts: list[dict[str, Any]]) -> tuple[float, ...]:
    return tuple(part["weight"] for part in parts)


# complete


def test_nothing_is_wrong_in_or_between_frameworks_facts_and_rules():
    assert list(faults(CATALOG)) == []


@pytest.mark.parametrize(("name", "items"), [
    ("sme2024", 31), ("gbt39116/2020", 94), ("gbt39116/draft2024", 128), ("smart-factory2025", 47), ("supply-chain/2025", 18),
    ("park/2025", 9), ("general-l/2025", 1), ("siri/2020", 16), ("acatech/2020", 8),
])  # fmt: skip
def test_a_framework_asks_as_many_items_as_its_text_has(name, items):
    assert len(CATALOG.frameworks[name].items) == items


@pytest.mark.parametrize(("edition", "prefix", "subdomains"), [("2020", "cmmm20", 20), ("draft2024", "cmmm24", 25)])
def test_an_edition_of_the_maturity_model_has_its_subdomains_at_five_levels(edition, prefix, subdomains):
    asked = [item.split(".") for item in CATALOG.frameworks[f"gbt39116/{edition}"].items if ".effect." not in item]
    assert {first for first, _, _ in asked} == {prefix}
    assert len({subdomain for _, subdomain, _ in asked}) == subdomains
    assert {level for _, _, level in asked} == set("12345")


def test_six_requirements_of_2020_are_not_known_and_so_not_asked():
    asked = set(CATALOG.frameworks["gbt39116/2020"].items)
    cells = {f"{item.rsplit('.', 1)[0]}.{level}" for item in asked for level in range(1, 6)}
    assert {cell.removeprefix("cmmm20.") for cell in cells - asked} == {
        "org_strategy.4", "org_strategy.5", "staff_skills.5", "integration.5", "info_security.5", "network.5",
    }  # fmt: skip


def test_forty_scenes_stand_in_eight_chapters_and_the_register_knows_no_other():
    chapters = Counter(scene["chapter"] for scene in SCENES["scenes"].values())
    assert list(chapters.values()) == [3, 2, 2, 12, 10, 4, 3, 4]
    assert CATALOG.table("scenes").column("scene").choices == tuple(SCENES["scenes"])


def test_scenes_are_named_in_both_languages_and_belong_to_one_of_five_links():
    assert all(bilingual({"zh": scene["zh"], "en": scene["en"]}) for scene in SCENES["scenes"].values())
    assert {scene["link"] for scene in SCENES["scenes"].values()} == set(SCENES["links"])
    assert len(SCENES["links"]) == 5


@pytest.mark.parametrize("link", SCENES["links"])
def test_the_formula_of_a_link_counts_the_scenes_of_that_link(link):
    measure = CATALOG.measures[SCENES["links"][link]["measure"]]
    mine = [code for code, scene in SCENES["scenes"].items() if scene["link"] == link]
    name = re.search(r"(\w+) as value", measure.formula)[1]
    chapters = dict(re.findall(r"when '(S\d\d)' then '(\w+)'", measure.views["scene_sums"]))
    assert {code[:3] for code in mine} == {
        code[:3] for code in SCENES["scenes"] if chapters.get(code[:3], "business") == name
    }
    assert measure.bounds == (0, len(mine))


def test_twenty_reference_indicators_are_told_before_and_after_in_one_unit():
    pairs = [(f"sf25.kpi.{n}.before", f"sf25.kpi.{n}.after") for n in range(1, 21)]
    for before, after in pairs:
        first, second = CATALOG.items[before], CATALOG.items[after]
        assert first["mode"] == second["mode"] == "number"
        assert (first["unit"], first["bounds"]) == (second["unit"], second["bounds"])
    told = [item for item in CATALOG.frameworks["smart-factory2025"].items if ".kpi." in item]
    assert sorted(told) == sorted(item for pair in pairs for item in pair)


def test_no_measure_judges_an_indicator_for_which_no_target_is_published():
    judged = {item for measure in CATALOG.measures.values() for item in rule_items(measure.rule)}
    assert not {item for item in judged if ".kpi." in item or ".effect." in item}


def answering(item: str) -> str | None:
    """The measure that answers the fact behind an item."""
    fact = CATALOG.items[item].get("from", {}).get("fact")
    return CATALOG.facts[fact].get("measure") if fact else None


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_item_is_judged_or_only_told(name):
    measures = [m for m in CATALOG.measures.values() if CATALOG.edition(m.id) == CATALOG.frameworks[name]]
    judged = {item for measure in measures for item in rule_items(measure.rule)}
    only_told = {item for item in CATALOG.frameworks[name].items if ".kpi." in item or ".effect." in item}
    rolled = {measure.id for measure in measures if measure.how == "rolled"}  # what is said beside them does not count
    only_told |= {item for item in CATALOG.frameworks[name].items if answering(item) in rolled}
    assert judged | only_told == set(CATALOG.frameworks[name].items)


# weights


def test_weights_of_2020_are_equal_and_say_that_they_are_ours():
    for of in ("else", "process"):
        for domains in branch("2020", of):
            assert set(weights(domains)) == {1}
            assert all(set(weights(d["of"]["weighted_mean"])) == {1} for d in domains if "weighted_mean" in d["of"])
    assert CATALOG.measures["gbt39116/2020/score"].status == "ours"
    assert HEADS["gbt39116/2020"]["marks"]["weights"].startswith("ours")


def test_the_domains_of_2020_hold_twenty_subdomains():
    inside = tuple(len(domain["of"].get("weighted_mean", [0])) for domain in branch("2020", "else")[0])
    assert inside == DOMAINS_2020
    assert sum(inside) == 20


@pytest.mark.parametrize("of", ["process", "else"])
def test_weights_of_the_draft_sum_to_a_hundred_at_every_level(of):
    for domains in branch("draft2024", of):
        assert weights(domains) == DRAFT[of]
        assert sum(weights(domains)) == 100


def test_subdomains_of_the_draft_weigh_what_it_gives_for_process_industry_and_alike_elsewhere():
    for domains in branch("draft2024", "process"):
        found = {n: weights(domain["of"]["weighted_mean"]) for n, domain in enumerate(domains)}
        assert found.pop(0) == (1, 1, 1, 1)
        assert found == DRAFT_INSIDE
    for domains in branch("draft2024", "else"):
        assert [weights(domain["of"]["weighted_mean"]) for domain in domains] == [(1,) * n for n in (4, 6, 3, 7, 5)]


def test_only_product_design_is_left_out_for_process_industry():
    for edition in ("2020", "draft2024"):
        kinds = rule(f"gbt39116/{edition}/score")["industry"]
        left_out = set(rule_items(kinds["else"])) - set(rule_items(kinds["process"]))
        assert {item.split(".")[1] for item in left_out} == {"product_design"}
        assert len(left_out) == 5


# sources and languages


def marks_without_status(head: dict[str, Any]) -> dict[str, str]:
    return {mark: text for mark, text in head["marks"].items() if text.split()[0].strip(":;,") not in STATUSES}


@pytest.mark.parametrize("head", [FACTS, SCENES], ids=["facts", "scenes"])
def test_facts_and_scenes_say_how_good_their_sources_are(head):
    assert bilingual(head["label"])
    assert head["document"]
    assert head["status"] in STATUSES
    assert marks_without_status(head) == {}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_says_where_each_part_comes_from_and_how_good_that_source_is(name):
    head = HEADS[name]
    assert head["document"]
    assert head["status"] in STATUSES
    assert head["marks"]
    assert marks_without_status(head) == {}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_measures_of_a_framework_name_a_source_and_a_status(name):
    for measure in CATALOG.measures.values():
        if CATALOG.edition(measure.id) == CATALOG.frameworks[name]:
            assert measure.source
            assert measure.status in STATUSES


def bilingual(label: dict[str, str]) -> bool:
    return set(label) == {"zh", "en"} and all(label.values()) and not HAN.search(label["en"])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_speaks_both_languages(name):
    head = HEADS[name]
    assert bilingual(head["label"])
    assert all(bilingual(label) for label in head["levels"].values())
    grouped = {CATALOG.items[item]["group"] for item in head["items"]}
    assert grouped <= set(head["groups"])
    assert not any(HAN.search(str(english)) for english in head["groups"].values())


@pytest.mark.parametrize("name", sorted(CATALOG.items))
def test_an_item_and_a_fact_say_what_they_ask_in_both_languages(name):
    item = CATALOG.items[name]
    assert bilingual(item["label"])
    assert "asks" not in item or bilingual(item["asks"])
    assert item.get("status")
    for language in ("gist", "gist_zh") if item["mode"] != "number" else ():
        assert tuple(map(str, item[language])) == options(item)
    if item["mode"] == "number":
        assert item["unit"]
        assert len(item["bounds"]) == 2


# facts


def test_every_fact_answers_an_item_or_is_named_by_the_plan_or_a_machine():
    used = {item["from"]["fact"] for item in CATALOG.items.values() if "from" in item}
    assert set(CATALOG.facts) - used == set(NOT_ASKED_YET)
    assert set(NOT_ASKED_YET.values()) <= set(CATALOG.measures)


def test_every_reading_of_a_fact_says_whose_it_is():
    told = {name: item["from"] for name, item in CATALOG.items.items() if "from" in item}
    assert {name for name, way in told.items() if way.get("status") not in STATUSES} == set()
    assert {f"Q{n}" for n in range(12, 16)} <= {name for name, way in told.items() if way["status"] == "ours"}
    assert all(way["status"] == "ours" for name, way in told.items() if name.startswith("cmmm20"))


def test_all_questions_of_the_sme_index_are_answered_by_facts_and_no_scene_is():
    assert all("from" in CATALOG.items[f"Q{n}"] for n in range(1, 16))
    assert not any("from" in CATALOG.items[f"S{n}"] for n in range(1, 17))


def test_a_fact_has_a_unit_a_period_somebody_who_can_answer_and_documents_that_prove_it():
    for name, fact in FACTS["facts"].items():
        assert name.startswith("fact."), name
        assert fact["period"], name
        assert fact["who"], name
        assert fact["documents"], name
        assert ("machine" in fact["who"]) <= ("measure" in fact), name


# the ladder of smart factories


def test_the_gates_are_those_of_the_text_and_no_other():
    steps = {step["value"]: step["all"] for step in rule("smart-factory2025/gate")["gate"]}

    def least(value, figure):
        return next((test["at_least"] for test in steps[value] if test.get("figure") == figure), None)

    tiers = (1, 2, 3, 4)
    assert [least(tier, "gbt39116/2020/level") for tier in tiers] == [2, 2, 3, 4]
    assert [least(tier, "smart-factory2025/ai_share") for tier in tiers] == [None, None, 0.2, 0.6]
    assert [least(tier, "smart-factory2025/tier") for tier in tiers] == [None, 1, 2, 3]
    assert [least(tier, "smart-factory2025/links_covered") for tier in tiers] == [None, None, 5, 5]
    links = {tier: {f.rsplit("/", 1)[1] for f in rule_figures(steps[tier]) if "/link/" in f} for tier in tiers}
    assert links == {1: {"production"}, 2: {"production", "management", "business"}, 3: set(), 4: set()}
    basic = [f"sf25.B{n}" for n in range(1, 6)]
    assert [rule_items(steps[tier]) for tier in tiers] == [basic, basic, basic, [*basic, "sf25.leader"]]


def test_a_draft_holds_on_no_day_and_an_edition_from_its_day_on():
    assert not CATALOG.framework("gbt39116/draft2024").holds_on("2026-11-01")
    assert not CATALOG.framework("gbt39116/2020").holds_on("2021-04-30")
    assert CATALOG.framework("gbt39116/2020").holds_on("2021-05-01")


# what the rules come to, against a plain reading of the method


def plain_total(
    answers: dict[str, Fraction], domains: list[tuple[Fraction, list[tuple[Fraction, str]]]], prefix: str
) -> Fraction:
    """S by GB/T 39117: C, B and A as they are written there, then level by level; what has no requirement is left out."""
    met = Fraction(0)
    for level in range(1, 6):
        total, worth = Fraction(0), Fraction(0)
        for weight, subdomains in domains:
            asked = [(w, answers[f"{prefix}.{s}.{level}"]) for w, s in subdomains if f"{prefix}.{s}.{level}" in answers]
            if asked:
                total += weight * sum(w * x for w, x in asked) / sum(w for w, _ in asked)
                worth += weight
        if total / worth < Fraction(4, 5):
            return met + total / worth
        met += 1
    return met


def subdomains(name: str) -> list[str]:
    return list(dict.fromkeys(item.split(".")[1] for item in CATALOG.frameworks[name].items if ".effect." not in item))


def grouped(
    name: str, sizes: tuple[int, ...], of: tuple[int, ...], inside: dict[int, tuple[int, ...]], process: bool
) -> Any:
    rest = [s for s in subdomains(name) if not (process and s == "product_design")]
    out = []
    for n, size in enumerate(sizes):
        mine = [rest.pop(0) for _ in range(size)]
        given = inside.get(n, (1,) * size)
        out.append((Fraction(of[n]), [(Fraction(w), s) for w, s in zip(given, mine, strict=True)]))
    assert rest == []
    return out


def random_firms(name: str, industry: str, count: int) -> dict[str, dict[str, str]]:
    """Answers of some firms, better at low levels, so that totals of every size occur."""
    chance = random.Random(f"{name} {industry}")
    asked = [item for item in CATALOG.frameworks[name].items if ".effect." not in item]
    out = {}
    for n in range(count):
        reach = chance.uniform(0, 6)
        out[f"{industry}-{n}"] = {
            item: chance.choice(("1", "1", "1", "0.8") if int(item[-1]) <= reach else ("1", "0.8", "0.5", "0"))
            for item in asked
        }
    return out


@pytest.mark.parametrize(("edition", "prefix", "sizes", "of", "inside"), [
    ("2020", "cmmm20", {"34": DOMAINS_2020, "26": (*DOMAINS_2020[:7], 1, *DOMAINS_2020[8:])}, {"34": (1,) * 12, "26": (1,) * 12}, {}),
    ("draft2024", "cmmm24", {"34": (4, 6, 3, 7, 5), "26": (4, 6, 2, 7, 5)}, {"34": DRAFT["else"], "26": DRAFT["process"]}, DRAFT_INSIDE),
])  # fmt: skip
def test_a_total_is_what_a_plain_reading_of_the_method_gives(edition, prefix, sizes, of, inside):
    name = f"gbt39116/{edition}"
    expect, subjects, rows = [], ["id,kind,gbt4754"], ["subject,item,at,value,grade"]
    for industry in ("34", "26"):
        process = industry == "26"
        domains = grouped(name, sizes[industry], of[industry], inside if process else {}, process)
        for firm, answers in random_firms(name, industry, 25).items():
            total = plain_total({item: Fraction(value) for item, value in answers.items()}, domains, prefix)
            subjects.append(f"{firm},enterprise,{industry}")
            rows += [f"{firm},{item},2026-03-01,{value},pledged" for item, value in answers.items()]
            expect.append({"subject": firm, "value": float(total), "low": float(total), "high": float(total)})
    given = {"subjects": "\n".join(subjects), "answers": "\n".join(rows)}
    document = {"name": "plain", "source": "computed", "period": "2026", "given": given, "expect": expect}
    assert golden.run(golden.Case(CATALOG.measures[f"{name}/score"], document), CATALOG) == []


def test_a_home_replaces_the_weights_by_a_file_of_its_own(tmp_path):
    name = "gbt39116/2020/score"
    text = (SHIPPED / name / "measure.yaml").read_text("utf-8")
    assert text.count("&production 1") == 1
    folder = tmp_path / name
    folder.mkdir(parents=True)
    (folder / "measure.yaml").write_text(text.replace("&production 1", "&production 13"), encoding="utf-8")
    catalog = load((SHIPPED, tmp_path))
    items = CATALOG.frameworks["gbt39116/2020"].items
    production = set(rule_items(branch("2020", "else")[0][8]))
    answers = [f"F1,{item},2026-03-01,{int(item in production)},pledged" for item in items]
    given = {
        "subjects": "id,kind,gbt4754\nF1,enterprise,34",
        "answers": "\n".join(["subject,item,at,value,grade", *answers]),
    }
    document = {
        "name": "own weights",
        "period": "2026",
        "given": given,
        "expect": [{"subject": "F1", "value": 13 / 24}],
    }
    assert golden.run(golden.Case(catalog.measures[name], document), catalog) == []
    assert golden.run(golden.Case(CATALOG.measures[name], document), CATALOG) != []
