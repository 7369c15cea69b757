"""Every error a user can meet, by who must act.

SteelyardError
├── UsageError     (exit 2)  how Steelyard was asked is wrong: ask again
├── InputError     (exit 3)  what was handed in is wrong: its sender corrects it
└── HomeError      (exit 2)  the home itself is not usable: its keeper acts

Broken evidence is no error but an answer: ``trace`` and ``verify`` say where, and exit with 1.

Each carries a stable code; what happened, why, and what to do stand in ``errors.toml`` in both languages.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


class SteelyardError(Exception):
    """A code of ``errors.toml``, where it happened (file, row, cell or digest), and the facts that fill its text."""

    exit_status = 2

    def __init__(self, code: str, where: str = "", **facts: object) -> None:
        super().__init__(code, where, facts)
        self.code = code
        self.where = where
        self.facts = facts

    def say(self, lang: str | None = None) -> str:
        """What happened and why, in ``zh`` or ``en``."""
        return explain(self.code).what(lang, self.facts)

    def remedy(self, lang: str | None = None) -> str:
        """What to do."""
        return explain(self.code).do(lang, self.facts)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.code} {place}{self.say()} → {self.remedy()}"


class UsageError(SteelyardError):
    """How Steelyard was asked is wrong."""


class InputError(SteelyardError):
    """What was handed in is wrong."""

    exit_status = 3


class HomeError(SteelyardError):
    """The home is not usable as it is."""


@dataclass(frozen=True)
class Explanation:
    """One code's texts: ``en``, ``zh`` say what and why; ``do_en``, ``do_zh`` what to do."""

    code: str
    en: str
    zh: str
    do_en: str
    do_zh: str

    def what(self, lang: str | None = None, facts: dict[str, object] | None = None) -> str:
        return _fill(self.en if _lang(lang) == "en" else self.zh, facts)

    def do(self, lang: str | None = None, facts: dict[str, object] | None = None) -> str:
        return _fill(self.do_en if _lang(lang) == "en" else self.do_zh, facts)


def _fill(text: str, facts: dict[str, object] | None) -> str:
    return text.format(**facts) if facts else text


def _lang(lang: str | None) -> str:
    return lang or language()


def language() -> str:
    """``STEELYARD_LANG``, else English where the locale says so, else Chinese."""
    chosen = os.environ.get("STEELYARD_LANG")
    if chosen in ("zh", "en"):
        return chosen
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "en" if locale.startswith("en") else "zh"


@cache
def codes() -> dict[str, Explanation]:
    """All codes, in order."""
    texts = tomllib.loads(files("steelyard").joinpath("errors.toml").read_text(encoding="utf-8"))
    return {code: Explanation(code, **fields) for code, fields in texts.items()}


def explain(code: str) -> Explanation:
    """The explanation of a code; raises UsageError on an unknown one."""
    if code not in codes():
        raise UsageError("SY105", name=code)
    return codes()[code]
