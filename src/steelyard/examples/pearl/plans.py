"""The question that the province of the example world asks: whom to fund, with made-up budgets in proportion to its firms."""

from __future__ import annotations

YEARS = {2027: 24_000, 2028: 24_000, 2029: 20_000, 2030: 16_000}
"""Yuan a firm of the roster, by year: made up."""
NAME = "2027.yaml"


def question(firms: int) -> str:
    """A question for ``steelyard plan choose`` in YAML."""
    budgets = ", ".join(f"{year}: {each * firms}" for year, each in YEARS.items())
    return f"""# 合成 synthetic：预算为虚构 made-up budgets
plan: 广东 2027（合成）
years: [{", ".join(map(str, YEARS))}]
budget: {{{budgets}}}
coverage: coverage/sme2024-level2
objective: most
floors: {{default: {{2030: 0.1}}}}
spillover:
  leader: {{saving: 0.2}}
"""
