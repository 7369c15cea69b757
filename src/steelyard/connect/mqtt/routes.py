"""Topics to subjects and signals, by patterns in which levels are named: ``works/{line}/{machine}/{signal}``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Rule:
    """A pattern of topics. ``{name}`` is one level, ``+`` one level that does not count, ``#`` or ``{name+}`` all the rest.

    ``subject`` and ``signal`` are texts with the same names; without ``subject`` it is all named levels but ``signal``.
    """

    pattern: re.Pattern[str]
    subject: str
    signal: str

    def match(self, topic: str) -> tuple[str, str] | None:
        """Subject and signal of a topic (the signal empty where the payload's keys are the signals), or None."""
        found = self.pattern.fullmatch(topic)
        if found is None:
            return None
        return self.subject.format(**found.groupdict()), self.signal.format(**found.groupdict())


def rule(written: Mapping[str, str]) -> Rule:
    """A rule as a connection's file writes it: topic, subject, signal. Raises ValueError where it says nothing usable."""
    topic = written["topic"]
    levels = [_level(level) for level in topic.split("/")]
    names = [name for level in topic.split("/") for name in re.findall(r"\{(\w+)\+?\}", level)]
    if len(set(names)) != len(names):
        raise ValueError(f"{topic} names a level twice")
    subject = written.get("subject") or "/".join(f"{{{name}}}" for name in names if name != "signal")
    signal = written.get("signal", "{signal}" if "signal" in names else "")
    unknown = set(_NAME.findall(subject + signal)) - set(names)
    if not subject or unknown:
        raise ValueError(f"{topic} has no level for {', '.join(sorted(unknown)) or 'a subject'}")
    return Rule(re.compile("/".join(levels)), subject, signal)


def _level(level: str) -> str:
    if level in ("+", "#"):
        return "[^/]*" if level == "+" else ".*"
    parts = re.split(r"(\{\w+\+?\})", level)
    return "".join(
        (
            f"(?P<{part.strip('{}+')}>{'.+' if part.endswith('+}') else '[^/]+'})"
            if part.startswith("{")
            else re.escape(part)
        )
        for part in parts
    )


def route(topic: str, rules: Sequence[Rule]) -> tuple[str, str] | None:
    """Subject and signal of a topic by the first rule that fits; without rules its last level is the signal."""
    if rules:
        return next((found for one in rules if (found := one.match(topic))), None)
    subject, _, signal = topic.rpartition("/")
    return (subject, signal) if subject and signal else (topic, "value")


def covering(written: str) -> str:
    """The subscription that a pattern of topics needs."""
    levels = [re.sub(r".*\{.*\+\}.*", "#", level) for level in written.split("/")]
    if "#" in levels:
        levels = levels[: levels.index("#") + 1]
    return "/".join("+" if "{" in level else level for level in levels)
