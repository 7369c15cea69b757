"""A province to plan for: three cities, thirty firms of known level, a chain, two parks that share a firm, quoted costs."""

from __future__ import annotations

import copy
import shutil

import yaml
from plan_worlds import levels

from steelyard.plan.choose_answer import answer
from steelyard.plan.question import question

READ = {}  # the standards, read once for all homes that nobody changes
CITIES = ("CN-440100", "CN-440300", "CN-445300")
PARKS = ("PK1", "PK2")
QUESTION = {
    "plan": "试验", "years": [2027, 2028, 2029], "budget": {2027: 4_000_000, 2028: 3_000_000, 2029: 3_000_000}, "coverage": "coverage/sme2024-level2",
    "objective": "reach", "targets": {2027: 0.4, 2029: 0.8}, "floors": {"default": {2029: 0.6}}, "capacity": {"default": 900},
    "priorities": "none",
}  # fmt: skip


def firm(number):
    return f"F{number:02d}"


def province(make, temporary, own=False):
    """Firms F00...F29, ten a city; 0-3 of each ten have the level, 9 is unheard, the others are below it.

    Built once; a test that writes takes its ``own`` copy.
    """
    built = temporary.getbasetemp() / "province-to-plan"
    if not built.exists():
        made = _build(make)
        made.close()
        made.path.rename(built)
    if not own:
        home = make.open(built)
        if "catalog" in READ:
            home.catalog = READ["catalog"]
        READ["catalog"] = home.catalog
        return home
    shutil.copytree(built, make.path / "own")
    return make.open(make.path / "own")


def _build(make):
    home = make.new("province", subject="CN-440000")
    codes = [city[3:] for city in CITIES]
    rows = ["CN-440000,region,440000,广东省,\n", *(f"{city},region,{city[3:]},市{city[3:]},\n" for city in CITIES)]
    rows += [f"{firm(i)},enterprise,{codes[i // 10]},企业{i},{'34' if i % 2 else '17'}\n" for i in range(30)]
    rows += ["CH1,chain,,链一,\n", "PK1,park,440100,园一,\n", "PK2,park,440100,园二,\n"]
    make.give(home, "subjects", "id,kind,gbt2260,name_zh,gbt4754\n" + "".join(rows))
    make.give(
        home,
        "roster",
        "enterprise,list\n" + "".join(f"{firm(i)},above_size\n" for i in range(30)) + "F05,specialised\n",
    )
    ties = "F04,CH1,leader\n" + "".join(f"{firm(i)},CH1,tier1\n" for i in (5, 6, 7, 14, 15, 16, 24, 25))
    ties += "".join(f"{firm(i)},PK1,member\n" for i in (3, 5, 6)) + "F06,PK2,member\nF07,PK2,member\n"
    make.give(home, "memberships", "subject,of,role\n" + ties)
    costs = "".join(f"{firm(i)},sme2024/level,2,{200_000 + 10_000 * i},{20 + i},quoted\n" for i in range(30) if i != 8)
    make.give(home, "project_costs", "subject,measure,level,cost,days,status\n" + costs)
    levels(home, {(firm(i), "2026"): 2 if i % 10 < 4 else 1 for i in range(30) if i % 10 != 9})
    return home


def ask(make, name="question.yaml", without=(), **changed):
    """The file of a question: the usual one with fields changed, or left out."""
    asked = {key: value for key, value in (copy.deepcopy(QUESTION) | changed).items() if key not in without}
    return make.file(name, yaml.safe_dump(asked, allow_unicode=True))


def led_chains(make, *sizes):
    """One city; LEAD (600,000) leads chains of so many suppliers (100,000 each); all are below the level."""
    home = make.new("led", subject="CN-440000")
    suppliers = [(f"S{chain}{at:02d}", chain) for chain, size in enumerate(sizes) for at in range(size)]
    firms = ["LEAD", *(one for one, _ in suppliers)]
    rows = "CN-440000,region,440000,广东省\nCN-440100,region,440100,市\n" + "".join(
        f"{one},enterprise,440100,企业\n" for one in firms
    )
    rows += "".join(f"CH{chain},chain,,链{chain}\n" for chain in range(len(sizes)))
    make.give(home, "subjects", "id,kind,gbt2260,name_zh\n" + rows)
    make.give(home, "roster", "enterprise,list\n" + "".join(f"{one},above_size\n" for one in firms))
    ties = "".join(f"LEAD,CH{chain},leader\n" for chain in range(len(sizes)))
    make.give(
        home,
        "memberships",
        "subject,of,role\n" + ties + "".join(f"{one},CH{chain},tier1\n" for one, chain in suppliers),
    )
    costs = "".join(f"{one},sme2024/level,2,{600_000 if one == 'LEAD' else 100_000},1,quoted\n" for one in firms)
    make.give(home, "project_costs", "subject,measure,level,cost,days,status\n" + costs)
    levels(home, {(one, "2026"): 1 for one in firms})
    return home


def chosen_of(home, file):
    """The answer to a question's file."""
    return answer(home, question(file, home.catalog))
