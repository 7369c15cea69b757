"""Seconds of a roadmap with 200 solutions, and its gap: the plan alone, and with all that explains it. Target: 5 s, proven or with its gap.

The goal is a shipped framework's own rule (the levels of sme2024 and gbt39116/2020); the solutions are made up: each raises one to
four items, costs are lognormal in ten thousands of CNY, a third need others. Each case is solved without a budget, with one in all, and with
one a year; what binds most is the calendar, so it is tight.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import replace
from fractions import Fraction
from typing import Any

from common import peak_mib, say

from steelyard.catalog import load
from steelyard.catalog.rules import rule_items
from steelyard.dots.criteria import Rule
from steelyard.dots.standing import expanded
from steelyard.methods.goal import ways
from steelyard.methods.roadmap import MID, Plan, Solution, Task, roadmap, solve

CASES = (("sme2024", 3), ("sme2024", 4), ("gbt39116/2020", 3))
QUARTERS, AT_ONCE = 16, 4


def gain(item: dict[str, Any], dice: random.Random) -> str:
    """An answer better than none."""
    if item["mode"] == "level":
        return str(dice.randint(2, int(item["levels"])))
    options = [str(option) for option, points in item["points"].items() if points > 0]
    return (
        "+".join(sorted(dice.sample(options, min(len(options), dice.randint(1, 3)))))
        if item["mode"] == "multi"
        else dice.choice(options)
    )


def task(framework: str, target: int, count: int, seed: int) -> Task:
    """A subject that has nothing yet, and ``count`` solutions."""
    catalog, dice = load(), random.Random(seed)
    rule = expanded(catalog.measures[catalog.framework(framework).measure].rule, catalog, None)
    read = Rule(framework, catalog.items)
    reach = ways(read.goal(rule), Fraction(target))
    names, made = rule_items(rule), []
    for number in range(count):
        chosen = dice.sample(names, dice.randint(1, 4))
        mid, months = 10_000.0 * round(dice.lognormvariate(3, 0.8) * len(chosen) + 1), dice.uniform(2, 9)
        needs = tuple(dice.sample(range(number), 1)) if number and dice.random() < 1 / 3 else ()
        gives = read.states.held({name: gain(catalog.items[name], dice) for name in chosen})
        made.append(Solution(f"m{number}", (mid / 2, mid, 2 * mid), (months / 2, months, 2 * months), needs, gives))
    return Task(tuple(made), tuple(reach), frozenset(), QUARTERS, AT_ONCE)


def timed(plain: Task, seconds: float) -> dict[str, Any]:
    """The plan, then everything; CPU seconds too, which others at work on the machine do not lengthen."""
    begun, used = time.perf_counter(), time.process_time()
    plan, late = solve(plain, seconds=seconds)
    alone, alone_cpu = time.perf_counter() - begun, time.process_time() - used
    begun, used = time.perf_counter(), time.process_time()
    found = roadmap(plain, seconds)
    whole, whole_cpu = time.perf_counter() - begun, time.process_time() - used
    return {"seconds_plan": round(alone, 2), "cpu_plan": round(alone_cpu, 2), "seconds_whole": round(whole, 2),
            "cpu_whole": round(whole_cpu, 2), **told(plan or found.nearest), "reached": plan is not None, "timed_out": late}  # fmt: skip


def told(plan: Plan | None) -> dict[str, Any]:
    """What a plan comes to."""
    if plan is None:
        return {}
    return {"chosen": len(plan.starts), "cost": round(plan.cost), "gap": plan.gap, "proven": plan.proven}


def main() -> None:
    """Every case under three budgets."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--seconds", type=float, default=30)
    given = asked.parse_args()
    found = {}
    for framework, target in CASES:
        plain = task(framework, target, given.count, given.seed)
        free, _ = solve(plain, MID, seconds=given.seconds)
        limits = {"none": plain}
        if free:
            limits |= {
                "in_all": replace(plain, budget=1.05 * free.cost),
                "yearly": replace(plain, yearly=0.35 * free.cost),
            }
        found |= {f"{framework} to {target}, budget {name}": timed(one, given.seconds) for name, one in limits.items()}
    say("roadmap", {"solutions": given.count, "quarters": QUARTERS, "at_once": AT_ONCE, "target_seconds": 5,
                    **{f"slowest_{name}": max(one[name] for one in found.values())
                       for name in ("seconds_plan", "cpu_plan", "seconds_whole", "cpu_whole")},
                    "cases": found, "peak_mib": peak_mib()})  # fmt: skip


if __name__ == "__main__":
    main()
