"""The console's words in two languages, from one catalogue."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

LANGS = ("zh", "en")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """``{"zh": {key: text}, "en": {key: text}}`` of ``texts.toml``."""
    return tomllib.loads(files("steelyard.console").joinpath("texts.toml").read_text(encoding="utf-8"))


class Words:
    """Texts in one language, called by key: ``t("page.next")``; raises KeyError on an unknown one."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts = catalogue()[lang]

    def __call__(self, key: str, **facts: object) -> str:
        text = self._texts[key]
        return text.format(**facts) if facts else text

    def code(self, family: str, value: str) -> str:
        """The text of a code of standards, such as a kind or a grade; the code itself where it is not ours."""
        return self._texts.get(f"{family}.{value}", value)

    def flag(self, flag: str) -> str:
        """A flag in a sentence."""
        return self._texts.get(f"flag.{flag}") or self("flag.unknown", flag=flag)
