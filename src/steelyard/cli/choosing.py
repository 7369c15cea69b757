"""The commands of ``plan`` that say what to fund first: ``choose``, ``compare``, ``beside``, ``chosen``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from steelyard.cli.planning import plan

__all__ = ["plan"]  # with what is registered here

JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]
Seal = Annotated[bool, Parameter(name=["--seal", "--keep"], negative="", help="seal question and answer in the home")]


@plan.command
def choose(
    home: HomePath, file: Path, *, why: str = "", not_: Annotated[str, Parameter(name="--not")] = "", seal: Seal = False, json: JSON = False
) -> int:  # fmt: skip
    """Choose which firms, chains, parks and inspections to fund in which year; exit status 1 when targets cannot be met 资助什么.

    Parameters
    ----------
    file
        The question, a YAML file: years, budgets, targets, floors, provider-days, priorities, spill-over.
    why
        A firm: why it is funded in that year, or not.
    not_
        With --why: beside this other firm.
    """
    from steelyard.cli.say import as_json
    from steelyard.errors import UsageError, language
    from steelyard.plan.choose_answer import answer
    from steelyard.plan.choose_words import lines
    from steelyard.plan.compare import found_at
    from steelyard.plan.explain import why as explained
    from steelyard.plan.explain_words import standing
    from steelyard.plan.question import question
    from steelyard.store.home import Home
    from steelyard.take.plans import keep_plan

    if not_ and not why:
        raise UsageError("SY912")
    with Home.open(home) as opened:
        found, told = answer(opened, question(found_at(opened, file), opened.catalog))
        asked = [explained(found, name) for name in (why, not_) if name]
        kept = keep_plan(opened, told, synthetic=told["synthetic"]) if seal else None
    extra = {"why": asked} | ({"sealed": kept.id, "leaf": kept.leaf.digest.hex()} if kept else {})
    if json:
        as_json(told | extra)
    else:
        text = standing(asked, told, language()) if asked else lines(told, language())
        print("\n".join([*text, *([f"{_sealed()} {kept.id}"] if kept else [])]))
    return 0 if told["met"] else 1


def _sealed() -> str:
    from steelyard.errors import language

    return "sealed as" if language() == "en" else "已封存："


@plan.command
def compare(home: HomePath, before: str, after: str, *, json: JSON = False) -> int:
    """Compare two plans: sealed ones by their ids, or questions' files, chosen now 比较两个方案.

    Parameters
    ----------
    before
        The id of a sealed plan (its first digits), or a YAML file.
    after
        The same.
    """
    from steelyard.plan import compare as of
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        had, has = (of.document_of(opened, name) for name in (before, after))
    found = of.compare(had, has)
    _print(found, lambda lang: of.words(found, had, has, lang), json=json)
    return 0


@plan.command
def beside(home: HomePath, name: str, *, period: str = "", json: JSON = False) -> int:
    """Lay a sealed plan beside later Figures: who reached the level, who did not, who is unheard, planned and paid 对照.

    Parameters
    ----------
    name
        The id of the plan, or its first digits.
    period
        Figures of this period; the newest when left out.
    """
    from steelyard.cli.weighing import period_of
    from steelyard.plan import beside as of
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        found = of.beside(opened, name, period_of(period, opened.zone) if period else None)
    _print(found, lambda lang: of.words(found, lang), json=json)
    return 0


@plan.command
def chosen(home: HomePath, *, json: JSON = False) -> int:
    """List the sealed plans 已封存的方案."""
    from steelyard.cli.say import as_json, table
    from steelyard.store.home import Home
    from steelyard.take.plans import plans_of

    with Home.open(home) as opened:
        rows = [{"id": one.id, "plan": one.document["plan"], "objective": one.document["objective"], "met": one.document["met"],
                 "cost": one.document["cost"], "gap": one.document["gap"]} for one in plans_of(opened)]  # fmt: skip
    as_json(rows) if json else table(
        ("id", "plan", "objective", "met", "cost", "gap"), [list(row.values()) for row in rows]
    )
    return 0


def _print(found: Mapping[str, Any], say: Any, *, json: bool) -> None:
    from steelyard.cli.say import as_json
    from steelyard.errors import language

    if json:
        as_json(found)
        return
    print("\n".join(say(language())))
